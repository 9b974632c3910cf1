"""The reconciler: puts back what is missing. Any number of replicas; a healthy busy system shows none put back.

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

from services.status.jobs import job_for
from services.status.unfinished import Dispatched, Key, Unfinished
from storyloom.db.pool import is_away
from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.messaging.connection import Bus, BusUnavailableError, PublishOutcome
from storyloom.messaging.lanes import Lane
from storyloom.runtime.metrics import RECONCILED
from storyloom.story.assets import Asset
from storyloom.story.events import AssetFailed, Event, StoryDeadlinePassed
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested, StopWork

log = structlog.get_logger()

PUBLISHED_AT_ONCE = 500
"""Jobs that are published at a time."""
MOST_CHECKED = 200
"""Jobs of one lane that are looked at in one round."""
FULL_CHECK_EVERY = 10
"""Every so many rounds all is compared that is dear to compare."""


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
    """How the reconciler goes about it, in seconds."""

    every: float = 2.0
    grace: float = 2.0
    """What was dispatched less than this ago is left alone."""
    catch_up: float = 1.5
    """How long to wait for the projector."""
    answers: float = 0.3
    """How long workers may take to say what they hold."""
    asset_deadline: float = 3_600.0
    """How long an asset may take from the moment that it could be made, with all its attempts."""
    story_deadline: float = 7_200.0
    """How long a story may take in all."""


Ask = Callable[[Bus, float], Awaitable[Sequence[InFlightJobs]]]
"""Asks all workers what they hold, for so many seconds."""


class Messages(Protocol):
    """What the reconciler says besides jobs: the service's endpoints."""

    async def republish(self, event: Event) -> None:
        """Publish an event that was lost, without its Msg-Id. Raises BusUnavailableError."""

    async def cancel_jobs(self, stop: StopWork) -> None:
        """Tell all workers that nobody wants some jobs any more. Best effort."""


