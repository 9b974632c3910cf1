"""Erasing: a story's rows go in one transaction; bus and store are swept at once, and again until nobody can be late.

A row in ``erasures`` stays: the receipt, and when to sweep next. It is claimed by moving that moment on, so that
several replicas share the work, and one that dies half-way only makes it late.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from services.api.statements import queries
from services.api.sweeping import Swept, sweep
from storyloom.bus.connection import Bus
from storyloom.db.pool import AWAY, Connection, Pool, dumps, is_away
from storyloom.keys import Caller
from storyloom.objects import Objects
from storyloom.problems import not_found
from storyloom.settings import Settings
from storyloom.telemetry import SWEEPS

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
        swept = await sweep(self.bus, self.objects, claim.story_id)
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
