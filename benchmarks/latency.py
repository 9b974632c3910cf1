"""From the commit of a change to a client of the progress stream, over real HTTP, with handlers that do no work.

Three loads: 50 stories in flight whose assets take about two seconds each, one reader a story; 50 in flight as fast as
they can be made, where both cores are full and readers queue for them; one story with 200 readers. Status and the
four workers run in a process each; this one asks for stories and reads their streams. Status stamps updates with the
time right after the commit; what a reader finds in the history instead has no stamp and is not counted.
"""

import asyncio
import logging
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from uuid import UUID

import orjson
import structlog
import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector
from pydantic import SecretStr

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.ours import BRIEF, NoStore, serve_role
from client.sse import read_events
from local.nats import EmbeddedNats
from local.ports import free_port
from local.postgres import EmbeddedPostgres
from services.api.app import Endpoints
from services.api.commands import Commands
from storyloom.db.migrate import migrate
from storyloom.db.pool import open_pool
from storyloom.jobs import worker
from storyloom.messaging.broker import Broker
from storyloom.messaging.topology import provision
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Service
from storyloom.story.jobs import AssetRequested
from storyloom.web.keys import Caller, add_key
from tests.makers import QuickMakers

ROLES = ("status", "content", "images", "audio", "documents")
CONCURRENT_STORIES = 50
TENANT = "benchmark"


@dataclass(frozen=True, slots=True)
class Load:
    """One load: how many stories, how many at once, readers of each, seconds that an asset takes."""

    name: str
    stories: int
    flight: int
    readers: int
    making: float


LOADS = (
    Load("latency", stories=100, flight=CONCURRENT_STORIES, readers=1, making=2),
    Load("latency_full", stories=300, flight=CONCURRENT_STORIES, readers=1, making=0),
    Load("latency_crowd", stories=3, flight=1, readers=200, making=0.1),
)
QUICK_LOADS = (
    Load("latency", stories=50, flight=CONCURRENT_STORIES, readers=1, making=2),
    Load("latency_full", stories=60, flight=CONCURRENT_STORIES, readers=1, making=0),
    Load("latency_crowd", stories=1, flight=1, readers=200, making=0.1),
)


def quiet() -> None:
    """Log nothing but errors: thousands of jobs end in a round."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def serve(role: str, settings: Settings, making: float, ready: Event) -> None:
    """The body of a child process: status, stamped as in ours.py, or a worker whose handlers take time."""
    quiet()
    if role == "status" or not making:
        serve_role(role, settings, ready)
        return

    async def wait(_job: AssetRequested) -> None:
        # Handlers differ; in step, fifty stories would change at the same fifty moments.
        await asyncio.sleep(making * random.uniform(0.5, 1.5))

    async def run() -> None:
        makers = QuickMakers(alike=True)
        makers.before = wait
        await worker.serve(makers.compose(Service(role)), settings, objects=NoStore(settings))
        ready.set()
        await asyncio.Event().wait()

    uvloop.run(run())


@asynccontextmanager
async def running_processes(settings: Settings, making: float) -> AsyncIterator[None]:
    """Status and workers, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    children = []
    for role in ROLES:
        ready = context.Event()
        port = settings.http_port if role == "status" else 0
        own = settings.model_copy(update={"http_port": port})
        child = context.Process(target=serve, args=(role, own, making, ready), name=role, daemon=True)
        child.start()
        children.append((child, ready))
    try:
        for child, ready in children:
            if not await asyncio.to_thread(ready.wait, 60):
                raise RuntimeError(f"{child.name} did not start")
        yield
    finally:
        for child, _ in children:
            child.kill()
            child.join()


class Clients:
    """Asks for stories and reads their streams. ``took`` holds milliseconds from commit to reader."""

    def __init__(self, commands: Commands, http: ClientSession, url: str) -> None:
        self.took: list[float] = []
        self.from_history = 0
        self._commands = commands
        self._http = http
        self._url = url

    async def run(self, load: Load) -> None:
        """A load, from its first story to its last reader's end."""
        slots = asyncio.Semaphore(load.flight)

        async def one() -> None:
            async with slots:
                await self._story(load.readers)

        async with asyncio.timeout(180), asyncio.TaskGroup() as group:
            for _ in range(load.stories):
                group.create_task(one())

    async def _story(self, readers: int) -> None:
        who = Caller(TENANT, frozenset({"admin"}))
        trace = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
        story_id = (await self._commands.create(who, BRIEF, trace=trace)).id
        async with asyncio.TaskGroup() as group:
            for _ in range(readers):
                group.create_task(self._read(story_id))

    async def _read(self, story_id: UUID) -> None:
        """One reader, until the story's end."""
        async with self._http.get(f"{self._url}/api/v1/stories/{story_id}/events", raise_for_status=True) as response:
            async for event in read_events(response.content.iter_any()):
                if event.data:
                    self._record(event.data, time.time())

    def _record(self, data: str, now: float) -> None:
        update = orjson.loads(data)
        if "committed" in update:
            self.took.append(1e3 * (now - update["committed"]))
        else:
            self.from_history += 1


async def measure(load: Load, settings: Settings) -> dict[str, float]:
    """One load after a warm-up: its p50 and p99."""
    pool, endpoints = await open_pool(settings, size=8), Endpoints()
    broker = Broker(settings, "benchmark", routers=[endpoints.router])
    await broker.connect()
    await provision(broker.bus.js, settings)
    await broker.start()
    key = await add_key(pool, TENANT, TENANT)
    headers, connector = {"Authorization": f"Bearer {key}"}, TCPConnector(limit=0)
    try:
        async with (
            running_processes(settings, load.making),
            ClientSession(headers=headers, connector=connector, timeout=ClientTimeout(total=180)) as http,
        ):
            clients = Clients(
                Commands(
                    pool, endpoints.events, endpoints.screening(settings.model_copy(update={"screening_seconds": 0.2}))
                ),
                http,
                f"http://127.0.0.1:{settings.http_port}",
            )
            await clients.run(Load("warm-up", stories=10, flight=10, readers=2, making=load.making))
            clients.took.clear()
            clients.from_history = 0
            await clients.run(load)
    finally:
        await broker.stop()
        await pool.close()
    took = sorted(clients.took)
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    print(
        f"{load.name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {took[-1]:.1f} ms of {len(took)} seen live"
        f" ({clients.from_history} from history and passing)",
        flush=True,
    )
    return {f"{load.name}_p50_ms": p50, f"{load.name}_p99_ms": p99}


async def run(rounds: int, loads: tuple[Load, ...]) -> dict[str, float]:
    """Every load in every round, on the same servers; the medians."""
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storyloom-bench-")))
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        url = await stack.enter_async_context(EmbeddedPostgres(folder / "postgres"))
        address = await stack.enter_async_context(EmbeddedNats(folder / "nats"))
        migrate(url)
        settings = Settings(
            database_url=SecretStr(url),
            nats_url=address.url,
            s3_endpoint_url="http://127.0.0.1:9",
            http_port=free_port(),
            # As many as are in flight: the latency is measured, not the queue before the handlers.
            slots_normal=256,
        )
        for _ in range(rounds):
            for load in loads:
                for name, value in (await measure(load, settings)).items():
                    found.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=3)
    quiet()
    report(uvloop.run(run(options.rounds, QUICK_LOADS if options.quick else LOADS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
