"""Deletes what is kept for so many days and no longer: whole stories, and the receipts of erasures.

Both are kept for ever unless a setting says otherwise. A story goes the way of one that its client deletes: rows,
messages and objects, with a receipt. Any number of replicas do this, and are in nobody's way.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from services.api.erasure import Eraser
from services.api.repository import queries
from storyloom.db.errors import is_connection_error

log = structlog.get_logger()

INTERVAL_SECONDS = 60.0
"""Between two looks for what is old enough."""
BATCH_SIZE = 20
"""Stories that one look finds: each is purged from NATS and the store before the next."""
RECEIPT_BATCH_SIZE = 500
BATCH_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Retention:
    """``stories`` and ``receipts``: how long they are kept, None for ever."""

    eraser: Eraser
    stories: timedelta | None
    receipts: timedelta | None

    @property
    def keeps_all(self) -> bool:
        """Whether there is nothing to do."""
        return self.stories is None and self.receipts is None

    async def run(self) -> None:
        """Delete what is due, until cancelled."""
        while True:
            try:
                await self.prune()
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.warning("retention.postgres_away", error=type(error).__name__)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def prune(self) -> tuple[int, int]:
        """Delete all that is old enough, a batch at a time; how many stories, and how many receipts."""
        stories = receipts = 0
        if self.stories is not None:
            while erased := await self.eraser.erase_older(self.stories, BATCH_SIZE):
                stories += erased
                await asyncio.sleep(BATCH_PAUSE_SECONDS)
        if self.receipts is not None:
            while pruned := await queries().prune_receipts(
                self.eraser.pool, age=self.receipts, limit=RECEIPT_BATCH_SIZE
            ):
                receipts += pruned
                await asyncio.sleep(BATCH_PAUSE_SECONDS)
        return stories, receipts


def retention(eraser: Eraser, *, story_days: float, receipt_days: float) -> Retention:
    """As the settings say it: 0 days are for ever."""

    def age(days: float) -> timedelta | None:
        return timedelta(days=days) if days else None

    return Retention(eraser, age(story_days), age(receipt_days))
