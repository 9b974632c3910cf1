"""Every error of a handler as a problem: never a stack trace, and no library's own words."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from aiohttp import ClientConnectionResetError, web
from nats.errors import Error as NatsError

from storyloom.db.errors import is_connection_error
from storyloom.messaging.connection import BusUnavailableError
from storyloom.web.exchange import EXCHANGE
from storyloom.web.problems import Problem

log = structlog.get_logger()


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
    return problem.response(exchange.instance, exchange.trace_id, public_url=exchange.public_url)


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
    if error.status not in details:
        return Problem(400, "bad_http", "The request cannot be read.")
    code, detail = details[error.status]
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return Problem(error.status, code, detail, headers=allow)
