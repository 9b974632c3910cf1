"""A snapshot of bus, workers and rows, read in the order that distinguishes what is lost from what is on its way.

The reconciler's order: the bus first, then the fence (the projector has acknowledged all that was published until now),
then Postgres, then the workers. In another order a job that was finished meanwhile would pass for a lost one.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from asyncpg import Record

from storyloom.db.migrate import mismatch, version
from storyloom.db.pool import Pool
from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.messaging.lanes import read_projector_lag
from storyloom.messaging.topology import topology_differences
from storyloom.operations.diagnosis import (
    AssetDiagnosis,
    Finding,
    Observation,
    Row,
    Story,
    Work,
    diagnose,
    expected_subjects,
)
from storyloom.operations.sources import Connections, queries
from storyloom.operations.webhooks import WebhookBacklog, read_webhook_backlog
from storyloom.story.assets import Asset, Priority, Service

NEEDS_CATCH_UP = frozenset({"asset_orphaned", "job_obsolete"})
"""Findings that hold only where the projector has handled everything."""


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """How long things may take before they count, in seconds."""

    grace: float = 2.0
    """Between the commit and the bus."""
    catch_up: float = 2.0
    """For the projector to handle what was published before the snapshot."""
    worker_timeout: float = 1.0
    """For the workers to answer which jobs they have in flight."""
    commands: float = 10.0
    erasures: float = 60.0
    stale_objects: float = 3_600.0
    webhooks: float = 60.0
    pauses: tuple[float, ...] = (1.0, 3.0)
    """Between snapshots: only what all of them find is reported."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was seen at one time. ``caught_up`` False: the projector was ``projector_lag`` events behind."""

    at: datetime
    stories: int
    assets: list[AssetDiagnosis]
    findings: list[Finding]
    workers: list[str]
    caught_up: bool
    projector_lag: int
    webhooks: WebhookBacklog = field(default_factory=WebhookBacklog)


async def take_snapshot(connections: Connections, settings: DiagnosisSettings) -> Snapshot:
    """Take one. Raises what NATS and Postgres clients raise when these are unavailable."""
    wrong = await topology_differences(connections.bus.js, connections.settings)
    found = [Finding("topology_drift", sentence, sentence) for sentence in wrong]
    async with connections.pool.acquire() as connection:
        if behind := mismatch(await version(connection)):
            found.append(Finding("schema_behind", behind, behind))
    missing = any(sentence.endswith("is missing") for sentence in wrong)
    # Where a stream is missing nothing can be said of jobs: they are lost with it, and come back with it.
    alive: Collection[str] = set() if missing else await connections.bus.live_jobs()
    now: datetime = await queries().server_time(connections.pool)
    caught_up, still = (False, []) if missing else await _fence(connections, settings)
    stories = await unfinished_stories(connections.pool)
    held = await query_workers(connections.bus, settings.worker_timeout)
    moment = Observation(
        now=now,
        before=now - timedelta(seconds=settings.grace),
        live_subjects=alive,
        in_flight=index_in_flight(held),
        asset_deadline=timedelta(seconds=connections.settings.asset_deadline),
        story_deadline=timedelta(seconds=connections.settings.story_deadline),
    )
    examined = [diagnose(story, moment) for story in stories]
    found += [finding for _, findings in examined for finding in findings]
    found += still + await _overdue(connections, now, settings) + await _without_workers(connections, held)
    found += unavailable_providers(held) + worker_problems(held)
    webhooks = await read_webhook_backlog(connections.pool)
    found += overdue_webhooks(webhooks, now, settings)
    if caught_up:
        found += await _obsolete_jobs(connections, set(alive) - expected_subjects(stories), now)
    return Snapshot(
        at=now,
        stories=len(stories),
        assets=[_lost_or_done(one, caught_up=caught_up) for standing, _ in examined for one in standing],
        findings=[one for one in found if caught_up or one.code not in NEEDS_CATCH_UP],
        workers=sorted(one.worker for one in held),
        caught_up=caught_up,
        projector_lag=0
        if caught_up or missing
        else (await read_projector_lag(connections.bus.js, connections.bus.names)).behind,
        webhooks=webhooks,
    )


