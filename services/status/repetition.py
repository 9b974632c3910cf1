"""How often the reconciler may publish the same again: soon at first, then more and more seldom while it is in vain.

What is published again and found missing in every round is taken by nobody: it was dead-lettered, or it changes
nothing. Without a bound each replica would publish it every two seconds, for as long as it lives.
"""

import asyncio
from collections.abc import Collection, Hashable, Iterable
from typing import Generic, TypeVar

import structlog

from storyloom.runtime.metrics import RECONCILED

log = structlog.get_logger()

Key = TypeVar("Key", bound=Hashable)

DELAYS_SECONDS = (0.0, 0.0, 0.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Seconds from one time to the next; the last one repeats."""
IN_VAIN = 4
"""Times after which it is said, once."""


class Repetition(Generic[Key]):
    """What of one kind was published again, how often, and when it may be once more."""

    def __init__(self, kind: str) -> None:
        """``kind``: as the metric names it."""
        self._kind = kind
        self._known: dict[Key, tuple[int, float]] = {}

    def due(self, missing: Collection[Key], unfinished: Collection[Key] | None = None) -> list[Key]:
        """Which of all that is missing now are to be published.

        ``unfinished``: what may be missing again later, all that is missing now if None is given; the rest is
        forgotten.
        """
        now = asyncio.get_running_loop().time()
        kept = missing if unfinished is None else unfinished
        self._known = {key: self._known[key] for key in kept if key in self._known}
        due = [key for key in missing if self._known.get(key, (0, now))[1] <= now]
        if held := len(missing) - len(due):
            RECONCILED.labels(kind="in_vain").inc(held)
        return due

    def published(self, keys: Iterable[Key]) -> None:
        """Note that these were published just now."""
        now = asyncio.get_running_loop().time()
        in_vain = 0
        for key in keys:
            count = self._known.get(key, (0, now))[0] + 1
            self._known[key] = count, now + DELAYS_SECONDS[min(count, len(DELAYS_SECONDS)) - 1]
            in_vain += count == IN_VAIN
        if in_vain:
            log.warning("reconciler.in_vain", kind=self._kind, count=in_vain)
