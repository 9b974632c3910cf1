"""Erasure: a story's rows are deleted in one transaction; NATS and the store are purged at once, and again later.

A worker that could not be stopped may still publish or store something: the purges are repeated until no job can be in
flight. A row in ``erasures`` stays: the receipt, and when to purge next. It is claimed by moving that time on, so that
replicas share the work, and what a replica that dies had claimed is only late.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import orjson
import structlog
from nats.errors import Error as NatsError

from services.api.repository import queries
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Connection, Pool, dumps
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

POLL_INTERVAL_SECONDS = 0.5
"""Between two queries for purges that are due."""
LEASE_SECONDS = 30.0
"""How long a claim is valid: longer than any purge."""
RETRY_DELAY_SECONDS = 5.0
"""Until the next purge where NATS or the store was not reachable."""
CLOCK_MARGIN_SECONDS = 60.0
"""What is due later than anything can be, by so much, is due now."""
MAX_CONCURRENT = 8
"""Purges at once in one process."""
TIMEOUT_SECONDS = 10.0
"""For NATS, and as many for the store."""
ANSWER_TIMEOUT_SECONDS = 2.0
"""The same, where a client waits for the receipt: what is not reached by then is purged after the answer."""
_STREAM_NOT_FOUND = 10_059
"""JetStream's error code."""
_DELETED_UPDATE = orjson.dumps([{"seq": 0, "event": "deleted", "data": {}}])

T = TypeVar("T")
Receipt = dict[str, Any]
"""{id, erasedAt, rows {stories, assets, events, wishes, deliveries}, objects, bytes, messages, complete}"""


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """What one purge removed. ``complete``: NATS and the store both answered, and hold nothing of the story now."""

    objects: int = 0
    bytes: int = 0
    messages: int = 0
    complete: bool = True

    @property
    def found(self) -> bool:
        """Whether anything was left of the story."""
        return bool(self.objects or self.messages)


@dataclass(frozen=True, slots=True)
class _Claim:
    story_id: UUID
    claimed_at: datetime
    until: datetime


def purge_delays(settings: Settings) -> tuple[float, ...]:
    """Seconds after a deletion at which to purge again, the last of them when no job can be in flight any more."""
    longest_job = settings.job_timeout + settings.ack_wait
    delays = sorted(settings.erasure_sweeps)
    return tuple(delays) if delays and delays[-1] > longest_job else (*delays, longest_job * 1.1)


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases stories. Any number of erasers may run, in one process or in several."""

    pool: Pool
    bus: Bus
    objects: Objects
    delays: Sequence[float]
    cancel_jobs: CancelJobs

    async def erase(self, caller: Caller, story_id: UUID) -> Receipt:
        """Erase a story; returns its receipt, also where it was erased before. Raises a 404 Problem for another's.

        ``complete`` is False where NATS or the store could not be reached: ``run`` goes on with it.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            row = await queries().story_locked(connection, id=story_id, tenant_id=caller.tenant_id)
            if row is None:
                return await self._receipt(connection, caller, story_id)
            claim = await self._delete_rows(connection, caller.tenant_id, story_id)
        log.info("story.erased", story_id=str(story_id))
        return await self._purge(claim, ANSWER_TIMEOUT_SECONDS)

    async def run(self) -> None:
        """Purge whatever is due, until cancelled."""
        while True:
            try:
                while await self.purge_due():
                    pass
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.warning("erasure.postgres_away", error=type(error).__name__)
            await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def erase_older(self, age: timedelta, limit: int) -> int:
        """Erase stories that are older than that and have ended, the oldest first, as if their clients had deleted
        them; returns how many. What another replica or the projector is at just now is left for the next time.
        """
        found = [row async for row in queries().aged_stories(self.pool, age=age, limit=limit)]
        count = 0
        for story_id, tenant_id in ((row["id"], row["tenant_id"]) for row in found):
            async with self.pool.acquire() as connection, connection.transaction():
                if await queries().aged_story_locked(connection, id=story_id) is None:
                    continue
                claim = await self._delete_rows(connection, tenant_id, story_id)
            log.info("story.erased", story_id=str(story_id), reason="age")
            await self._purge(claim)
            count += 1
        return count

    async def purge_due(self) -> int:
        """Claim up to MAX_CONCURRENT erasures that are due and purge them; returns how many."""
        horizon = max(*self.delays, LEASE_SECONDS, RETRY_DELAY_SECONDS) + CLOCK_MARGIN_SECONDS
        rows = queries().claim_erasures(self.pool, limit=MAX_CONCURRENT, lease=LEASE_SECONDS, horizon=horizon)
        claims = [_Claim(row["story_id"], row["claimed_at"], row["due_at"]) async for row in rows]
        await asyncio.gather(*(self._purge(claim) for claim in claims))
        return len(claims)

    async def _delete_rows(self, connection: Connection, tenant_id: str, story_id: UUID) -> _Claim:
        counted = await queries().count_rows(connection, id=story_id, tenant_id=tenant_id)
        await queries().delete_story(connection, id=story_id, tenant_id=tenant_id)
        receipt: Receipt = {
            "id": str(story_id),
            "erasedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "rows": {"stories": 1, **dict(counted)},
            "objects": 0,
            "bytes": 0,
            "messages": 0,
            "complete": False,
        }
        # Claimed from the start: this call purges first, and ``run`` only if this process dies before.
        row = await queries().add_erasure(
            connection, story_id=story_id, tenant_id=tenant_id, receipt=dumps(receipt), lease=LEASE_SECONDS
        )
        return _Claim(story_id, row["claimed_at"], row["due_at"])

    async def _receipt(self, connection: Connection, caller: Caller, story_id: UUID) -> Receipt:
        row = await queries().receipt(connection, story_id=story_id, tenant_id=caller.tenant_id)
        if row is None:
            raise not_found("story")
        receipt: Receipt = row["receipt"]
        return receipt

    async def _purge(self, claim: _Claim, timeout: float = TIMEOUT_SECONDS) -> Receipt:  # noqa: ASYNC109 - for two steps
        result = await purge(self.bus, self.cancel_jobs, self.objects, claim.story_id, timeout)
        SWEEPS.labels(outcome=_outcome(result)).inc()
        row = await queries().add_purge(
            self.pool,
            story_id=claim.story_id,
            objects=result.objects,
            bytes=result.bytes,
            messages=result.messages,
            complete=result.complete,
            found=result.found,
            claimed_at=claim.claimed_at,
            claimed_until=claim.until,
            delays=list(self.delays),
            retry_delay=RETRY_DELAY_SECONDS,
            last_delay=self.delays[-1],
        )
        receipt: Receipt = row["receipt"]
        return receipt