def _lost_or_done(one: AssetDiagnosis, *, caught_up: bool) -> AssetDiagnosis:
    """What is not on NATS may be finished, where the projector has not handled everything."""
    return one if caught_up or one.state != "orphaned" else replace(one, state="unknown")


async def _fence(connections: Connections, settings: DiagnosisSettings) -> tuple[bool, list[Finding]]:
    """Whether the projector has handled all that was published until now; a finding where it is stalled instead."""
    last = await connections.bus.last_event()
    before = await read_projector_lag(connections.bus.js, connections.bus.names)
    loop = asyncio.get_running_loop()
    until = loop.time() + settings.catch_up
    while loop.time() < until:
        if await connections.bus.projector_ack_floor() >= last:
            return True, []
        await asyncio.sleep(0.02)
    after = await read_projector_lag(connections.bus.js, connections.bus.names)
    if after.behind == 0 or after.floor != before.floor:
        return after.behind == 0, []
    # An event that cannot be applied holds the floor for some seconds: snapshots that are further apart distinguish
    # the two.
    said = f"the projector is stalled, {after.behind:,} events behind: is status running?"
    return False, [Finding("projector_stalled", str(after.floor), said)]


async def _overdue(connections: Connections, now: datetime, settings: DiagnosisSettings) -> list[Finding]:
    """Commands that were not handled, erasures and collections that were not finished in time."""
    commands = queries().late_commands(connections.pool, before=now - timedelta(seconds=settings.commands))
    found = [
        Finding(
            "command_unhandled", row["event_id"], f"{row['event']} of {row['created_at']:%H:%M:%S} UTC was not handled"
        )
        async for row in commands
    ]
    erasures = queries().late_erasures(connections.pool, before=now - timedelta(seconds=settings.erasures))
    found += [
        Finding("erasure_overdue", str(row["story_id"]), f"its sweep was due at {row['due_at']:%Y-%m-%d %H:%M:%S} UTC")
        async for row in erasures
    ]
    grace = timedelta(seconds=connections.settings.stale_object_grace)
    before = now - grace - timedelta(seconds=settings.stale_objects)
    return found + [
        Finding(
            "stale_objects_overdue",
            str(row["story_id"]),
            f"what is superseded of it was to be deleted at {row['since'] + grace:%Y-%m-%d %H:%M:%S} UTC",
        )
        async for row in queries().late_stale_objects(connections.pool, before=before)
    ]


def overdue_webhooks(backlog: WebhookBacklog, now: datetime, settings: DiagnosisSettings) -> list[Finding]:
    """Deliveries that nobody sends although they are due."""
    if backlog.oldest is None or backlog.oldest > now - timedelta(seconds=settings.webhooks):
        return []
    said = f"{backlog.due:,} webhook deliveries are due, the oldest since {backlog.oldest:%Y-%m-%d %H:%M:%S} UTC"
    return [Finding("webhooks_overdue", "webhooks", said)]


async def _without_workers(connections: Connections, held: Sequence[InFlightJobs]) -> list[Finding]:
    """Services that have jobs and no worker: none answers, and no pull request is open."""
    found = []
    served = {answer.service for answer in held}
    waiting = [lane for lane in await connections.bus.lanes() if lane.service not in served]
    for service in Service:
        mine = [lane for lane in waiting if lane.service is service]
        count = sum(lane.queued + lane.in_flight for lane in mine)
        if count and not any(lane.pulls for lane in mine):
            said = f"no worker of {service.value} runs, and {count:,} of its jobs are waiting"
            found.append(Finding("service_without_workers", service.value, said))
    return found


