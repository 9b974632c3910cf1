"""Stream tokens: what opens the progress stream of one story, for minutes, to who cannot send a key in a header.

A browser's EventSource sends no headers of its own, and a key is no thing for a browser. A token stands in the query of
the stream's address: nothing that we log has a query, and no answer lets it become a referrer. It opens that stream and
nothing else; what it has opened lives on when it expires, and ends with its key.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiohttp import web

from storyloom.db.pool import Pool
from storyloom.web.authentication import Authenticator
from storyloom.web.keys import Caller, digest, queries
from storyloom.web.problems import NOT_AUTHENTICATED, Problem, not_found

PREFIX = "st_"
PARAMETER = "token"
"""The query's parameter."""
VALID_SECONDS = 300.0
"""How long a token can be used. A stream that it has opened is not ended by that."""


@dataclass(frozen=True, slots=True)
class StreamToken:
    """A token, which the database knows only the hash of, and until when it can be used."""

    token: str
    expires_at: datetime


async def add_token(pool: Pool, caller: Caller, story_id: UUID) -> StreamToken:
    """Make a token for a story. Raises a 404 Problem where the caller has no such story."""
    token = PREFIX + secrets.token_urlsafe(32)
    row = await queries().add_stream_token(
        pool,
        secret_hash=digest(token),
        id=story_id,
        tenant_id=caller.tenant_id,
        key_id=caller.key_id,
        seconds=VALID_SECONDS,
    )
    if row is None:
        raise not_found("story")
    return StreamToken(token, row["expires_at"])


async def authenticate_reader(keys: Authenticator, request: web.Request) -> Caller:
    """Who opens the stream of the story in the path: by a key in the header or, without one, by a token in the query.

    Raises a Problem: 401 without a valid key or token, 403 where the key lacks the scope, 404 where the token is not
    this story's.
    """
    authorization, token = request.headers.get("Authorization"), request.query.get(PARAMETER)
    if authorization is not None or token is None:
        return await keys.authenticate(authorization, scope="stories:read")
    row = await queries().valid_stream_token(keys.pool, secret_hash=digest(token)) if _is_token(token) else None
    if row is None:
        detail = "This token is not valid, has expired, or its key was revoked. Fetch a new one."
        raise Problem(401, "token_unknown", detail, headers=NOT_AUTHENTICATED)
    if _story_id(request) != row["story_id"]:
        raise not_found("story")
    return Caller(row["tenant_id"], frozenset({"stories:read"}), row["key_id"], row["requests_per_minute"])


def _story_id(request: web.Request) -> UUID | None:
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        return None


def _is_token(text: str) -> bool:
    return text.startswith(PREFIX) and len(text) < 200 and text.isascii()
