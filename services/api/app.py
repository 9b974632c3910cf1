"""The composition root of the api: what it publishes and asks, and how it starts and stops."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from aiohttp import ClientSession, web

from services.api.batches import MAX_BATCH_BYTES, BatchRoutes
from services.api.batches import PATH as BATCH_PATH
from services.api.commands import Commands
from services.api.docs import add_docs
from services.api.erasure import Eraser, purge_delays
from services.api.estimates import EstimateRoutes, Estimates
from services.api.limits import RequestLimiter, tell_quotas
from services.api.reading.guests import Guests
from services.api.reading.pages import add_pages
from services.api.reading.recordings import Covers
from services.api.reading.routes import ReadingRoutes, files_session
from services.api.receipts.receipts import Receipts
from services.api.receipts.routes import ReceiptRoutes
from services.api.retention import retention
from services.api.routes import Routes
from services.api.screening import Screening
from services.api.serializers import BASE
from services.api.stale_objects import StaleObjectCollector, check_grace
from services.api.stream_proxy import StreamProxy
from services.api.usage import UsageRoutes
from services.api.waiting import StoryWaiter
from services.api.webhooks.routes import WebhookRoutes
from storyloom.db.errors import is_outage
from storyloom.db.migrate import mismatch, version
from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.messaging.asyncapi import BareChannel, ServiceApi, document
from storyloom.messaging.broker import Broker, Router
from storyloom.messaging.endpoints import EventPublisher, Question, cancel_jobs, wake_webhooks
from storyloom.messaging.observability import prometheus
from storyloom.messaging.tracing import tracing
from storyloom.runtime.settings import ApiSettings, Settings
from storyloom.runtime.spans import Spans, spans_of
from storyloom.runtime.supervision import cancel_and_wait, supervise
from storyloom.storage.objects import Objects
from storyloom.story.brief import Brief
from storyloom.story.editing import ASK_EDITING, EditVerdict, SceneEdit
from storyloom.story.evaluation import ASK_EVALUATION, Evaluation, StoryToEvaluate
from storyloom.story.events import (
    AssetRegenerateRequested,
    AssetRetryRequested,
    SceneTextEdited,
    StatusUpdates,
    StoryApproved,
    StoryCancelled,
    StoryRequested,
)
from storyloom.story.languages import language_of
from storyloom.story.screening import ASK_SCREENING, Verdict
from storyloom.story.topics import load_rules
from storyloom.web.asyncapi import add_asyncapi
from storyloom.web.authentication import Authenticator
from storyloom.web.bodies import LARGER_BODIES
from storyloom.web.deadlines import limit_answers
from storyloom.web.egress import EgressPolicy, ThreadedLookup
from storyloom.web.errors import problem_middleware
from storyloom.web.event_streams import polite_streams
from storyloom.web.health import Drain, internal_app
from storyloom.web.past import PastAssets
from storyloom.web.public import listen_public
from storyloom.web.server import listen


class Endpoints:
    """What the api publishes and asks."""

    def __init__(self) -> None:
        router = self.router = Router()
        self.events = EventPublisher(
            router,
            StoryRequested,
            StoryCancelled,
            AssetRetryRequested,
            AssetRegenerateRequested,
            SceneTextEdited,
            StoryApproved,
        )
        self._screen_brief = Question(router, ASK_SCREENING, Brief, Verdict)
        self._screen_edit = Question(router, ASK_EDITING, SceneEdit, EditVerdict)
        self.evaluate = Question(router, ASK_EVALUATION, StoryToEvaluate, Evaluation)
        self.cancel_jobs = cancel_jobs(router)
        self.wake_webhooks = wake_webhooks(router)

    def screening(self, settings: ApiSettings) -> Screening:
        """Our own rules, and moderation by the content service."""
        return Screening(
            self._screen_brief,
            self._screen_edit,
            settings.screening_seconds,
            settings.help_lines,
            frozenset(language_of(tag).tag for tag in settings.story_languages),
        )


BARE = (
    BareChannel("send", "status.{story_id}", StatusUpdates, "A story that was deleted, for its readers."),
    BareChannel("receive", "status.{story_id}", StatusUpdates, "Whether a story has ended whose creator waits for it."),
)
"""What it publishes and hears without FastStream."""
LOOKUP_THREADS = 8
"""Look-ups of webhooks' names at once."""
LOOKUP_TIMEOUT_SECONDS = 2.0
"""For one of them, of the seconds that a request has."""


@dataclass
class RunningApi:
    """The api, running."""

    url: str
    internal_url: str
    application: web.Application
    pool: Pool
    keys: Authenticator
    commands: Commands
    eraser: Eraser
    eraser_task: asyncio.Task[None]
    collector: StaleObjectCollector
    _collector_task: asyncio.Task[None]
    _noting_task: asyncio.Task[None]
    _retention_task: asyncio.Task[None]
    _broker: Broker
    _objects: Objects
    _streams: StreamProxy
    _files: ClientSession
    _receipts: Receipts
    _lookup: ThreadedLookup
    _runner: web.AppRunner
    _internal: web.AppRunner
    _drain: Drain
    name: str = "api"
    _stopped: bool = field(default=False)

    async def stop(self) -> None:
        """Accept no more requests, finish those in flight, close. Safe to call twice."""
        if self._stopped:
            return
        self._stopped = True
        await self._drain.begin()
        await self._runner.cleanup()
        # A purge that is cut short is made again, and so is a collection.
        await cancel_and_wait(self.eraser_task, self._collector_task, self._noting_task, self._retention_task)
        await self._streams.close()
        await self._files.close()
        await self._receipts.close()
        await self._lookup.close()
        await self._broker.stop()
        await close_pool(self.pool)
        await self._objects.close()
        await self._internal.cleanup()


