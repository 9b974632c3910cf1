"""A whole system: api, status and four workers in this process on real servers, with makers that need no provider."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson
from aiohttp import ClientSession
from asyncpg import Record
from nats.js.errors import NotFoundError

from services.api import app as api
from services.status import app as status
from services.status.admission import Admission
from services.status.backlog import Backlog
from services.status.dispatch import Dispatcher
from services.status.projector import Projector
from services.status.reconciler import ReconcilerSettings
from services.status.repository import BacklogRepository, StoryRepository, WaitingStories
from storyloom.db.pool import Pool
from storyloom.jobs import worker
from storyloom.jobs.in_flight import query_workers
from storyloom.messaging.connection import Bus, connect
from storyloom.runtime.settings import Settings
from storyloom.runtime.spans import Spans
from storyloom.storage.objects import Objects
from storyloom.storage.s3 import Page
from storyloom.story.assets import Asset, Service
from storyloom.story.jobs import AssetRequested
from storyloom.web.keys import add_key
from tests.contract.openapi.answers import check_answer
from tests.makers import QuickMakers

BRIEF: dict[str, Any] = {"characterName": "Mira", "storyType": "adventure"}
QUICK = ReconcilerSettings(interval=0.2, grace=0.3, catch_up_timeout=0.5, query_timeout=0.2)
BY_HAND = ReconcilerSettings(interval=3600, grace=0.05, catch_up_timeout=3, query_timeout=0.2)
"""A reconciler that runs when a test calls it."""

SseEvent = tuple[str | None, str, str]
"""A server-sent event of the progress stream: (id, event, data)."""


async def until(holds: Callable[[], Awaitable[bool]], *, within: float = 20) -> None:
    """Poll until ``holds`` returns true. Raises TimeoutError after ``within`` seconds."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is waited for happens in servers, which set no event of ours
            await asyncio.sleep(0.01)


