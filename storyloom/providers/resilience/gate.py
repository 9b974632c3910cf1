"""The gate before a provider: every call of this process goes through it. It is closed while the provider is away.

A breaker (breaker.py) decides whether calls may go at all, an adaptive limit (limit.py) how many at once, and a line
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

from storyloom.providers.errors import AWAY, UNKNOWN, Outcome
from storyloom.providers.resilience.breaker import JITTER, Breaker, State, Ticket
from storyloom.providers.resilience.limit import Limit
from storyloom.runtime.metrics import (
    PROVIDER_BREAKER,
    PROVIDER_IN_FLIGHT,
    PROVIDER_LIMIT,
    PROVIDER_REJECTED,
    PROVIDER_WAITING,
)
from storyloom.runtime.priority import PriorityQueue
from storyloom.runtime.settings import ProviderSettings
from storyloom.story.assets import Priority
from storyloom.story.errors import ProviderUnavailable, RetryableError

PATIENCE = 10.0
"""Seconds that a call waits for the end of a Retry-After. For longer ones its job is handed back: its place is free."""
LONGEST_PAUSE = 60.0
"""Seconds; a Retry-After beyond it closes the gate no longer than this. The next 429 closes it again."""
LONGEST_WAIT = 120.0
"""Seconds in the line, after which the job is handed back; well below its hard end, which would cost an attempt."""
SHORT_WHILE = 5.0
"""Seconds for which a job is handed back that has waited for so long."""

log = structlog.get_logger()


class Timer(Protocol):
    """What ``call_later`` answers."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Tells the time in seconds, and when it has come. The running event loop, but in tests."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer: ...


@dataclass(slots=True)
class Permit:
    """A call that was let in. Whoever makes it says how it ended; left unsaid, it says nothing about the provider."""

    ticket: Ticket
    outcome: Outcome = Outcome.CANCELLED
    retry_after: float | None = None
    """Seconds, where the provider named them."""
    over: bool = False


@dataclass(slots=True, eq=False)
class _Waiter:
    answer: "asyncio.Future[Permit | ProviderUnavailable]"
    invested: bool
    tired: Timer | None = None