class Reconciler:
    """Compares the truth with the bus, and mends the bus."""

    def __init__(
        self,
        bus: Bus,
        unfinished: Unfinished,
        messages: Messages,
        pace: ReconcilerSettings | None = None,
        ask: Ask = query_workers,
    ) -> None:
        self._bus = bus
        self._messages = messages
        self._unfinished = unfinished
        self._pace = pace or ReconcilerSettings()
        self._ask = ask
        self._orphan_candidates: frozenset[str] = frozenset()
        self._stale: frozenset[tuple[Key, Fingerprint]] = frozenset()
        self._lost_by_server: frozenset[str] = frozenset()
        self._checked: dict[str, Fingerprint] = {}

    async def run(self) -> None:
        """Round after round; cancel it to end it. What a round cannot reach, the next one will."""
        rounds = 0
        while True:
            await asyncio.sleep(self._pace.every)
            thoroughly = rounds % FULL_CHECK_EVERY == 0
            try:
                await self.ensure_topology(full_check=thoroughly)
                await self.round(full_check=thoroughly)
                rounds += 1
                if rounds % 1800 == 0:
                    await self._unfinished.forget()
            except Exception as error:
                if not (isinstance(error, BusUnavailableError) or is_away(error)):
                    raise
                log.warning("reconciler.waiting", error=type(error).__name__)

    async def ensure_topology(self, *, full_check: bool = True) -> None:
        """Recreate streams and consumers that are gone; thoroughly: bring back those that someone changed."""
        wrong = await self._bus.ensure_topology(full_check=full_check)
        if wrong:
            log.warning("reconciler.bus_mended", wrong=wrong)
            RECONCILED.labels(kind="bus").inc()

    async def round(self, *, full_check: bool = True) -> Round:
        """One round. Raises BusUnavailableError, and what asyncpg raises when Postgres is away."""
        lanes = {lane.subject_prefix: lane for lane in await self._bus.lanes()}
        alive = await self._bus.live_jobs()
        now = await self._unfinished.now()
        before = now - timedelta(seconds=self._pace.grace)
        if not await self._projector_caught_up():
            return Round(caught_up=False)
        stories = await self._requeue_stories(before)
        commands = await self._requeue_commands(before)
        dispatched = await self._unfinished.dispatched(now)
        long_since = [one for one in dispatched if one.queued_at < before]
        withdrawn = await self._purge_unwanted(dispatched, long_since, alive)
        withdrawn += await self._purge_lost_by_server(long_since, alive, lanes)
        jobs = await self._requeue_jobs(long_since, alive)
        expired = await self._expire_overdue(now)
        if full_check:
            await self._cancel_unwanted()
        done = Round(True, jobs, stories, commands, withdrawn, expired)
        if done != Round(caught_up=True):
            log.warning(
                "reconciler.mended", jobs=jobs, stories=stories, commands=commands, withdrawn=withdrawn, late=expired
            )
        return done

    async def _projector_caught_up(self) -> bool:
        last = await self._bus.last_event()
        deadline = asyncio.get_running_loop().time() + self._pace.catch_up
        while True:
            if await self._bus.projector_ack_floor() >= last:
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)

    async def _requeue_stories(self, before: datetime) -> int:
        # Told again without the old Msg-Id; the inbox knows the event by its own id all the same.
        events = await self._unfinished.unhandled_stories(before)
        for event in events:
            await self._messages.republish(event)
        RECONCILED.labels(kind="story").inc(len(events))
        return len(events)

    async def _requeue_commands(self, before: datetime) -> int:
        commands = await self._unfinished.unhandled_commands(before)
        for command in commands:
            await self._bus.republish(command)
        RECONCILED.labels(kind="command").inc(len(commands))
        return len(commands)

    async def _requeue_jobs(self, dispatched: Sequence[Dispatched], alive: Collection[str]) -> int:
        lost = [one for one in dispatched if one.subject not in alive]
        if not lost:
            return 0
        held = await self._in_flight()
        lost = [one for one in lost if (one.key, one.fingerprint) not in held]
        journeys = await self._unfinished.journeys({one.story_id for one in lost})
        jobs: list[AssetRequested] = []
        for one in lost:
            journey = journeys.get(one.story_id)
            if journey is not None and not journey.cancelled and journey.assets[one.asset].status == "queued":
                jobs.append(job_for(journey, one.asset, put_back=True))
        count = 0
        for start in range(0, len(jobs), PUBLISHED_AT_ONCE):
            sent = await self._bus.enqueue(jobs[start : start + PUBLISHED_AT_ONCE])
            count += sum(one is PublishOutcome.STORED for one in sent)
        RECONCILED.labels(kind="job").inc(count)
        return count

    async def _purge_unwanted(
        self, dispatched: Sequence[Dispatched], long_since: Sequence[Dispatched], alive: Collection[str]
    ) -> int:
        """Jobs that live and that nobody wants: sent by one who was slow, after another had withdrawn them.

        A finished job lives until its worker's ack arrives, so that only what two rounds find is looked at. What was
        dispatched a moment ago is wanted like all else: a job that ends in the next round is no suspect yet.
        """
        mine = {one.subject: one for one in dispatched}
        suspects = frozenset(subject for subject in alive if subject not in mine)
        found = {
            subject: key for subject in sorted(suspects & self._orphan_candidates) if (key := _key(subject)) is not None
        }
        self._orphan_candidates = suspects
        wanted = await self._unfinished.wanted(found.values()) if found else {}
        # What has started over may still stand there as it was wanted before.
        again = {one.subject: one for one in long_since if one.revision and one.subject in alive}
        self._checked = {subject: mark for subject, mark in self._checked.items() if subject in again}
        asked = {subject: wanted.get(key) for subject, key in found.items()}
        asked |= {s: one.fingerprint for s, one in again.items() if self._checked.get(s) != one.fingerprint}
        count = 0
        for subject, mark in asked.items():
            count += await self._purge_unless(subject, mark)
        RECONCILED.labels(kind="withdrawn").inc(count)
        return count

    async def _purge_lost_by_server(
        self, long_since: Sequence[Dispatched], alive: Collection[str], lanes: Mapping[str, Lane]
    ) -> int:
        """Jobs that stand on the bus and that their lane has forgotten: a killed server lost that they come again.

        Such a job lies below what its lane has done with. Only where a lane has fewer jobs than stand there is it worth
        a look, and only what two rounds find is withdrawn: the next one puts it back.
        """
        standing = Counter(_lane(subject) for subject in alive)
        short = [name for name, lane in lanes.items() if standing[name] > lane.unfinished]
        found: dict[str, int] = {}
        for lane in short:
            mine = [one.subject for one in long_since if one.subject in alive and _lane(one.subject) == lane]
            for subject in mine[:MOST_CHECKED]:
                job = await self._bus.queued_job(subject)
                if job is not None and job[0] <= lanes[lane].floor:
                    found[subject] = job[0]
        again = sorted(found.keys() & self._lost_by_server)
        self._lost_by_server = frozenset(found)
        for subject in again:
            await self._bus.purge(subject, up_to=found[subject])
        RECONCILED.labels(kind="stranded").inc(len(again))
        return len(again)

    async def _purge_unless(self, subject: str, mark: Fingerprint | None) -> bool:
        """Withdraw what stands on a subject unless it is the job of that fingerprint."""
        standing = await self._bus.queued_job(subject)
        if standing is None:
            return False
        sequence, body = standing
        try:
            job = AssetRequested.model_validate_json(body)
        except ValidationError:
            return False  # a worker buries it
        if job.fingerprint == mark:
            self._checked[subject] = mark
            return False
        await self._bus.purge(subject, up_to=sequence)
        await self._messages.cancel_jobs(StopWork(story_id=job.story_id, jobs=((job.asset, job.fingerprint),)))
        return True

    async def _cancel_unwanted(self) -> None:
        """Workers that did not hear that a job was withdrawn are told again. One that ends just now is no such job."""
        held = await self._in_flight()
        wanted = await self._unfinished.wanted({key for key, _ in held}) if held else {}
        stale = frozenset((key, mark) for key, mark in held if wanted.get(key) != mark)
        for (story_id, asset), mark in sorted(stale & self._stale):
            await self._messages.cancel_jobs(StopWork(story_id=story_id, jobs=((asset, mark),)))
            RECONCILED.labels(kind="stopped").inc()
        self._stale = stale

    async def _expire_overdue(self, now: datetime) -> int:
        events: list[AssetFailed | StoryDeadlinePassed] = []
        events += await self._unfinished.overdue_stories(self._pace.story_deadline, now)
        events += await self._unfinished.overdue_assets(self._pace.asset_deadline, now)
        for event in events:  # whatever was told of them before was heard by now, or is lost
            await self._messages.republish(event)
        RECONCILED.labels(kind="deadline").inc(len(events))
        return len(events)

    async def _in_flight(self) -> set[tuple[Key, Fingerprint]]:
        """What workers say that they hold. Whoever does not answer in time is taken to hold nothing."""
        answers = await self._ask(self._bus, self._pace.answers)
        return {((job.story_id, job.asset), job.fingerprint) for answer in answers for job in answer.held}


def _lane(subject: str) -> str:
    """What the subjects of a lane begin with."""
    return subject.rsplit(".", 2)[0] + "."


def _key(subject: str) -> Key | None:
    """Whose job stands on a subject; None for one that cannot be ours."""
    try:
        _, _, _, story, asset = subject.split(".")
        return UUID(story), Asset(asset)
    except ValueError:
        return None
