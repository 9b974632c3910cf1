"""Silence: how soon all work on a story ends when its client cancels it in the middle of everything."""

import asyncio
import statistics
import time
from dataclasses import dataclass
from uuid import UUID

from benchmarks.crew import BRIEF, Crew, crew, until
from benchmarks.notes import ReconcilerSettings, under_way
from storyloom.story.assets import PICTURES, Asset

LISTENED = 4.0
"""Seconds after the request: twice what it may take, so that whatever comes later is seen, too."""


async def measure_silence(count: int) -> dict[str, float]:
    """Cancel one story after the other while others flow."""
    async with crew(ReconcilerSettings(8, {Asset.OUTLINE: 0.5, Asset.PORTRAIT: 0.5}), slots_normal=64) as company:
        await company.ask(8)
        took = [await _silence(company) for _ in range(count)]
        notes = company.moments()
    late = sum(note.story_id == one.story_id and note.at > one.at for one in took for note in notes)
    seconds = [one.seconds for one in took]
    print(
        f"cancel: silence after {statistics.median(seconds):.3f} s, at most {max(seconds):.3f} s;"
        f" {sum(one.stopped for one in took)} makers stopped, {late} signs of work later than {LISTENED:g} s",
        flush=True,
    )
    return {"cancel_silence_s": max(seconds), "cancel_silence_p50_s": statistics.median(seconds), "cancel_late": late}


@dataclass(frozen=True, slots=True)
class Silence:
    """What a cancelled story still did: seconds until its last sign, when that was, makers that were stopped."""

    story_id: UUID
    seconds: float
    at: float
    stopped: int


async def _silence(company: Crew) -> Silence:
    story_id = UUID((await company.client.create(BRIEF))["id"])

    async def at_work() -> bool:
        return sum(one.story_id == story_id for one in under_way(company.moments())) >= len(PICTURES)

    await until(at_work)
    async with company.hearing(f"status.{story_id}", f"live.{story_id}.>") as heard:
        asked = time.time()
        await company.client.cancel(story_id)
        await asyncio.sleep(LISTENED)
    notes = [one for one in company.moments() if one.story_id == story_id and one.at > asked]
    last = max([asked, *heard, *(one.at for one in notes)])
    return Silence(story_id, last - asked, last, sum(one.what == "stopped" for one in notes))
