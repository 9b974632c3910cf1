"""Starts: workers whisper when they take a job; once a second the rows are told, for operators to see.

Best effort from end to end: no decision rests on it, and a lost whisper costs a row that says `queued` a little longer.
"""

import asyncio

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.status import repository
from storyloom.db.pool import Pool
from storyloom.messaging.connection import Bus
from storyloom.story.events import AssetStarted

log = structlog.get_logger()

MOST = 5_000


class Starts:
    """Collects starts and writes them in one statement a second."""

    def __init__(self, bus: Bus, pool: Pool, *, every: float = 1.0) -> None:
        self._bus = bus
        self._pool = pool
        self._every = every
        self._heard: list[AssetStarted] = []

    async def run(self) -> None:
        """Listen and write for ever; cancel it to end it. Replicas share the whispers among them."""
        subject = self._bus.names.subject("live.*.started")
        subscription = await self._bus.client.subscribe(subject, queue="status", cb=self._hear)
        try:
            while True:
                await asyncio.sleep(self._every)
                await self._write()
        finally:
            if self._bus.client.is_connected:
                await subscription.unsubscribe()

    async def _hear(self, message: Msg) -> None:
        try:
            started = AssetStarted.model_validate_json(message.data)
        except ValidationError:
            log.warning("starts.unreadable")
            return
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
