"""Problem details (RFC 9457): every error of an HTTP service as application/problem+json, never a stack trace."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import orjson
import structlog
from aiohttp import ClientConnectionResetError, web
from nats.errors import Error as NatsError

from storyloom.db.errors import is_connection_error
from storyloom.messaging.connection import BusUnavailableError
from storyloom.web.exchange import EXCHANGE

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Conflict",
    410: "Gone",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Not acceptable as it is",
    417: "Expectation failed",
    429: "Too many requests",
    431: "Head too large",
    500: "Something broke",
    501: "Not implemented",
    502: "A service behind this one failed",
    503: "Not available now",
    505: "HTTP version not supported",
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

    def body(self, instance: str | None, trace_id: str | None = None) -> dict[str, Any]:
        """The JSON object. ``instance``: a URI of this occurrence; ``trace_id``: of its trace, 32 hex digits."""
        body: dict[str, Any] = {
            "type": f"urn:storyloom:problem:{self.code}",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "retryable": self.status in (408, 409, 429, 500, 502, 503),
            "traceId": trace_id,
            **self.members,
        }
        if self.errors:
            body["errors"] = self.errors
        return {name: value for name, value in body.items() if value is not None}

    def response(self, instance: str | None, trace_id: str | None = None) -> web.Response:
        """The response, with a body as ``body`` makes it."""
        body = orjson.dumps(self.body(instance, trace_id))
        return web.Response(body=body, status=self.status, content_type=MEDIA_TYPE, headers=self.headers)


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
        return respond(problem, request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return respond(http_problem(error), request)
    except Exception as error:
        if _is_disconnect(error, request):
            raise
        unavailable = _unavailable(error)
        if unavailable is not None:
            log.warning("http.unavailable", method=request.method, code=unavailable.code, error=type(error).__name__)
            return respond(unavailable, request)
        log.exception("http.bug", method=request.method)
        return respond(Problem(500, "bug", "Something broke on our side. It is logged."), request)


def respond(problem: Problem, request: web.Request) -> web.StreamResponse:
    """Answer a request with a problem."""
    exchange = request.get(EXCHANGE)
    if exchange is None:
        return problem.response(f"urn:uuid:{uuid4()}")
    return problem.response(exchange.instance, exchange.trace_id)


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


def http_problem(error: web.HTTPException) -> Problem:
    """The problem for an error of aiohttp's own, in our words."""
    details = {
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", "This address does not take the method."),
        417: ("expectation_failed", "Only Expect: 100-continue is understood."),
        413: ("body_too_large", "The body is larger than 64 kB."),
    }
    code, detail = details.get(error.status, (f"http_{error.status}", TITLES.get(error.status, "The request failed.")))
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return Problem(error.status, code, detail, headers=allow)
