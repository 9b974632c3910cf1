"""Requests: how long POST takes at fifty a second, and whether another replica knows the story at once.

Requests come at their times, whether or not those before them were answered, and each is timed from when it was due.
The stories that they ask for stay where they are: makers take minutes. Then a story after another is asked for from
one replica of api, and read at once from another: its resource, and the first event of its stream.
"""

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass

import uvloop
from aiohttp import ClientSession, TCPConnector

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.processes import BRIEF, Processes, quiet, running_processes
from benchmarks.timings import Durations
from services.api import app as api
from storyloom.db.pool import open_pool
from storyloom.web.keys import add_key

RATE = 50
"""Requests a second."""
AT_ONCE = 10
"""Stories that are asked for and read at a time."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many requests at that rate, and how many stories are read at once on another replica."""

    posts: int
    reads: int


FULL, QUICK = Size(posts=1_500, reads=1_000), Size(posts=200, reads=100)


class Client:
    """As much of a client as is timed: requests, and nothing else."""

    def __init__(self, http: ClientSession, key: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"}

    async def post(self, url: str) -> str:
        """Ask for a story; its id."""
        async with self._http.post(f"{url}/api/v1/stories", json=BRIEF, headers=self._headers) as answer:
            answer.raise_for_status()
            return str((await answer.json())["id"])

    async def knows(self, url: str, story_id: str) -> bool:
        """Whether an api has the story, and its stream begins."""
        where = f"{url}/api/v1/stories/{story_id}"
        async with self._http.get(where, headers=self._headers) as answer:
            found = answer.status == 200
        async with self._http.get(f"{where}/events", headers=self._headers) as answer:
            return found and answer.status == 200 and b"retry:" in await answer.content.readline()


async def timed(client: Client, url: str, count: int) -> list[float]:
    """Milliseconds of each POST, from when it was due."""
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.1
    took: list[float] = []

    async def one(number: int) -> None:
        due = begin + number / RATE
        await asyncio.sleep(due - loop.time())
        await client.post(url)
        took.append(1e3 * (loop.time() - due))

    await asyncio.gather(*(one(number) for number in range(count)))
    return sorted(took)


async def unknown(client: Client, one: str, other: str, count: int) -> float:
    """How many of so many stories that one replica has accepted the other did not know at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def is_unknown() -> bool:
        async with slots:
            return not await client.knows(other, await client.post(one))

    return float(sum(await asyncio.gather(*(is_unknown() for _ in range(count)))))


async def measure(processes: Processes, size: Size) -> dict[str, float]:
    """Both, on one system with a second replica of api in this process."""
    pool = await open_pool(processes.settings, size=1)
    key = await add_key(pool, "requests", "requests")
    await pool.close()
    here = processes.settings.model_copy(
        update={"http_port": 0, "status_url": f"http://127.0.0.1:{processes.settings.http_port + 1}"}
    )
    second = await api.serve(here)
    try:
        async with ClientSession(connector=TCPConnector(limit=0)) as http:
            client, url = Client(http, key), f"http://127.0.0.1:{processes.settings.http_port}"
            await timed(client, url, RATE)  # what is made once is made
            took = await timed(client, url, size.posts)
            began = time.monotonic()
            missed = await unknown(client, url, second.url, size.reads)
            print(f"{size.reads} stories read at once in {time.monotonic() - began:.0f} s", flush=True)
    finally:
        await second.stop()
    return {
        "post_p50_ms": statistics.median(took),
        "post_p99_ms": took[int(len(took) * 0.99)],
        "post_max_ms": took[-1],
        "unknown_stories": missed,
    }


async def run(rounds: int, size: Size) -> dict[str, float]:
    """Every round on servers of its own; the medians."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        async with running_processes(Durations(600)) as processes:
            for name, value in (await measure(processes, size)).items():
                found.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=1)
    quiet()
    report(uvloop.run(run(options.rounds, QUICK if options.quick else FULL)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
