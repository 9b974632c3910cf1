"""A queue and a lock that serve the urgent first, but never them alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Generic, TypeVar

from storyloom.story.assets import Priority

POPS_PER_ROUND = 8
"""Of so many pops while several priorities wait, the lowest gets two, and the oldest item of all gets one."""

W = TypeVar("W")

Key = tuple[Priority, int]
"""What an item is removed by: its priority, and its number in the order of arrival."""


class PriorityQueue(Generic[W]):
    """Items by priority, and within one by age.

    While several priorities wait, every fourth pop is the lowest of them, so that it gets at least a quarter. One of
    eight is the oldest of all: an item that is pushed behind n others is popped within 8 (n + 1) pops.
    """

    def __init__(self) -> None:
        self._lanes: dict[Priority, dict[int, W]] = {priority: {} for priority in Priority}  # the enum goes downwards
        self._numbers = count()
        self._pops = 0

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def push(self, item: W, priority: Priority) -> Key:
        """Add an item; its key comes back."""
        number = next(self._numbers)
        self._lanes[priority][number] = item
        return priority, number

    def remove(self, key: Key) -> W | None:
        """Take an item out; None if it is out already."""
        priority, number = key
        return self._lanes[priority].pop(number, None)

    def items(self) -> list[tuple[Key, W]]:
        """All with their keys, the urgent first."""
        return [((priority, number), item) for priority, lane in self._lanes.items() for number, item in lane.items()]

    def pop(self) -> W:
        """Take out the next one. Raises IndexError if there is none."""
        lanes = [lane for lane in self._lanes.values() if lane]
        if not lanes:
            raise IndexError("the queue is empty")
        lane = lanes[0]
        if len(lanes) > 1:
            self._pops = (self._pops + 1) % POPS_PER_ROUND
            if self._pops % 4 == 0:
                lane = lanes[-1]
            elif self._pops == 6:
                lane = min(lanes, key=_oldest)
        return lane.pop(_oldest(lane))


def _oldest(lane: dict[int, W]) -> int:
    return next(iter(lane))


class PriorityLock:
    """A lock for one event loop. Safe to cancel at any moment."""

    def __init__(self) -> None:
        self._queue: PriorityQueue[asyncio.Future[None]] = PriorityQueue()
        self._locked = False

    @asynccontextmanager
    async def acquire(self, priority: Priority) -> AsyncIterator[None]:
        """Wait for the lock, and hold it until the block ends."""
        await self._wait(priority)
        try:
            yield
        finally:
            self._release()

    async def _wait(self, priority: Priority) -> None:
        if not self._locked:
            self._locked = True
            return
        granted = asyncio.get_running_loop().create_future()
        key = self._queue.push(granted, priority)
        try:
            await granted
        except asyncio.CancelledError:
            if self._queue.remove(key) is None and not granted.cancelled():
                self._release()  # the lock was granted in this very moment: it goes to the next
            raise

    def _release(self) -> None:
        while self._queue:
            granted = self._queue.pop()
            if not granted.done():
                granted.set_result(None)
                return
        self._locked = False
