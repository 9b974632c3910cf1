"""Priorities: urgent stories while 500 normal ones wait, and normal ones while urgent ones pour in.

Makers take about a second an asset, services run in processes of their own with the slots that they have by default.
First some urgent stories, one after the other, have the machine to themselves; then 500 normal stories are asked for,
and while they wait the same number of urgent ones again. Counted is what their reader sees, from the request: the
first thing that is there, and the end. What counts is the ratio of the medians. At last urgent stories pour in, more
than their slots can hold: what the handlers of normal ones end a second meanwhile is compared with before.
"""

import asyncio
import itertools
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import uvloop

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.processes import BRIEF, Processes, quiet, running_processes, until
from benchmarks.timings import Durations, Moment
from client import StoryEvent
from storyloom.story.assets import GRAPH, Priority, Service


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each: stories that wait, urgent ones that are timed, urgent ones that pour in, seconds compared."""

    waiting: int
    timed: int
    flood: int
    seconds: float


FULL, QUICK = Size(waiting=500, timed=8, flood=60, seconds=20), Size(waiting=60, timed=2, flood=15, seconds=5)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader saw: seconds from the request to the first thing that is there, and to the end."""

    first: float
    end: float


async def watch(processes: Processes) -> Seen:
    """One urgent story, from the request on."""
    began, first = time.monotonic(), 0.0
    story = await processes.client.create({**BRIEF, "priority": Priority.URGENT.value})
    async for event in processes.client.events(story["id"]):
        if not first and _is_there(event):
            first = time.monotonic() - began
    if (ended := await processes.client.get(story["id"]))["status"] != "ready":
        raise RuntimeError(f"an urgent story ended {ended['status']}")
    return Seen(first, time.monotonic() - began)


def _is_there(event: StoryEvent) -> bool:
    return event.name in {"outline", "text"} or (event.name == "asset" and event.data["status"] == "ready")


async def measure(processes: Processes, size: Size) -> dict[str, float]:
    """One round: alone, among those that wait, and the flood."""
    await watch(processes)  # the first one finds everything cold
    alone = [await watch(processes) for _ in range(size.timed)]
    await processes.ask(size.waiting)
    await _at_work(processes, Priority.NORMAL)
    among = [await watch(processes) for _ in range(size.timed)]
    before = time.time()
    await asyncio.sleep(size.seconds)
    await processes.ask(size.flood, Priority.URGENT)
    await _at_work(processes, Priority.URGENT)
    flooded = time.time()
    await asyncio.sleep(size.seconds)
    moments = processes.moments()
    calm = _normal_ends(moments, before, before + size.seconds)
    busy = _normal_ends(moments, flooded, flooded + size.seconds)
    urgent = [one for one in moments if one.priority == "urgent" and one.what == "ended" and one.at > flooded]
    gap = _longest_gap([flooded, *(one.at for one in busy), flooded + size.seconds])
    found = {
        "urgent_first_ratio": _ratio([one.first for one in among], [one.first for one in alone]),
        "urgent_end_ratio": _ratio([one.end for one in among], [one.end for one in alone]),
        "urgent_first_s": statistics.median(one.first for one in among),
        "urgent_end_s": statistics.median(one.end for one in among),
        "normal_share": _least_share(calm, busy),
        "normal_gap_s": gap,
    }
    print(
        f"urgent alone: first {_list(one.first for one in alone)}, end {_list(one.end for one in alone)}\n"
        f"urgent among {size.waiting} normal: first {_list(one.first for one in among)},"
        f" end {_list(one.end for one in among)}\n"
        f"normal: {len(calm) / size.seconds:.1f} assets/s, {len(busy) / size.seconds:.1f} while {size.flood} urgent"
        f" stories pour in ({len(urgent) / size.seconds:.1f} urgent assets/s), longest pause {gap:.2f} s",
        flush=True,
    )
    return found


async def _at_work(processes: Processes, priority: Priority) -> None:
    """Wait until the handlers of pictures and of words work on a priority."""
    wanted = {Service.CONTENT, Service.IMAGES}

    async def found() -> bool:
        return wanted <= {_service(one) for one in processes.moments() if one.priority == priority}

    await until(found)


def _service(moment: Moment) -> Service:
    return GRAPH[moment.asset].service


def _normal_ends(moments: Sequence[Moment], begin: float, end: float) -> list[Moment]:
    return [one for one in moments if one.priority == "normal" and one.what == "ended" and begin <= one.at < end]


def _least_share(calm: Sequence[Moment], busy: Sequence[Moment]) -> float:
    """What is left of the slowest service's pace: content or images, which always have normal work waiting."""
    before, after = Counter(map(_service, calm)), Counter(map(_service, busy))
    return min(after[service] / before[service] for service in (Service.CONTENT, Service.IMAGES))


def _longest_gap(times: Sequence[float]) -> float:
    return max(after - before for before, after in itertools.pairwise(times))


def _ratio(among: Sequence[float], alone: Sequence[float]) -> float:
    return statistics.median(among) / statistics.median(alone)


def _list(seconds: Iterable[float]) -> str:
    return " ".join(f"{one:.2f}" for one in seconds)


async def run(rounds: int, size: Size) -> dict[str, float]:
    """Every round on servers of its own; the medians."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        async with running_processes(Durations(1.0)) as processes:
            for name, value in (await measure(processes, size)).items():
                found.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=3)
    quiet()
    report(uvloop.run(run(options.rounds, QUICK if options.quick else FULL)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
