"""Erasing: a story's rows go in one transaction; bus and store are swept at once, and again until nobody can be late.

A row in ``erasures`` stays: the receipt, and when to sweep next. It is claimed by moving that moment on, so that
several replicas share the work, and one that dies half-way only makes it late.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
import structlog
from nats.errors import Error as NatsError

from services.api.repository import queries
from storyloom.db.pool import AWAY, Connection, Pool, dumps, is_away
from storyloom.messaging.connection import Bus
from storyloom.messaging.endpoints import CancelJobs
from storyloom.runtime.metrics import SWEEPS
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.jobs import StopWork
from storyloom.web.keys import Caller
from storyloom.web.problems import not_found

log = structlog.get_logger()

EVERY = 0.5
"""Seconds between two looks for what is due."""
LEASE = 30.0
"""Seconds that a claim holds: longer than any sweep."""
AGAIN = 5.0
"""Seconds until the next attempt where bus or store was away."""
TOGETHER = 8

Receipt = dict[str, Any]
"""{id, erasedAt, rows {stories, assets, events, wishes}, objects, bytes, messages, complete}"""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep took away. ``whole``: bus and store were both there, and hold nothing of the story now."""

    objects: int = 0
    bytes: int = 0
    messages: int = 0
    whole: bool = True

    @property
    def found(self) -> bool:
        return bool(self.objects or self.messages)


@dataclass(frozen=True, slots=True)
class _Claim:
    story_id: UUID
    began: datetime
    until: datetime


def moments(settings: Settings) -> tuple[float, ...]:
    """Seconds after a deletion at which to sweep again, the last of them when no job can be running any more."""
    longest = settings.job_timeout + settings.ack_wait
    wanted = sorted(settings.erasure_sweeps)
    return tuple(wanted) if wanted and wanted[-1] > longest else (*wanted, longest * 1.1)


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases stories. Any number of them may run, in one process or in several."""

    pool: Pool
    bus: Bus
    objects: Objects
    moments: Sequence[float]
    cancel_jobs: CancelJobs

    async def erase(self, who: Caller, story_id: UUID) -> Receipt:
        """Erase a story, or answer the receipt of one that was erased before. Raises a 404 Problem for another's.

        ``complete`` is False where bus or store could not be reached: it goes on by itself.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            row = await queries().story_locked(connection, id=story_id, tenant_id=who.tenant_id)
            if row is None:
                return await self._receipt(connection, who, story_id)
            claim = await self._delete_rows(connection, who, story_id)
        log.info("story.erased", story_id=str(story_id))
        return await self._sweep(claim)

    async def run(self) -> None:
        """Sweep what is due, for ever; cancel it to end it."""
        while True:
            try:
                while await self.sweep_due():
                    pass
            except AWAY as error:
                if not is_away(error):
                    raise
                log.warning("erasure.postgres_away", error=type(error).__name__)
            await asyncio.sleep(EVERY)

    async def sweep_due(self) -> int:
        """Sweep some of what is due and nobody else has claimed; how many."""
        rows = queries().claim_erasures(self.pool, limit=TOGETHER, lease=LEASE)
        claims = [_Claim(row["story_id"], row["began"], row["due_at"]) async for row in rows]
        await asyncio.gather(*(self._sweep(claim) for claim in claims))
        return len(claims)

    async def _delete_rows(self, connection: Connection, who: Caller, story_id: UUID) -> _Claim:
        counted = await queries().count_rows(connection, id=story_id)
        await queries().delete_story(connection, id=story_id)
        receipt: Receipt = {
            "id": str(story_id),
            "erasedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "rows": {"stories": 1, **dict(counted)},
            "objects": 0,
            "bytes": 0,
            "messages": 0,
            "complete": False,
        }
        # Claimed from the start: this call sweeps first, and the loop only if this call does not live to do it.
        row = await queries().add_erasure(
            connection, story_id=story_id, tenant_id=who.tenant_id, receipt=dumps(receipt), lease=LEASE
        )
        return _Claim(story_id, row["began"], row["due_at"])

    async def _receipt(self, connection: Connection, who: Caller, story_id: UUID) -> Receipt:
        row = await queries().receipt(connection, story_id=story_id, tenant_id=who.tenant_id)
        if row is None:
            raise not_found("story")
        receipt: Receipt = row["receipt"]
        return receipt

    async def _sweep(self, claim: _Claim) -> Receipt:
        swept = await sweep(self.bus, self.cancel_jobs, self.objects, claim.story_id)
        SWEEPS.labels(outcome=_outcome(swept)).inc()
        row = await queries().note_sweep(
            self.pool,
            story_id=claim.story_id,
            objects=swept.objects,
            bytes=swept.bytes,
            messages=swept.messages,
            whole=swept.whole,
            found=swept.found,
            began=claim.began,
            claimed_until=claim.until,
            moments=list(self.moments),
            again=AGAIN,
            last=self.moments[-1],
        )
        receipt: Receipt = row["receipt"]
        return receipt


def _outcome(swept: Swept) -> str:
    if not swept.whole:
        return "away"
    return "found" if swept.found else "clean"


T = TypeVar("T")

PATIENCE = 10.0
"""Seconds for the bus, and as many for the store."""
_NO_STREAM = 10_059
"""JetStream's code for a stream that is not there."""
_DELETED = orjson.dumps([{"seq": 0, "event": "deleted", "data": {}}])


class _PurgeError(Exception):
    """JetStream would not purge."""


async def sweep(bus: Bus, cancel_jobs: CancelJobs, objects: Objects, story_id: UUID) -> Swept:
    """Purge the story's messages, stop its workers, tell its readers, delete its objects. Never raises."""
    messages = await _patiently(_sweep_bus(bus, cancel_jobs, story_id))
    # Whoever works on it must stop before the store is swept; who does not is the reason for the next sweep.
    removed = await _patiently(objects.erase(story_id))
    number, size = removed or (0, 0)
    return Swept(number, size, messages or 0, whole=messages is not None and removed is not None)


async def _sweep_bus(bus: Bus, cancel_jobs: CancelJobs, story_id: UUID) -> int:
    names = bus.names
    # Queued jobs first: what has not begun must not begin.
    purged = await _purge(bus, names.jobs, f"job.*.*.{story_id}.>")
    await cancel_jobs(StopWork(story_id=story_id))
    await bus.publish_core(f"status.{story_id}", _DELETED)
    purged += await _purge(bus, names.story, f"story.evt.*.{story_id}")
    return purged + await _purge(bus, names.dead, f"dead.*.{story_id}.*")


async def _purge(bus: Bus, stream: str, subject: str) -> int:
    """How many messages went. Asked by JetStream's own API: nats-py's ``purge_stream`` keeps the number to itself."""
    asked = orjson.dumps({"filter": bus.names.subject(subject)})
    reply = await bus.client.request(f"$JS.API.STREAM.PURGE.{stream}", asked, timeout=PATIENCE / 3)
    answer = orjson.loads(reply.data)
    if (error := answer.get("error")) is None:
        purged: int = answer["purged"]
        return purged
    if error.get("err_code") == _NO_STREAM:
        return 0
    raise _PurgeError(str(error.get("description", "")))


async def _patiently(work: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await work
    except (NatsError, TimeoutError, RetryableError, PermanentError, _PurgeError) as error:
        log.warning("erasure.away", error=type(error).__name__)
        return None
