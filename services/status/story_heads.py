"""How stories stand, asked for many readers at once: at each heartbeat a reader looks whether an update was lost.

Readers of one moment share a statement, and those of one story a row: what idle streams cost does not grow with them.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from services.status import repository
from storyloom.db.pool import Connection, Pool

WINDOW_SECONDS = 0.05
"""How long a reader waits for others to ask with it. Updates wait behind it, now and then."""


@dataclass(frozen=True, slots=True)
class Head:
    """A story's last update, and whether it is being made."""

    seq: int
    generating: bool


class StoryHeads:
    """Asks for the readers of a process."""

    def __init__(self, pool: Pool | Connection, *, window: float = WINDOW_SECONDS) -> None:
        self._pool = pool
        self._window = window
        self._ids: set[UUID] = set()
        self._asking: asyncio.Task[dict[UUID, Head]] | None = None

    async def read(self, story_id: UUID) -> Head | None:
        """How a story stands, from now on; None for one that there is not. Raises what asyncpg raises."""
        self._ids.add(story_id)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_forget)
        # One that goes must not take the answer from the others.
        return (await asyncio.shield(self._asking)).get(story_id)

    async def _ask(self) -> dict[UUID, Head]:
        await asyncio.sleep(self._window)
        ids, self._ids, self._asking = self._ids, set(), None
        rows = repository.queries().story_heads(self._pool, ids=list(ids))
        return {row["id"]: Head(row["seq"], row["generating"]) async for row in rows}


def _forget(asking: "asyncio.Task[dict[UUID, Head]]") -> None:
    """Take note of how it ended: all who asked may have gone."""
    if not asking.cancelled():
        asking.exception()
