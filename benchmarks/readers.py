"""Readers of the progress stream: many at once, on one status process, over raw sockets.

First they only read: what a stream costs that is idle, in memory and CPU of the process. Then one story that all of
them watch changes some times; at last each of a thousand watches a story of its own, and these change one by one.
Changes are committed as the projector commits them, stamped right after, and read by this process. ``--through api``
reads through the api's own port, with the same clients.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import uvloop

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.processes import Processes, quiet, running_processes
from benchmarks.timings import Durations
from storyloom.db.pool import Pool, open_pool
from storyloom.messaging.connection import Bus, connect
from storyloom.web.keys import add_key
from storyloom.web.server import raise_file_limit

TENANT = "readers"
STAMP = re.compile(rb'"committed":([0-9.]+)')
QUIET_SECONDS = 2.0
OPENING = 50
"""Streams that are being opened at a time."""
ATTEMPTS = 5
"""To open a stream: on a busy machine status may have no time for one, and says so."""
SNAPSHOT = {"overall": "generating", "assets": {"cover": {"status": "generating", "progress": 0}}}


@dataclass(frozen=True, slots=True)
class Size:
    """How many readers; of one story, and each of its own; seconds of idleness, and changes of either."""

    readers: int
    streams: int
    idle: float
    events: int
    changes: int


FULL = Size(readers=5_000, streams=1_000, idle=30, events=20, changes=2_000)
QUICK = Size(readers=200, streams=100, idle=5, events=5, changes=200)


class Reader(asyncio.Protocol):
    """One stream, of which nothing but the stamps is looked at."""

    def __init__(self, request: bytes, took: list[float]) -> None:
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._took = took

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert hasattr(transport, "write")
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note how long ago it was committed."""
        now = time.time()
        self._took += [1e3 * (now - float(stamp)) for stamp in STAMP.findall(data)]
        if self.begun.done():
            return
        if b"event: snapshot" in data:
            self.begun.set_result(None)
        elif b": not available" in data:
            self.begun.set_exception(ConnectionError("status has no time for another stream just now"))

    def connection_lost(self, exc: Exception | None) -> None:
        """A stream that ends before its time spoils the figures."""
        if not self.begun.done():
            self.begun.set_exception(exc or ConnectionError("the stream did not begin"))


@dataclass
class Crowd:
    """Readers of stories that nobody makes, and what changes those."""

    pool: Pool
    bus: Bus
    port: int
    key: str

    async def add_stories(self, count: int) -> list[UUID]:
        """Stories that are generating, and stay so."""
        ids = [uuid4() for _ in range(count)]
        await self.pool.execute(
            "INSERT INTO stories (id, tenant_id, request, status, seq, asset_generation_status)"
            " SELECT id, $2, '{}', 'generating', 1, $3 FROM unnest($1::uuid[]) AS n (id)",
            ids,
            TENANT,
            SNAPSHOT,
        )
        snapshot = {"seq": 1, "status": "generating", "assetGenerationStatus": SNAPSHOT}
        await self.pool.execute(
            "INSERT INTO story_events (story_id, seq, event, data)"
            " SELECT id, 1, 'snapshot', $2 FROM unnest($1::uuid[]) AS n (id)",
            ids,
            snapshot,
        )
        return ids

    async def read(self, stories: Sequence[UUID], took: list[float]) -> list[asyncio.Transport]:
        """A stream of each, open."""
        slots, loop = asyncio.Semaphore(OPENING), asyncio.get_running_loop()

        async def one(story_id: UUID) -> asyncio.Transport:
            head = f"GET /api/v1/stories/{story_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}"
            async with slots:
                for _ in range(ATTEMPTS - 1):
                    with suppress(ConnectionError):
                        return await open_one(f"{head}\r\n\r\n".encode())
                return await open_one(f"{head}\r\n\r\n".encode())

        async def open_one(request: bytes) -> asyncio.Transport:
            transport, reader = await loop.create_connection(lambda: Reader(request, took), "127.0.0.1", self.port)
            try:
                await asyncio.wait_for(reader.begun, 60)
            except ConnectionError:
                transport.close()
                raise
            return transport

        return list(await asyncio.gather(*(one(story_id) for story_id in stories)))

    async def change(self, story_id: UUID) -> None:
        """As the projector does: commit an update, then publish it."""
        data: dict[str, object] = {"asset": "cover", "status": "generating", "progress": 0}
        seq = await self.pool.fetchval(
            "WITH s AS (UPDATE stories SET seq = seq + 1, version = version + 1 WHERE id = $1 RETURNING seq)"
            " INSERT INTO story_events (story_id, seq, event, data) SELECT $1, seq, 'asset', $2 FROM s RETURNING seq",
            story_id,
            data,
        )
        update = {"seq": seq, "event": "asset", "data": {**data, "committed": time.time()}}
        await self.bus.client.publish(self.bus.names.subject(f"status.{story_id}"), orjson.dumps([update]))
        await self.bus.client.flush()


