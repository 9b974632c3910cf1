"""The gate before a provider: every call of this process goes through it, and none while the provider is unavailable.

A breaker (breaker.py) decides whether calls may go at all, an adaptive limit (limit.py) how many at once, and a queue
(storyloom/runtime/priority.py) who is next. Why it is ours: docs/adr/0011-one-gate-for-each-provider.md.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog

from storyloom.providers.errors import (
    INCONCLUSIVE_OUTCOMES,
    UNAVAILABLE_OUTCOMES,
    CallFailedError,
    ErrorTranslator,
    Outcome,
)
from storyloom.providers.resilience.breaker import JITTER, Admission, Breaker, State
from storyloom.providers.resilience.limit import Limit
from storyloom.providers.usage import CLIENT_REQUEST_ID, PROVIDER_USAGE, Call
from storyloom.runtime.metrics import (
    PROVIDER_BREAKER,
    PROVIDER_IN_FLIGHT,
    PROVIDER_LIMIT,
    PROVIDER_REJECTED,
    PROVIDER_WAITING,
)
from storyloom.runtime.priority import Key, PriorityQueue
from storyloom.runtime.settings import ProviderSettings
from storyloom.story.assets import Priority
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError

MAX_PAUSE_WAITED_SECONDS = 10.0
"""Seconds that a call waits for the end of a Retry-After. For longer ones its job is handed back: its place is free."""
MAX_PAUSE_SECONDS = 60.0
"""Seconds; a Retry-After beyond it closes the gate no longer than this. The next 429 closes it again."""
MAX_QUEUE_WAIT_SECONDS = 120.0
"""Seconds in the queue, after which the job is handed back; well below its hard end, which would cost an attempt."""
CROWDED_RETRY_SECONDS = 5.0
"""Seconds for which a job is handed back that has waited for so long."""

log = structlog.get_logger()


class Timer(Protocol):
    """What ``call_later`` answers."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """The time in seconds, and timers. The running event loop, but in tests."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer: ...


@dataclass(slots=True)
class Permit:
    """A call that was let in. Whoever makes it says how it ended; left unsaid, it says nothing about the provider."""

    admission: Admission
    outcome: Outcome = Outcome.CANCELLED
    retry_after: float | None = None
    """Seconds, where the provider named them."""
    ended: bool = False


@dataclass(slots=True, eq=False)
class _Waiter:
    answer: "asyncio.Future[Permit | ProviderUnavailable]"
    has_paid: bool
    wait_timer: Timer | None = None


