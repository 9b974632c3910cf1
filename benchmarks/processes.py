"""Every service in a process of its own, for the benchmarks of queues and failures; handlers as in timings.py."""

import asyncio
import logging
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
import structlog
import uvloop
from nats.aio.msg import Msg
from pydantic import SecretStr

from benchmarks.folder_store import FolderStore
from benchmarks.timings import Durations, Moment, Recorder, read_moments
from client import StoryloomClient
from local.nats import EmbeddedNats
from local.ports import free_port, is_free
from local.postgres import EmbeddedPostgres
from services.api import app as api
from services.status import app as status
from storyloom.db.migrate import migrate
from storyloom.db.pool import open_pool
from storyloom.jobs import worker
from storyloom.messaging.connection import connect
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import settle
from storyloom.story.assets import Priority, Service
from storyloom.web.keys import add_key
from tests.makers import QuickMakers

BRIEF: dict[str, Any] = {"characterName": "Mira", "storyType": "adventure", "setting": "a foggy forest"}
START_TIMEOUT_SECONDS = 60.0
"""Seconds in which a process must have started, on a busy machine too."""

STUCK_TIMEOUT_SECONDS = 600.0
"""Seconds after which something counts as stuck."""
CONCURRENT_REQUESTS = 20
"""Requests under way at once."""

T = TypeVar("T")


@dataclass
class Processes:
    """The processes, and the servers under them. ``start`` and ``kill`` by role: api, status, or a worker's service."""

    settings: Settings
    durations: Durations
    nats: EmbeddedNats
    postgres: EmbeddedPostgres
    folder: Path
    client: StoryloomClient
    _children: dict[str, list[BaseProcess]] = field(default_factory=dict)

    async def start(self, role: str) -> None:
        """One more process of a role, ready to work."""
        context = multiprocessing.get_context("spawn")
        ready = context.Event()
        arguments = (role, self.settings, self.durations, self.folder, ready)
        child = context.Process(target=serve, args=arguments, name=role, daemon=True)
        child.start()
        self._children.setdefault(role, []).append(child)
        if not await asyncio.to_thread(ready.wait, START_TIMEOUT_SECONDS):
            raise RuntimeError(f"{role} did not start")

    def kill(self, role: str, pid: int | None = None) -> None:
        """SIGKILL the processes of a role, or one of them."""
        for child in self._children.get(role, []):
            if pid in {None, child.pid}:
                child.kill()
                child.join()

    def pids(self, role: str) -> list[int]:
        """The processes of a role."""
        return [child.pid for child in self._children.get(role, []) if child.pid is not None]

    def stop(self) -> None:
        """Kill everybody."""
        for role in self._children:
            self.kill(role)

    def moments(self) -> list[Moment]:
        """Everything that was recorded so far, in the order of time."""
        return read_moments(self.folder)

    async def ask(self, count: int, priority: Priority = Priority.NORMAL) -> None:
        """Ask for stories, and do not wait for them."""
        slots = asyncio.Semaphore(CONCURRENT_REQUESTS)

        async def one() -> None:
            async with slots:
                await self.client.create({**BRIEF, "priority": priority.value})

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(one())

    @asynccontextmanager
    async def listen(self, *subjects: str) -> AsyncIterator[list[float]]:
        """When a message came on these subjects of core NATS, in epoch seconds; the list grows."""
        received: list[float] = []

        async def receive(_message: Msg) -> None:
            received.append(time.time())

        bus = await connect(self.settings, "benchmark")
        try:
            for subject in subjects:
                await bus.client.subscribe(bus.names.subject(subject), cb=receive)
            await bus.client.flush()
            yield received
        finally:
            await bus.close()

    async def all_ended(self) -> float:
        """Wait until no story is being made; how many ended otherwise than ready."""

        async def ended() -> bool:
            return not await self._count("status = 'generating'")

        await until(ended)
        return float(await self._count("status <> 'ready'"))

    async def _count(self, which: str) -> int:
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        try:
            return int(await connection.fetchval(f"SELECT count(*) FROM stories WHERE {which}"))
        finally:
            await connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()


async def until(found: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is something."""
    async with asyncio.timeout(STUCK_TIMEOUT_SECONDS):
        while not (answer := await found()):  # noqa: ASYNC110 - records are files of other processes: they set no event
            await asyncio.sleep(0.02)
    return answer


def quiet() -> None:
    """Log nothing: servers are killed here, and every client would log it."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def serve(role: str, settings: Settings, durations: Durations, folder: Path, ready: Any) -> None:
    """The body of a child process: one service until it is killed."""
    quiet()

    async def run() -> None:
        match role:
            case "api":
                status_url = f"http://127.0.0.1:{settings.http_port + 1}"
                await api.serve(settings.model_copy(update={"status_url": status_url}))
            case "status":
                await status.serve(settings.model_copy(update={"http_port": settings.http_port + 1}))
            case _:
                makers = QuickMakers(alike=True)
                makers.before = Recorder(folder, durations).take_time
                own = settings.model_copy(update={"http_port": 0})
                store = FolderStore(own, folder / "store")
                await worker.serve(makers.compose(Service(role)), own, objects=store)
        settle()
        ready.set()
        await asyncio.Event().wait()

    uvloop.run(run())


@asynccontextmanager
async def running_processes(durations: Durations, workers: int = 1, **settings: Any) -> AsyncIterator[Processes]:
    """Everything up: servers of its own, api, status, and so many processes of each worker service."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storyloom-bench-")))
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        postgres, nats = EmbeddedPostgres(folder / "postgres"), EmbeddedNats(folder / "nats")
        url = await stack.enter_async_context(postgres)
        address = await stack.enter_async_context(nats)
        migrate(url)
        found = Settings.model_validate(
            {
                "database_url": SecretStr(url),
                "nats_url": address.url,
                "s3_endpoint_url": "http://127.0.0.1:9",
                "http_port": _two_ports(),
                **settings,
            }
        )
        key = await _key(found)
        client = await stack.enter_async_context(StoryloomClient(f"http://127.0.0.1:{found.http_port}", key))
        processes = await stack.enter_async_context(Processes(found, durations, nats, postgres, folder, client))
        for role in ("status", "api", *(service.value for service in Service for _ in range(workers))):
            await processes.start(role)
        yield processes


def _two_ports() -> int:
    """A port for the api whose neighbour, which status takes, is free too."""
    while (port := free_port()) and not is_free(port + 1):
        continue
    return port


async def _key(settings: Settings) -> str:
    pool = await open_pool(settings, size=1)
    try:
        return await add_key(pool, "benchmark", "benchmark")
    finally:
        await pool.close()
