"""Queue positions: readers of stories that wait are told where they stand, asked for all of them in one statement."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from uuid import UUID

import structlog

from services.status.hub import Hub
from services.status.repository import WaitingStories
from storyloom.db.errors import is_connection_error

log = structlog.get_logger()

INTERVAL_SECONDS = 2.0
"""Between two looks at the queues."""
EVENT = "queue"
"""The event's name on the progress stream; it has no id and no place in history."""
_NOT_WAITING = nullcontext()
"""One for all: most streams are of stories that have begun."""


class QueuePositions:
    """The stories of this process's readers that wait. ``run`` tells where they stand, whenever it changes."""

    def __init__(self, waiting: WaitingStories, hub: Hub, *, interval: float = INTERVAL_SECONDS) -> None:
        self._waiting = waiting
        self._hub = hub
        self._interval = interval
        self._readers: Counter[UUID] = Counter()
        self._told: dict[UUID, int] = {}

    def watched(self, story_id: UUID, position: int | None) -> AbstractContextManager[None]:
        """Tell a story's readers as long as the block lasts; None where it does not wait."""
        return _NOT_WAITING if position is None else self._waiting_at(story_id, position)

    @contextmanager
    def _waiting_at(self, story_id: UUID, position: int) -> Iterator[None]:
        self._readers[story_id] += 1
        self._told.setdefault(story_id, position)
        try:
            yield
        finally:
            self._readers[story_id] -= 1
            if not self._readers[story_id]:
                del self._readers[story_id]
                self._told.pop(story_id, None)

    async def run(self) -> None:
        """Tell for ever; cancel it to end it."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.tell()
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.debug("queue_positions.postgres_unreachable", error=type(error).__name__)

    async def tell(self) -> None:
        """Tell what has changed. Raises what asyncpg raises."""
        if not self._told:
            return
        positions = await self._waiting.positions(list(self._told))
        for story_id, told in list(self._told.items()):
            position = positions.get(story_id)
            if position is None:
                del self._told[story_id]  # it was admitted, or has ended: the stream itself tells
            elif position != told:
                self._told[story_id] = position
                self._hub.offer(story_id, [{"seq": 0, "event": EVENT, "data": queue_data(position)}])


def queue_data(position: int) -> dict[str, Any]:
    """The event's data: how many of the tenant's stories begin first, and this one, from 1."""
    return {"queuePosition": position}
