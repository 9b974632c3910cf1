"""Job starts: workers publish AssetStarted on core NATS; once a second the rows are updated, for operators to see.

Best effort from end to end: no decision rests on it, and a lost message costs a row that says `queued` a little longer.
"""

import asyncio

import structlog

from services.status import repository
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.story.events import AssetStarted

log = structlog.get_logger()

MAX_PENDING = 5_000
"""Starts that are kept for the next write; what exceeds them is dropped."""


class JobStartRecorder:
    """Collects starts and writes them in one statement a second."""

    def __init__(self, pool: Pool, *, interval: float = 1.0) -> None:
        self._pool = pool
        self._interval = interval
        self._pending: list[AssetStarted] = []

    async def run(self) -> None:
        """Write for ever; cancel it to end it."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self._write()
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.debug("job_starts.postgres_unreachable", error=type(error).__name__)

    def add(self, started: AssetStarted) -> None:
        """Take a start, to be written within a second."""
        if len(self._pending) < MAX_PENDING:
            self._pending.append(started)

    async def _write(self) -> None:
        starts, self._pending = self._pending, []
        if starts:
            await repository.queries().record_starts(
                self._pool,
                ids=[one.story_id for one in starts],
                assets=[one.asset.value for one in starts],
                fingerprints=[one.fingerprint for one in starts],
                at=[one.at for one in starts],
            )
