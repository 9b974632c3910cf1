"""Heartbeats: a line for readers to whom nothing was sent for a while, and with it a look whether an update was lost.

One timer and one statement for many readers: what idle streams cost is a few bytes written, now and then.
"""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from services.status import repository
from services.status.hub import Reader, SseEvent
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Connection, Pool

if TYPE_CHECKING:
    from collections.abc import Iterable

HEARTBEAT_BYTES = b": still here\n\n"


class _Comment(SseEvent):
    """A line that is no event."""

    def bytes(self) -> bytes:
        return HEARTBEAT_BYTES


HEARTBEAT = _Comment(0, "", None)
EARLY = 0.25
"""A heartbeat comes up to this part of its time early: streams that were sent the same update do not beat together."""
SLOTS = 64
"""Looks in the time of one heartbeat."""


class HistoryUnavailableError(Exception):
    """Postgres is unreachable in the middle of a stream."""


@dataclass(frozen=True, slots=True)
class Head:
    """A story's last update, and whether it is being made."""

    seq: int
    generating: bool


class Heartbeats:
    """The live readers of a process. ``seconds``: without anything sent to a reader."""

    def __init__(self, pool: Pool | Connection, *, seconds: float) -> None:
        self._pool = pool
        self._seconds = seconds
        self._slot_seconds = seconds * (1 - EARLY) / SLOTS
        self._slots: deque[list[tuple[UUID, Reader]]] = deque([] for _ in range(SLOTS + 2))
        """What is to be looked at in this slot of time, in the next, …"""
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def add(self, story_id: UUID, reader: Reader) -> None:
        """Keep a reader company that is about to be live, until it is not live any more."""
        reader.silence = self._seconds * random.uniform(1 - EARLY, 1)
        reader.sent_at = asyncio.get_running_loop().time()
        self._put(story_id, reader, reader.silence)
        if self._timer is None:
            self._arm()

    def _put(self, story_id: UUID, reader: Reader, seconds: float) -> None:
        # Never late: in the slot before, where it falls between two.
        slot = min(max(1, int(seconds / self._slot_seconds)), SLOTS)
        self._slots[slot].append((story_id, reader))
        self._count += 1

    def _arm(self) -> None:
        # Of no request: the first reader's would have what is asked for all others in its trace.
        self._timer = asyncio.get_running_loop().call_later(self._slot_seconds, self._look, context=Context())

    def _look(self) -> None:
        """Send the heartbeats that are due."""
        self._slots.rotate(-1)
        here, self._slots[0] = self._slots[0], []
        self._count -= len(here)
        now = asyncio.get_running_loop().time()
        beaten = []
        for story_id, reader in here:
            if not reader.is_live:
                continue
            rest = reader.sent_at + reader.silence - now
            if rest > self._slot_seconds:
                self._put(story_id, reader, rest)
            elif reader.send(HEARTBEAT):
                beaten.append((story_id, reader))
                self._put(story_id, reader, reader.silence)
            else:
                reader.stop()
        if beaten:
            asking = asyncio.create_task(self._compare(beaten))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        self._timer = None
        if self._count:
            self._arm()

    async def _compare(self, readers: Sequence[tuple[UUID, Reader]]) -> None:
        """Have those read their story again that were not sent all of it, or whose story has ended."""
        try:
            heads = await self.heads({story_id for story_id, _ in readers})
        except Exception as error:
            if not is_connection_error(error):
                raise
            for _, reader in readers:
                failure = HistoryUnavailableError()
                failure.__cause__ = error
                reader.end(failure)
            return
        for story_id, reader in readers:
            head = heads.get(story_id)
            if reader.is_live and (head is None or not head.generating or head.seq > reader.seen):
                reader.stop()

    async def heads(self, ids: "Iterable[UUID]") -> dict[UUID, Head]:
        """How stories stand; those that there are not are left out. Raises what asyncpg raises."""
        rows = repository.queries().story_heads(self._pool, ids=list(ids))
        return {row["id"]: Head(row["seq"], row["generating"]) async for row in rows}
