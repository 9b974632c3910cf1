"""What every route needs: who is calling, and an answer in JSON."""

from typing import Any

import orjson
from aiohttp import web

from storyloom.db.pool import Pool
from storyloom.web.keys import Caller, Scope, authenticate

BASE = "/api/v1"


async def caller_with(pool: Pool, request: web.Request, scope: Scope) -> Caller:
    """Who is calling. Raises a 401 Problem without a valid key, a 403 one without the scope."""
    return await authenticate(pool, request.headers.get("Authorization"), scope=scope)


def as_json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)
