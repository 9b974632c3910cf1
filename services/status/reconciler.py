"""The reconciler: puts back what is missing. Any number of replicas; a healthy busy system shows none put back.

The order is the point. (a) Which jobs live on the bus? (b) What time is it, and which event is the last? (c) Wait until
the projector has acknowledged that event, or skip the round. (d) Only then read what is unfinished. Read in another
order it would take a job that was finished meanwhile for a lost one, and repeat healthy work.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import structlog
from asyncpg import Record
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.status import records
from services.status.jobs import job_for
from storyloom.bus.connection import Bus, Sent
from storyloom.bus.streams import WHO_HOLDS_WHAT, missing, provision
from storyloom.db.pool import Pool
from storyloom.story.assets import Asset, Priority
from storyloom.story.events import story_requested
from storyloom.story.jobs import job_subject
from storyloom.story.journey import Journey
from storyloom.telemetry import RECONCILED

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. ``caught_up`` is False when the projector was behind and the round was skipped."""

    caught_up: bool
    jobs_put_back: int = 0
    stories_put_back: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How the reconciler goes about it, in seconds."""

    every: float = 2.0
    grace: float = 2.0
    """What was dispatched less than this ago is left alone."""
    catch_up: float = 1.5
    """How long to wait for the projector."""
    answers: float = 0.3
    """How long workers may take to say what they hold."""


class Reconciler:
    """Compares the truth with the bus, and mends the bus."""

    def __init__(self, bus: Bus, pool: Pool, pace: Pace | None = None) -> None:
        self._bus = bus
        self._pool = pool
        self._pace = pace or Pace()

    async def run(self) -> None:
        """Round after round; cancel it to end it. What a round cannot reach, the next one will."""
        rounds = 0
        while True:
            await asyncio.sleep(self._pace.every)
            await self.lay_the_bus(thoroughly=rounds % 10 == 0)
            await self.round()
            rounds += 1
            if rounds % 1800 == 0:
                await records.queries().forget_inbox(self._pool)

    async def lay_the_bus(self, *, thoroughly: bool = True) -> None:
        """Recreate streams and consumers that are gone; thoroughly: bring back those that someone changed."""
        try:
            if not thoroughly:
                await self._bus.js.stream_info(self._bus.names.jobs)
                await self._bus.js.consumer_info(self._bus.names.story, self._bus.names.projector)
                return
            wrong = await missing(self._bus.js, self._bus.settings)
        except NotFoundError:
            wrong = ["a stream or consumer is gone"]
        if wrong:
            log.warning("reconciler.bus_mended", wrong=wrong)
            RECONCILED.labels(kind="bus").inc()
            await provision(self._bus.js, self._bus.settings)

    async def round(self) -> Round:
        """One round. Raises what the bus or Postgres raise when they are away."""
        alive = await self._live_subjects()
        before = await records.queries().server_time(self._pool) - timedelta(seconds=self._pace.grace)
        if not await self._projector_caught_up():
            return Round(caught_up=False)
        stories = await self._put_back_stories(before)
        jobs = await self._put_back_jobs(before, alive)
        if jobs or stories:
            log.warning("reconciler.put_back", jobs=jobs, stories=stories)
        return Round(caught_up=True, jobs_put_back=jobs, stories_put_back=stories)

    async def _live_subjects(self) -> set[str]:
        names = self._bus.names
        info = await self._bus.js.stream_info(names.jobs, subjects_filter=names.subject("job.>"))
        return set(info.state.subjects or {})

    async def _projector_caught_up(self) -> bool:
        names = self._bus.names
        last = (await self._bus.js.stream_info(names.story)).state.last_seq
        deadline = asyncio.get_running_loop().time() + self._pace.catch_up
        while True:
            info = await self._bus.js.consumer_info(names.story, names.projector)
            floor = info.ack_floor.stream_seq if info.ack_floor else 0
            if floor >= last or (info.num_pending == 0 and info.num_ack_pending == 0):
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)

    async def _put_back_stories(self, before: datetime) -> int:
        rows = [row async for row in records.queries().unheard_stories(self._pool, before=before)]
        # Told again without the old Msg-Id; the inbox knows the event by its own id all the same.
        events = [story_requested(row["id"], row["tenant_id"], row["trace"], before) for row in rows]
        for event in events:
            await self._bus.tell_again(event)
        RECONCILED.labels(kind="story").inc(len(events))
        return len(events)

    async def _put_back_jobs(self, before: datetime, alive: set[str]) -> int:
        rows = [row async for row in records.queries().unfinished_assets(self._pool, before=before)]
        lost = [row for row in rows if self._subject(row) not in alive]
        if not lost:
            return 0
        held = await self._held_by_workers()
        lost = [row for row in lost if f"{row['story_id']}.{row['asset_type']}" not in held]
        journeys = await self._journeys({row["story_id"] for row in lost})
        jobs = []
        for row in lost:
            journey, asset = journeys.get(row["story_id"]), Asset(row["asset_type"])
            if journey is not None and journey.assets[asset].status == "queued":
                jobs.append(job_for(journey, asset, put_back=True))
        count = 0
        for start in range(0, len(jobs), 500):
            sent = await self._bus.command(jobs[start : start + 500])
            count += sum(one is Sent.STORED for one in sent)
        RECONCILED.labels(kind="job").inc(count)
        return count

    def _subject(self, row: Record) -> str:
        asset = Asset(row["asset_type"])
        return self._bus.names.subject(job_subject(row["story_id"], asset, Priority(row["priority"])))

    async def _held_by_workers(self) -> set[str]:
        """Ask every worker what it holds. Whoever does not answer in time is taken to hold nothing."""
        held: set[str] = set()
        client = self._bus.client
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        try:
            await client.publish(self._bus.names.subject(WHO_HOLDS_WHAT), b"", reply=inbox)
            async with asyncio.timeout(self._pace.answers):
                while True:
                    message = await subscription.next_msg(timeout=self._pace.answers)
                    held.update(_strings(message.data))
        except (TimeoutError, NatsError):
            return held
        finally:
            await subscription.unsubscribe()

    async def _journeys(self, ids: set[UUID]) -> dict[UUID, Journey]:
        async with self._pool.acquire() as connection:
            stories: Sequence[Record] = [row async for row in records.queries().read_stories(connection, ids=list(ids))]
            return await records.read(connection, stories)


def _strings(data: bytes) -> list[str]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return []
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
