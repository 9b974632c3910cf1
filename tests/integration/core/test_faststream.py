"""FastStream on a real bus: what it measures, traces, logs and shows, and what becomes of a handler that hangs."""

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import structlog
from aiohttp import ClientSession
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from storyloom.jobs.definition import Report
from storyloom.messaging.broker import STORY, Broker, Router, job, question
from storyloom.messaging.channels import channel
from storyloom.messaging.observability import prometheus
from storyloom.messaging.publisher import OutboundMessage
from storyloom.messaging.topology import provision
from storyloom.messaging.tracing import tracing
from storyloom.runtime.settings import Settings
from storyloom.runtime.spans import OFF, spans_of
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.events import AssetCompleted, AssetFailed, AssetRetrying, StoryCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult
from storyloom.story.screening import ASK_SCREENING, Verdict
from tests.integration.core.system import until
from tests.integration.core.worker_harness import forever, worker_harness
from tests.makers import QuickMakers

TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("p_job.images.normal.0f7c.cover", "job.images.normal"),
        ("p_story.evt.AssetFailed.0f7c", "story.evt.AssetFailed"),
        ("p_dead.images.0f7c.cover", "dead.images"),
        ("p_live.0f7c.progressed", "live.progressed"),
        ("p_status.0f7c", "status"),
        ("p_ask.content.screening", "ask.content.screening"),
        ("p_workers.held", "workers.held"),
        ("p_webhooks.due", "webhooks.due"),
        ("_INBOX.aB3.17", "other"),
    ],
)
def test_a_messages_label_is_its_channel(subject: str, name: str) -> None:
    assert channel(subject, "p_") == name


