"""Authentication: a route states its scope, and its handler runs only with a caller whose key has that scope."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.api.limits import QUOTAS, LimitError, RequestLimiter
from services.api.reading.guests import Guests, sent_secret
from storyloom.web.authentication import Authenticator
from storyloom.web.keys import Caller, Scope
from storyloom.web.openapi import declared
from storyloom.web.stream_tokens import authenticate_reader

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""What aiohttp calls."""
AuthenticatedHandler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
"""What a route is here: it cannot be called without a caller."""


def authenticated_routes(
    handlers: object, keys: Authenticator, limiter: RequestLimiter, guests: Guests | None = None
) -> list[web.RouteDef]:
    """The operations that an object's methods declare, as routes, each behind the authentication that it declares.

    ``guests`` lets in who comes by a link to a story, where an operation is declared ``shared``.
    """
    return [
        one.route(
            authenticated(
                keys,
                limiter,
                one.scope,
                getattr(handlers, one.handler),
                tokens=one.streamed,
                guests=guests if one.shared else None,
            )
        )
        for one in declared(type(handlers))
        if one.scope is not None
    ]


def authenticated(
    keys: Authenticator,
    limiter: RequestLimiter,
    scope: Scope,
    handler: AuthenticatedHandler,
    *,
    tokens: bool = False,
    guests: Guests | None = None,
) -> Handler:
    """The handler behind authentication and the tenant's limits. ``tokens``: a stream's token is as good as a key.
    ``guests``: so is the secret of a link to the story, whose requests are counted for the link and not for the tenant.

    A request gets 401 without a valid key, 403 where the key lacks the scope, 429 beyond a limit.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if guests is not None and (secret := sent_secret(request)) is not None:
            return await handler(request, await guests.authenticate(request, secret))
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
