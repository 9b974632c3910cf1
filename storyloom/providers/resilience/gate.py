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
from datetime import UTC, datetime
from functools import partial
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog

from storyloom.providers.errors import (
    INCONCLUSIVE_OUTCOMES,
    NOT_AVAILABLE,
    SHUT_OUT_OUTCOMES,
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
    PROVIDER_SHUT,
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
MAX_SHUT_WAIT_SECONDS = 10.0
"""Seconds that a job waits before a shut gate, where it is let in the moment that the provider is back. Then it is
handed back, so that jobs which need no provider come to its place."""
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


@dataclass(frozen=True, slots=True)
class Shut:
    """A provider to which no call goes. ``why``: ``away``, ``not_allowed`` or ``out_of_quota``."""

    provider: str
    why: str
    since: datetime


@dataclass(slots=True, eq=False)
class _Waiter:
    answer: "asyncio.Future[Permit | ProviderUnavailable]"
    has_paid: bool
    is_job: bool
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
        """Seconds for which an exhausted allowance or a refused key closes the gate."""
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
        self._why = "away"
        self._shut_since: datetime | None = None
        self._wake: Timer | None = None
        # Looked up once: they are set with every call.
        self._gauges = [gauge.labels(provider) for gauge in _GAUGES]
        self._shut_gauges = {why: PROVIDER_SHUT.labels(provider, why) for why in _WHY_SHUT}
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

    @property
    def shut(self) -> "Shut | None":
        """Since when and why no call goes to the provider, but one that probes it; None while it is available."""
        if self._breaker.state is State.CLOSED or self._shut_since is None:
            return None
        return Shut(self._provider, self._why, self._shut_since)

    @asynccontextmanager
    async def call(self, call: Call, *, seconds: float, errors: ErrorTranslator) -> AsyncIterator[None]:
        """One call: it waits for its permit, ends within ``seconds`` from then, and stands in the job's usage however
        it ends.

        Failures come out as RetryableError, PermanentError or ProviderUnavailable; a call that was never let in is a
        ProviderUnavailable, and in no usage. So is one that probed in vain, or after which the gate is shut: what
        failed is the provider, and the job has spent no attempt over it.
        """
        admitted: Permit | None = None
        try:
            async with self._call(call, seconds=seconds, errors=errors) as admitted:
                yield
        except RetryableError as failed:
            if admitted is None or admitted.outcome not in UNAVAILABLE_OUTCOMES or self.shut is None:
                raise
            after = self._closed_for(self._time().time()) or self._breaker.first_pause
            raise ProviderUnavailable(NOT_AVAILABLE, after=after) from failed

    @asynccontextmanager
    async def _call(self, call: Call, *, seconds: float, errors: ErrorTranslator) -> AsyncIterator[Permit]:
        usage = PROVIDER_USAGE.get()
        # Outside of jobs somebody waits for the answer, at the api.
        priority = usage.priority if usage else Priority.URGENT
        failures: tuple[type[Exception], ...] = (CallFailedError, RetryableError, PermanentError, *errors.kinds)
        is_job, has_paid = usage is not None, usage is not None and usage.has_paid
        async with self.enter(priority, has_paid=has_paid, is_job=is_job) as permit:
            call.begin(usage)
            try:
                async with asyncio.timeout(seconds):
                    yield permit
            except failures as error:
                failed = errors.read(error, call.request_id or None)
                _note_failure(call, failed, error)
                permit.retry_after = failed.verdict.after if isinstance(failed.verdict, RetryableError) else None
                if failed.outcome in SHUT_OUT_OUTCOMES:
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
    async def enter(self, priority: Priority, *, has_paid: bool = False, is_job: bool = False) -> AsyncIterator[Permit]:
        """Wait for a permit and be inside. Raises ProviderUnavailable instead, at once while it is closed.

        ``is_job`` is a call for whose answer nobody waits at a door: before a shut gate it waits for a while.

        ``has_paid`` is a call whose job has paid for something already that it would lose if it were handed back: it
        waits until the provider is back, as far as LONGEST_WAIT allows. Safe to cancel anywhere.

        A call that is made in the midst of another one (a text is judged while it is written) never waits: the other
        one would wait with it, and its time-out would run. It needs no place of its own; a closed gate is a
        RetryableError.
        """
        nested = any(gate is self and not other.ended for gate, other in _inside.get())
        permit = self._permit_nested() if nested else await self._wait(priority, has_paid=has_paid, is_job=is_job)
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

    async def _wait(self, priority: Priority, *, has_paid: bool, is_job: bool) -> Permit:
        waiter = _Waiter(asyncio.get_running_loop().create_future(), has_paid, is_job)
        key = self._queue.push(waiter, priority)
        self._serve()
        if not waiter.answer.done():
            briefly = self.shut is not None and not has_paid
            wait = MAX_SHUT_WAIT_SECONDS if briefly else MAX_QUEUE_WAIT_SECONDS
            waiter.wait_timer = self._time().call_later(wait, partial(self._wait_too_long, key))
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
        if outcome in SHUT_OUT_OUTCOMES:
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
        shut_out = outcome in SHUT_OUT_OUTCOMES
        self._why = outcome.value if shut_out else "away"
        if not seconds:
            self._shut_since = None
        elif self._shut_since is None:
            self._shut_since = datetime.now(UTC)
        if shut_out:
            log.error(_EVENTS[outcome], provider=self._provider, seconds=round(seconds, 1))
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
        return self._why

    def _worth_waiting(self, waiter: _Waiter, closed: float) -> bool:
        match self._why_closed():
            case "paused":
                return waiter.has_paid or closed <= MAX_PAUSE_WAITED_SECONDS
            case "away" if waiter.has_paid:
                return True
            case _:
                return waiter.is_job and closed <= MAX_SHUT_WAIT_SECONDS

    def _reject(self, key: Key, why: str, seconds: float) -> None:
        waiter = self._queue.remove(key)
        if waiter is None or waiter.answer.done():
            return
        PROVIDER_REJECTED.labels(self._provider, why).inc()
        after = seconds * (1 + self._rng.random() * JITTER)
        waiter.answer.set_result(ProviderUnavailable(_REASONS[why].format(self._provider), after=after))

    def _wait_too_long(self, key: Key) -> None:
        if self.shut is None:
            self._reject(key, "crowded", CROWDED_RETRY_SECONDS)
        else:
            self._reject(key, self._why_closed(), self._closed_for(self._time().time()) or self._breaker.first_pause)
        self._set_gauges()

    def _time(self) -> Clock:
        # Not kept: a gate that held its loop would keep it alive for ever (gate_of).
        return self._clock or asyncio.get_running_loop()

    def _set_gauges(self) -> None:
        values = (self._breaker.state, self._limit.calls, self._in_flight, len(self._queue))
        for gauge, value in zip(self._gauges, values, strict=True):
            gauge.set(value)
        shut = self.shut
        for why, gauge in self._shut_gauges.items():
            gauge.set(shut is not None and shut.why == why)


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
_EVENTS = {Outcome.OUT_OF_QUOTA: "provider.out_of_quota", Outcome.NOT_ALLOWED: "provider.not_allowed"}
_WHY_SHUT = ("away", "not_allowed", "out_of_quota")
_REASONS = {
    "paused": "{} asked us to wait",
    **dict.fromkeys(_WHY_SHUT, NOT_AVAILABLE),
    "crowded": "too many calls wait for {}",
}
_inside: ContextVar[tuple[tuple[Gate, Permit], ...]] = ContextVar("inside", default=())
"""The calls in whose midst this task is, or was when it began."""
_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], Gate]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class GateState:
    """A gate as it stands: calls under way, of how many that may be, and those in the queue."""

    provider: str
    state: State
    in_flight: int
    limit: int
    waiting: int


def gate_states() -> tuple[GateState, ...]:
    """All gates of this event loop, by provider and key."""
    gates = _gates.get(asyncio.get_running_loop(), {})
    return tuple(
        GateState(name[0], gate.state, gate.in_flight, gate.limit, gate.waiting)
        for name, gate in sorted(gates.items(), key=lambda item: item[0])
    )


def shut_gates() -> tuple[Shut, ...]:
    """The providers to which no call of this event loop goes, by name."""
    gates = _gates.get(asyncio.get_running_loop(), {}).values()
    return tuple(sorted((shut for gate in gates if (shut := gate.shut) is not None), key=lambda one: one.provider))


def gate_of(provider: str, address: str, settings: object, *, calls: int, most: int) -> Gate:
    """The one gate of this event loop to a provider at an address. Whoever comes first says what its limits are.

    Settings that say nothing about providers in general leave that to the environment.
    """
    gates = _gates.setdefault(asyncio.get_running_loop(), {})
    if (provider, address) not in gates:
        general = settings if isinstance(settings, ProviderSettings) else ProviderSettings()
        gates[provider, address] = Gate(provider, general, calls=calls, most=most)
    return gates[provider, address]
