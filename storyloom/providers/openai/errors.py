"""OpenAI's errors in our words, by class and code. Its messages may quote the prompt, so none is passed on."""

from json import JSONDecodeError

import openai
from pydantic import ValidationError

from storyloom.providers.errors import (
    CallFailedError,
    ErrorTranslator,
    Outcome,
    Verdict,
    not_allowed,
    out_of_quota,
    retry_after,
)
from storyloom.providers.openai.answers import QUOTA, REFUSALS, failed, refused, speaks_of_refusal
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.model_text import plain_word

_TRANSIENT = {408: Outcome.TIMEOUT, 409: Outcome.REJECTED, 429: Outcome.RATE_LIMITED}


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


TRANSLATOR = ErrorTranslator(
    (openai.OpenAIError, TimeoutError, JSONDecodeError, UnicodeDecodeError, ValidationError), translate
)


def _by_status(error: openai.APIStatusError) -> CallFailedError:
    status = error.status_code
    named = f"{status} {plain_word(error.code or error.type, type(error).__name__)}"
    if error.code in REFUSALS or (status == 400 and speaks_of_refusal(error.message)):
        return CallFailedError(Outcome.REFUSED, refused(error.request_id, _categories(error.body)))
    if error.code in QUOTA or error.type in QUOTA:
        return out_of_quota(error.request_id)
    verdict: Verdict
    if status in _TRANSIENT or status >= 500:
        verdict = RetryableError(
            f"OpenAI cannot answer now ({named})",
            after=retry_after(error.response.headers),
            request_id=error.request_id,
        )
        return CallFailedError(_TRANSIENT.get(status, Outcome.SERVER_ERROR), verdict)
    if status in {401, 403}:
        return not_allowed(error.request_id)
    verdict = PermanentError(f"OpenAI does not accept the request ({named})", request_id=error.request_id)
    return CallFailedError(Outcome.REJECTED, verdict)


def _categories(body: object) -> tuple[str, ...]:
    """What a refused prompt was flagged for, where the error says so (``moderation_details``)."""
    details = body.get("moderation_details") if isinstance(body, dict) else None
    categories = details.get("categories") if isinstance(details, dict) else None
    return tuple(map(plain_word, categories[:5])) if isinstance(categories, list) else ()