def _outcome(result: PurgeResult) -> str:
    if not result.complete:
        return "away"
    return "found" if result.found else "clean"


class _PurgeError(Exception):
    """JetStream refused to purge."""


async def purge(
    bus: Bus,
    cancel_jobs: CancelJobs,
    objects: Objects,
    story_id: UUID,
    timeout: float = TIMEOUT_SECONDS,  # noqa: ASYNC109 - for each of two steps
) -> PurgeResult:
    """Purge the story's messages, cancel its jobs, publish to its readers, delete its objects.

    ``timeout``: seconds for NATS, and as many for the store. Never raises: what was not reachable makes the result
    incomplete.
    """
    messages = await _within_timeout(_purge_messages(bus, cancel_jobs, story_id, timeout), timeout)
    # Workers must stop before the store is purged; those that do not are the reason for the next purge.
    await _within_timeout(objects.open(), timeout)  # what it takes to build its client is none of the store's time
    deleted = await _within_timeout(objects.erase(story_id), timeout)
    number, size = deleted or (0, 0)
    return PurgeResult(number, size, messages or 0, complete=messages is not None and deleted is not None)


async def _purge_messages(bus: Bus, cancel_jobs: CancelJobs, story_id: UUID, seconds: float) -> int:
    names = bus.names
    # Queued jobs first: none of them may start any more.
    purged = await _purge_stream(bus, names.jobs, f"job.*.*.{story_id}.>", seconds / 3)
    await cancel_jobs(StopWork(story_id=story_id))
    await bus.publish_core(f"status.{story_id}", _DELETED_UPDATE)
    purged += await _purge_stream(bus, names.story, f"story.evt.*.{story_id}", seconds / 3)
    return purged + await _purge_stream(bus, names.dead, f"dead.*.{story_id}.*", seconds / 3)


async def _purge_stream(bus: Bus, stream: str, subject: str, seconds: float) -> int:
    """Returns how many messages were purged. By JetStream's own API: nats-py's ``purge_stream`` hides the number."""
    body = orjson.dumps({"filter": bus.names.subject(subject)})
    reply = await bus.client.request(f"$JS.API.STREAM.PURGE.{stream}", body, timeout=seconds)
    response = orjson.loads(reply.data)
    if (error := response.get("error")) is None:
        purged: int = response["purged"]
        return purged
    if error.get("err_code") == _STREAM_NOT_FOUND:
        return 0
    raise _PurgeError(str(error.get("description", "")))


async def _within_timeout(work: Awaitable[T], seconds: float) -> T | None:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except (NatsError, TimeoutError, RetryableError, PermanentError, _PurgeError) as error:
        log.warning("erasure.incomplete", error=type(error).__name__)
        return None
