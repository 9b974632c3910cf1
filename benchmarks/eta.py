"""How often a story's ``eta`` held: stories played on a local system, whose ranges are compared with their ends.

Services run in processes of their own; handlers take times that differ as the vendors' do (log-normal about a median
for each kind of asset). A first lot of stories makes the past. Then stories are made some at a time, and every range
that their streams tell is kept: the first, which came with nothing done yet, and all of them. A range holds if the
story ends within it.
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uvloop

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.processes import BRIEF, Processes, quiet, running_processes
from benchmarks.timings import Durations
from client import StoryloomClient
from storyloom.story.assets import PICTURES, Asset
from storyloom.web.past import VALID_SECONDS

SPREAD = 0.35
"""Sigma of the logarithms: nineteen of twenty are between half of the median and twice of it."""
MEDIANS = {Asset.OUTLINE: 0.8, Asset.PORTRAIT: 2.0, Asset.PDF: 0.5, **dict.fromkeys(PICTURES, 2.0)}
OTHERS = 0.4
"""The median of all that is not named, in seconds."""


@dataclass(frozen=True, slots=True)
class Varied(Durations):
    """Times as a vendor's: seldom much longer."""

    def of(self, asset: Asset) -> float:
        return self.by_asset.get(asset, self.seconds) * random.lognormvariate(0, SPREAD)


@dataclass(frozen=True, slots=True)
class Size:
    """How many stories make the past, how many are timed, and how many of those at once."""

    before: int
    timed: int
    flight: int


FULL, QUICK = Size(before=60, timed=100, flight=4), Size(before=10, timed=12, flight=3)


@dataclass(frozen=True, slots=True)
class Played:
    """A story: when it was asked for and when it ended, in epoch seconds, and the ranges that were told meanwhile."""

    began: float
    ended: float
    ranges: Sequence[tuple[float, float]]

    def held(self) -> list[bool]:
        """Of each range, whether the end was within it."""
        return [low <= self.ended <= high for low, high in self.ranges]


async def play(client: StoryloomClient) -> Played:
    """One story, followed to its end."""
    began, ended, ranges = time.time(), 0.0, []
    story = await client.create(BRIEF)
    async for event in client.events(story["id"]):
        if event.name == "eta":
            ranges.append(_range(event.data["eta"]))
        elif event.name == "story":
            ended = datetime.fromisoformat(event.data["completedAt"]).timestamp()
    return Played(began, ended, ranges)


def _range(eta: dict[str, Any]) -> tuple[float, float]:
    return datetime.fromisoformat(eta["from"]).timestamp(), datetime.fromisoformat(eta["to"]).timestamp()


async def measure(processes: Processes, size: Size) -> dict[str, float]:
    """The past, then the stories that count."""
    slots = asyncio.Semaphore(size.flight)

    async def one() -> Played:
        async with slots:
            return await play(processes.client)

    await asyncio.gather(*(one() for _ in range(size.before)))
    await asyncio.sleep(VALID_SECONDS + 1)  # until what was known before is too old to be used
    found = [story for story in await asyncio.gather(*(one() for _ in range(size.timed))) if story.ranges]
    if not found:
        raise RuntimeError("no story was told a range")
    first = [story.held()[0] for story in found]
    every = [held for story in found for held in story.held()]
    widths = [(story.ranges[0][1] - story.ranges[0][0]) / (story.ended - story.began) for story in found]
    late = sum(story.ended > story.ranges[0][1] for story in found) / len(found)
    print(
        f"{len(found)} stories of {size.timed}, {len(every)} ranges; {sum(first)} first ones held,"
        f" {100 * late:.0f} % of the stories came after theirs",
        flush=True,
    )
    return {
        "eta_first_held": sum(first) / len(first),
        "eta_held": sum(every) / len(every),
        "eta_width": statistics.median(widths),
    }


async def run(rounds: int, size: Size) -> dict[str, float]:
    """Every round on servers of its own; the medians."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        async with running_processes(Varied(OTHERS, MEDIANS)) as processes:
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
