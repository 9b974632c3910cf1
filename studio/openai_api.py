"""What all of OpenAI's endpoints share: the key, the JSON body, the error bodies, the headers.

Messages and codes are those that the real API was seen to send (August 2026).
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Set as AbstractSet
from typing import Any

from aiohttp import web

from studio.api_call import ApiCall
from studio.vendor_errors import ErrorFactory, VendorError

VERSION = "2020-10-01"  # the API version that OpenAI names in every answer


def openai_error(
    status: int, message: str, *, kind: str = "invalid_request_error", param: str | None = None,
    code: str | None = None, **more: Any,
) -> VendorError:  # fmt: skip
    """An error body as OpenAI sends it: {"error": {message, type, param, code}}."""
    return VendorError(status, {"error": {"message": message, "type": kind, "param": param, "code": code, **more}})


def check_key(request: web.Request, refused: AbstractSet[str]) -> None:
    """Raises 401 in OpenAI's words for a missing or a refused key."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise openai_error(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using "
            "Bearer auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from "
            "https://platform.openai.com/account/api-keys.",
        )
    if key in refused or key.startswith("wrong"):
        hidden = f"{key[:4]}{'*' * max(3, len(key) - 8)}{key[-4:] if len(key) > 8 else ''}"
        raise openai_error(
            401,
            f"Incorrect API key provided: {hidden}. You can find your API key at "
            "https://platform.openai.com/account/api-keys.",
            code="invalid_api_key",
        )


async def read_json(request: web.Request) -> dict[str, Any]:
    """The request's body, a JSON object. Raises 400 in OpenAI's words."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise openai_error(
            400,
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
        ) from error
    if not isinstance(body, dict):
        raise openai_error(400, "Invalid request body: expected a JSON object.", code="invalid_type")
    return body


def rate_limited(call: ApiCall, retry_after: float) -> VendorError:
    """429 with Retry-After (whole seconds, as HTTP wants it) and retry-after-ms, which the SDK reads first."""
    error = openai_error(
        429,
        f"Rate limit reached for {call.model} in organization org-studio on requests per min (RPM): Limit 500, "
        f"Used 500, Requested 1. Please try again in {retry_after:g}s. "
        "Visit https://platform.openai.com/account/rate-limits to learn more.",
        kind="requests",
        code="rate_limit_exceeded",
    )
    error.headers = {
        "Retry-After": str(math.ceil(retry_after)),
        "retry-after-ms": str(round(retry_after * 1000)),
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{retry_after:g}s",
    }
    return error


def server_failed(call: ApiCall) -> VendorError:
    """500, as when the vendor's own machinery fails."""
    return openai_error(
        500,
        "The server had an error processing your request. Sorry about that! You can retry your request, or contact us "
        f"through our help center at help.openai.com if you keep seeing this error. (Please include the request ID "
        f"{call.request_id} in your email.)",
        kind="server_error",
    )


def key_refused(status: int) -> VendorError:
    """401 for a key that is not valid, 403 for one that may not do this."""
    if status == 403:
        return openai_error(403, "You are not allowed to use this model.", code="model_not_allowed")
    return openai_error(401, "Incorrect API key provided: stud**io.", code="invalid_api_key")


def out_of_quota() -> VendorError:
    """429 that no waiting helps against: the month's budget is spent."""
    return openai_error(
        429,
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        kind="insufficient_quota",
        code="insufficient_quota",
    )


ERRORS = ErrorFactory(rate_limited, server_failed, key_refused, out_of_quota)


def path_not_found(method: str, path: str) -> VendorError:
    """404 for an address that the API does not have."""
    return openai_error(404, f"Invalid URL ({method} {path})")


def new_id(prefix: str) -> str:
    """A new id such as resp_68a1…, as OpenAI forms them."""
    return f"{prefix}_{uuid.uuid4().hex}{uuid.uuid4().hex[:16]}"


def estimate_tokens(text: str) -> int:
    """About how many tokens a text is: four bytes make one (OpenAI's own rule of thumb for English)."""
    return math.ceil(len(text.encode()) / 4)
