"""How a call to a provider ends: a word for gate, usage and metrics, and one of our three errors for the job.

Each provider's own errors.py translates what its SDK raises.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from storyloom.providers.answers import find_header
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError

Verdict = RetryableError | PermanentError | ProviderUnavailable

MAX_RETRY_AFTER_SECONDS = 3600.0
"""Seconds; a provider that asks for more is asked again after this."""


class Outcome(StrEnum):
    """The end of a call. All but OK stand as ``error`` in the usage."""

    OK = "ok"
    BAD_ANSWER = "bad_answer"
    """It answered, and the answer cannot be used; it is paid for as far as its cost is known."""
    REFUSED = "refused"
    """It will not make this content."""
    REJECTED = "rejected"
    """It does not accept the request: another one might go through."""
    NOT_ALLOWED = "not_allowed"
    """It does not accept our key."""
    RATE_LIMITED = "rate_limited"
    OUT_OF_QUOTA = "out_of_quota"
    """Our allowance is used up; people can top it up."""
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    CUT = "cut"
    """The answer broke off; it may have been paid for."""
    CANCELLED = "cancelled"
    """We left while it was under way; it may have been paid for."""
    BUG = "bug"
    """Our own program failed over it."""


UNAVAILABLE_OUTCOMES = frozenset({Outcome.SERVER_ERROR, Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.CUT})
"""What says that a provider is unavailable; many in a row open its breaker."""
SHUT_OUT_OUTCOMES = frozenset({Outcome.NOT_ALLOWED, Outcome.OUT_OF_QUOTA})
"""What only people can end, by another key or a topped-up allowance: the first one shuts the gate."""
FREE_OUTCOMES = frozenset(
    {Outcome.NOT_ALLOWED, Outcome.OUT_OF_QUOTA, Outcome.RATE_LIMITED, Outcome.SERVER_ERROR, Outcome.CONNECTION}
)
"""What no provider asks money for."""
NOT_AVAILABLE = "the provider is not available"
"""All that a client is told of a provider that is away, or that does not let us in: which one, and why, is for us."""
INCONCLUSIVE_OUTCOMES = frozenset({Outcome.CANCELLED, Outcome.BUG})
"""What says nothing about the provider."""


class CallFailedError(Exception):
    """Inside the clients: how a call failed, and what that means for the job. Leaves them as its ``verdict``."""

    def __init__(self, outcome: Outcome, verdict: Verdict, request_id: str | None = None) -> None:
        super().__init__(f"{outcome}: {verdict}")
        self.outcome = outcome
        self.verdict = verdict
        self.request_id = request_id or getattr(verdict, "request_id", None)


@dataclass(frozen=True, slots=True)
class ErrorTranslator:
    """How one provider's SDK fails."""

    kinds: tuple[type[Exception], ...]
    translate: Callable[[Exception, str | None], CallFailedError]
    """From an error and the request id, where it is known."""

    def read(self, error: Exception, request_id: str | None) -> CallFailedError:
        """What an error is, whether the SDK raised it or we ourselves over an answer."""
        match error:
            case CallFailedError():
                return error
            case PermanentError(code="content_refused"):
                return CallFailedError(Outcome.REFUSED, error)
            case RetryableError() | PermanentError():
                return CallFailedError(Outcome.BAD_ANSWER, error)
            case _:
                return self.translate(error, request_id)


def out_of_quota(request_id: str | None) -> CallFailedError:
    """Our allowance is used up: no attempt is spent over it."""
    return _shut_out(Outcome.OUT_OF_QUOTA, request_id)


def not_allowed(request_id: str | None) -> CallFailedError:
    """It does not accept our key, or there is none: no attempt is spent over it either."""
    return _shut_out(Outcome.NOT_ALLOWED, request_id)


def _shut_out(outcome: Outcome, request_id: str | None) -> CallFailedError:
    # How long it waits is the gate's setting.
    return CallFailedError(outcome, ProviderUnavailable(NOT_AVAILABLE, after=60), request_id)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a provider asks us to wait, 0 to LONGEST_RETRY_AFTER; None if it names none, or nonsense.

    ``Retry-After`` is a number of seconds or an HTTP date (RFC 9110, 10.2.3); ``retry-after-ms``, in milliseconds, goes
    before it (OpenAI's SDK, _base_client.py).
    """
    if (milliseconds := _number(find_header(headers, "retry-after-ms"))) is not None:
        return min(milliseconds / 1000, MAX_RETRY_AFTER_SECONDS)
    value = find_header(headers, "retry-after")
    seconds = _number(value)
    if seconds is None:
        seconds = _until(value, find_header(headers, "date"))
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER_SECONDS)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(date: str | None, now: str | None) -> float | None:
    """Seconds from now to a date; one that is over is now.

    Both by the clock of whoever sent them, if it says what time it is (Date, RFC 9110, 6.6.1): ours may be an hour off.
    """
    end = _moment(date)
    return None if end is None else max(0.0, (end - (_moment(now) or datetime.now(UTC))).total_seconds())


def _moment(date: str | None) -> datetime | None:
    try:
        when = parsedate_to_datetime(date or "")
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
