"""What goes wrong at ElevenLabs, in our words. It imports the SDK: only a client that is open imports it."""

import re
from typing import Any

import httpx
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError

from storyloom.providers.errors import CallFailedError, ErrorTranslator, Outcome, not_allowed, out_of_quota, retry_after
from storyloom.story.errors import PermanentError, RetryableError

_TRANSIENT = {
    408: Outcome.TIMEOUT,
    409: Outcome.REJECTED,
    425: Outcome.REJECTED,
    429: Outcome.RATE_LIMITED,
}
_REFUSED = "content_against_policy"
_QUOTA = "quota_exceeded"
"""Comes with 401, in newer answers with 429: there are no credits left for this text."""
_WORD = re.compile(r"[a-z0-9_]{1,60}")


def translate(error: Exception, request_id: str | None = None) -> CallFailedError:
    """What a failed call means for the job, and what it says about ElevenLabs; ``request_id`` is its name.

    The reason never holds what the vendor wrote, but for its one-word status.
    """
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return CallFailedError(Outcome.TIMEOUT, RetryableError("ElevenLabs took too long", request_id=request_id))
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return CallFailedError(Outcome.REJECTED, PermanentError("ELEVENLABS_BASE_URL is not a URL"))
        case httpx.HTTPError():
            reason = f"the connection to ElevenLabs failed: {type(error).__name__}"
            return CallFailedError(
                Outcome.CUT if request_id else Outcome.CONNECTION, RetryableError(reason, request_id=request_id)
            )
        case ApiError():
            return _by_status(error, request_id)
        case _:
            reason = "ElevenLabs' answer could not be read"
            return CallFailedError(Outcome.BAD_ANSWER, RetryableError(reason, request_id=request_id))


TRANSLATOR = ErrorTranslator(
    # The last two: the SDK builds its answer from a body without asking whether it is text, or a JSON object.
    (ApiError, ParsingError, httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeDecodeError, TypeError),
    translate,
)


def _by_status(error: ApiError, request_id: str | None) -> CallFailedError:
    status = error.status_code or 0
    word = _status_word(error.body)
    reason = f"ElevenLabs answered {status}" + (f" ({word})" if word else "")
    if word == _QUOTA:
        return out_of_quota(request_id)
    if status in _TRANSIENT or status >= 500 or status < 400:  # below 400: a success whose body is not JSON
        verdict = RetryableError(reason, after=retry_after(error.headers or {}), request_id=request_id)
        return CallFailedError(
            _TRANSIENT.get(status, Outcome.SERVER_ERROR if status >= 500 else Outcome.BAD_ANSWER), verdict
        )
    if word == _REFUSED:
        return CallFailedError(Outcome.REFUSED, PermanentError(reason, code="content_refused", request_id=request_id))
    if status in {401, 402, 403}:
        return not_allowed(request_id)
    return CallFailedError(Outcome.REJECTED, PermanentError(reason, code="bad_request", request_id=request_id))


def _status_word(body: Any) -> str:
    """``detail.status``, such as ``quota_exceeded``: a word for programs, never prose."""
    detail = body.get("detail") if isinstance(body, dict) else None
    status = detail.get("status") if isinstance(detail, dict) else None
    return status if isinstance(status, str) and _WORD.fullmatch(status) else ""
