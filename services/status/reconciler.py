"""The reconciler: requeues what is missing. Any number of replicas; in a healthy busy system it finds nothing to do.

The order is the point. (a) Which jobs live on the bus? (b) What time is it, and which event is the last? (c) Wait until
the projector has acknowledged that event, or skip the round. (d) Only then read what is unfinished. Read in another
order it would take a job that was finished meanwhile for a lost one, and repeat healthy work.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from pydantic import ValidationError

from services.status.clock_steps import ClockSteps
from services.status.dispatch import job_for
from services.status.repetition import Repetition
from services.status.repository import DispatchedJob, JobKey, UnfinishedWork
from storyloom.db.errors import is_connection_error
from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.messaging.connection import Bus, BusUnavailableError, PublishOutcome
from storyloom.messaging.lanes import Lane
from storyloom.runtime.metrics import RECONCILED
from storyloom.story.assets import Asset
from storyloom.story.events import AssetFailed, Event, StoryDeadlinePassed
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested, StopWork

log = structlog.get_logger()

CLOCK_MARGIN = timedelta(minutes=1)
"""What Postgres dated later than this from now was dated before its clock was set back (queries.sql, too)."""
PUBLISH_BATCH_SIZE = 500
"""Jobs that are published at a time."""
MAX_CHECKED_JOBS = 200
"""Jobs of one lane that are compared with the stream in one round."""
FULL_CHECK_ROUNDS = 10
"""Every so many rounds all is compared that is dear to compare."""
CLEANUP_ROUNDS = 150
"""Every so many rounds (five minutes) old inbox ids and commands are deleted."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. ``caught_up`` is False when the projector was behind and the round was skipped."""

    caught_up: bool
    jobs_requeued: int = 0
    stories_requeued: int = 0
    commands_requeued: int = 0
    purged: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class ReconcilerSettings:
    """When the reconciler acts, in seconds."""

    interval: float = 2.0
    grace: float = 2.0
    """What was dispatched less than this ago is left alone."""
    catch_up_timeout: float = 1.5
    """How long to wait for the projector."""
    query_timeout: float = 0.3
    """How long workers may take to answer what they have in flight."""
    asset_deadline: float = 3_600.0
    """How long an asset may take from the moment that it could be made, with all its attempts."""
    story_deadline: float = 7_200.0
    """How long a story may take in all."""


QueryWorkers = Callable[[Bus, float], Awaitable[Sequence[InFlightJobs]]]
"""Asks all workers what they have in flight, for so many seconds."""


class Messages(Protocol):
    """What the reconciler publishes besides jobs: the service's endpoints."""

    async def republish(self, event: Event) -> None:
        """Publish an event that was lost, without its Msg-Id. Raises BusUnavailableError."""

    async def cancel_jobs(self, stop: StopWork) -> None:
        """Tell all workers that some jobs are not needed any more. Best effort."""


