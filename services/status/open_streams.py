"""Open streams and the keys that opened them: a stream ends seconds after its key was revoked or has expired.

All keys of a process are asked about in one statement, however many streams they have open.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog

from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.web.keys import queries

log = structlog.get_logger()

INTERVAL_SECONDS = 5.0
"""Between two looks at the keys; clients are promised that their streams end within 15 s."""


class KeyEndedError(Exception):
    """The key that opened the stream is not valid any more."""


class OpenStreams:
    """The streams of this process, by key. ``run`` looks at the keys."""

    def __init__(self, pool: Pool, *, interval: float = INTERVAL_SECONDS) -> None:
        self._pool = pool
        self._interval = interval
        self._open: dict[UUID, set[asyncio.Timeout]] = {}

    @asynccontextmanager
    async def while_valid(self, key_id: UUID | None) -> AsyncIterator[None]:
        """A block that is cut short, with a KeyEndedError, once its key is not valid any more. None: no key's."""
        try:
            async with asyncio.timeout(None) as limit:
                if key_id is not None:
                    self._open.setdefault(key_id, set()).add(limit)
                try:
                    yield
                finally:
                    self._forget(key_id, limit)
        except TimeoutError:
            if limit.expired():
                raise KeyEndedError from None
            raise

    def _forget(self, key_id: UUID | None, limit: asyncio.Timeout) -> None:
        if key_id is None or (streams := self._open.get(key_id)) is None:
            return
        streams.discard(limit)
        if not streams:
            del self._open[key_id]

    async def run(self) -> None:
        """End the streams of ended keys, for ever; cancel it to end it."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.end_invalid()
            except Exception as error:
                if not is_connection_error(error):
                    raise
                # Without Postgres nobody can revoke a key, either.
                log.debug("open_streams.postgres_unreachable", error=type(error).__name__)

    async def end_invalid(self) -> None:
        """End the streams whose key is not valid any more. Raises what asyncpg raises."""
        if not self._open:
            return
        now = asyncio.get_running_loop().time()
        async for row in queries().ended_keys(self._pool, ids=list(self._open)):
            for limit in self._open.pop(row["id"], ()):
                limit.reschedule(now)
