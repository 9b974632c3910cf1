"""A clock that stands still until it is moved, and a gate that lives by it."""

import asyncio
import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from storyloom.providers.resilience.gate import Gate
from storyloom.runtime.settings import ProviderSettings


@dataclass(order=True)
class Alarm:
    at: float
    number: int
    ring: Callable[[], object] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class StoppedClock:
    """Time passes by ``advance`` alone, alarm by alarm; whoever is woken runs before the next one rings."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._alarms: list[Alarm] = []
        self._numbers = count()

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Alarm:
        alarm = Alarm(self.now + delay, next(self._numbers), callback)
        heapq.heappush(self._alarms, alarm)
        return alarm

    def pending(self) -> int:
        """Alarms that have yet to ring."""
        return sum(not alarm.cancelled for alarm in self._alarms)

    async def rest(self, seconds: float) -> None:
        """Sleep by this clock."""
        woken = asyncio.Event()
        alarm = self.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            alarm.cancel()

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        await settle()
        while self._alarms and self._alarms[0].at <= end:
            alarm = heapq.heappop(self._alarms)
            self.now = max(self.now, alarm.at)
            if not alarm.cancelled:
                alarm.ring()
            await settle()
        self.now = end


async def settle() -> None:
    """Let every task run until it waits for something that is not there yet."""
    for _ in range(12):
        await asyncio.sleep(0)


def make_gate(clock: StoppedClock, *, calls: int = 2, most: int = 8, seed: int = 1, **settings: Any) -> Gate:
    return Gate("nobody", ProviderSettings(**settings), calls=calls, most=most, clock=clock, rng=random.Random(seed))
