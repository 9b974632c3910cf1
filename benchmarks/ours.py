"""Our side of the orchestration benchmark: its processes, and what drives stories through them."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any, Self
from uuid import UUID

import orjson
import structlog
import uvloop
from nats.aio.msg import Msg

from benchmarks import bare
from services.api.app import Endpoints
from services.api.commands import Commands
from services.status import app as status
from services.status import projector, transitions
from storyloom.db.pool import open_pool
from storyloom.jobs import worker
from storyloom.messaging.broker import Broker
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import settle
from storyloom.storage.objects import Objects
from storyloom.storage.s3 import Page
from storyloom.story.assets import Service
from storyloom.story.brief import Brief
from storyloom.web.keys import Caller, add_key
from tests.makers import QuickMakers

BRIEF = Brief.asked({"characterName": "Mira", "storyType": "adventure", "setting": "a foggy forest"})


class NoStore(Objects):
    """No store: the orchestration alone is measured, and a manifest's write is the store's time."""

    async def read(self, key: str) -> bytes | None:
        del key
        return None

    async def create(self, key: str, data: bytes) -> bool:
        del key, data
        return True

    async def pages(self, prefix: str, *, delimiter: str = "") -> AsyncIterator[Page]:
        """Nothing."""
        del prefix, delimiter
        yield Page([], [])

    async def probe(self) -> None:
        """Nothing stands in the way of a write."""


def serve_role(role: str, settings: Settings, ready: Any) -> None:
    """The body of a child process: one service, or one bare worker, until it is killed."""
    quiet()

    async def run() -> None:
        if role == "status":
            _stamp_commits()
            await status.serve(settings)
        elif role.startswith("bare"):
            await bare.serve(settings)
        else:
            makers = QuickMakers(alike=True)
            for service in Service:
                await worker.serve(makers.compose(service), settings, objects=NoStore(settings))
        settle()
        ready.set()
        await asyncio.Event().wait()

    uvloop.run(run())


def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _stamp_commits() -> None:
    """Put the time of the commit into the updates, for the listener to subtract."""
    plain = projector.Projector._publish_updates  # noqa: SLF001 - the benchmark looks inside

    async def stamped(self: projector.Projector, transition: transitions.Transition, traceparent: str) -> None:
        for update in transition.effects.updates:
            update.data["committed"] = time.time()
        await plain(self, transition, traceparent)

    projector.Projector._publish_updates = stamped  # type: ignore[method-assign]  # noqa: SLF001


class Ours:
    """Stories through the whole of our code but HTTP and handlers."""

    roles = ("status", "workers")

    def __init__(self, settings: Settings, *, one_in: int = 1) -> None:
        """``one_in``: of so many stories one says that its trace is sampled."""
        self.settings = settings
        self._one_in, self._number = one_in, 0
        self.latencies_ms: list[float] = []
        self._ends: dict[str, asyncio.Future[None]] = {}

    async def __aenter__(self) -> Self:
        self._pool = await open_pool(self.settings, size=8)
        endpoints = Endpoints()
        self._broker = Broker(self.settings, "benchmark", routers=[endpoints.router])
        await self._broker.connect()
        await self._broker.start()
        await add_key(self._pool, "benchmark", "benchmark")
        screening = self.settings.model_copy(update={"screening_seconds": 0.2})
        self._commands = Commands(self._pool, endpoints.events, endpoints.screening(screening))
        await self._broker.bus.client.subscribe("status.*", cb=self._receive)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._broker.stop()
        await self._pool.close()

    async def story(self) -> None:
        """One story, from the request until its reader sees that it is ready."""
        who = Caller("benchmark", frozenset({"admin"}))
        self._number += 1
        sampled = self._number % self._one_in == 0
        trace = f"00-{self._number:032x}-{'cd' * 8}-{sampled:02x}"
        story_id: UUID = (await self._commands.create(who, BRIEF, trace=trace)).id
        end = self._ends.setdefault(str(story_id), asyncio.get_running_loop().create_future())
        await end
        del self._ends[str(story_id)]

    async def _receive(self, message: Msg) -> None:
        now = time.time()
        for one in orjson.loads(message.data):
            self.latencies_ms.append(1e3 * (now - one["data"]["committed"]))
            if one["event"] == "story":
                story_id = message.subject.split(".")[1]
                end = self._ends.setdefault(story_id, asyncio.get_running_loop().create_future())
                end.set_result(None)
