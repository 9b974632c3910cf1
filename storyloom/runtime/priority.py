"""A queue and a lock that serve the urgent first, but never them alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Generic, TypeVar

from storyloom.story.assets import Priority

ROUND = 8
"""Turns. Of each round while several priorities wait, the lowest gets two, whoever came first of all gets one."""

W = TypeVar("W")


class PriorityQueue(Generic[W]):
    """Those who wait, by priority and within one by age.

    While several priorities wait, every fourth turn is for the lowest of them, so that it gets at least a quarter. One
    of eight is for the oldest of all: whoever joins with n others before them has their turn within 8 (n + 1) turns.
    """

    def __init__(self) -> None:
        self._lanes: dict[Priority, dict[int, W]] = {priority: {} for priority in Priority}  # the enum goes downwards
        self._numbers = count()
        self._turn = 0

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def push(self, waiter: W, priority: Priority) -> tuple[Priority, int]:
        """Stand in line; the place comes back."""
        number = next(self._numbers)
        self._lanes[priority][number] = waiter
        return priority, number

    def remove(self, place: tuple[Priority, int]) -> W | None:
        """Leave the line; None for a place that is left already."""
        priority, number = place
        return self._lanes[priority].pop(number, None)

    def waiting(self) -> list[tuple[tuple[Priority, int], W]]:
        """All with their places, the urgent first."""
        return [((p, number), waiter) for p, lane in self._lanes.items() for number, waiter in lane.items()]

    def pop(self) -> W:
        """Take out whose turn it is. Raises IndexError if nobody waits."""
        lanes = [lane for lane in self._lanes.values() if lane]
        if not lanes:
            raise IndexError("nobody waits")
        lane = lanes[0]
        if len(lanes) > 1:
            self._turn = (self._turn + 1) % ROUND
            if self._turn % 4 == 0:
                lane = lanes[-1]
            elif self._turn == 6:
                lane = min(lanes, key=_first)
        return lane.pop(_first(lane))


def _first(lane: dict[int, W]) -> int:
    return next(iter(lane))


class PriorityLock:
    """A lock for one event loop. Safe to cancel at any moment."""

    def __init__(self) -> None:
        self._line: PriorityQueue[asyncio.Future[None]] = PriorityQueue()
        self._taken = False

    @asynccontextmanager
    async def turn(self, priority: Priority) -> AsyncIterator[None]:
        """Wait for one's turn, and have it until the block ends."""
        await self._wait(priority)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, priority: Priority) -> None:
        if not self._taken:
            self._taken = True
            return
        called = asyncio.get_running_loop().create_future()
        place = self._line.push(called, priority)
        try:
            await called
        except asyncio.CancelledError:
            if self._line.remove(place) is None and not called.cancelled():
                self._pass_on()  # the turn had come in this very moment: it goes to the next
            raise

    def _pass_on(self) -> None:
        while self._line:
            called = self._line.pop()
            if not called.done():
                called.set_result(None)
                return
        self._taken = False
