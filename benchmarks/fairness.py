"""Fairness: one tenant's story while another tenant has asked for hundreds at once.

Makers take half a second an asset, services run in processes of their own with the slots that they have by default.
First some stories of one tenant, one after the other, have the machine to themselves. Then another tenant asks for
a thousand at once, and while they wait the first one's stories are made again, one after the other. Counted is what a
client sees, from the request to the end. What counts is the ratio of the medians.
"""

import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import uvloop

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.processes import BRIEF, Processes, quiet, running_processes, until
from benchmarks.timings import Durations
from client import StoryloomClient
from storyloom.db.pool import open_pool
from storyloom.story.assets import GRAPH, Service
from storyloom.web.keys import add_key


@dataclass(frozen=True, slots=True)
class Size:
    """How many stories the large tenant asks for, and how many of the small one are timed."""

    waiting: int
    timed: int


FULL, QUICK = Size(waiting=1000, timed=3), Size(waiting=200, timed=2)
SECONDS = 0.5
"""What a maker takes."""


async def watch(client: StoryloomClient) -> float:
    """One story of the small tenant: seconds from the request to the end."""
    began = time.monotonic()
    story = await client.create(BRIEF)
    async for _ in client.events(story["id"]):
        pass
    took = time.monotonic() - began
    if (ended := await client.get(story["id"]))["status"] != "ready":
        raise RuntimeError(f"the small tenant's story ended {ended['status']}")
    return took


async def measure(processes: Processes, size: Size) -> dict[str, float]:
    """One round: alone, and beside the large tenant."""
    pool = await open_pool(processes.settings, size=1)
    key = await add_key(pool, "small", "small")
    await pool.close()
    async with StoryloomClient(f"http://127.0.0.1:{processes.settings.http_port}", key) as small:
        await watch(small)  # the first one finds everything cold
        alone = [await watch(small) for _ in range(size.timed)]
        await processes.ask(size.waiting)
        await _all_busy(processes)
        beside = [await watch(small) for _ in range(size.timed)]
    print(f"alone: {_list(alone)}\nbeside {size.waiting} stories of another tenant: {_list(beside)}", flush=True)
    return {
        "fair_ratio": statistics.median(beside) / statistics.median(alone),
        "fair_beside_s": statistics.median(beside),
    }


async def _all_busy(processes: Processes) -> None:
    """Wait until words and pictures are made for the large tenant."""
    wanted = {Service.CONTENT, Service.IMAGES}
    began = time.time()

    async def found() -> bool:
        return wanted <= {GRAPH[one.asset].service for one in processes.moments() if one.at > began}

    await until(found)


def _list(seconds: Iterable[float]) -> str:
    return " ".join(f"{one:.2f}" for one in seconds)


async def run(rounds: int, size: Size) -> dict[str, float]:
    """Every round on servers of its own; the medians."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        async with running_processes(Durations(SECONDS)) as processes:
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
