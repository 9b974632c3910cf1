"""Authentication: a route states its scope, and its handler runs only with a caller whose key has that scope."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from storyloom.web.authentication import Authenticator
from storyloom.web.keys import Caller, Scope

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What aiohttp calls."""
AuthenticatedHandler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
"""What a route is here: it cannot be called without a caller."""


def authenticated(keys: Authenticator, scope: Scope, handler: AuthenticatedHandler) -> Handler:
    """The handler behind authentication: a request gets 401 without a valid key, 403 where the key lacks the scope."""

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = await keys.authenticate(request.headers.get("Authorization"), scope=scope)
        return await handler(request, caller)

    return handle
