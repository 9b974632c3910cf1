"""Authentication: from an Authorization header to the caller whose key it holds, mostly without asking Postgres.

A key that is valid is remembered for moments, by its hash, so that most requests cost no statement; for so long, and no
longer, a process takes a key that was revoked meanwhile. When keys were used is written in the background.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.web.keys import Caller, Scope, caller_of, digest, find_key, is_key, queries
from storyloom.web.problems import NOT_AUTHENTICATED, Problem

log = structlog.get_logger()

MAX_REMEMBERED_KEYS = 10_000
"""Keys that a process remembers at a time; the one that was not asked for longest goes first."""
NOTE_INTERVAL_SECONDS = 5.0
"""Between two writes of which keys were used."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    caller: Caller
    until: float


class Authenticator:
    """Authenticates requests. One to a process; ``run`` writes when keys were used."""

    def __init__(
        self,
        pool: Pool,
        *,
        seconds: float,
        capacity: int = MAX_REMEMBERED_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``seconds``: how long a valid key is remembered; 0 to ask Postgres every time."""
        self.pool = pool
        self._seconds = seconds
        self._capacity = capacity
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._used: set[UUID] = set()

    async def authenticate(self, authorization: str | None, *, scope: Scope) -> Caller:
        """The caller whose key an Authorization header holds.

        Raises a Problem: 401 without a valid key, 403 where the key lacks the scope.
        """
        scheme, _, key = (authorization or "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            detail = "Send your key in the header: Authorization: Bearer sk_…"
            raise Problem(401, "key_missing", detail, headers=NOT_AUTHENTICATED)
        caller = await self.find(key)
        if caller is None:
            detail = "This key is not valid, has expired, or was revoked."
            raise Problem(401, "key_unknown", detail, headers=NOT_AUTHENTICATED)
        caller.require(scope)
        return caller

    async def find(self, key: str) -> Caller | None:
        """The caller of a key; None unless it is valid, or was a moment ago."""
        if not is_key(key):
            return None
        secret_hash = digest(key)
        known = self._remembered.get(secret_hash)
        if known is not None and self._clock() < known.until:
            self._remembered.move_to_end(secret_hash)
            return known.caller
        # It counts from before the question: the answer may be as old as that.
        asked = self._clock()
        row = await find_key(self.pool, key)
        if row is None:
            self._remembered.pop(secret_hash, None)
            return None
        caller = caller_of(row)
        left = self._seconds if row["seconds_left"] is None else min(self._seconds, row["seconds_left"])
        self._remember(secret_hash, _Remembered(caller, asked + left))
        if row["unnoted"]:
            self._used.add(row["id"])
        return caller

    def _remember(self, secret_hash: bytes, known: _Remembered) -> None:
        if self._seconds <= 0:
            return
        self._remembered[secret_hash] = known
        self._remembered.move_to_end(secret_hash)
        if len(self._remembered) > self._capacity:
            self._remembered.popitem(last=False)

    async def run(self) -> None:
        """Write which keys were used, for ever; cancel it to end it."""
        while True:
            await asyncio.sleep(NOTE_INTERVAL_SECONDS)
            try:
                await self.note_use()
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.debug("keys.postgres_unreachable", error=type(error).__name__)

    async def note_use(self) -> None:
        """Write which keys were used since the last time. Raises what asyncpg raises."""
        used, self._used = self._used, set()
        if used:
            # Of no consequence where it is lost: the next use after a minute says it again.
            await queries().note_key_use(self.pool, ids=sorted(used))
