"""The composition root of status: its loops, supervised, and the progress stream over HTTP."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

import structlog
from aiohttp import web

from services.status import repository
from services.status.admission import Admission
from services.status.backlog import Backlog
from services.status.dispatch import Dispatcher
from services.status.forecasts import Forecasts
from services.status.hub import Hub
from services.status.job_starts import JobStartRecorder
from services.status.open_streams import OpenStreams
from services.status.operators.routes import OperatorRoutes
from services.status.projector import Projector
from services.status.queue_metrics import QueueMetrics
from services.status.queue_positions import QueuePositions
from services.status.reconciler import Reconciler, ReconcilerSettings
from services.status.repository import BacklogRepository, StoryRepository, UnfinishedWork, WaitingStories
from services.status.stream import STREAM_PATH, Stream, routes
from storyloom.db.errors import is_outage
from storyloom.db.migrate import mismatch, version
from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.jobs.dead_letters import UnreadableEvent
from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.messaging.asyncapi import BareChannel, Nothing, ServiceApi, document
from storyloom.messaging.broker import Broker, Router, question
from storyloom.messaging.endpoints import EventPublisher, cancel_jobs, wake_webhooks
from storyloom.messaging.observability import prometheus
from storyloom.messaging.topology import EVENTS_FOR_STATUS, QUERY_WORKERS, provision, topology_differences
from storyloom.messaging.tracing import tracing
from storyloom.operations.sources import Connections
from storyloom.runtime.settings import Settings
from storyloom.runtime.spans import Spans, spans_of
from storyloom.runtime.supervision import cancel_and_wait, supervise
from storyloom.story.assets import Priority, Service
from storyloom.story.events import (
    AnyEvent,
    AssetFailed,
    AssetProgressed,
    AssetStarted,
    CommandEvent,
    Event,
    StatusUpdates,
    StoryCompleted,
    StoryDeadlinePassed,
    StoryRequested,
)
from storyloom.story.jobs import AssetRequested, StopWork
from storyloom.web.asyncapi import add_asyncapi
from storyloom.web.authentication import Authenticator
from storyloom.web.deadlines import limit_answers
from storyloom.web.errors import problem_middleware
from storyloom.web.event_streams import polite_streams
from storyloom.web.health import Drain, internal_app
from storyloom.web.pages import add_error_pages
from storyloom.web.past import PastAssets
from storyloom.web.public import listen_public
from storyloom.web.server import listen

log = structlog.get_logger()


class Endpoints:
    """What status consumes and publishes by FastStream: all but the hot path, which is BARE."""

    def __init__(self, record_start: Callable[[AssetStarted], None]) -> None:
        router = self.router = Router()
        self._events = EventPublisher(router, StoryRequested, *COMMANDS, AssetFailed, StoryDeadlinePassed)
        self._cancel_jobs = cancel_jobs(router)
        self.wake_webhooks = wake_webhooks(router)

        @router.subscriber("live.{story_id}.started", **question(AssetStarted, queue="status", max_workers=1))
        async def started(start: AssetStarted) -> None:
            """Note when a job began, for operators to see; replicas share them."""
            record_start(start)

    async def publish(self, event: Event) -> None:
        """Publish an event; twice is harmless. Raises BusUnavailableError."""
        await self._events.publish(event)

    async def republish(self, event: Event) -> None:
        """Publish an event that was lost, without its Msg-Id. Raises BusUnavailableError."""
        await self._events.republish(event)

    async def cancel_jobs(self, stop: StopWork) -> None:
        """Tell all workers that some jobs are not needed any more. Best effort."""
        await self._cancel_jobs(stop)


COMMANDS: tuple[type[Event], ...] = get_args(CommandEvent)
_EVENTS = {kind.__name__: kind for kind in get_args(get_args(AnyEvent)[0])}
CHANNELS_WITHOUT_FASTSTREAM = (
    *(
        BareChannel("receive", f"story.evt.{name}.{{story_id}}", _EVENTS[name], "Apply it to its story.")
        for name in EVENTS_FOR_STATUS
    ),
    *(
        BareChannel(
            "send",
            f"job.{service.value}.{priority.value}.{{story_id}}.{{asset}}",
            AssetRequested,
            "Whatever it needs is there.",
        )
        for service in Service
        for priority in Priority
    ),
    BareChannel("send", "story.evt.StoryCompleted.{story_id}", StoryCompleted, "Every asset is settled."),
    BareChannel("send", "dead.status.{story_id}.event", UnreadableEvent, "An event that cannot be read or applied."),
    BareChannel("send", "status.{story_id}", StatusUpdates, "Updates for readers, right after the commit."),
    BareChannel("receive", "status.{story_id}", StatusUpdates, "Pass it on to the readers of a story."),
    BareChannel("receive", "live.{story_id}.progressed", AssetProgressed, "Pass it on to the readers of a story."),
    BareChannel("send", QUERY_WORKERS, Nothing, "Ask every worker which jobs it works on.", InFlightJobs),
)
"""What it consumes and publishes on bare nats-py: the projector's hot path, and subjects that come and go."""


