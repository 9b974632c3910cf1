"""Who is next: the urgent first, but never they alone."""

from itertools import count
from typing import Generic, TypeVar

from storyloom.story.assets import Priority

SHARE = 4
"""One of so many goes to those who are not the most urgent, as long as any of them wait."""

W = TypeVar("W")


class Line(Generic[W]):
    """Those who wait, by priority and within one by age.

    While several priorities wait, every fourth turn is for those below the highest, there for whoever came first: they
    get a quarter between them, and nobody is overtaken for ever.
    """

    def __init__(self) -> None:
        self._lanes: dict[Priority, dict[int, W]] = {priority: {} for priority in Priority}  # the enum goes downwards
        self._numbers = count()
        self._overtaken = 0

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def join(self, waiter: W, priority: Priority) -> tuple[Priority, int]:
        """Stand in line; the place comes back."""
        number = next(self._numbers)
        self._lanes[priority][number] = waiter
        return priority, number

    def leave(self, place: tuple[Priority, int]) -> W | None:
        """Leave the line; None for a place that is left already."""
        priority, number = place
        return self._lanes[priority].pop(number, None)

    def waiting(self) -> list[tuple[tuple[Priority, int], W]]:
        """All with their places, the urgent first."""
        return [((p, number), waiter) for p, lane in self._lanes.items() for number, waiter in lane.items()]

    def next(self) -> W:
        """Take out whose turn it is. Raises IndexError if nobody waits."""
        lanes = [lane for lane in self._lanes.values() if lane]
        if not lanes:
            raise IndexError("nobody waits")
        first, *lower = lanes
        if not lower:
            return first.pop(next(iter(first)))
        self._overtaken += 1
        if self._overtaken < SHARE:
            return first.pop(next(iter(first)))
        self._overtaken = 0
        oldest = min(lower, key=lambda lane: next(iter(lane)))
        return oldest.pop(next(iter(oldest)))