def memory_kb(pid: int) -> int:
    """What a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


def cpu_seconds(pid: int) -> float:
    """What it has worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(processes: Processes, size: Size, through: str) -> dict[str, float]:
    """All of it, on one system."""
    pool = await open_pool(processes.settings, size=4)
    bus = await connect(processes.settings, "benchmark")
    port = processes.settings.http_port + (0 if through == "api" else 1)
    crowd = Crowd(pool, bus, port, await add_key(pool, TENANT, TENANT))
    pid = processes.pids(through)[0]
    try:
        (story,) = await crowd.add_stories(1)
        took: list[float] = []
        for transport in await crowd.read([story] * OPENING, took):  # whatever is made once is made
            transport.close()
        await asyncio.sleep(2)
        before = memory_kb(pid)
        watchers = await crowd.read([story] * size.readers, took)
        await asyncio.sleep(3)
        each = (memory_kb(pid) - before) / size.readers
        worked = cpu_seconds(pid)
        await asyncio.sleep(size.idle)
        cpu = 100 * (cpu_seconds(pid) - worked) / size.idle
        print(f"{size.readers} idle streams at {through}: {each:.1f} kB each, CPU {cpu:.1f} %", flush=True)
        for number in range(1, size.events + 1):
            await crowd.change(story)
            await _all(took, number * size.readers)
        print(f"{len(took)} of {size.events * size.readers} seen live", flush=True)
        watched = sorted(took)
        for transport in watchers:
            transport.close()
        took.clear()
        stories = await crowd.add_stories(size.streams)
        streams = await crowd.read(stories, took)
        for number in range(size.changes):
            await crowd.change(stories[number % size.streams])
            await asyncio.sleep(0.01)
        await _all(took, size.changes)
        for transport in streams:
            transport.close()
    finally:
        await bus.close()
        await pool.close()
    return {
        "idle_kb": each,
        "idle_cpu": cpu,
        "watchers_p50_ms": statistics.median(watched),
        "watchers_p99_ms": watched[int(len(watched) * 0.99)],
        "streams_p50_ms": statistics.median(took),
        "streams_p99_ms": sorted(took)[int(len(took) * 0.99)],
    }


async def _all(took: list[float], count: int) -> None:
    """Wait for so many stamps, or until none has come for a while: what is found in history has none."""
    last, quiet_since = len(took), time.monotonic()
    while len(took) < count and time.monotonic() - quiet_since < QUIET_SECONDS:
        await asyncio.sleep(0.02)
        if len(took) != last:
            last, quiet_since = len(took), time.monotonic()


async def run(rounds: int, size: Size, through: str) -> dict[str, float]:
    """Every round on servers of its own; the medians."""
    raise_file_limit()
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        async with running_processes(Durations(0.1)) as processes:
            for name, value in (await measure(processes, size, through)).items():
                found.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    """Measure in a folder of its own."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--through", choices=("status", "api"), default="status", help="whose port (status)")

    options = read_options(__doc__ or "", rounds=1, more=more)
    quiet()
    report(uvloop.run(run(options.rounds, QUICK if options.quick else FULL, options.through)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