@dataclass
class RunningStatus:
    """The status service, running."""

    url: str
    internal_url: str
    projector: Projector
    reconciler: Reconciler
    dispatcher: Dispatcher
    backlog: Backlog
    open_streams: OpenStreams
    forecasts: Forecasts
    endpoints: Endpoints
    _broker: Broker
    _pool: Pool
    _runner: web.AppRunner
    _internal: web.AppRunner
    _drain: Drain
    _loops: list[asyncio.Task[None]]
    name: str = "status"
    _stopped: bool = field(default=False)

    async def stop(self) -> None:
        """End the loops between two batches' commits, publish what follows from them, close."""
        if self._stopped:
            return
        self._stopped = True
        await self._drain.begin()
        await cancel_and_wait(*self._loops)
        await self.dispatcher.drain()
        await self._runner.cleanup()
        await self._broker.stop()
        await close_pool(self._pool)
        await self._internal.cleanup()


async def serve(
    settings: Settings, *, reconciler_settings: ReconcilerSettings | None = None, spans: Spans | None = None
) -> RunningStatus:
    """Start the status service. Raises BusUnavailableError, OSError, or asyncpg's errors when it cannot connect.

    ``spans``: other ones than the settings'.
    """
    spans = spans or spans_of(settings, "status")
    pool = await open_pool(settings)
    hubs: list[Hub] = []

    async def reconnected() -> None:
        for hub in hubs:
            await hub.resync()

    job_starts = JobStartRecorder(pool)
    endpoints = Endpoints(job_starts.add)
    observed = (prometheus(settings, "status"), *tracing(spans, settings.nats_subject_prefix))
    broker = Broker(settings, "status", routers=[endpoints.router], middlewares=observed, on_reconnect=reconnected)
    await broker.connect()
    bus = broker.bus
    bus.spans = spans
    await provision(bus.js, settings)
    await broker.start()
    reconciler_settings = reconciler_settings or ReconcilerSettings(
        asset_deadline=settings.asset_deadline, story_deadline=settings.story_deadline
    )
    dispatcher = Dispatcher(bus, endpoints.wake_webhooks)
    backlog_rows = BacklogRepository(pool, usd_per_day=settings.limit_usd_per_day)
    backlog = Backlog(bus, backlog_rows, dispatcher, query_workers, endpoints.publish)
    waiting = WaitingStories(pool, concurrent_stories=settings.limit_concurrent_stories)
    admission = Admission(waiting, endpoints.publish)
    rows = StoryRepository(pool, dispatcher.announce_deliveries)
    projector = Projector(bus, rows, dispatcher, backlog, admission)
    reconciler = Reconciler(bus, UnfinishedWork(pool), endpoints, reconciler_settings)
    hub = Hub(bus)
    hubs.append(hub)
    app = web.Application(middlewares=[polite_streams(STREAM_PATH), problem_middleware])
    limit_answers(app)
    keys, open_streams = Authenticator(pool, seconds=settings.key_cache_seconds), OpenStreams(pool)
    positions = QueuePositions(waiting, hub)
    forecasts = Forecasts(pool, hub, PastAssets(pool))
    stream = Stream(pool, hub, keys, open_streams, positions, forecasts=forecasts)
    app.add_routes(routes(stream))
    add_error_pages(app)
    app.on_shutdown.append(stream.drain)

    async def bus_ready() -> str | None:
        if not bus.client.is_connected:
            return "NATS is not reachable"
        return "; ".join(await topology_differences(bus.js, settings)) or None

    async def database_ready() -> str | None:
        async with pool.acquire(timeout=2) as connection:
            return mismatch(await version(connection))

    drain = Drain(settings.drain_delay)
    inside = internal_app(
        {"drain": drain.check, "bus": bus_ready, "database": database_ready, "loops": bus.crashes.check}
    )
    OperatorRoutes(Connections(settings, bus, pool), keys).add_to(inside)
    add_asyncapi(inside, lambda: document([ServiceApi("status", broker, CHANNELS_WITHOUT_FASTSTREAM)]))
    internal, internal_url = await listen(inside, settings.internal_host, settings.internal_port)
    runner, url = await listen_public(app, settings, direct=False, spans=spans)
    loops = {
        "projector": projector.run,
        "backlog": backlog.run,
        "admission": admission.run,
        "queue_positions": positions.run,
        "forecasts": forecasts.run,
        "reconciler": reconciler.run,
        "job_starts": job_starts.run,
        "queue_metrics": QueueMetrics(bus, pool).run,
        "key_use": keys.run,
        "open_streams": open_streams.run,
    }
    tasks = [
        asyncio.create_task(supervise(name, loop, bus.crashes, outage=is_outage), name=name)
        for name, loop in loops.items()
    ]
    repository.queries()  # read the SQL now: a slip in it must show at the start
    return RunningStatus(
        url,
        internal_url,
        projector,
        reconciler,
        dispatcher,
        backlog,
        open_streams,
        forecasts,
        endpoints,
        broker,
        pool,
        runner,
        internal,
        drain,
        tasks,
    )
