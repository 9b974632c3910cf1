"""What goes wrong at ElevenLabs, in our two words. It imports the SDK: only the open door imports it."""

import math
import re
from collections.abc import Mapping
from typing import Any

import httpx
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError

from services.audio.answers import find_header
from storyloom.story.errors import GiveUp, TryAgain

FAILURES = (ApiError, ParsingError, httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeDecodeError, TypeError)
"""The last two: the SDK builds its answer from a body without asking whether it is text, or a JSON object."""
LONGEST_WAIT = 3600.0  # seconds; a Retry-After beyond it is not believed

_BUSY = frozenset({408, 409, 425, 429})
_REFUSED = "content_against_policy"
_WORD = re.compile(r"[a-z0-9_]{1,60}")


def translate(error: BaseException, asked: str | None = None) -> TryAgain | GiveUp:
    """The verdict on a failed call, ``asked`` its request id.

    The reason never holds what the vendor wrote, but for its one-word status.
    """
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return TryAgain("ElevenLabs took too long", request_id=asked)
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return GiveUp("ELEVENLABS_BASE_URL is not a URL")
        case httpx.HTTPError():
            return TryAgain(f"the connection to ElevenLabs failed: {type(error).__name__}", request_id=asked)
        case ApiError():
            return _answered(error, asked)
        case _:
            return TryAgain("ElevenLabs' answer could not be read", request_id=asked)


def _answered(error: ApiError, asked: str | None) -> TryAgain | GiveUp:
    status = error.status_code or 0
    word = _status_word(error.body)
    reason = f"ElevenLabs answered {status}" + (f" ({word})" if word else "")
    if status in _BUSY or status >= 500 or status < 400:  # below 400: a success whose body is not JSON
        return TryAgain(reason, after=_retry_after(error.headers or {}), request_id=asked)
    if word == _REFUSED:
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