class InMemoryManifests(Objects):
    """Manifests in memory: for tests of many stories, where a real store would be most of the work."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, threads=1)
        self._records: dict[str, bytes] = {}

    async def read(self, key: str) -> bytes | None:
        """The record, if there is one."""
        return self._records.get(key)

    async def create(self, key: str, data: bytes) -> bool:
        """Keep it; the first writer wins."""
        return self._records.setdefault(key, data) is data

    async def pages(self, prefix: str, *, delimiter: str = "") -> AsyncIterator[Page]:
        """The records under a prefix, as one page."""
        yield Page([(key, len(data)) for key, data in self._records.items() if key.startswith(prefix)], [])


@dataclass
class System:
    """What a test may touch."""

    settings: Settings
    makers: QuickMakers
    api: api.RunningApi
    status: status.RunningStatus
    workers: dict[Service, worker.RunningWorker]
    bus: Bus
    key: str
    http: ClientSession
    stack: AsyncExitStack = field(repr=False)
    spans: Callable[[str], Spans] | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def pool(self) -> Pool:
        return self.api.pool

    async def work(
        self, service: Service, *, makers: QuickMakers | None = None, objects: Objects | None = None, **settings: Any
    ) -> worker.RunningWorker:
        """Start one more worker; it is the one that ``workers`` knows."""
        changed = self.settings.model_copy(update=settings)
        spans = self.spans and self.spans(service.value)
        found = await worker.serve((makers or self.makers).compose(service), changed, objects=objects, spans=spans)
        self.stack.push_async_callback(found.stop)
        self.workers[service] = found
        return found

    async def post(self, brief: dict[str, Any] | None = None) -> UUID:
        """Create a story over HTTP; its id. Asks again, with the same key, where it is to try again."""
        headers = self.headers | {"Idempotency-Key": str(uuid4())}
        for _ in range(5):
            async with self.http.post(f"{self.api.url}/api/v1/stories", json=brief or BRIEF, headers=headers) as answer:
                if answer.status == 503 and (await answer.json())["code"] == "too_slow":
                    continue  # a busy machine's answer
                assert answer.status == 202, await answer.text()
                return UUID((await answer.json())["id"])
        raise TimeoutError("five times too slow")

    async def get(self, story_id: UUID) -> dict[str, Any]:
        """The story over HTTP."""
        async with self.http.get(f"{self.api.url}/api/v1/stories/{story_id}", headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def read_stream(self, story_id: UUID, *, after: int | None = None, url: str | None = None) -> list[SseEvent]:
        """The story's progress stream to its end."""
        return [one async for one in self.stream(story_id, after=after, url=url)]

    async def stream(
        self, story_id: UUID, *, after: int | None = None, url: str | None = None
    ) -> AsyncIterator[SseEvent]:
        """The story's progress stream, one event after the other."""
        headers = self.headers if after is None else {**self.headers, "Last-Event-ID": str(after)}
        address = f"{url or self.status.url}/api/v1/stories/{story_id}/events"
        async with self.http.get(address, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            fields: dict[str, str] = {}
            async for line in answer.content:
                text = line.decode().rstrip("\n")
                if text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                elif fields:
                    if "event" in fields:
                        yield fields.get("id"), fields["event"], fields["data"]
                    fields = {}

    async def finished(self, story_id: UUID, *, within: float = 20) -> dict[str, Any]:
        """The story once it has ended, as its stream says."""
        async with asyncio.timeout(within):
            await self.read_stream(story_id)
        return await self.get(story_id)

    async def rows(self, sql: str, *arguments: Any) -> list[Record]:
        found: list[Record] = await self.pool.fetch(sql, *arguments)
        return found

    async def all_ended(self, *, within: float = 40) -> None:
        """Wait until no story is being made."""

        async def ended() -> bool:
            return not await self.rows("SELECT FROM stories WHERE status = 'generating'")

        await until(ended, within=within)

    async def live_jobs(self) -> set[str]:
        """The subjects on JOBS, without the prefix."""
        names = self.bus.names
        try:
            info = await self.bus.js.stream_info(names.jobs, subjects_filter=names.subject("job.>"))
        except NotFoundError:
            return set()
        return {subject.removeprefix(names.prefix) for subject in info.state.subjects or {}}

    async def job(self, story_id: UUID, asset: Asset) -> AssetRequested:
        """The queued job of an asset."""
        (subject,) = [one for one in await self.live_jobs() if one.endswith(f"{story_id}.{asset.value}")]
        message = await self.bus.js.get_last_msg(self.bus.names.jobs, self.bus.names.subject(subject))
        return AssetRequested.model_validate_json(message.data or b"")

    async def dead(self) -> dict[str, Any]:
        """The letters on DEAD by subject; what is no JSON as bytes."""
        names = self.bus.names
        info = await self.bus.js.stream_info(names.dead, subjects_filter=names.subject("dead.>"))
        letters = {}
        for subject in info.state.subjects or {}:
            data = (await self.bus.js.get_last_msg(names.dead, subject)).data or b""
            try:
                letters[subject.removeprefix(names.prefix)] = orjson.loads(data)
            except orjson.JSONDecodeError:
                letters[subject.removeprefix(names.prefix)] = data
        return letters

    async def projector_idle(self) -> None:
        """Wait until the projector has acknowledged every event."""
        names = self.bus.names

        async def quiet() -> bool:
            info = await self.bus.js.consumer_info(names.story, names.projector)
            return not info.num_pending and not info.num_ack_pending

        await until(quiet)


P = TypeVar("P", bound=Projector)


def new_projector(system: System, kind: type[P] = Projector) -> P:  # type: ignore[assignment]
    """A projector that remembers nothing yet."""
    dispatcher, publish = Dispatcher(system.bus), system.status.endpoints.publish
    backlog = Backlog(system.bus, BacklogRepository(system.pool), dispatcher, query_workers, publish)
    admission = Admission(WaitingStories(system.pool, concurrent_stories=100), publish)
    return kind(system.bus, StoryRepository(system.pool), dispatcher, backlog, admission)


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    reconciler: ReconcilerSettings = QUICK,
    workers: Collection[Service] = tuple(Service),
    in_memory: bool = False,
    spans: Callable[[str], Spans] | None = None,
) -> AsyncIterator[System]:
    """The system, from its first service to its last, with the named workers; ``in_memory`` for its manifests.

    ``spans``: makes those of a service.
    """
    async with AsyncExitStack() as stack:
        makers = QuickMakers()
        status_running = await status.serve(settings, reconciler_settings=reconciler, spans=spans and spans("status"))
        stack.push_async_callback(status_running.stop)
        api_running = await api.serve(
            settings.model_copy(update={"status_url": status_running.url}), spans=spans and spans("api")
        )
        stack.push_async_callback(api_running.stop)
        bus = await connect(settings, "tests")
        stack.push_async_callback(bus.close)
        key = await add_key(api_running.pool, "tests", "tests")
        http = await stack.enter_async_context(ClientSession(middlewares=(check_answer,)))
        system = System(settings, makers, api_running, status_running, {}, bus, key, http, stack, spans)
        for service in workers:
            await system.work(service, objects=InMemoryManifests(settings) if in_memory else None)
        yield system
