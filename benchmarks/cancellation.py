"""Cancellation: how soon all work on a story ends when its client cancels it in the middle of everything."""

import asyncio
import statistics
import time
from dataclasses import dataclass
from uuid import UUID

from benchmarks.processes import BRIEF, Processes, running_processes, until
from benchmarks.timings import Durations, unfinished_pictures
from storyloom.story.assets import PICTURES, Asset

LISTEN_SECONDS = 4.0
"""Seconds after the request: twice what it may take, so that whatever comes later is seen, too."""


async def measure_cancellation(count: int) -> dict[str, float]:
    """Cancel one story after the other while others flow."""
    async with running_processes(Durations(8, {Asset.OUTLINE: 0.5, Asset.PORTRAIT: 0.5}), slots_normal=64) as processes:
        await processes.ask(8)
        took = [await _cancel(processes) for _ in range(count)]
        moments = processes.moments()
    late = sum(moment.story_id == one.story_id and moment.at > one.at for one in took for moment in moments)
    seconds = [one.seconds for one in took]
    print(
        f"cancel: the last sign of work after {statistics.median(seconds):.3f} s, at most {max(seconds):.3f} s;"
        f" {sum(one.stopped for one in took)} handlers stopped, {late} signs of work later than {LISTEN_SECONDS:g} s",
        flush=True,
    )
    return {"cancel_s": max(seconds), "cancel_p50_s": statistics.median(seconds), "cancel_late": late}


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What a cancelled story still did: seconds until its last sign, when that was, handlers that were stopped."""

    story_id: UUID
    seconds: float
    at: float
    stopped: int


async def _cancel(processes: Processes) -> Cancellation:
    story_id = UUID((await processes.client.create(BRIEF))["id"])

    async def at_work() -> bool:
        return sum(one.story_id == story_id for one in unfinished_pictures(processes.moments())) >= len(PICTURES)

    await until(at_work)
    async with processes.listen(f"status.{story_id}", f"live.{story_id}.>") as received:
        asked = time.time()
        await processes.client.cancel(story_id)
        await asyncio.sleep(LISTEN_SECONDS)
    moments = [one for one in processes.moments() if one.story_id == story_id and one.at > asked]
    last = max([asked, *received, *(one.at for one in moments)])
    return Cancellation(story_id, last - asked, last, sum(one.what == "stopped" for one in moments))
