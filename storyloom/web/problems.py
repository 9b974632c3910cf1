"""Problem details (RFC 9457): every error of an HTTP service as application/problem+json, never a stack trace."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
import structlog
from aiohttp import ClientConnectionResetError, web
from nats.errors import Error as NatsError

from storyloom.db.errors import is_connection_error
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
    """An error response. Raise it in a handler; ``problem_middleware`` answers with it.

    ``code`` is a stable word for programs, ``detail`` a sentence for people, ``errors`` hold {pointer, detail} with
    JSON pointers (RFC 6901) into the request's body, ``members`` are more members of the JSON object.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}
        self.members = members

    def response(self, instance: str) -> web.Response:
        """The response to a request for the path ``instance``."""
        body: dict[str, Any] = {
            "type": f"urn:storyloom:problem:{self.code}",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "retryable": self.status in (409, 429, 500, 502, 503),
            **self.members,
        }
        if self.errors:
            body["errors"] = self.errors
        return web.Response(body=orjson.dumps(body), status=self.status, content_type=MEDIA_TYPE, headers=self.headers)


NOT_AUTHENTICATED = {"WWW-Authenticate": 'Bearer realm="storyloom"'}


def not_found(what: str) -> Problem:
    """A 404 for what does not exist, or is another tenant's."""
    return Problem(404, "not_found", f"There is no such {what}.")


@web.middleware
async def problem_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer every error with a problem: 503 where NATS or Postgres is unavailable, 500, logged, for a bug."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response(request.path)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _http_problem(error).response(request.path)
    except Exception as error:
        if _is_disconnect(error, request):
            raise
        unavailable = _unavailable(error)
        if unavailable is not None:
            log.warning("http.unavailable", method=request.method, code=unavailable.code, error=type(error).__name__)
            return unavailable.response(request.path)
        log.exception("http.bug", method=request.method)
        return Problem(500, "bug", "Something broke on our side. It is logged.").response(request.path)


def _is_disconnect(error: Exception, request: web.Request) -> bool:
    """Whether the client disconnected, which raises the same errors as a database that does."""
    disconnected = request.transport is None or request.transport.is_closing()
    return isinstance(error, ClientConnectionResetError) or (disconnected and isinstance(error, ConnectionError))


def _unavailable(error: Exception) -> Problem | None:
    """The problem of NATS or Postgres being unavailable; None for another error."""
    headers = {"Retry-After": "1"}
    # NATS first: its TimeoutError is a TimeoutError too.
    if isinstance(error, NatsError | BusUnavailableError):
        return Problem(503, "bus_away", "NATS is not reachable; try again.", headers=headers)
    if is_connection_error(error):
        return Problem(503, "database_away", "The database is not reachable; try again.", headers=headers)
    return None


def _http_problem(error: web.HTTPException) -> Problem:
    details = {
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", f"This address does not take {getattr(error, 'method', 'this method')}."),
        413: ("body_too_large", "The body is larger than 64 kB."),
    }
    code, detail = details.get(error.status, (f"http_{error.status}", TITLES.get(error.status, "The request failed.")))
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return Problem(error.status, code, detail, headers=allow)
