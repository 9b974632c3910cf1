"""Authentication: a route states its scope, and its handler runs only with a caller whose key has that scope."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.api.limits import QUOTAS, LimitError, RequestLimiter
from storyloom.web.authentication import Authenticator
from storyloom.web.keys import Caller, Scope
from storyloom.web.openapi import declared
from storyloom.web.stream_tokens import authenticate_reader

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What aiohttp calls."""
AuthenticatedHandler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
"""What a route is here: it cannot be called without a caller."""


def authenticated_routes(handlers: object, keys: Authenticator, limiter: RequestLimiter) -> list[web.RouteDef]:
    """The operations that an object's methods declare, as routes, each behind the authentication that it declares."""
    return [
        one.route(authenticated(keys, limiter, one.scope, getattr(handlers, one.handler), tokens=one.streamed))
        for one in declared(type(handlers))
        if one.scope is not None
    ]


def authenticated(
    keys: Authenticator, limiter: RequestLimiter, scope: Scope, handler: AuthenticatedHandler, *, tokens: bool = False
) -> Handler:
    """The handler behind authentication and the tenant's limits. ``tokens``: a stream's token is as good as a key.

    A request gets 401 without a valid key, 403 where the key lacks the scope, 429 beyond a limit.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if tokens:
            caller = await authenticate_reader(keys, request)
        else:
            caller = await keys.authenticate(request.headers.get("Authorization"), scope=scope)
        quotas = request[QUOTAS] = []
        try:
            quotas.append(await limiter.take(caller))
            return await handler(request, caller)
        except LimitError as error:
            quotas.append(error.quota)
            raise

    return handle
