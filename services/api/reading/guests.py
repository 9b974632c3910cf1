"""Guests: who reads one story by a link, without a key. The link's secret opens what is declared ``shared``, only that.

The secret stands behind the ``#`` of the link, which no browser sends anywhere: it is in no log and no referrer. The
page sends it as a key is sent, in the header ``Authorization``. Postgres is asked every time: a link that was revoked
opens nothing any more.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from aiohttp import web

from services.api.limits import LimitError, Quota
from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.web.keys import Caller, digest
from storyloom.web.problems import NOT_AUTHENTICATED, Problem, not_found

PREFIX = "sh_"
REQUESTS = 240
"""Of one link within WINDOW_SECONDS, a replica: a book is ten, and a link may go round a class."""
WINDOW_SECONDS = 60
MAX_LINKS = 10_000
"""Links whose requests a replica counts; the one that asked longest ago goes first."""


def queries() -> Any:
    """The named statements of queries.sql."""
    return load_queries("services.api.reading")


def new_secret() -> str:
    """A fresh secret of a link: 256 random bits, URL-safe."""
    return PREFIX + secrets.token_urlsafe(32)


def sent_secret(request: web.Request) -> str | None:
    """The secret of a link that a request comes with; None where it comes with a key, or with nothing."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    return secret if scheme.lower() == "bearer" and secret.startswith(PREFIX) else None


class Guests:
    """Lets readers in. One to a process."""

    def __init__(self, pool: Pool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._windows: OrderedDict[UUID, tuple[float, int]] = OrderedDict()

    async def authenticate(self, request: web.Request, secret: str) -> Caller:
        """Who reads the story in the path by a link: the story's tenant, with nothing but the right to read.

        Raises a Problem: 401 for a link that is not valid, 404 for another story's, 429 for one that is asked too
        often.
        """
        known = len(secret) < 200 and secret.isascii()
        row = await queries().valid_share(self._pool, secret_hash=digest(secret)) if known else None
        if row is None:
            detail = "This link is not valid, has expired, or was taken back."
            raise Problem(401, "link_unknown", detail, headers=NOT_AUTHENTICATED)
        if request.match_info.get("id", "").lower() != str(row["story_id"]):
            raise not_found("story")
        self._count(row["id"])
        return Caller(row["tenant_id"], frozenset({"stories:read"}))

    def _count(self, link: UUID) -> None:
        now = self._clock()
        began, requests = self._windows.pop(link, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, requests = now, 0
        self._windows[link] = (began, requests + 1)
        if len(self._windows) > MAX_LINKS:
            self._windows.popitem(last=False)
        if requests >= REQUESTS:
            left = began + WINDOW_SECONDS - now
            quota = Quota("link", REQUESTS, 0, WINDOW_SECONDS, left)
            raise LimitError("too_many_requests", "This link is read too often just now.", quota, retry_after=left)
