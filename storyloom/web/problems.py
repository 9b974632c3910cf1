"""Problem details (RFC 9457): what an error of an HTTP service is, as application/problem+json."""

from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from storyloom.web.catalogue import CATALOGUE, page_path

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - it is the RFC's own word
    """An error response. Raise it in a handler; ``errors.problem_middleware`` answers with it.

    ``code`` is a stable word for programs, ``detail`` a sentence for people, ``errors`` hold {pointer, detail} with
    JSON pointers (RFC 6901) into the request's body, ``members`` are more members of the JSON object. The status stands
    where a problem is raised for whoever reads that place. Raises ValueError for a code that is not in the catalogue
    with this status.
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
        entry = CATALOGUE.get(code)
        if entry is None or entry.status != status:
            raise ValueError(f"{code} with status {status} is not in storyloom/web/catalogue.py")
        self.status = status
        self.code = code
        self.detail = detail
        self.retryable = entry.retryable
        self.errors = list(errors)
        self.headers = headers or {}
        self.members = members

    def body(self, instance: str | None, trace_id: str | None = None, *, public_url: str = "") -> dict[str, Any]:
        """The JSON object.

        ``instance``: a URI of this occurrence; ``trace_id``: of its trace, 32 hex digits; ``public_url``: where clients
        reach the API, without which the type is a relative reference.
        """
        entry = CATALOGUE[self.code]
        body: dict[str, Any] = {
            "type": public_url + page_path(self.code),
            "title": entry.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "retryable": self.retryable,
            "traceId": trace_id,
            **self.members,
        }
        if self.errors:
            body["errors"] = self.errors
        return {name: value for name, value in body.items() if value is not None}

    def response(self, instance: str | None, trace_id: str | None = None, *, public_url: str = "") -> web.Response:
        """The response, with a body as ``body`` makes it."""
        body = orjson.dumps(self.body(instance, trace_id, public_url=public_url))
        return web.Response(body=body, status=self.status, content_type=MEDIA_TYPE, headers=self.headers)


NOT_AUTHENTICATED = {"WWW-Authenticate": 'Bearer realm="storyloom"'}


def not_found(what: str) -> Problem:
    """A 404 for what does not exist, or is another tenant's."""
    return Problem(404, "not_found", f"There is no such {what}.")