class Gate:
    """One for a provider and process. Its methods belong to one event loop."""

    def __init__(
        self,
        provider: str,
        settings: ProviderSettings,
        *,
        calls: int,
        most: int,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._rng = rng or random.Random()
        self.quota_probe_delay = settings.quota_probe_delay
        """Seconds for which an exhausted allowance closes the gate."""
        self._breaker = Breaker(
            failures=settings.breaker_failures,
            within=settings.breaker_window,
            pauses=settings.breaker_probe_delays,
            rng=self._rng,
        )
        self._limit = Limit(calls, most)
        self._queue: PriorityQueue[_Waiter] = PriorityQueue()
        self._in_flight = 0
        self._paused_until = float("-inf")
        self._out_of_quota = False
        self._wake: Timer | None = None
        self._gauges = [gauge.labels(provider) for gauge in _GAUGES]
        self._set_gauges()

    @property
    def limit(self) -> int:
        """Calls that may be under way at once."""
        return self._limit.calls

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue)

    @property
    def state(self) -> State:
        """The breaker's."""
        return self._breaker.state

    @asynccontextmanager
    async def call(self, call: Call, *, seconds: float, errors: ErrorTranslator) -> AsyncIterator[None]:
        """One call: it waits for its permit, ends within ``seconds`` from then, and stands in the job's usage however
        it ends.

        Failures come out as RetryableError, PermanentError or ProviderUnavailable; a call that was never let in is a
        ProviderUnavailable, and in no usage.
        """
        usage = PROVIDER_USAGE.get()
        # Outside of jobs somebody waits for the answer, at the api.
        priority = usage.priority if usage else Priority.URGENT
        failures: tuple[type[Exception], ...] = (CallFailedError, RetryableError, PermanentError, *errors.kinds)
        async with self.enter(priority, has_paid=usage is not None and usage.has_paid) as permit:
            call.begin(usage)
            try:
                async with asyncio.timeout(seconds):
                    yield
            except failures as error:
                failed = errors.read(error, call.request_id or None)
                _note_failure(call, failed, error)
                permit.retry_after = failed.verdict.after if isinstance(failed.verdict, RetryableError) else None
                if failed.outcome is Outcome.OUT_OF_QUOTA:
                    failed.verdict = ProviderUnavailable(str(failed.verdict), after=self.quota_probe_delay)
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
                permit.outcome = call.outcome
                call.end(usage)

    @asynccontextmanager
    async def enter(self, priority: Priority, *, has_paid: bool = False) -> AsyncIterator[Permit]:
        """Wait for a permit and be inside. Raises ProviderUnavailable instead, at once while it is closed.

        ``has_paid`` is a call whose job has paid for something already that it would lose if it were handed back: it
        waits until the provider is back, as far as LONGEST_WAIT allows. Safe to cancel anywhere.

        A call that is made in the midst of another one (a text is judged while it is written) never waits: the other
        one would wait with it, and its time-out would run. It needs no place of its own; a closed gate is a
        RetryableError.
        """
        nested = any(gate is self and not other.ended for gate, other in _inside.get())
        permit = self._permit_nested() if nested else await self._wait(priority, has_paid=has_paid)
        token = _inside.set((*_inside.get(), (self, permit)))
        try:
            yield permit
        finally:
            self._end(permit)
            _inside.reset(token)

    def _permit_nested(self) -> Permit:
        now = self._time().time()
        if closed := self._closed_for(now):
            why = self._why_closed()
            PROVIDER_REJECTED.labels(self._provider, why).inc()
            raise RetryableError(_REASONS[why].format(self._provider), after=closed)
        return self._permit(now)

    def _permit(self, now: float) -> Permit:
        self._in_flight += 1
        return Permit(self._breaker.admit(now))

    async def _wait(self, priority: Priority, *, has_paid: bool) -> Permit:
        waiter = _Waiter(asyncio.get_running_loop().create_future(), has_paid)
        key = self._queue.push(waiter, priority)
        self._serve()
        if not waiter.answer.done():
            waiter.wait_timer = self._time().call_later(MAX_QUEUE_WAIT_SECONDS, partial(self._wait_too_long, key))
        try:
            answer = await waiter.answer
        except asyncio.CancelledError:
            self._queue.remove(key)
            # The permit may have come in the very moment of the cancellation: it goes to the next one.
            if not waiter.answer.cancelled() and isinstance(permit := waiter.answer.result(), Permit):
                self._end(permit)
            self._serve()
            raise
        finally:
            if waiter.wait_timer is not None:
                waiter.wait_timer.cancel()
        if isinstance(answer, ProviderUnavailable):
            raise answer
        return answer

    def _serve(self) -> None:
        """Let in whoever may go in, and reject who would wait for too long."""
        now = self._time().time()
        while self._queue and self._in_flight < self._limit.calls and not self._closed_for(now):
            self._queue.pop().answer.set_result(self._permit(now))
        closed = self._closed_for(now)
        if closed:
            for key, waiter in self._queue.items():
                if not self._worth_waiting(waiter, closed):
                    self._reject(key, self._why_closed(), closed)
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self._time().call_later(closed, self._serve) if closed and self._queue else None
        self._set_gauges()

    def _end(self, permit: Permit) -> None:
        """A call has left: learn from it, and let the next in."""
        permit.ended = True
        now, outcome, transitions = self._time().time(), permit.outcome, self._breaker.transitions
        if outcome is Outcome.OK:
            self._limit.succeed(self._in_flight)
        elif outcome is Outcome.RATE_LIMITED:
            self._limit.shrink(now)
        self._in_flight -= 1
        if permit.retry_after is not None:
            self._paused_until = max(self._paused_until, now + min(permit.retry_after, MAX_PAUSE_SECONDS))
        if outcome is Outcome.OUT_OF_QUOTA:
            self._breaker.open_for(permit.admission, now, self.quota_probe_delay)
        else:
            self._breaker.end(
                permit.admission,
                now,
                unavailable=None if outcome in INCONCLUSIVE_OUTCOMES else outcome in UNAVAILABLE_OUTCOMES,
            )
        if self._breaker.transitions != transitions:
            self._log_transition(outcome, self._breaker.closed_for(now))
        self._serve()

    def _log_transition(self, outcome: Outcome, seconds: float) -> None:
        """Once for every opening and closing, however many calls are rejected in between."""
        self._out_of_quota = outcome is Outcome.OUT_OF_QUOTA
        if self._out_of_quota:
            log.error("provider.out_of_quota", provider=self._provider, seconds=round(seconds, 1))
        elif seconds:
            log.warning(
                "provider.unavailable", provider=self._provider, outcome=outcome.value, seconds=round(seconds, 1)
            )
        else:
            log.info("provider.available", provider=self._provider)

    def _closed_for(self, now: float) -> float:
        """Seconds until anybody may go in; 0: now."""
        return max(self._breaker.closed_for(now), self._paused_until - now, 0.0)

    def _why_closed(self) -> str:
        if self._breaker.state is State.CLOSED:
            return "paused"
        return "out_of_quota" if self._out_of_quota else "away"

    def _worth_waiting(self, waiter: _Waiter, closed: float) -> bool:
        match self._why_closed():
            case "paused":
                return waiter.has_paid or closed <= MAX_PAUSE_WAITED_SECONDS
            case "away":
                return waiter.has_paid
            case _:
                return False

    def _reject(self, key: Key, why: str, seconds: float) -> None:
        waiter = self._queue.remove(key)
        if waiter is None or waiter.answer.done():
            return
        PROVIDER_REJECTED.labels(self._provider, why).inc()
        after = seconds * (1 + self._rng.random() * JITTER)
        waiter.answer.set_result(ProviderUnavailable(_REASONS[why].format(self._provider), after=after))

    def _wait_too_long(self, key: Key) -> None:
        self._reject(key, "crowded", CROWDED_RETRY_SECONDS)
        self._set_gauges()

    def _time(self) -> Clock:
        # Not kept: a gate that held its loop would keep it alive for ever (gate_of).
        return self._clock or asyncio.get_running_loop()

    def _set_gauges(self) -> None:
        values = (self._breaker.state, self._limit.calls, self._in_flight, len(self._queue))
        for gauge, value in zip(self._gauges, values, strict=True):
            gauge.set(value)


