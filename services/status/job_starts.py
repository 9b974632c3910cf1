"""Starts: workers whisper when they take a job; once a second the rows are told, for operators to see.

Best effort from end to end: no decision rests on it, and a lost whisper costs a row that says `queued` a little longer.
"""

import asyncio

from services.status import repository
from storyloom.db.pool import Pool
from storyloom.story.events import AssetStarted

MOST = 5_000


class Starts:
    """Collects starts and writes them in one statement a second."""

    def __init__(self, pool: Pool, *, every: float = 1.0) -> None:
        self._pool = pool
        self._every = every
        self._heard: list[AssetStarted] = []

    async def run(self) -> None:
        """Write for ever; cancel it to end it."""
        while True:
            await asyncio.sleep(self._every)
            await self._write()

    def hear(self, started: AssetStarted) -> None:
        """Take a start, to be written soon."""
        if len(self._heard) < MOST:
            self._heard.append(started)

    async def _write(self) -> None:
        heard, self._heard = self._heard, []
        if heard:
            await repository.queries().note_starts(
                self._pool,
                ids=[one.story_id for one in heard],
                assets=[one.asset.value for one in heard],
                fingerprints=[one.fingerprint for one in heard],
                at=[one.at for one in heard],
            )
