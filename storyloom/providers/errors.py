"""How a call to a provider ended, in a word: for the gate, the bill and the metrics."""

from enum import StrEnum

from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError

Verdict = RetryableError | PermanentError | ProviderUnavailable


class Outcome(StrEnum):
    """The end of a call. All but OK stand as ``error`` on the bill."""

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


AWAY = frozenset({Outcome.SERVER_ERROR, Outcome.TIMEOUT, Outcome.CONNECTION, Outcome.CUT})
"""What says that a provider is away; many in a row open its breaker."""
UNKNOWN = frozenset({Outcome.CANCELLED, Outcome.BUG})
"""What says nothing about the provider."""


def out_of_quota(provider: str, request_id: str | None) -> "CallFailedError":
    """Our allowance is used up: no attempt is spent over it. How long it waits is the gate's setting."""
    return CallFailedError(
        Outcome.OUT_OF_QUOTA, ProviderUnavailable(f"our allowance at {provider} is used up", after=60), request_id
    )


class CallFailedError(Exception):
    """Inside the doors: how a call failed, and what that means for the job. Leaves them as its ``verdict``."""

    def __init__(self, outcome: Outcome, verdict: Verdict, request_id: str | None = None) -> None:
        super().__init__(f"{outcome}: {verdict}")
        self.outcome = outcome
        self.verdict = verdict
        self.request_id = request_id or getattr(verdict, "request_id", None)
