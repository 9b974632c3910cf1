"""One story is one trace: from its request over the bus, the workers and the projector to the reader's last event."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler

from services.webhooks import app as webhooks
from storyloom.providers.usage import PROVIDER_USAGE, Call
from storyloom.runtime.settings import Settings
from storyloom.runtime.spans import Spans, spans_of
from storyloom.story.errors import RetryableError
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BY_HAND, System, running, until
from tests.integration.webhooks.receiver import Receiver, local
from tests.integration.webhooks.rows import add_endpoint

TRACE = f"00-{'5e' * 16}-{'cd' * 8}-01"


class Collector:
    """Every service's spans, in memory."""

    def __init__(self, settings: Settings, sampler: Sampler | None = None) -> None:
        self._settings, self._sampler = settings, sampler
        self._exporters: dict[str, InMemorySpanExporter] = {}

    def __call__(self, service: str) -> Spans:
        provider, exporter = TracerProvider(sampler=self._sampler), InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        self._exporters[service] = exporter
        return spans_of(self._settings, service, provider)

    @property
    def spans(self) -> list[tuple[str, ReadableSpan]]:
        return [(service, span) for service, one in self._exporters.items() for span in one.get_finished_spans()]

    def tree(self, keep: Callable[[str], bool]) -> set[tuple[str, ...]]:
        """The paths from the root to every span whose name is kept, each step as ``service: name``."""
        by_id = {span.context.span_id: (service, span) for service, span in self.spans if span.context}
        paths = set()
        for service, span in self.spans:
            path, at = [f"{service}: {span.name}"], span
            while at.parent is not None and at.parent.span_id in by_id:
                above, at = by_id[at.parent.span_id]
                path.append(f"{above}: {at.name}")
            if keep(span.name):
                paths.add(tuple(reversed(path)))
        return paths


@asynccontextmanager
async def telling(settings: Settings, spans: Spans) -> AsyncIterator[None]:
    """Webhooks, running."""
    service = await webhooks.serve(local(settings), spans=spans)
    try:
        yield
    finally:
        await service.stop()


async def ask_a_provider(_job: AssetRequested) -> None:
    """A call, as a provider's client writes it down."""
    call, usage = Call("openai", "responses", "gpt-5.1", "text"), PROVIDER_USAGE.get()
    call.begin(usage)
    call.request_id, call.cost_usd = "req_1", 0.01
    call.end(usage)


async def is_live(system: System, story_id: UUID) -> bool:
    """Whether somebody is sent what comes for the story, and not what is in its history."""
    topic = system.status.forecasts._hub._topics.get(story_id)
    return topic is not None and any(reader.is_live for reader in topic.readers)


async def test_a_story_is_one_trace_from_its_request_to_its_readers_last_event(settings: Settings) -> None:
    """With what the services asked Postgres and the store for, and with the webhook that told of its end."""
    collector = Collector(settings)
    async with (
        running(settings, reconciler=BY_HAND, spans=collector) as system,
        Receiver() as receiver,
        telling(settings, collector("webhooks")),
    ):
        listening = asyncio.Event()

        async def ask_while_somebody_listens(job: AssetRequested) -> None:
            await listening.wait()
            await ask_a_provider(job)

        system.makers.before = ask_while_somebody_listens
        await add_endpoint(system.pool, receiver.url, event_types=["story.completed"])
        brief = {"characterName": "Mirabel", "storyType": "adventure", "assets": ["cover"]}
        story_id = await system.post(brief)
        reading = asyncio.create_task(system.finished(story_id))
        await until(lambda: is_live(system, story_id))
        listening.set()
        await reading
        await system.projector_idle()
        await receiver.wait_for(1)
    spans = collector.spans
    (root,) = [span for service, span in spans if (service, span.name) == ("api", "POST /api/v1/stories")]
    assert root.context is not None
    mine = [
        (service, span) for service, span in spans if span.context and span.context.trace_id == root.context.trace_id
    ]
    assert {service for service, _ in mine} == {"api", "status", "content", "images", "webhooks"}
    assert [span.name for _, span in mine if span.parent is None] == [root.name], "one root"
    deepest = max(collector.tree(lambda name: name == "sse story"), key=len)
    assert deepest[:3] == (
        "api: POST /api/v1/stories",
        "api: publish story.evt.StoryRequested",
        "status: process story.evt.StoryRequested",
    )
    assert deepest[-5:] == (
        "status: publish job.images.normal",
        "images: process job.images.normal",
        "images: publish story.evt.AssetCompleted",
        "status: process story.evt.AssetCompleted",
        "status: sse story",
    )
    asked = [span for _, span in mine if span.name == "openai responses"]
    assert {span.attributes and span.attributes["gen_ai.request.model"] for span in asked} == {"gpt-5.1"}
    assert {span.attributes and span.attributes["gen_ai.response.id"] for span in asked} == {"req_1"}
    assert_servers_are_asked(collector, mine)
    written = " ".join(span.to_json() for _, span in spans)
    assert "Mirabel" not in written
    assert str(story_id) not in " ".join(span.name for _, span in spans), "names do not grow with the stories"


