"""Providers that take their time: how much longer the whole story takes than its slowest path must.

The studio answers as slowly as the vendors do, scaled down so that a round takes a minute. What the path must take is
read from the very same story: ``asset_generation_jobs`` says when each asset was begun and done, and which provider
calls it made and how long each took.

The slowest path is the longest of outline and portrait → pictures → pdf or epub, and outline → texts → narrations →
join → epub. Its length is taken twice: by what the jobs took (so that waiting between jobs, queues and serial work
show), and by what the provider calls in them took (so that our own work inside the jobs shows too; books and join,
which are our own work, count as they were).
"""

import asyncio
import os
import statistics
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.product import running
from storyloom.story.assets import GRAPH, NARRATIONS, PICTURES, TEXTS, Asset

SCALE, QUICK_SCALE = 0.5, 0.15
"""Below a third, two cores draw and speak more slowly than the scaled vendors answer."""
PICTURE_PATH = frozenset({Asset.OUTLINE, Asset.PORTRAIT, *PICTURES, Asset.PDF})
SOUND_PATH = frozenset({Asset.OUTLINE, *TEXTS, *NARRATIONS, Asset.AUDIO, Asset.EPUB})
WITHOUT_PROVIDER = frozenset({Asset.PDF, Asset.EPUB, Asset.AUDIO})


@dataclass(frozen=True, slots=True)
class Job:
    """How one asset was made: seconds from its start to its end, and those of its provider calls in all."""

    seconds: float
    calls: float


def longest(end: Asset, seconds: Mapping[Asset, float], among: Collection[Asset]) -> float:
    """The length of the longest path through the graph to an asset, over some assets only."""
    before = [longest(need, seconds, among) for need in GRAPH[end].waits_for if need in among]
    return seconds[end] + max(before, default=0.0)


def critical(seconds: Mapping[Asset, float]) -> float:
    """The slowest of the paths."""
    return max(longest(Asset.PDF, seconds, PICTURE_PATH), longest(Asset.EPUB, seconds, PICTURE_PATH | SOUND_PATH))


async def read_story(url: str, story_id: UUID) -> tuple[float, dict[Asset, Job]]:
    """Seconds that the story took, and its jobs. Raises RuntimeError for a job that was tried more than once."""
    connection = await asyncpg.connect(url)
    try:
        whole = await connection.fetchval(
            "SELECT extract(epoch FROM asset_generation_completed_at - asset_generation_started_at)::float"
            " FROM stories WHERE id = $1",
            story_id,
        )
        rows = await connection.fetch(
            "SELECT asset_type, retry_count, metadata, extract(epoch FROM completed_at - started_at)::float AS seconds"
            " FROM asset_generation_jobs WHERE story_id = $1",
            story_id,
        )
    finally:
        await connection.close()
    if again := [row["asset_type"] for row in rows if row["retry_count"]]:
        raise RuntimeError(f"tried again: {', '.join(again)}; the machine is too busy for this scale")
    return float(whole), {Asset(row["asset_type"]): Job(row["seconds"], _calls(row["metadata"])) for row in rows}


def _calls(metadata: str | None) -> float:
    calls: list[dict[str, Any]] = orjson.loads(metadata or "{}").get("calls", [])
    return sum(float(call["seconds"]) for call in calls)


async def measure(home: Path, rounds: int, scale: float) -> dict[str, float]:
    """Some stories, one after the other: the medians of their ratios."""
    wholes, by_jobs, by_calls = [], [], []
    async with running(home, STUDIO_LATENCY="realistic", STUDIO_LATENCY_SCALE=str(scale)) as product:
        for number in range(1, rounds + 1):
            story = await product.make(number)
            whole, jobs = await read_story(product.addresses["databaseUrl"], UUID(story["id"]))
            wholes.append(whole / scale)
            by_jobs.append(whole / critical({asset: job.seconds for asset, job in jobs.items()}))
            paid = {asset: job.seconds if asset in WITHOUT_PROVIDER else job.calls for asset, job in jobs.items()}
            by_calls.append(whole / critical(paid))
            _say(number, whole, by_jobs[-1], by_calls[-1], jobs)
    return {
        "realistic_ratio": statistics.median(by_jobs),
        "realistic_calls_ratio": statistics.median(by_calls),
        "realistic_story_s": statistics.median(wholes),
    }


def _say(number: int, whole: float, jobs_ratio: float, calls_ratio: float, jobs: Mapping[Asset, Job]) -> None:
    print(f"round {number}: {whole:.1f} s, {jobs_ratio:.3f} x by jobs, {calls_ratio:.3f} x by calls", flush=True)
    words = (f"{asset.value} {jobs[asset].seconds:.1f} ({jobs[asset].calls:.1f})" for asset in GRAPH if asset in jobs)
    print("   seconds (of calls): " + ", ".join(words), flush=True)


def main() -> None:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=3)
    with tempfile.TemporaryDirectory(prefix="storyloom-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        scale = QUICK_SCALE if options.quick else SCALE
        report(asyncio.run(measure(Path(folder), options.rounds, scale)))


if __name__ == "__main__":
    main()
