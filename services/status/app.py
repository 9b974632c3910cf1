"""The composition root of status: projector, reconciler, starts and the progress stream, supervised."""

import asyncio
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from services.status import repository
from services.status.hub import Hub
from services.status.job_starts import Starts
from services.status.projector import Projector
from services.status.queue_metrics import Gauges
from services.status.reconciler import Reconciler, ReconcilerSettings
from services.status.repository import Records
from services.status.stream import Stream, routes
from services.status.unfinished import Unfinished
from storyloom.db.migrate import mismatch, version
from storyloom.db.pool import Pool, open_pool
from storyloom.messaging.connection import Bus, connect
from storyloom.messaging.topology import provision, topology_differences
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import supervise
from storyloom.web.health import add_health, listen
from storyloom.web.problems import as_problems

log = structlog.get_logger()


@dataclass
class RunningStatus:
    """The status service, running."""

    url: str
    projector: Projector
    reconciler: Reconciler
    _bus: Bus
    _pool: Pool
    _runner: web.AppRunner
    _loops: list[asyncio.Task[None]]
    name: str = "status"
    _stopped: bool = field(default=False)

    async def stop(self) -> None:
        """End the loops between two batches' commits, send what is committed, close."""
        if self._stopped:
            return
        self._stopped = True
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self.projector.drain()
        await self._runner.cleanup()
        await self._bus.close()
        try:
            await asyncio.wait_for(self._pool.close(), 3)
        except TimeoutError:
            self._pool.terminate()


async def serve(settings: Settings, *, pace: ReconcilerSettings | None = None) -> RunningStatus:
    """Start the status service. Raises BusUnavailableError, OSError, or asyncpg's errors when its needs are away."""
    pool = await open_pool(settings)
    woken: list[Hub] = []

    async def reconnected() -> None:
        for hub in woken:
            await hub.wake()

    bus = await connect(settings, "status", on_reconnect=reconnected)
    await provision(bus.js, settings)
    pace = pace or ReconcilerSettings(asset_deadline=settings.asset_deadline, story_deadline=settings.story_deadline)
    hub, projector = Hub(bus), Projector(bus, Records(pool))
    reconciler = Reconciler(bus, Unfinished(pool), pace)
    woken.append(hub)
    app = web.Application(middlewares=[as_problems])
    app.add_routes(routes(Stream(pool, hub)))

    async def bus_ready() -> str | None:
        if not bus.client.is_connected:
            return "NATS is away"
        return "; ".join(await topology_differences(bus.js, settings)) or None

    async def database_ready() -> str | None:
        async with pool.acquire(timeout=2) as connection:
            return mismatch(await version(connection))

    add_health(app, {"bus": bus_ready, "database": database_ready})
    runner, url = await listen(app, settings.http_host, settings.http_port)
    loops = {
        "projector": projector.run,
        "reconciler": reconciler.run,
        "starts": Starts(bus, pool).run,
        "gauges": Gauges(bus, pool).run,
    }
    tasks = [asyncio.create_task(supervise(name, loop), name=name) for name, loop in loops.items()]
    repository.queries()  # read the SQL now: a slip in it must show at the start
    return RunningStatus(url, projector, reconciler, bus, pool, runner, tasks)