def _note_failure(call: Call, failed: CallFailedError, error: Exception) -> None:
    """The call learns what went wrong, and so does the log."""
    call.outcome = failed.outcome
    call.request_id = call.request_id or failed.request_id or ""
    log.warning(
        "provider.failed",
        provider=call.provider,
        endpoint=call.endpoint,
        error=type(error).__name__,
        outcome=failed.outcome.value,
        request_id=call.request_id,
        client_request_id=call.headers.get(CLIENT_REQUEST_ID),
    )


_GAUGES = (PROVIDER_BREAKER, PROVIDER_LIMIT, PROVIDER_IN_FLIGHT, PROVIDER_WAITING)
_REASONS = {
    "paused": "{} asked us to wait",
    "away": "{} is unavailable",
    "out_of_quota": "our allowance at {} is used up",
    "crowded": "too many calls wait for {}",
}
_inside: ContextVar[tuple[tuple[Gate, Permit], ...]] = ContextVar("inside", default=())
"""The calls in whose midst this task is, or was when it began."""
_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], Gate]] = WeakKeyDictionary()


def gate_of(provider: str, address: str, settings: object, *, calls: int, most: int) -> Gate:
    """The one gate of this event loop to a provider at an address. Whoever comes first says what its limits are.

    Settings that say nothing about providers in general leave that to the environment.
    """
    gates = _gates.setdefault(asyncio.get_running_loop(), {})
    if (provider, address) not in gates:
        general = settings if isinstance(settings, ProviderSettings) else ProviderSettings()
        gates[provider, address] = Gate(provider, general, calls=calls, most=most)
    return gates[provider, address]