def _add_routes(
    app: web.Application,
    *handlers: Routes | WebhookRoutes | BatchRoutes | EstimateRoutes | ReadingRoutes | UsageRoutes | ReceiptRoutes,
) -> None:
    for one in handlers:
        app.add_routes(one.table())
    app[LARGER_BODIES] = {BATCH_PATH: MAX_BATCH_BYTES}


async def serve(settings: Settings, *, spans: Spans | None = None) -> RunningApi:
    """Start the api. ``spans``: other ones than the settings'.

    Raises BusUnavailableError, OSError, or asyncpg's errors where NATS, the port or Postgres is not available, and
    InvalidSettingError where a presigned URL could outlive its object.
    """
    check_grace(settings)
    spans = spans or spans_of(settings, "api")
    async with AsyncExitStack() as undo:  # a failed start leaves nothing open
        pool = await open_pool(settings)
        undo.push_async_callback(close_pool, pool)
        endpoints = Endpoints()
        observed = (prometheus(settings, "api"), *tracing(spans, settings.nats_subject_prefix))
        broker = Broker(settings, "api", routers=[endpoints.router], middlewares=observed)
        await broker.connect()
        undo.push_async_callback(broker.stop)
        bus = broker.bus
        await broker.start()
        objects, streams, files = Objects(settings), StreamProxy(), files_session()
        undo.push_async_callback(objects.close)
        undo.push_async_callback(streams.close)
        undo.push_async_callback(files.close)
        receipts = Receipts(pool, endpoints.evaluate, settings.receipt_key.get_secret_value())
        undo.push_async_callback(receipts.close)
        lookup = ThreadedLookup(LOOKUP_THREADS, timeout=LOOKUP_TIMEOUT_SECONDS)
        undo.push_async_callback(lookup.close)
        keys = Authenticator(pool, seconds=settings.key_cache_seconds)
        limiter = RequestLimiter(pool, default=settings.limit_requests_per_minute)
        load_rules()
        screening = endpoints.screening(settings)
        commands = Commands(pool, endpoints.events, screening, settings)
        eraser = Eraser(pool, bus, objects, purge_delays(settings), endpoints.cancel_jobs)
        app = web.Application(middlewares=[polite_streams(f"{BASE}/stories/{{id}}/events"), problem_middleware])
        limit_answers(app)
        app.on_response_prepare.append(tell_quotas)
        estimates = Estimates(pool, settings)
        known, wake, policy = (
            (estimates, StoryWaiter(bus), PastAssets(pool)),
            endpoints.wake_webhooks,
            EgressPolicy.of(settings),
        )
        _add_routes(
            app,
            Routes(pool, keys, limiter, commands, eraser, objects, streams, settings.status_url, *known),
            WebhookRoutes(pool, keys, limiter, wake, policy, lookup),
            BatchRoutes(keys, limiter, commands),
            EstimateRoutes(keys, limiter, estimates),
            ReadingRoutes(pool, keys, limiter, objects, Guests(pool), files, Covers(objects), wake),
            UsageRoutes(pool, keys, limiter),
            ReceiptRoutes(keys, limiter, receipts),
        )
        add_docs(app, settings.public_url)
        add_pages(app)
        app.on_shutdown.append(streams.drain)

        async def bus_ready() -> str | None:
            return None if bus.client.is_connected else "NATS is not reachable"

        async def database_ready() -> str | None:
            async with pool.acquire(timeout=2) as connection:
                return mismatch(await version(connection))

        # Not its loop's crashes: without the eraser clients are served all the same. The metric tells of them.
        drain = Drain(settings.drain_delay)
        inside = internal_app({"drain": drain.check, "bus": bus_ready, "database": database_ready})
        add_asyncapi(inside, lambda: document([ServiceApi("api", broker, BARE)]))
        internal, internal_url = await listen(inside, settings.internal_host, settings.internal_port)
        undo.push_async_callback(internal.cleanup)
        runner, url = await listen_public(app, settings, direct=True, spans=spans)
        undo.pop_all()
        collector = StaleObjectCollector(pool, objects, settings.stale_object_grace)
        kept = retention(eraser, story_days=settings.story_retention_days, receipt_days=settings.erasure_receipt_days)
        loops = {"eraser": eraser.run, "stale_objects": collector.run, "key_use": keys.run, "retention": kept.run}
        tasks = {
            name: asyncio.create_task(supervise(name, loop, bus.crashes, outage=is_outage), name=name)
            for name, loop in loops.items()
        }
        return RunningApi(
            url,
            internal_url,
            app,
            pool,
            keys,
            commands,
            eraser,
            tasks["eraser"],
            collector,
            tasks["stale_objects"],
            tasks["key_use"],
            tasks["retention"],
            broker,
            objects,
            streams,
            files,
            receipts,
            lookup,
            runner,
            internal,
            drain,
        )
