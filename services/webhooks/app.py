"""The composition root of webhooks: what wakes it, its loops, supervised, and how it starts and stops."""

import asyncio
import resource
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from aiohttp import web

from services.webhooks import repository
from services.webhooks.attempts import Sender
from services.webhooks.dispatcher import Dispatcher, DispatcherSettings
from services.webhooks.housekeeping import Housekeeping
from storyloom.db.errors import is_outage
from storyloom.db.migrate import mismatch, version
from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.messaging.asyncapi import ServiceApi, document
from storyloom.messaging.broker import Broker, Router, question
from storyloom.messaging.observability import prometheus
from storyloom.messaging.topology import DELIVERIES_DUE
from storyloom.messaging.tracing import tracing
from storyloom.runtime.settings import Settings
from storyloom.runtime.spans import Spans, spans_of
from storyloom.runtime.supervision import cancel_and_wait, supervise
from storyloom.story.notifications import DeliveriesDue
from storyloom.web.asyncapi import add_asyncapi
from storyloom.web.egress import EgressPolicy
from storyloom.web.health import internal_app
from storyloom.web.server import listen

FILES_WANTED = 8_192
"""Open files: each attempt is a connection of its own."""


class Endpoints:
    """What webhooks consumes. It publishes nothing."""

    def __init__(self, wake: Callable[[tuple[UUID, ...]], None]) -> None:
        router = self.router = Router()

        @router.subscriber(DELIVERIES_DUE, **question(DeliveriesDue, queue="webhooks", max_workers=1))
        async def deliveries_due(due: DeliveriesDue) -> None:
            """Send what was committed; replicas share it."""
            wake(due.endpoints)


@dataclass
class RunningWebhooks:
    """The webhooks service, running."""

    url: str
    dispatcher: Dispatcher
    _broker: Broker
    _pool: Pool
    _sender: Sender
    _runner: web.AppRunner
    _loops: dict[str, asyncio.Task[None]]
    _drain_seconds: float
    name: str = "webhooks"
    _stopped: bool = field(default=False)

    @property
    def internal_url(self) -> str:
        """Where it answers HTTP: it has no other port."""
        return self.url

    async def stop(self) -> None:
        """Claim nothing more, let attempts under way end, give the rest back, close. Safe to call twice."""
        if self._stopped:
            return
        self._stopped = True
        recording = self._loops.pop("recorder")
        await cancel_and_wait(*self._loops.values())
        await self.dispatcher.drain(self._drain_seconds)
        await cancel_and_wait(recording)
        await self._runner.cleanup()
        await self._broker.stop()
        await self._sender.close()
        await close_pool(self._pool)


async def serve(settings: Settings, *, spans: Spans | None = None) -> RunningWebhooks:
    """Start the webhooks service. ``spans``: other ones than the settings'.

    Raises BusUnavailableError, OSError, or asyncpg's errors when it cannot connect.
    """
    spans = spans or spans_of(settings, "webhooks")
    _raise_file_limit()
    async with AsyncExitStack() as undo:  # a failed start leaves nothing open
        pool = await open_pool(settings)
        undo.push_async_callback(close_pool, pool)
        sender = Sender(EgressPolicy.of(settings), timeout=settings.webhook_timeout)
        undo.push_async_callback(sender.close)
        dispatcher = Dispatcher(pool, sender, DispatcherSettings.of(settings), spans)
        endpoints = Endpoints(dispatcher.wake)
        observed = (prometheus(settings, "webhooks"), *tracing(spans, settings.nats_subject_prefix))
        broker = Broker(settings, "webhooks", routers=[endpoints.router], middlewares=observed)
        await broker.connect()
        undo.push_async_callback(broker.stop)
        await broker.start()

        async def bus_ready() -> str | None:
            return None if broker.is_connected else "NATS is not reachable"

        async def database_ready() -> str | None:
            async with pool.acquire(timeout=2) as connection:
                return mismatch(await version(connection))

        app = internal_app({"bus": bus_ready, "database": database_ready, "loops": broker.bus.crashes.check})
        add_asyncapi(app, lambda: document([ServiceApi("webhooks", broker)]))
        runner, url = await listen(app, settings.internal_host, settings.internal_port)
        undo.pop_all()
    loops = {
        "dispatcher": dispatcher.run,
        "recorder": dispatcher.record,
        "housekeeping": Housekeeping(pool, retention=timedelta(days=settings.webhook_retention)).run,
    }
    tasks = {
        name: asyncio.create_task(supervise(name, loop, broker.bus.crashes, outage=is_outage), name=name)
        for name, loop in loops.items()
    }
    repository.queries()  # read the SQL now: a slip in it must show at the start
    return RunningWebhooks(url, dispatcher, broker, pool, sender, runner, tasks, settings.drain_seconds)


def _raise_file_limit() -> None:
    """As many open files as all slots may need, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