async def test_metrics_have_one_series_a_channel_however_many_stories(settings: Settings) -> None:
    """Of what was received and published; each with the service, like every metric of ours."""
    async with worker_harness(settings) as on, ClientSession() as http:
        worker = await on.start_worker()
        for _ in range(6):
            await on.wait_for(AssetCompleted, await on.enqueue())
        await on.settled()
        async with http.get(f"{worker.url}/metrics") as answer:
            text = await answer.text()
    ours = [line for line in text.splitlines() if re.match(r"storyloom_(received|published)_", line)]
    assert not [line for line in ours if re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", line)], "a story's id in a label"
    assert all('service="' in line for line in ours)
    received = [line for line in ours if line.startswith("storyloom_received_messages_total{")]
    assert any('handler="job.images.normal"' in line and 'service="images"' in line for line in received)
    published = [line for line in ours if line.startswith("storyloom_published_messages_total{")]
    assert any('destination="story.evt.AssetCompleted"' in line and 'status="success"' in line for line in published)


def by_name(exporter: InMemorySpanExporter) -> dict[str, Any]:
    return {span.name: span for span in exporter.get_finished_spans()}


@pytest.mark.parametrize("by", ["header", "body"])
async def test_a_jobs_spans_belong_to_the_trace_of_its_request(settings: Settings, by: str) -> None:
    """…which its header names, or its body where an older writer left the header out; and so does what it publishes."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    router = Router()
    received: list[Any] = []

    @router.publisher("story.evt.StoryCompleted.{story_id}", stream=STORY, schema=StoryCompleted)
    @router.subscriber("job.images.normal.{story_id}.{asset}", **job("images-normal", slots=1))
    async def draw(wanted: AssetRequested) -> bytes:
        received.append(wanted)
        return b"{}"

    async with worker_harness(settings) as on:
        observed = tracing(spans_of(settings, "images", provider), settings.nats_subject_prefix)
        broker = Broker(settings, "images", routers=[router], middlewares=observed)
        await broker.connect()
        await provision(broker.bus.js, settings)
        await broker.start()
        wanted = (await on.enqueue()).model_copy(update={"trace": TRACE, "story_id": uuid4()})
        trace = TRACE if by == "header" else ""
        message = OutboundMessage(wanted.subject, wanted.body, None, trace)
        await on.bus.publish(on.bus.names.jobs, [message])
        await until(lambda: _there(exporter, received))
        await broker.stop()
    mine = [
        span for span in exporter.get_finished_spans() if span.context and span.context.trace_id == int("ab" * 16, 16)
    ]
    names = {span.name for span in mine}
    assert "process job.images.normal" in names
    assert "publish story.evt.StoryCompleted" in names
    assert not [name for name in by_name(exporter) if str(wanted.story_id) in name]


async def _there(exporter: InMemorySpanExporter, received: list[Any]) -> bool:
    processed = [span for span in exporter.get_finished_spans() if span.name == "process job.images.normal"]
    return len(received) >= 2 and len(processed) >= 2


def test_spans_are_off_without_an_endpoint_and_on_with_one(settings: Settings) -> None:
    """…by either of OpenTelemetry's variables, unless its SDK is switched off."""
    for name in ("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint"):
        reached = settings.model_copy(update={name: "http://127.0.0.1:1"})
        assert len(tracing(spans_of(reached, "images"), "")) == 1
        assert spans_of(reached.model_copy(update={"otel_sdk_disabled": True}), "images") is OFF
    assert spans_of(settings, "images") is OFF
    assert tracing(OFF, "") == ()


def test_two_services_of_one_process_share_the_metrics(settings: Settings) -> None:
    registry = CollectorRegistry()
    prometheus(settings, "images", registry)
    prometheus(settings, "audio", registry)


@contextmanager
def every_line() -> Iterator[list[str]]:
    """What is logged by structlog or by the standard library, at any level, with tracebacks."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    def keep(_logger: object, _method: str, event: Any) -> Any:
        lines.append(repr(event))
        raise structlog.DropEvent

    handler, root = Handler(), logging.getLogger()
    before, level = structlog.get_config(), root.level
    structlog.configure(processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        structlog.configure(**before)


async def test_no_line_of_the_log_holds_a_childs_name(settings: Settings) -> None:
    """Not of a handler that fails over it, a body that cannot be read, or a question that breaks: the class says it."""
    router = Router()

    @router.subscriber(ASK_SCREENING, **question(Brief, queue="content"))
    async def screen(brief: Brief) -> Verdict:
        raise ValueError(f"{brief.characters[0].name} broke it")

    async def stumble(wanted: AssetRequested) -> None:
        raise ValueError("Mirabel's cover")

    with every_line() as lines:
        async with worker_harness(settings) as on:
            broker = Broker(settings, "content", routers=[router])
            await broker.connect()
            await broker.start()
            brief = Brief.asked({"characterName": "Mirabel", "storyType": "adventure"})
            for asked in (brief.body, b'{"characterName": "Mirabel", "storyType": 7}'):
                await on.bus.client.publish(on.bus.names.subject(ASK_SCREENING), asked, reply="nobody")
            on.makers.before = stumble
            await on.start_worker()
            wanted = await on.enqueue(brief=brief)
            await on.wait_for(AssetFailed, wanted)
            torn = OutboundMessage(f"job.images.normal.{uuid4()}.cover", b'{"brief": {"name": "Mirabel"}}', None)
            await on.bus.publish(on.bus.names.jobs, [torn])
            await on.settled()
            await until(lambda: _count(lines, "broker.handler_failed", 2))
            await broker.stop()
    assert [line for line in lines if "ValueError" in line], "its class is logged"
    assert [line for line in lines if "Mirabel" in line] == []


async def _count(lines: list[str], words: str, count: int) -> bool:
    return sum(words in line for line in lines) >= count


class Stubborn(QuickMakers):
    """The first time it hangs and will not be cancelled; the next time it makes what is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.resisted = asyncio.Event()
        self.release = asyncio.Event()

    async def make(self, job: AssetRequested, report: Report) -> AnyResult:
        self.calls += 1
        if self.calls == 1:
            try:
                await forever()
            except asyncio.CancelledError:
                self.resisted.set()
            await self.release.wait()
        return await super().make(job, report)


async def test_a_handler_that_hangs_is_abandoned_at_its_deadline_and_its_job_is_redelivered(
    settings: Settings,
) -> None:
    """Its heart stops, though it swallows the cancellation: an ack wait later the job is made, here or elsewhere."""
    async with worker_harness(settings.model_copy(update={"job_timeout": 0.5, "ack_wait": 0.6})) as on:
        makers = Stubborn()
        worker = await on.start_worker(makers=makers)
        wanted = await on.enqueue()
        await asyncio.wait_for(makers.resisted.wait(), 10)
        assert worker.runner.in_flight.held == (), "nobody answers for it any more"
        (completed,) = await on.wait_for(AssetCompleted, wanted, within=10)
        await on.settled()
        makers.release.set()
        await until(lambda: _idle(makers))
        again = [one for one in on.events if isinstance(one, AssetCompleted)]
    assert makers.calls == 2
    assert {one.id for one in again} == {completed.id}, "the late one adopts what stands, and publishes the same"
    assert not [one for one in on.events if isinstance(one, AssetRetrying | AssetFailed)]


async def _idle(makers: Stubborn) -> bool:
    return makers.made.total() == 2


@pytest.mark.parametrize("path", ["/docs/asyncapi", "/docs/asyncapi.json"])
async def test_a_worker_serves_its_asyncapi_document_and_takes_no_orders(settings: Settings, path: str) -> None:
    """A page without a script or anything from elsewhere; nothing can be posted to it."""
    async with worker_harness(settings) as on, ClientSession() as http:
        worker = await on.start_worker()
        async with http.get(worker.url + path) as answer:
            text = await answer.text()
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with http.post(worker.url + path, data=b"{}") as answer:
            assert answer.status == 405
        async with http.post(f"{worker.url}/docs/asyncapi/try", data=b"{}") as answer:
            assert answer.status in (404, 405)
    assert "job.images.urgent.{story_id}.{asset}" in text
    assert "AssetCompleted" in text
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(https?:)?//", text)


async def test_status_shows_its_hot_path_all_the_same(settings: Settings) -> None:
    from services.status import app as status  # noqa: PLC0415 - beside the one test that needs it

    running = await status.serve(settings)
    async with ClientSession() as http, http.get(f"{running.internal_url}/docs/asyncapi.json") as answer:
        document = await answer.json()
    await running.stop()
    assert document["operations"]["status.receive.story.evt.AssetCompleted"]["action"] == "receive"
    assert Asset.COVER.value in document["components"]["schemas"]["Asset"]["enum"]
