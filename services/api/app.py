"""The composition root of the api."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from aiohttp import ClientSession, web

from services.api.commands import Commands
from services.api.erasure import Eraser, moments
from services.api.requests import LONGEST_BODY
from services.api.routes import Changes, Routes
from services.api.stories import Stories
from storyloom.db.migrate import mismatch, version
from storyloom.db.pool import Pool, open_pool
from storyloom.messaging.connection import Bus, connect
from storyloom.messaging.topology import provision
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import supervise
from storyloom.storage.objects import Objects
from storyloom.web.health import add_health, listen
from storyloom.web.problems import as_problems


@dataclass
class RunningApi:
    """The api, running."""

    url: str
    stories: Stories
    eraser: Eraser
    _bus: Bus
    _pool: Pool
    _objects: Objects
    _http: ClientSession
    _runner: web.AppRunner
    _erasing: asyncio.Task[None]
    name: str = "api"
    _stopped: bool = field(default=False)

    async def stop(self) -> None:
        """Take no more requests, finish those under way, close."""
        if self._stopped:
            return
        self._stopped = True
        await self._runner.cleanup()
        self._erasing.cancel()  # a sweep that is cut short is made again
        await asyncio.gather(self._erasing, return_exceptions=True)
        await self._http.close()
        await self._bus.close()
        await self._pool.close()
        await self._objects.close()


async def serve(settings: Settings) -> RunningApi:
    """Start the api. Raises BusUnavailableError, OSError, or asyncpg's errors when its needs are away."""
    async with AsyncExitStack() as undo:  # a start that cannot be leaves nothing open
        pool = await open_pool(settings)
        undo.push_async_callback(pool.close)
        bus = await connect(settings, "api")
        undo.push_async_callback(bus.close)
        await provision(bus.js, settings)
        objects, http = Objects(settings), ClientSession()
        undo.push_async_callback(objects.close)
        undo.push_async_callback(http.close)
        stories = Stories(pool, bus, settings.screening_seconds)
        app = web.Application(middlewares=[as_problems], client_max_size=LONGEST_BODY)
        app.add_routes(Routes(stories, objects, http, settings.status_url).table())
        wishes, eraser = Commands(pool, bus, settings.screening_seconds), Eraser(pool, bus, objects, moments(settings))
        app.add_routes(Changes(pool, wishes, eraser).table())

        async def bus_ready() -> str | None:
            return None if bus.client.is_connected else "NATS is away"

        async def database_ready() -> str | None:
            async with pool.acquire(timeout=2) as connection:
                return mismatch(await version(connection))

        add_health(app, {"bus": bus_ready, "database": database_ready})
        runner, url = await listen(app, settings.http_host, settings.http_port)
        undo.pop_all()
        erasing = asyncio.create_task(supervise("eraser", eraser.run), name="eraser")
        return RunningApi(url, stories, eraser, bus, pool, objects, http, runner, erasing)
