"""One call to a provider, from its turn at the gate to the bill. What both doors share."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from storyloom.jobs.definition import PROVIDER_USAGE, ProviderUsage
from storyloom.providers.errors import CallFailedError, Outcome
from storyloom.providers.resilience.gate import Gate
from storyloom.runtime.metrics import PROVIDER_CALLS, PROVIDER_COST, PROVIDER_SECONDS
from storyloom.story.assets import Priority
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.results import ProviderCall

CLIENT_REQUEST_ID = "X-Client-Request-Id"
"""Names a request of ours to the provider (OpenAI's API reference, "Debugging requests": ASCII, up to 512 signs)."""

log = structlog.get_logger()


@dataclass(slots=True)
class Call:
    """A call under way. The door fills in what it learns; ``outcome`` where a good answer is of no use all the same."""

    provider: str
    endpoint: str
    model: str
    purpose: str
    headers: dict[str, str] = field(default_factory=dict)
    """What the request carries beside the SDK's own."""
    request_id: str = ""
    cost_usd: float = 0.0
    outcome: Outcome = Outcome.OK
    started: float = field(default_factory=time.monotonic)

    def entry(self) -> ProviderCall:
        """The call so far, as it stands on a bill."""
        return ProviderCall(
            provider=self.provider,
            model=self.model,
            request_id=self.request_id,
            seconds=time.monotonic() - self.started,
            cost_usd=self.cost_usd,
            purpose=self.purpose,
            error=None if self.outcome is Outcome.OK else self.outcome.value,
        )


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one provider's SDK fails."""

    failures: tuple[type[Exception], ...]
    translate: Callable[[Exception, str | None], CallFailedError]
    """From an error and the request id, where it is known."""


@asynccontextmanager
async def calling(gate: Gate, call: Call, *, seconds: float, dialect: Dialect) -> AsyncIterator[Call]:
    """One call: it waits for its turn, ends within ``seconds`` from then, and stands on the bill however it ends.

    Failures come out as RetryableError, PermanentError or ProviderUnavailable; a call that was never let in is a
    ProviderUnavailable, and on no bill.
    """
    bill = PROVIDER_USAGE.get()
    # Outside of jobs somebody waits for the answer, at the door.
    priority = bill.priority if bill else Priority.URGENT
    failures: tuple[type[Exception], ...] = (CallFailedError, RetryableError, PermanentError, *dialect.failures)
    async with gate.enter(priority, invested=bill is not None and _has_paid(bill)) as visit:
        if bill is not None:
            call.headers[CLIENT_REQUEST_ID] = bill.next_client_request_id()
        call.started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                yield call
        except failures as error:
            failed = _read_failure(error, call, dialect)
            visit.retry_after = failed.verdict.after if isinstance(failed.verdict, RetryableError) else None
            if failed.outcome is Outcome.OUT_OF_QUOTA:
                failed.verdict = ProviderUnavailable(str(failed.verdict), after=gate.quota_probe_delay)
            if failed.verdict is error:
                raise
            raise failed.verdict from error
        except ProviderUnavailable:  # of another call in the midst of this one
            call.outcome = Outcome.CANCELLED
            raise
        except Exception:
            call.outcome = Outcome.BUG
            raise
        except BaseException:
            call.outcome = Outcome.CANCELLED
            raise
        finally:
            visit.outcome = call.outcome
            _settle(call, bill)


def _has_paid(bill: ProviderUsage) -> bool:
    return any(call.cost_usd > 0 and call.error is None for call in bill.calls)


def _read_failure(error: Exception, call: Call, dialect: Dialect) -> CallFailedError:
    """What went wrong; the call learns of it."""
    match error:
        case CallFailedError():
            failed = error
        case PermanentError(code="content_refused"):
            failed = CallFailedError(Outcome.REFUSED, error)
        case RetryableError() | PermanentError():
            failed = CallFailedError(Outcome.BAD_ANSWER, error)
        case _:
            failed = dialect.translate(error, call.request_id or None)
    call.outcome = failed.outcome
    call.request_id = call.request_id or failed.request_id or ""
    log.warning(
        "provider.failed",
        provider=call.provider,
        endpoint=call.endpoint,
        error=type(error).__name__,
        outcome=failed.outcome.value,
        request_id=call.request_id,
        mark=call.headers.get(CLIENT_REQUEST_ID),
    )
    return failed


def _settle(call: Call, bill: ProviderUsage | None) -> None:
    """Write the call down."""
    entry = call.entry()
    PROVIDER_CALLS.labels(call.provider, call.outcome.value).inc()
    PROVIDER_SECONDS.labels(call.provider, call.endpoint).observe(entry.seconds)
    PROVIDER_COST.labels(call.provider, call.model).inc(entry.cost_usd)
    if bill is not None:
        bill.calls.append(entry)