def assert_servers_are_asked(collector: Collector, mine: list[tuple[str, ReadableSpan]]) -> None:
    """Each statement and each request to the store is below what it was made for, by its name and no value; the webhook
    is below the transition that it told of.
    """
    below = collector.tree(lambda name: name.startswith(("postgres ", "s3 ", "webhook ")))
    ends = {path[-2:] for path in below}
    assert ("api: POST /api/v1/stories", "api: postgres create_story") in ends
    assert ("status: process story.evt.AssetCompleted", "status: postgres write_transitions") in ends
    assert ("status: GET /api/v1/stories/{id}/events", "status: postgres story_for_reader") in ends
    assert ("images: process job.images.normal", "images: s3 put_object") in ends
    assert ("status: process story.evt.AssetCompleted", "webhooks: webhook story.completed") in ends
    assert all(len(path) > 1 for path in below), "what is looked for every second begins no trace"
    statements = [span for _, span in mine if span.name.startswith("postgres ")]
    asked = Counter((span.parent and span.parent.span_id, span.name) for span in statements)
    assert max(asked.values()) == 1, "no statement is repeated for what it is made for"
    assert {key for span in statements for key in span.attributes or {}} == {"db.system.name", "db.query.summary"}
    requests = [span for _, span in mine if span.name.startswith("s3 ")]
    assert {key for span in requests for key in span.attributes or {}} == {"rpc.system", "rpc.service"}
    (told,) = [span.attributes or {} for _, span in mine if span.name == "webhook story.completed"]
    assert (told["storyloom.attempt"], told["http.response.status_code"]) == (1, 204)


async def test_a_clients_trace_goes_on_and_its_decision_not_to_sample_too(settings: Settings) -> None:
    collector = Collector(settings)
    async with running(settings, reconciler=BY_HAND, workers=(), spans=collector) as system:
        for sent in (TRACE, TRACE.removesuffix("-01") + "-00"):
            headers = {**system.headers, "traceparent": sent}
            url = f"{system.api.url}/api/v1/stories"
            async with system.http.get(url, headers=headers) as answer:
                assert answer.headers["traceparent"].split("-")[1] == sent.split("-")[1]
                assert answer.headers["traceparent"].endswith(sent[-3:])
    (span,) = [span for _, span in collector.spans if span.name == "GET /api/v1/stories"]
    assert span.parent is not None
    assert span.parent.span_id == int("cd" * 8, 16)


async def test_what_is_not_sampled_makes_no_span_anywhere_and_names_its_trace_all_the_same(settings: Settings) -> None:
    collector = Collector(settings, ParentBased(ALWAYS_OFF))
    async with running(settings, reconciler=BY_HAND, in_memory=True, spans=collector) as system:
        await system.finished(
            await system.post({"characterName": "Mira", "storyType": "adventure", "assets": ["cover"]})
        )
        (row,) = await system.rows("SELECT trace FROM stories")
    assert row["trace"].endswith("-00")
    assert collector.spans == []


async def test_a_redelivered_job_is_linked_to_what_it_repeats(settings: Settings) -> None:
    """It belongs to its story, and is no second child of whoever sent it once."""
    collector = Collector(settings)
    failed: Counter[str] = Counter()

    async def fail_once(job: AssetRequested) -> None:
        failed[job.asset] += 1
        if job.asset == "cover" and failed[job.asset] == 1:
            raise RetryableError("busy", after=0.01)

    async with running(settings, reconciler=BY_HAND, in_memory=True, spans=collector) as system:
        system.makers.before = fail_once
        await system.finished(
            await system.post({"characterName": "Mira", "storyType": "adventure", "assets": ["cover"]})
        )
    tries = [
        span
        for service, span in collector.spans
        if span.attributes and span.attributes.get("storyloom.asset") == "cover"
    ]
    first, second = sorted(tries, key=lambda span: span.start_time or 0)
    (root,) = [span for _, span in collector.spans if span.name == "POST /api/v1/stories"]
    assert first.parent is not None
    assert second.parent is not None
    assert root.context is not None
    assert second.context is not None
    assert (first.attributes or {})["storyloom.outcome"] == "retrying"
    assert not first.links
    assert second.parent.span_id == root.context.span_id
    assert second.context.trace_id == root.context.trace_id
    (link,) = second.links
    assert link.context.span_id == first.parent.span_id
