"""What goes wrong at ElevenLabs, in our words. It imports the SDK: only the open door imports it."""

import math
import re
from collections.abc import Mapping
from typing import Any

import httpx
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError

from storyloom.providers.elevenlabs.answers import find_header
from storyloom.providers.errors import CallFailedError, Outcome, out_of_quota
from storyloom.providers.resilience.calls import Dialect
from storyloom.story.errors import PermanentError, RetryableError

LONGEST_WAIT = 3600.0  # seconds; a Retry-After beyond it is not believed

_BUSY = {
    408: Outcome.TIMEOUT,
    409: Outcome.REJECTED,
    425: Outcome.REJECTED,
    429: Outcome.RATE_LIMITED,
}
_REFUSED = "content_against_policy"
_QUOTA = "quota_exceeded"
"""Comes with 401, in newer answers with 429: there are no credits left for this text."""
_WORD = re.compile(r"[a-z0-9_]{1,60}")


def translate(error: Exception, asked: str | None = None) -> CallFailedError:
    """What a failed call means for the job, and what it says about ElevenLabs; ``asked`` is its request id.

    The reason never holds what the vendor wrote, but for its one-word status.
    """
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return CallFailedError(Outcome.TIMEOUT, RetryableError("ElevenLabs took too long", request_id=asked))
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return CallFailedError(Outcome.REJECTED, PermanentError("ELEVENLABS_BASE_URL is not a URL"))
        case httpx.HTTPError():
            reason = f"the connection to ElevenLabs failed: {type(error).__name__}"
            return CallFailedError(
                Outcome.CUT if asked else Outcome.CONNECTION, RetryableError(reason, request_id=asked)
            )
        case ApiError():
            return _answered(error, asked)
        case _:
            reason = "ElevenLabs' answer could not be read"
            return CallFailedError(Outcome.BAD_ANSWER, RetryableError(reason, request_id=asked))


DIALECT = Dialect(
    # The last two: the SDK builds its answer from a body without asking whether it is text, or a JSON object.
    (ApiError, ParsingError, httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeDecodeError, TypeError),
    translate,
)


def _answered(error: ApiError, asked: str | None) -> CallFailedError:
    status = error.status_code or 0
    word = _status_word(error.body)
    reason = f"ElevenLabs answered {status}" + (f" ({word})" if word else "")
    if word == _QUOTA:
        return out_of_quota("ElevenLabs", asked)
    if status in _BUSY or status >= 500 or status < 400:  # below 400: a success whose body is not JSON
        verdict = RetryableError(reason, after=_retry_after(error.headers or {}), request_id=asked)
        return CallFailedError(
            _BUSY.get(status, Outcome.SERVER_ERROR if status >= 500 else Outcome.BAD_ANSWER), verdict
        )
    if word == _REFUSED:
        return CallFailedError(Outcome.REFUSED, PermanentError(reason, code="content_refused", request_id=asked))
    if status in {401, 402, 403}:
        return CallFailedError(Outcome.NOT_ALLOWED, PermanentError(reason, code="not_allowed", request_id=asked))
    return CallFailedError(Outcome.REJECTED, PermanentError(reason, code="bad_request", request_id=asked))


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
