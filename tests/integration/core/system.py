"""A whole system but for the makers: api, status and four workers in this process, on real servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import ClientSession

from services.api import app as api
from services.api.keys import add_key
from services.status import app as status
from services.status.reconciler import Pace
from storyloom import worker
from storyloom.settings import Settings
from storyloom.story.assets import Service
from tests.makers import QuickMakers

BRIEF: dict[str, Any] = {"characterName": "Mira", "storyType": "adventure"}
QUICK = Pace(every=0.2, grace=0.3, catch_up=0.5, answers=0.2)


@dataclass
class System:
    """What a test may touch."""

    settings: Settings
    makers: QuickMakers
    api: api.RunningApi
    status: status.RunningStatus
    workers: dict[Service, worker.RunningWorker]
    key: str
    http: ClientSession
    stack: AsyncExitStack = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def post(self, brief: dict[str, Any] | None = None) -> UUID:
        """Ask for a story over HTTP; its id."""
        async with self.http.post(
            f"{self.api.url}/api/v1/stories", json=brief or BRIEF, headers=self.headers
        ) as answer:
            assert answer.status == 202, await answer.text()
            return UUID((await answer.json())["id"])

    async def get(self, story_id: UUID) -> dict[str, Any]:
        """The story over HTTP."""
        async with self.http.get(f"{self.api.url}/api/v1/stories/{story_id}", headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def watch(self, story_id: UUID, *, after: int | None = None) -> list[tuple[str | None, str, str]]:
        """The story's progress stream to its end: (id, event, data) each."""
        told: list[tuple[str | None, str, str]] = []
        headers = self.headers if after is None else {**self.headers, "Last-Event-ID": str(after)}
        url = f"{self.status.url}/api/v1/stories/{story_id}/events"
        async with self.http.get(url, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            fields: dict[str, str] = {}
            async for line in answer.content:
                text = line.decode().rstrip("\n")
                if text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                elif fields:
                    if "event" in fields:
                        told.append((fields.get("id"), fields["event"], fields["data"]))
                    fields = {}
        return told

    async def finished(self, story_id: UUID, *, within: float = 20) -> dict[str, Any]:
        """The story once it has ended, as its stream says."""
        async with asyncio.timeout(within):
            await self.watch(story_id)
        return await self.get(story_id)


@asynccontextmanager
async def running(settings: Settings, *, pace: Pace = QUICK) -> AsyncIterator[System]:
    """The system, from its first service to its last."""
    async with AsyncExitStack() as stack:
        makers = QuickMakers()
        status_running = await status.serve(settings, pace=pace)
        stack.push_async_callback(status_running.stop)
        api_running = await api.serve(settings.model_copy(update={"status_url": status_running.url}))
        stack.push_async_callback(api_running.stop)
        workers = {}
        for service in Service:
            workers[service] = await worker.serve(makers.compose(service), settings)
            stack.push_async_callback(workers[service].stop)
        key = await add_key(api_running.stories.pool, "tests", "tests")
        http = await stack.enter_async_context(ClientSession())
        yield System(settings, makers, api_running, status_running, workers, key, http, stack)