class Reconciler:
    """Compares the rows with the bus, and repairs the bus."""

    def __init__(
        self,
        bus: Bus,
        unfinished: UnfinishedWork,
        messages: Messages,
        settings: ReconcilerSettings | None = None,
        query: QueryWorkers = query_workers,
    ) -> None:
        self._bus = bus
        self._messages = messages
        self._unfinished = unfinished
        self._settings = settings or ReconcilerSettings()
        self._query_workers = query
        self._orphan_candidates: frozenset[str] = frozenset()
        self._cancel_candidates: frozenset[tuple[JobKey, Fingerprint]] = frozenset()
        self._lost_candidates: frozenset[str] = frozenset()
        self._verified: dict[str, Fingerprint] = {}
        """Subjects whose job is known to be the current one, by its fingerprint."""
        self._repeated_events: dict[str, Repetition[str]] = {
            kind: Repetition(kind) for kind in ("story", "command", "deadline")
        }
        self._repeated_jobs: Repetition[tuple[JobKey, Fingerprint]] = Repetition("job")
        longest = max(self._settings.asset_deadline, self._settings.story_deadline)
        self._clock_steps = ClockSteps(kept_seconds=longest)

    async def run(self) -> None:
        """Round after round; cancel it to end it. What a round cannot reach, the next one will."""
        rounds = 0
        while True:
            await asyncio.sleep(self._settings.interval)
            full_check = rounds % FULL_CHECK_ROUNDS == 0
            try:
                await self.ensure_topology(full_check=full_check)
                await self.run_round(full_check=full_check)
                rounds += 1
                if rounds % CLEANUP_ROUNDS == 0:
                    await self._unfinished.delete_old_events()
            except Exception as error:
                if not (isinstance(error, BusUnavailableError) or is_connection_error(error)):
                    raise
                log.warning("reconciler.waiting", error=type(error).__name__)

    async def ensure_topology(self, *, full_check: bool = True) -> None:
        """Recreate streams and consumers that are missing; in a full check, restore those that someone changed."""
        wrong = await self._bus.ensure_topology(full_check=full_check)
        if wrong:
            log.warning("reconciler.topology_repaired", wrong=wrong)
            RECONCILED.labels(kind="topology").inc()

    async def run_round(self, *, full_check: bool = True) -> Round:
        """One round. Raises BusUnavailableError, and what asyncpg raises when Postgres is unreachable."""
        lanes = {lane.subject_prefix: lane for lane in await self._bus.lanes()}
        live = await self._bus.live_jobs()
        now = await self._unfinished.now()
        before = now - timedelta(seconds=self._settings.grace)
        if not await self._projector_caught_up():
            return Round(caught_up=False)
        stories = await self._requeue_stories(before)
        commands = await self._requeue_commands(before)
        dispatched = await self._unfinished.dispatched_jobs(now)
        # What lies in the future was dispatched before the clock was set back.
        past_grace = [job for job in dispatched if not before <= job.queued_at <= now + CLOCK_MARGIN]
        purged = await self._purge_unwanted(dispatched, past_grace, live)
        purged += await self._purge_lost_by_server(past_grace, live, lanes)
        jobs = await self._requeue_jobs(past_grace, live)
        expired = await self._expire_overdue(now)
        if full_check:
            await self._cancel_unwanted()
        done = Round(True, jobs, stories, commands, purged, expired)
        if done != Round(caught_up=True):
            log.warning(
                "reconciler.repaired", jobs=jobs, stories=stories, commands=commands, purged=purged, expired=expired
            )
        return done

    async def _projector_caught_up(self) -> bool:
        last = await self._bus.last_event()
        deadline = asyncio.get_running_loop().time() + self._settings.catch_up_timeout
        while True:
            if await self._bus.projector_ack_floor() >= last:
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)

    async def _requeue_stories(self, before: datetime) -> int:
        # Published again without the old Msg-Id; the inbox knows the event by its own id all the same.
        return await self._republish("story", await self._unfinished.unhandled_stories(before))

    async def _requeue_commands(self, before: datetime) -> int:
        return await self._republish("command", await self._unfinished.unhandled_commands(before))

    async def _republish(self, kind: str, events: Sequence[Event]) -> int:
        """Publish events that were lost, by their ids; how many were due."""
        repeated = self._repeated_events[kind]
        due = frozenset(repeated.due([event.id for event in events]))
        for event in events:
            if event.id in due:
                await self._messages.republish(event)
        repeated.published(due)
        RECONCILED.labels(kind=kind).inc(len(due))
        return len(due)

    async def _requeue_jobs(self, dispatched: Sequence[DispatchedJob], live: Collection[str]) -> int:
        """Publish the jobs again that are neither on the bus nor with a worker."""
        missing = [(job.key, job.fingerprint) for job in dispatched if job.subject not in live]
        if missing:
            # One that is put back is on the bus for a while, and missing again: it is the same until its row moves on.
            missing = self._repeated_jobs.due(missing, {(job.key, job.fingerprint) for job in dispatched})
        if not missing:
            return 0
        in_flight = await self._in_flight()
        due = frozenset(missing) - in_flight
        lost = [job for job in dispatched if (job.key, job.fingerprint) in due]
        journeys = await self._unfinished.journeys({job.story_id for job in lost})
        jobs: list[AssetRequested] = []
        for job in lost:
            journey = journeys.get(job.story_id)
            if journey is not None and not journey.cancelled and journey.assets[job.asset].status == "queued":
                jobs.append(job_for(journey, job.asset, put_back=True))
        count = 0
        for start in range(0, len(jobs), PUBLISH_BATCH_SIZE):
            batch = jobs[start : start + PUBLISH_BATCH_SIZE]
            outcomes = await self._bus.enqueue(batch)
            count += sum(outcome is PublishOutcome.STORED for outcome in outcomes)
            self._repeated_jobs.published([((job.story_id, job.asset), job.fingerprint) for job in batch])
        RECONCILED.labels(kind="job").inc(count)
        return count

    async def _purge_unwanted(
        self, dispatched: Sequence[DispatchedJob], past_grace: Sequence[DispatchedJob], live: Collection[str]
    ) -> int:
        """Orphans: jobs that live and that no row waits for, published by a slow replica after another purged them.

        A finished job lives until its worker's ack arrives, so that only what two rounds find is compared. What was
        dispatched a moment ago is waited for like all else: a job that ends in the next round is no candidate yet.
        """
        by_subject = {job.subject: job for job in dispatched}
        candidates = frozenset(subject for subject in live if subject not in by_subject)
        orphans = {
            subject: key
            for subject in sorted(candidates & self._orphan_candidates)
            if (key := _job_key(subject)) is not None
        }
        self._orphan_candidates = candidates
        current = await self._unfinished.current_fingerprints(orphans.values()) if orphans else {}
        # What was started over may still have its earlier job on the subject.
        restarted = {job.subject: job for job in past_grace if job.revision and job.subject in live}
        self._verified = {subject: known for subject, known in self._verified.items() if subject in restarted}
        expected = {subject: current.get(key) for subject, key in orphans.items()}
        expected |= {s: job.fingerprint for s, job in restarted.items() if self._verified.get(s) != job.fingerprint}
        count = 0
        for subject, fingerprint in expected.items():
            count += await self._purge_unless(subject, fingerprint)
        RECONCILED.labels(kind="purged").inc(count)
        return count

    async def _purge_unless(self, subject: str, fingerprint: Fingerprint | None) -> bool:
        """Purge the job on a subject unless it is the one of that fingerprint."""
        queued = await self._bus.queued_job(subject)
        if queued is None:
            return False
        sequence, body = queued
        try:
            job = AssetRequested.model_validate_json(body)
        except ValidationError:
            return False  # a worker dead-letters it
        if job.fingerprint == fingerprint:
            self._verified[subject] = fingerprint
            return False
        await self._bus.purge(subject, up_to=sequence)
        await self._messages.cancel_jobs(StopWork(story_id=job.story_id, jobs=((job.asset, job.fingerprint),)))
        return True

    async def _purge_lost_by_server(
        self, past_grace: Sequence[DispatchedJob], live: Collection[str], lanes: Mapping[str, Lane]
    ) -> int:
        """Jobs that the stream keeps and that their consumer forgot: a killed server lost that they are to come again.

        Such a job lies below the consumer's ack floor. Only where a consumer has fewer jobs than the stream keeps for
        it is it worth comparing, and only what two rounds find is purged: the next one requeues it.
        """
        kept = Counter(_lane(subject) for subject in live)
        short = [prefix for prefix, lane in lanes.items() if kept[prefix] > lane.unfinished]
        found: dict[str, int] = {}
        for prefix in short:
            subjects = [job.subject for job in past_grace if job.subject in live and _lane(job.subject) == prefix]
            for subject in subjects[:MAX_CHECKED_JOBS]:
                job = await self._bus.queued_job(subject)
                if job is not None and job[0] <= lanes[prefix].floor:
                    found[subject] = job[0]
        confirmed = sorted(found.keys() & self._lost_candidates)
        self._lost_candidates = frozenset(found)
        for subject in confirmed:
            await self._bus.purge(subject, up_to=found[subject])
        RECONCILED.labels(kind="lost_by_server").inc(len(confirmed))
        return len(confirmed)

    async def _cancel_unwanted(self) -> None:
        """Cancel again what workers run although it was purged, if two rounds find it: a job may be ending just now."""
        in_flight = await self._in_flight()
        current = await self._unfinished.current_fingerprints({key for key, _ in in_flight}) if in_flight else {}
        candidates = frozenset((key, fingerprint) for key, fingerprint in in_flight if current.get(key) != fingerprint)
        for (story_id, asset), fingerprint in sorted(candidates & self._cancel_candidates):
            await self._messages.cancel_jobs(StopWork(story_id=story_id, jobs=((asset, fingerprint),)))
            RECONCILED.labels(kind="cancelled").inc()
        self._cancel_candidates = candidates

    async def _expire_overdue(self, now: datetime) -> int:
        events: list[AssetFailed | StoryDeadlinePassed] = []
        stepped = self._clock_steps.forward(now)
        events += await self._unfinished.overdue_stories(self._settings.story_deadline + stepped, now)
        events += await self._unfinished.overdue_assets(self._settings.asset_deadline + stepped, now)
        # An earlier one of the same id was handled by now, or is lost.
        return await self._republish("deadline", events)

    async def _in_flight(self) -> set[tuple[JobKey, Fingerprint]]:
        """What workers say that they run. Whoever does not answer in time is taken to run nothing."""
        answers = await self._query_workers(self._bus, self._settings.query_timeout)
        return {((job.story_id, job.asset), job.fingerprint) for answer in answers for job in answer.held}


def _lane(subject: str) -> str:
    """What the subjects of a lane begin with."""
    return subject.rsplit(".", 2)[0] + "."


def _job_key(subject: str) -> JobKey | None:
    """Whose job has this subject; None for one that cannot be ours."""
    try:
        _, _, _, story, asset = subject.split(".")
        return UUID(story), Asset(asset)
    except ValueError:
        return None
