"""Housekeeping: old deliveries are deleted, stray ones paused, and the backlog counted for dashboards and alerts."""

import asyncio
from datetime import timedelta
from math import nan

import structlog

from services.webhooks import repository
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.runtime import metrics

log = structlog.get_logger()

BATCH_SIZE = 500
"""Rows that one statement deletes: no lock is held for long."""
BATCH_PAUSE_SECONDS = 0.1


class Housekeeping:
    """Any number of replicas do the same, and are in nobody's way."""

    def __init__(self, pool: Pool, *, retention: timedelta, interval: float = 15.0) -> None:
        """``interval`` in seconds."""
        self._pool = pool
        self._retention = retention
        self._interval = interval

    async def run(self) -> None:
        """Tidy and count for ever; cancel it to end it."""
        while True:
            try:
                await self.tidy()
                await self.count()
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.debug("housekeeping.database_unreachable", error=type(error).__name__)
                for gauge in (metrics.WEBHOOK_DUE, metrics.WEBHOOK_DUE_AGE, metrics.WEBHOOK_FAILING):
                    gauge.set(nan)
            await asyncio.sleep(self._interval)

    async def tidy(self) -> int:
        """Delete all that is old enough, a batch at a time; how many."""
        total = 0
        while deleted := await repository.tidy(self._pool, retention=self._retention, limit=BATCH_SIZE):
            total += deleted
            if deleted < BATCH_SIZE:
                break
            await asyncio.sleep(BATCH_PAUSE_SECONDS)
        return total

    async def count(self) -> None:
        """Set the gauges."""
        found = await repository.backlog(self._pool)
        metrics.WEBHOOK_DUE.set(found.due)
        metrics.WEBHOOK_DUE_AGE.set(found.oldest_seconds)
        metrics.WEBHOOK_FAILING.set(found.failing)