class Gate:
    """One for a provider and process. Its methods belong to one event loop; nothing in it awaits but ``enter``."""

    def __init__(
        self,
        provider: str,
        settings: ProviderSettings,
        *,
        calls: int,
        most: int,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._chance = chance or random.Random()
        self.quota_probe_delay = settings.quota_probe_delay
        """Seconds for which an exhausted allowance closes the gate."""
        self._breaker = Breaker(
            failures=settings.breaker_failures,
            within=settings.breaker_window,
            pauses=settings.breaker_probe_delays,
            chance=self._chance,
        )
        self._limit = Limit(calls, most)
        self._line: PriorityQueue[_Waiter] = PriorityQueue()
        self._in_flight = 0
        self._paused_until = float("-inf")
        self._out_of_quota = False
        self._wake: Timer | None = None
        self._shown = [gauge.labels(provider) for gauge in _GAUGES]
        self._show()

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
        """Calls in the line."""
        return len(self._line)

    @property
    def state(self) -> State:
        """The breaker's."""
        return self._breaker.state

    @asynccontextmanager
    async def enter(self, priority: Priority, *, invested: bool = False) -> AsyncIterator[Permit]:
        """Wait for one's turn and be inside. Raises ProviderUnavailable instead, at once while the provider is away.

        ``invested`` is a call whose job has paid for something already that it would lose if it were handed back: it
        waits until the provider is back, as far as LONGEST_WAIT allows. Safe to cancel anywhere.

        A call that is made in the midst of another one (a text is judged while it is written) never waits: the other
        one would wait with it, and its time-out would run. It needs no place of its own; a closed gate is a
        RetryableError.
        """
        around = any(gate is self and not other.over for gate, other in _inside.get())
        visit = self._slip_in() if around else await self._wait(priority, invested=invested)
        token = _inside.set((*_inside.get(), (self, visit)))
        try:
            yield visit
        finally:
            self._end(visit)
            _inside.reset(token)

    def _slip_in(self) -> Permit:
        now = self._time().time()
        if closed := self._closed_for(now):
            why = self._why_closed()
            PROVIDER_REJECTED.labels(self._provider, why).inc()
            raise RetryableError(_REASONS[why].format(self._provider), after=closed)
        self._in_flight += 1
        return Permit(self._breaker.let_in(now))

    async def _wait(self, priority: Priority, *, invested: bool) -> Permit:
        waiter = _Waiter(asyncio.get_running_loop().create_future(), invested)
        place = self._line.push(waiter, priority)
        self._serve()
        if not waiter.answer.done():
            waiter.tired = self._time().call_later(LONGEST_WAIT, partial(self._tire, place))
        try:
            answer = await waiter.answer
        except asyncio.CancelledError:
            self._line.remove(place)
            # The turn may have come in the very moment of the cancellation: it goes to the next one.
            if not waiter.answer.cancelled() and isinstance(visit := waiter.answer.result(), Permit):
                self._end(visit)
            self._serve()
            raise
        finally:
            if waiter.tired is not None:
                waiter.tired.cancel()
        if isinstance(answer, ProviderUnavailable):
            raise answer
        return answer

    def _serve(self) -> None:
        """Let in whoever may go in, and turn away who would wait for too long."""
        now = self._time().time()
        while self._line and self._in_flight < self._limit.calls and not self._closed_for(now):
            waiter = self._line.pop()
            self._in_flight += 1
            waiter.answer.set_result(Permit(self._breaker.let_in(now)))
        closed = self._closed_for(now)
        if closed:
            for place, waiter in self._line.waiting():
                if not self._worth_waiting(waiter, closed):
                    self._turn_away(place, self._why_closed(), closed)
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self._time().call_later(closed, self._serve) if closed and self._line else None
        self._show()

    def _end(self, visit: Permit) -> None:
        """A call has left: learn from it, and let the next in."""
        visit.over = True
        now, outcome, era = self._time().time(), visit.outcome, self._breaker.era
        if outcome is Outcome.OK:
            self._limit.succeed(self._in_flight)
        elif outcome is Outcome.RATE_LIMITED:
            self._limit.shrink(now)
        self._in_flight -= 1
        if visit.retry_after is not None:
            self._paused_until = max(self._paused_until, now + min(visit.retry_after, LONGEST_PAUSE))
        if outcome is Outcome.OUT_OF_QUOTA:
            self._breaker.open_for(visit.ticket, now, self.quota_probe_delay)
        else:
            self._breaker.end(visit.ticket, now, away=None if outcome in UNKNOWN else outcome in AWAY)
        if self._breaker.era != era:
            self._tell_turn(outcome, self._breaker.closed_for(now))
        self._serve()

    def _tell_turn(self, outcome: Outcome, seconds: float) -> None:
        """Once for every opening and closing, however many calls are turned away in between."""
        self._out_of_quota = outcome is Outcome.OUT_OF_QUOTA
        if self._out_of_quota:
            log.error("provider.out_of_quota", provider=self._provider, seconds=round(seconds, 1))
        elif seconds:
            log.warning("provider.away", provider=self._provider, outcome=outcome.value, seconds=round(seconds, 1))
        else:
            log.info("provider.back", provider=self._provider)

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
                return waiter.invested or closed <= PATIENCE
            case "away":
                return waiter.invested
            case _:
                return False

    def _turn_away(self, place: tuple[Priority, int], why: str, seconds: float) -> None:
        waiter = self._line.remove(place)
        if waiter is None or waiter.answer.done():
            return
        PROVIDER_REJECTED.labels(self._provider, why).inc()
        after = seconds * (1 + self._chance.random() * JITTER)
        waiter.answer.set_result(ProviderUnavailable(_REASONS[why].format(self._provider), after=after))

    def _tire(self, place: tuple[Priority, int]) -> None:
        self._turn_away(place, "crowded", SHORT_WHILE)
        self._show()

    def _time(self) -> Clock:
        # Not kept: a gate that held its loop would keep it alive for ever (gate_of).
        return self._clock or asyncio.get_running_loop()

    def _show(self) -> None:
        values = (self._breaker.state, self._limit.calls, self._in_flight, len(self._line))
        for gauge, value in zip(self._shown, values, strict=True):
            gauge.set(value)


_GAUGES = (PROVIDER_BREAKER, PROVIDER_LIMIT, PROVIDER_IN_FLIGHT, PROVIDER_WAITING)
_REASONS = {
    "paused": "{} asked us to wait",
    "away": "{} is away",
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
