"""Cross-origin requests (fetch.spec.whatwg.org): which pages of other origins may call the public port from a browser.

Ours, and no library: aiohttp-cors adds a route for every one there is, wants to be told of each, answers refusals as
plain text, says nothing in ``Vary``, so that a cache may give one origin the answer made for another, and does not see
what is answered before a route is found. What is left for us is two sets of headers.

Nothing is allowed that comes with cookies, which the API has none of.
"""

from collections.abc import Iterable

from aiohttp import hdrs, web

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, traceparent"
)
EXPOSED_HEADERS = (
    "ETag, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Idempotency-Replayed, Preference-Applied"
)
MAX_AGE_SECONDS = 7200
"""How long a browser may remember a preflight's answer; no browser remembers it for longer."""
ANY = "*"


class CrossOrigin:
    """The origins that may call, from the setting ``CORS_ORIGINS``; without any, nothing is said of other origins."""

    def __init__(self, origins: Iterable[str]) -> None:
        """``origins``: such as ``https://app.example``, as a browser writes them; ``*``: all."""
        self._origins = frozenset(origin.lower() for origin in origins)

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser's question whether a page may send a request; None where it is no such question.

        It needs no key: the browser asks before it sends one.
        """
        asked = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        if not (self._origins and asked and hdrs.ORIGIN in request.headers):
            return None
        answer = web.Response(status=204)
        if self._allowed(request) is not None:
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = METHODS
            answer.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = REQUEST_HEADERS
            answer.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = f"{MAX_AGE_SECONDS}"
        return answer

    def decorate(self, request: web.Request, response: web.StreamResponse) -> None:
        """Say in an answer of any kind whether the page that asked may read it."""
        if not self._origins:
            return
        if ANY not in self._origins:
            # Also where no origin was sent, or the answer was refused: a cache keeps that, too.
            _add(response, hdrs.VARY, hdrs.ORIGIN)
        allowed = self._allowed(request)
        if allowed is not None:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = allowed
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED_HEADERS

    def _allowed(self, request: web.Request) -> str | None:
        if ANY in self._origins:
            return ANY
        origin = request.headers.get(hdrs.ORIGIN)
        return origin if origin is not None and origin.lower() in self._origins else None


def _add(response: web.StreamResponse, name: str, value: str) -> None:
    there = response.headers.get(name, "")
    if value.lower() not in {one.strip().lower() for one in there.split(",")}:
        response.headers[name] = f"{there}, {value}" if there else value
