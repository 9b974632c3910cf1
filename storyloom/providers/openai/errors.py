"""OpenAI's errors in our words, by class and code. Its messages may quote the prompt, so none is passed on."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import JSONDecodeError

import openai
from pydantic import ValidationError

from storyloom.providers.errors import CallFailedError, Outcome, Verdict, out_of_quota
from storyloom.providers.openai.answers import QUOTA, REFUSALS, failed, refused
from storyloom.providers.resilience.calls import Dialect
from storyloom.story.errors import PermanentError, RetryableError

LONGEST_WAIT = 3600.0
"""Seconds; a provider that asks for more is asked again after this."""
_PASSING = {408: Outcome.TIMEOUT, 409: Outcome.REJECTED, 429: Outcome.RATE_LIMITED}


def translate(error: Exception, request_id: str | None = None) -> CallFailedError:
    """What the failure of a call means for the job, and what it says about OpenAI."""
    match error:
        case openai.APIStatusError():
            return _by_status(error)
        case openai.APITimeoutError() | TimeoutError():
            return CallFailedError(
                Outcome.TIMEOUT, RetryableError("OpenAI did not answer in time", request_id=request_id)
            )
        case openai.APIConnectionError():
            outcome = Outcome.CUT if request_id else Outcome.CONNECTION
            return CallFailedError(outcome, RetryableError("the connection to OpenAI failed", request_id=request_id))
        case openai.APIResponseValidationError() | JSONDecodeError() | UnicodeDecodeError() | ValidationError():
            return CallFailedError(
                Outcome.BAD_ANSWER, RetryableError("OpenAI's answer could not be read", request_id=request_id)
            )
        case openai.APIError():
            return failed(error.code, request_id)
        case _:
            verdict = PermanentError(
                f"the OpenAI client refused the call ({type(error).__name__})", request_id=request_id
            )
            return CallFailedError(Outcome.REJECTED, verdict)


DIALECT = Dialect((openai.OpenAIError, TimeoutError, JSONDecodeError, UnicodeDecodeError, ValidationError), translate)


def _by_status(error: openai.APIStatusError) -> CallFailedError:
    status = error.status_code
    told = f"{status} {error.code or error.type or type(error).__name__}"
    if error.code in REFUSALS:
        return CallFailedError(Outcome.REFUSED, refused(error.request_id))
    if error.code in QUOTA or error.type in QUOTA:
        return out_of_quota("OpenAI", error.request_id)
    verdict: Verdict
    if status in _PASSING or status >= 500:
        verdict = RetryableError(
            f"OpenAI cannot answer now ({told})", after=_retry_after(error), request_id=error.request_id
        )
        return CallFailedError(_PASSING.get(status, Outcome.SERVER_ERROR), verdict)
    if status in {401, 403}:
        verdict = PermanentError(
            f"OpenAI does not accept our key ({told})", code="not_allowed", request_id=error.request_id
        )
        return CallFailedError(Outcome.NOT_ALLOWED, verdict)
    verdict = PermanentError(f"OpenAI does not accept the request ({told})", request_id=error.request_id)
    return CallFailedError(Outcome.REJECTED, verdict)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds that the provider asks us to wait (RFC 9110, 10.2.3: seconds or a date); None if it names none."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return _bounded(float(headers["retry-after-ms"]) / 1000)
        return _bounded(_seconds(headers["retry-after"]))
    except (KeyError, ValueError, OverflowError):
        return None


def _seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        when = parsedate_to_datetime(value)
        return (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def _bounded(seconds: float) -> float:
    if seconds != seconds:  # noqa: PLR0124 - this is how a NaN is known
        raise ValueError("not a number of seconds")
    return min(max(seconds, 0.0), LONGEST_WAIT)
