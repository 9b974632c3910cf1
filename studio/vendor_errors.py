"""An answer that is an error, in its vendor's own words. Raised anywhere below a handler, sent by the middleware."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from studio.api_call import ApiCall


class VendorError(Exception):
    """`status`, JSON `body` and `headers` exactly as they are sent."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {json.dumps(body)}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def body_with(self, code: str) -> dict[str, Any]:
        """The body with another code, and the kind of error that goes with it."""
        return {"error": {**self.body["error"], "code": code, "type": code}}

    def quoting(self, prompt: str, status: int) -> VendorError:
        """The same error with another status, and the request in every string of it."""
        return VendorError(status, {name: _quote(value, prompt) for name, value in self.body.items()}, self.headers)

    def as_response(self) -> web.Response:
        """The HTTP answer."""
        return web.json_response(self.body, status=self.status, headers=self.headers)


def _quote(value: Any, prompt: str) -> Any:
    if isinstance(value, dict):
        return {name: _quote(each, prompt) for name, each in value.items()}
    return prompt


@dataclass(frozen=True)
class ErrorFactory:
    """How a vendor says that it is too busy (with the seconds to wait), that it failed, that it does not let a key in
    (with the status), and that there is no money left.
    """

    rate_limited: Callable[[ApiCall, float], VendorError]
    server_failed: Callable[[ApiCall], VendorError]
    key_refused: Callable[[int], VendorError]
    out_of_quota: Callable[[], VendorError]
