"""Errors as clients see them: RFC 9457 problem+json, never a stack trace."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import structlog
from aiohttp import ClientConnectionResetError, web
from nats.errors import Error as NatsError

from storyloom.db.pool import is_away
from storyloom.messaging.connection import BusUnavailableError

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Not acceptable as it is",
    429: "Too many requests",
    500: "Something broke",
    502: "A service behind this one failed",
    503: "Not available now",
}


class Problem(Exception):  # noqa: N818 - it is the RFC's own word
    """An answer that is an error.

    ``code`` is a stable word for programs, ``detail`` a sentence for people, ``errors`` hold {pointer, detail} with
    JSON pointers (RFC 6901) into the request's body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}
        self.more = more

    def response(self, instance: str) -> web.Response:
        body: dict[str, Any] = {
            "type": f"urn:storyloom:problem:{self.code}",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "retryable": self.status in (409, 429, 500, 502, 503),
            **self.more,
        }
        if self.errors:
            body["errors"] = self.errors
        return web.Response(body=orjson.dumps(body), status=self.status, content_type=MEDIA_TYPE, headers=self.headers)


NOT_AUTHENTICATED = {"WWW-Authenticate": 'Bearer realm="storyloom"'}


def not_found(what: str) -> Problem:
    return Problem(404, "not_found", f"There is no such {what}.")


@web.middleware
async def as_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Whatever goes wrong becomes a problem: what is away for now a 503, what nobody foresaw a 500 that is logged."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response(request.path)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _plain(error).response(request.path)
    except Exception as error:
        if _is_the_clients(error, request):
            raise
        away = _away(error)
        if away is not None:
            log.warning("http.away", method=request.method, code=away.code, error=type(error).__name__)
            return away.response(request.path)
        log.exception("http.bug", method=request.method)
        return Problem(500, "bug", "Something broke on our side. It is logged.").response(request.path)


def _is_the_clients(error: Exception, request: web.Request) -> bool:
    """Whether this is the client hanging up, which looks like a database doing so."""
    gone = request.transport is None or request.transport.is_closing()
    return isinstance(error, ClientConnectionResetError) or (gone and isinstance(error, ConnectionError))


def _away(error: Exception) -> Problem | None:
    """The problem of a bus or a database that does not answer; None where the error is another."""
    soon = {"Retry-After": "1"}
    # NATS first: its time-outs are time-outs too.
    if isinstance(error, NatsError | BusUnavailableError):
        return Problem(503, "bus_away", "The message bus does not answer just now; try again.", headers=soon)
    if is_away(error):
        return Problem(503, "database_away", "The database does not answer just now; try again.", headers=soon)
    return None


def _plain(error: web.HTTPException) -> Problem:
    details = {
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", f"This address does not take {getattr(error, 'method', 'this method')}."),
        413: ("body_too_large", "The body is larger than 64 kB."),
    }
    code, detail = details.get(error.status, (f"http_{error.status}", TITLES.get(error.status, "The request failed.")))
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return Problem(error.status, code, detail, headers=allow)
