"""The gate under hundreds of seeded days: calls of all kinds come, end, fail and are cancelled as chance has it."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from storyloom.providers.errors import Outcome
from storyloom.providers.resilience.breaker import State
from storyloom.providers.resilience.gate import MAX_QUEUE_WAIT_SECONDS, Gate
from storyloom.runtime.settings import ProviderSettings
from storyloom.story.assets import Priority
from storyloom.story.errors import ProviderUnavailable
from tests.unit.providers.clock import StoppedClock

CALLS = 80
OUTCOMES = (
    *[Outcome.OK] * 12,
    *[Outcome.RATE_LIMITED] * 2,
    *[Outcome.SERVER_ERROR] * 4,
    Outcome.TIMEOUT,
    Outcome.REFUSED,
)


class WatchedGate(Gate):
    """A gate that is looked at after everything that happens to it."""

    def _serve(self) -> None:
        now = self._time().time()
        closed, before = self._closed_for(now), self.in_flight
        super()._serve()
        let_in = self.in_flight - before
        if let_in:
            assert self.in_flight <= self.limit, "more went in than the limit allows"
            assert not closed, "somebody went in through a closed gate"
            assert self.state is State.CLOSED or let_in == 1, "more than one tries whether the provider is back"
        if self.waiting and not self._closed_for(now):
            assert self.in_flight >= self.limit, "somebody waits before an open gate"


@dataclass
class Day:
    """One provider's day, as chance has it."""

    seed: int
    chance: random.Random = field(init=False)
    clock: StoppedClock = field(default_factory=StoppedClock)
    gate: Gate = field(init=False)
    ends: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        failures = self.chance.choice((2, 3, 50))
        # One day in eight the money runs out, again and again.
        self.outcomes = (*OUTCOMES, Outcome.OUT_OF_QUOTA) if self.seed % 8 == 0 else OUTCOMES
        self.gate = WatchedGate(
            "nobody",
            ProviderSettings(breaker_failures=failures),
            calls=self.chance.randint(1, 6),
            most=8,
            clock=self.clock,
            rng=self.chance,
        )

    async def live(self) -> None:
        tasks = []
        for _ in range(CALLS):
            tasks.append(asyncio.create_task(self._call()))
            await self.clock.advance(self.chance.choice((0, 0, 0.2, 2)))
            if self.chance.random() < 0.25:
                # Some are cancelled while they wait, some inside, some in the moment that their turn comes.
                self.chance.choice(tasks).cancel()
        await self.clock.advance(10 * MAX_QUEUE_WAIT_SECONDS)
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            self.ends[type(end).__name__] += 1

    async def _call(self) -> None:
        priority, has_paid = self.chance.choice(list(Priority)), self.chance.random() < 0.2
        seconds, outcome = self.chance.uniform(0, 12), self.chance.choice(self.outcomes)
        async with self.gate.enter(priority, has_paid=has_paid) as permit:
            await self.clock.rest(seconds)
            permit.outcome = outcome
            if outcome is Outcome.RATE_LIMITED:
                permit.retry_after = self.chance.choice((None, 0.0, 4.0, 30.0))


@pytest.mark.parametrize("first", range(0, 300, 30))
async def test_nobody_is_lost_and_no_place_either(first: int) -> None:
    for seed in range(first, first + 30):
        day = Day(seed)
        await day.live()
        assert day.ends.total() == CALLS
        assert set(day.ends) <= {"NoneType", ProviderUnavailable.__name__, asyncio.CancelledError.__name__}, (
            seed,
            day.ends,
        )
        assert (day.gate.in_flight, day.gate.waiting, day.clock.pending()) == (0, 0, 0), seed
