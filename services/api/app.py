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
from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.messaging.asyncapi import BareChannel
from storyloom.messaging.broker import Broker, Router
from storyloom.messaging.endpoints import EventPublisher, Question, cancel_jobs
from storyloom.messaging.observability import prometheus, tracing
from storyloom.messaging.topology import provision
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import cancel_and_wait, supervise
from storyloom.storage.objects import Objects
from storyloom.story.brief import Brief
from storyloom.story.editing import ASK_EDITING, EditVerdict, SceneEdit
from storyloom.story.events import (
    AssetRegenerateRequested,
    AssetRetryRequested,
    SceneTextEdited,
    StatusUpdates,
    StoryCancelled,
    StoryRequested,
)
from storyloom.story.screening import ASK_SCREENING, Verdict
from storyloom.web.health import add_health, listen
from storyloom.web.problems import as_problems


class Endpoints:
    """What the api publishes and asks. It consumes nothing."""

    def __init__(self) -> None:
        router = self.router = Router()
        self.events = EventPublisher(
            router, StoryRequested, StoryCancelled, AssetRetryRequested, AssetRegenerateRequested, SceneTextEdited
        )
        self.screening = Question(router, ASK_SCREENING, Brief, Verdict)
        self.editing = Question(router, ASK_EDITING, SceneEdit, EditVerdict)
        self.cancel_jobs = cancel_jobs(router)


BARE = (BareChannel("send", "status.{story_id}", StatusUpdates, "A story that was deleted: its readers hear it."),)
"""What it sends without FastStream."""


@dataclass
class RunningApi:
    """The api, running."""

    url: str
    stories: Stories
    eraser: Eraser
    _broker: Broker
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
        await cancel_and_wait(self._erasing)  # a sweep that is cut short is made again
        await self._http.close()
        await self._broker.stop()
        await close_pool(self._pool)
        await self._objects.close()


async def serve(settings: Settings) -> RunningApi:
    """Start the api. Raises BusUnavailableError, OSError, or asyncpg's errors when its needs are away."""
    async with AsyncExitStack() as undo:  # a start that cannot be leaves nothing open
        pool = await open_pool(settings)
        undo.push_async_callback(close_pool, pool)
        endpoints = Endpoints()
        observed = (prometheus(settings, "api"), *tracing(settings, settings, "api"))
        broker = Broker(settings, "api", routers=[endpoints.router], middlewares=observed)
        await broker.connect()
        undo.push_async_callback(broker.stop)
        await provision(broker.bus.js, settings)
        await broker.start()
        objects, http = Objects(settings), ClientSession()
        undo.push_async_callback(objects.close)
        undo.push_async_callback(http.close)
        bus, seconds = broker.bus, settings.screening_seconds
        stories = Stories(pool, endpoints.events, endpoints.screening, seconds)
        app = web.Application(middlewares=[as_problems], client_max_size=LONGEST_BODY)
        app.add_routes(Routes(stories, objects, http, settings.status_url).table())
        wishes = Commands(pool, endpoints.events, endpoints.editing, seconds)
        eraser = Eraser(pool, bus, objects, moments(settings), endpoints.cancel_jobs)
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
        return RunningApi(url, stories, eraser, broker, pool, objects, http, runner, erasing)
