"""Problem details (RFC 9457): what an error of an HTTP service is, as application/problem+json."""

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

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
    """An error response. Raise it in a handler; ``errors.problem_middleware`` answers with it.

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
