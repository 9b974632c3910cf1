"""What goes wrong at ElevenLabs, in our two words. It imports the SDK: only the open door imports it."""

import math
import re
from collections.abc import Mapping
from typing import Any

import httpx
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError

from services.audio.answers import find_header, request_id
from storyloom.story.errors import GiveUp, TryAgain

FAILURES = (ApiError, ParsingError, httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeDecodeError)
"""UnicodeDecodeError: the SDK reads a body as JSON without asking whether it is text."""
LONGEST_WAIT = 3600.0  # seconds; a Retry-After beyond it is not believed

_BUSY = frozenset({408, 409, 425, 429})
_REFUSED = frozenset({"content_against_policy", "blocked_text", "terms_of_service_violation"})
_WORD = re.compile(r"[a-z0-9_]{1,60}")


def translate(error: BaseException) -> TryAgain | GiveUp:
    """The verdict on a failed call. The reason never holds what the vendor wrote, but for its one-word status."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return TryAgain("ElevenLabs took too long")
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return GiveUp("ELEVENLABS_BASE_URL is not a URL", code="bad_request")
    if isinstance(error, httpx.HTTPError):
        return TryAgain(f"the connection to ElevenLabs failed: {type(error).__name__}")
    if isinstance(error, ApiError):
        return _answered(error)
    headers = getattr(error, "headers", None)
    return TryAgain("ElevenLabs' answer could not be read", request_id=request_id(headers or {}))


def _answered(error: ApiError) -> TryAgain | GiveUp:
    headers = error.headers or {}
    status, asked = error.status_code or 0, request_id(headers)
    word = _status_word(error.body)
    reason = f"ElevenLabs answered {status}" + (f" ({word})" if word else "")
    if status in _BUSY or status >= 500 or status < 400:  # below 400: a success whose body is not JSON
        return TryAgain(reason, after=_retry_after(headers), request_id=asked)
    if word in _REFUSED:
        return GiveUp(reason, code="content_refused", request_id=asked)
    return GiveUp(reason, code="not_allowed" if status in {401, 402, 403} else "bad_request", request_id=asked)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds (RFC 9110, 10.2.3); a date or nonsense is left to our own delays."""
    value = find_header(headers, "retry-after") or ""
    try:
        seconds = float(value)
    except ValueError:
        return None
    return min(seconds, LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None


def _status_word(body: Any) -> str:
    """``detail.status``, such as ``quota_exceeded``: a word for programs, never prose."""
    detail = body.get("detail") if isinstance(body, dict) else None
    status = detail.get("status") if isinstance(detail, dict) else None
    return status if isinstance(status, str) and _WORD.fullmatch(status) else ""