def unavailable_providers(held: Sequence[InFlightJobs]) -> list[Finding]:
    """Providers to which a worker's calls do not go, one finding for each and its cause."""
    found = []
    for provider, why in sorted({(shut.provider, shut.why) for answer in held for shut in answer.shut}):
        mine = [
            (shut.since, answer.worker)
            for answer in held
            for shut in answer.shut
            if (shut.provider, shut.why) == (provider, why)
        ]
        since, workers = min(mine)[0], ", ".join(sorted({worker for _, worker in mine}))
        said = f"{provider} {_WHY_SHUT.get(why, 'is unavailable')} since {since:%H:%M:%S} UTC, say {workers}"
        found.append(Finding("provider_unavailable", f"{provider}.{why}", said))
    return found


def worker_problems(held: Sequence[InFlightJobs]) -> list[Finding]:
    """What keeps workers from working, one finding for each check and reason."""
    said = {(problem.check, problem.reason) for answer in held for problem in answer.problems}
    found = []
    for check, reason in sorted(said):
        workers = sorted(
            {one.worker for one in held if any((it.check, it.reason) == (check, reason) for it in one.problems)}
        )
        message = f"{reason}, say {', '.join(workers)}"
        match check:
            case "store":
                found.append(Finding("store_unwritable", check, message))
            case "loops":
                found.append(Finding("loop_failing", check, message))
            case _:
                found.append(Finding("worker_not_ready", check, message))
    return found


_WHY_SHUT = {"not_allowed": "refuses our key", "out_of_quota": "says that our quota is used up"}


async def _obsolete_jobs(connections: Connections, subjects: set[str], now: datetime) -> list[Finding]:
    """Jobs on NATS that no row asks for. One that was finished just now stays until its worker's ack arrives."""
    found, keys = [], {}
    for subject in subjects:
        *_, story_id, asset = subject.split(".")
        try:
            keys[UUID(story_id), Asset(asset).value] = subject
        except ValueError:
            found.append(Finding("job_obsolete", subject, f"{subject} is no job's subject"))
    rows = queries().settled_at(connections.pool, ids=[key[0] for key in keys], assets=[key[1] for key in keys])
    states: dict[tuple[UUID, str], Record] = {(row["story_id"], row["asset_type"]): row async for row in rows}
    fresh = now - timedelta(seconds=2 * connections.settings.ack_wait + 5)
    for key, subject in keys.items():
        state = states.get(key)
        if state is not None and state["completed_at"] is not None and state["completed_at"] > fresh:
            continue
        why = "its story is deleted" if state is None else f"the asset is {state['status']}"
        found.append(Finding("job_obsolete", subject, f"the job {subject} is obsolete: {why}"))
    return found


def index_in_flight(answers: Sequence[InFlightJobs]) -> dict[tuple[UUID, Asset, str], Work]:
    """What the workers have in flight, by job."""
    return {
        (job.story_id, job.asset, job.fingerprint): Work(answer.worker, job.since)
        for answer in answers
        for job in answer.held
    }


async def unfinished_stories(pool: Pool) -> list[Story]:
    """All that are generating, oldest first, as of one moment."""
    rows: list[Record] = [row async for row in queries().unfinished(pool)]
    return [_story(list(group)) for _, group in groupby(rows, key=itemgetter("id"))]


async def oldest_story(pool: Pool) -> Story | None:
    """The one that has been generating for longest."""
    rows: list[Record] = [row async for row in queries().oldest_unfinished(pool)]
    return _story(rows) if rows else None


def _story(rows: Sequence[Record]) -> Story:
    first = rows[0]
    assets = {Asset(row["asset_type"]): _row(row) for row in rows if row["asset_type"] is not None}
    started: datetime = first["asset_generation_started_at"]
    return Story(
        first["id"],
        Priority(first["priority"]),
        first["seq"],
        first["created_at"],
        started,
        assets,
        first["admitted"],
        first["awaits_approval"],
    )


def _row(row: Record) -> Row:
    retry_at = datetime.fromisoformat(row["retry_at"]) if row["retry_at"] else None
    return Row(
        row["status"],
        row["fingerprint"],
        row["queued_at"],
        row["retry_count"],
        retry_at,
        row["tried_at"],
        bool(row["backlog"]),
    )
