"""One look at bus, workers and rows, in the order that tells what is lost from what is merely on its way.

The reconciler's order: the bus first, then the fence (the projector has heard all that was told until now), then
Postgres, then the workers. In another order a job that was finished meanwhile would pass for a lost one.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from ops.assets import AssetDiagnosis, Finding, Moment, Work, examine, wanted_subjects
from ops.connections import Reach
from ops.rows import unfinished_stories
from ops.sql import queries
from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.messaging import lanes
from storyloom.messaging.topology import topology_differences
from storyloom.story.assets import Asset, Service

SURE = frozenset({"asset_nobody", "job_unwanted"})
"""What can only be told where the projector has heard everything."""


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """How long things may take before they count, in seconds."""

    grace: float = 2.0
    """Between the commit and the bus."""
    catch_up: float = 2.0
    """For the projector to hear what was told before the look."""
    answers: float = 1.0
    """For the workers to say what they hold."""
    commands: float = 10.0
    erasures: float = 60.0
    pauses: tuple[float, ...] = (1.0, 3.0)
    """Between looks: only what every look has found is told."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one time. ``caught_up`` False: the projector was ``behind`` that many events."""

    at: datetime
    stories: int
    standing: list[AssetDiagnosis]
    findings: list[Finding]
    workers: list[str]
    caught_up: bool
    behind: int


async def look(reach: Reach, patience: DiagnosisSettings) -> Look:
    """Look once. Raises what bus and Postgres raise when they are away."""
    wrong = await topology_differences(reach.bus.js, reach.settings)
    found = [Finding("bus_drift", sentence, sentence) for sentence in wrong]
    gone = any(sentence.endswith("is missing") for sentence in wrong)
    # Where a stream is gone nothing can be said of jobs: they are lost with it, and come back with it.
    alive: Collection[str] = set() if gone else await reach.bus.live_jobs()
    now: datetime = await queries().server_time(reach.pool)
    caught_up, still = (False, []) if gone else await _fence(reach, patience)
    stories = await unfinished_stories(reach.pool)
    held = await query_workers(reach.bus, patience.answers)
    moment = Moment(
        now=now,
        before=now - timedelta(seconds=patience.grace),
        alive=alive,
        held=works(held),
        asset_deadline=timedelta(seconds=reach.settings.asset_deadline),
        story_deadline=timedelta(seconds=reach.settings.story_deadline),
    )
    examined = [examine(story, moment) for story in stories]
    found += [finding for _, findings in examined for finding in findings]
    found += still + await _late(reach, now, patience) + await _unserved(reach, held)
    if caught_up:
        found += await _unwanted(reach, set(alive) - wanted_subjects(stories), now)
    return Look(
        at=now,
        stories=len(stories),
        standing=[_sure(one, caught_up=caught_up) for standing, _ in examined for one in standing],
        findings=[one for one in found if caught_up or one.code not in SURE],
        workers=sorted(one.worker for one in held),
        caught_up=caught_up,
        behind=0 if caught_up or gone else (await lanes.projector(reach.bus)).behind,
    )


def _sure(one: AssetDiagnosis, *, caught_up: bool) -> AssetDiagnosis:
    """What is not on the bus may be done, where the projector has not heard everything."""
    return one if caught_up or one.state != "lost" else replace(one, state="unheard")


async def _fence(reach: Reach, patience: DiagnosisSettings) -> tuple[bool, list[Finding]]:
    """Whether the projector has heard all that was told until now; a finding where it stands still instead."""
    last = await reach.bus.last_event()
    before = await lanes.projector(reach.bus)
    loop = asyncio.get_running_loop()
    until = loop.time() + patience.catch_up
    while loop.time() < until:
        if await reach.bus.projector_ack_floor() >= last:
            return True, []
        await asyncio.sleep(0.02)
    after = await lanes.projector(reach.bus)
    if after.behind == 0 or after.floor != before.floor:
        return after.behind == 0, []
    # An event that cannot be folded holds the floor for some seconds: looks that are further apart tell it from this.
    said = f"the projector stands still, with {after.behind:,} events before it: is status running?"
    return False, [Finding("projector_still", str(after.floor), said)]


async def _late(reach: Reach, now: datetime, patience: DiagnosisSettings) -> list[Finding]:
    """Commands that nobody has handled, erasures that nobody has finished."""
    commands = queries().late_commands(reach.pool, before=now - timedelta(seconds=patience.commands))
    found = [
        Finding(
            "command_unhandled", row["event_id"], f"{row['event']} of {row['created_at']:%H:%M:%S} UTC was not handled"
        )
        async for row in commands
    ]
    erasures = queries().late_erasures(reach.pool, before=now - timedelta(seconds=patience.erasures))
    return found + [
        Finding("erasure_late", str(row["story_id"]), f"its sweep was due at {row['due_at']:%Y-%m-%d %H:%M:%S} UTC")
        async for row in erasures
    ]


async def _unserved(reach: Reach, held: Sequence[InFlightJobs]) -> list[Finding]:
    """Services that have jobs and no worker: none says a word, and nobody asks the bus for more."""
    found = []
    served = {answer.service for answer in held}
    waiting = [lane for lane in await lanes.lanes(reach.bus) if lane.service not in served]
    for service in Service:
        mine = [lane for lane in waiting if lane.service is service]
        count = sum(lane.queued + lane.in_flight for lane in mine)
        if count and not any(lane.pulls for lane in mine):
            said = f"no worker of {service.value} runs, and its jobs wait: {count:,}"
            found.append(Finding("service_unserved", service.value, said))
    return found


async def _unwanted(reach: Reach, subjects: set[str], now: datetime) -> list[Finding]:
    """Jobs on the bus that nobody waits for. One that was finished just now lives until its worker's ack arrives."""
    found, keys = [], {}
    for subject in subjects:
        *_, story_id, asset = subject.split(".")
        try:
            keys[UUID(story_id), Asset(asset).value] = subject
        except ValueError:
            found.append(Finding("job_unwanted", subject, f"{subject} is no job of ours"))
    rows = queries().settled_at(reach.pool, ids=[key[0] for key in keys], assets=[key[1] for key in keys])
    states: dict[tuple[UUID, str], Record] = {(row["story_id"], row["asset_type"]): row async for row in rows}
    fresh = now - timedelta(seconds=2 * reach.settings.ack_wait + 5)
    for key, subject in keys.items():
        state = states.get(key)
        if state is not None and state["completed_at"] is not None and state["completed_at"] > fresh:
            continue
        why = "its story is gone" if state is None else f"the asset is {state['status']}"
        found.append(Finding("job_unwanted", subject, f"nobody waits for the job {subject}: {why}"))
    return found


def works(answers: Sequence[InFlightJobs]) -> dict[tuple[UUID, Asset, str], Work]:
    """What workers said that they hold, by job."""
    return {
        (job.story_id, job.asset, job.fingerprint): Work(answer.worker, job.since)
        for answer in answers
        for job in answer.held
    }
