"""Spans: nothing where they are off, and what belongs to what where they are on."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from storyloom.providers.errors import Outcome
from storyloom.providers.usage import Call, ProviderUsage
from storyloom.runtime.spans import NO_SPAN, OFF, SPAN, SPANS, asking
from storyloom.runtime.tracing import OpenTelemetrySpans

TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> OpenTelemetrySpans:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OpenTelemetrySpans(provider)


def ended(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(exporter.get_finished_spans())


def test_off_they_are_nothing() -> None:
    span = OFF.start("GET", "server", parent=TRACE)
    with OFF.within(span):
        assert (SPAN.get(), SPANS.get()) == (NO_SPAN, OFF)
    span.set(a="b")
    span.end()
    assert span.traceparent == ""


def test_off_a_service_imports_no_sdk_and_no_exporter() -> None:
    """They are 14 MB."""
    code = (
        "import sys, services.status.app, services.api.app, storyloom.jobs.worker;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_is_started_within_a_span_belongs_to_it(spans: OpenTelemetrySpans, exporter: InMemorySpanExporter) -> None:
    outer = spans.start("outer", "internal", parent=TRACE)
    with spans.within(outer):
        SPANS.get().start("inner", "internal").end()
    assert SPAN.get() is NO_SPAN
    outer.end()
    outer.end()
    inner, found = ended(exporter)
    assert inner.parent is not None
    assert found.parent is not None
    assert found.context is not None
    assert inner.parent.span_id == found.context.span_id
    assert (found.parent.span_id, found.context.trace_id) == (int("cd" * 8, 16), int("ab" * 16, 16))


@pytest.mark.parametrize("junk", ["", "trace", "00-1-1-01-x", f"00-{'0' * 32}-{'cd' * 8}-01", "00-x-y-01"])
def test_what_is_no_traceparent_begins_a_trace(
    junk: str, spans: OpenTelemetrySpans, exporter: InMemorySpanExporter
) -> None:
    spans.start("one", "server", parent=junk, links=(junk,)).end()
    (span,) = ended(exporter)
    assert span.parent is None
    assert not span.links


def test_what_was_not_sampled_is_passed_on(spans: OpenTelemetrySpans, exporter: InMemorySpanExporter) -> None:
    unsampled = TRACE.removesuffix("-01") + "-00"
    span = spans.start("one", "server", parent=unsampled)
    span.end()
    assert span.traceparent == unsampled
    assert ended(exporter) == []


def test_a_call_to_a_provider_says_how_it_ended_and_nothing_of_what_was_said(
    spans: OpenTelemetrySpans, exporter: InMemorySpanExporter
) -> None:
    usage = ProviderUsage(client_request_id="ab12")
    with spans.within(spans.start("process job.images.normal", "consumer", parent=TRACE)):
        call = Call("openai", "images.generate", "gpt-image-1.5", "cover")
        call.begin(usage)
        call.request_id, call.outcome = "req_7", Outcome.RATE_LIMITED
        call.end(usage)
    (span,) = ended(exporter)
    assert span.name == "openai images.generate"
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {}) == {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-image-1.5",
        "gen_ai.response.id": "req_7",
        "storyloom.client_request_id": "ab12-1",
        "storyloom.purpose": "cover",
        "storyloom.cost_usd": 0.0,
        "error.type": "rate_limited",
    }


def test_a_question_to_a_server_belongs_to_the_span_that_is_under_way(
    spans: OpenTelemetrySpans, exporter: InMemorySpanExporter
) -> None:
    outer = spans.start("outer", "server", parent=TRACE)
    with spans.within(outer), asking("postgres story", {"db.query.summary": "story"}):
        pass
    (found,) = ended(exporter)
    assert (found.name, dict(found.attributes or {})) == ("postgres story", {"db.query.summary": "story"})
    assert found.parent is not None
    assert f"{found.parent.span_id:016x}" == outer.traceparent.split("-")[2]


def test_a_question_of_nobody_or_of_a_span_that_is_over_or_not_sampled_makes_none(
    spans: OpenTelemetrySpans, exporter: InMemorySpanExporter
) -> None:
    """What is looked for every second would begin traces, and a task that outlives its request would lengthen its."""
    over = spans.start("over", "server", parent=TRACE)
    over.end()
    exporter.clear()
    for span in (NO_SPAN, over, spans.start("unsampled", "server", parent=TRACE.removesuffix("1") + "0")):
        with spans.within(span), asking("postgres story"):
            pass
    assert ended(exporter) == []


def test_a_question_that_fails_says_by_what_class_and_an_answer_is_no_failure(
    spans: OpenTelemetrySpans, exporter: InMemorySpanExporter
) -> None:
    with spans.within(spans.start("outer", "server", parent=TRACE)):
        for answers in (None, KeyError):
            with pytest.raises(KeyError), asking("s3 put_object", answers=answers):
                raise KeyError("Mirabel")
    failed, answered = ended(exporter)
    assert (failed.status.status_code, answered.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert dict(failed.attributes or {}) == {"error.type": "KeyError"}
    assert "Mirabel" not in failed.to_json()
