"""How far Postgres's clock was set forward: deadlines run by it, and nothing may end because somebody set it."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

import structlog

from storyloom.runtime.clocks import seconds_awake_or_not

log = structlog.get_logger()

LEAST_SECONDS = 5.0
"""A step is at least that long: what is less is an answer that took its time, or a clock that is slewed."""


class ClockSteps:
    """Compares a server's clock with one of ours that nobody sets.

    A failover to a server whose clock is ahead is a step, too. What happened before this process watched is not known:
    a replica that starts after a step counts as the server does.
    """

    def __init__(self, *, kept_seconds: float, monotonic: Callable[[], float] = seconds_awake_or_not) -> None:
        """``kept_seconds``: how long a step matters, the longest deadline."""
        self._kept = kept_seconds
        self._monotonic = monotonic
        self._last: tuple[datetime, float] | None = None
        self._steps: deque[tuple[float, float]] = deque()

    def forward(self, at: datetime) -> float:
        """By how many seconds the clock that now says ``at`` was set forward lately. Ask it again and again."""
        now = self._monotonic()
        if self._last is not None:
            step = (at - self._last[0]).total_seconds() - (now - self._last[1])
            if abs(step) > LEAST_SECONDS:
                log.warning("reconciler.clock_stepped", seconds=round(step))
            if step > LEAST_SECONDS:
                self._steps.append((now, step))
        self._last = at, now
        while self._steps and self._steps[0][0] < now - self._kept:
            self._steps.popleft()
        return sum(step for _, step in self._steps)
