"""How often the endless loops of a service crash: one that crashes again and again does nothing, and is restarted."""

import time
from collections import deque
from collections.abc import Callable

from storyloom.runtime.metrics import LOOP_CRASHES, LOOP_FAILING

MAX_CRASHES = 5
"""So many crashes of one loop within the window are no accident."""
WINDOW_SECONDS = 60.0


class Crashes:
    """The crashes of a service's loops, by the name of the loop. Outages of servers are none."""

    def __init__(
        self, *, limit: int = MAX_CRASHES, window: float = WINDOW_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._window = window
        self._clock = clock
        self._at: dict[str, deque[float]] = {}
        self._errors: dict[str, str] = {}

    def note(self, loop: str, error: BaseException) -> None:
        """A loop crashed just now."""
        self._at.setdefault(loop, deque(maxlen=self._limit)).append(self._clock())
        self._errors[loop] = type(error).__name__
        LOOP_CRASHES.labels(loop=loop).inc()
        LOOP_FAILING.labels(loop=loop).set(self._is_failing(loop))

    async def check(self) -> str | None:
        """As a check of readiness: which loops crash again and again. A loop that has run for a window is well."""
        failing = []
        for loop in self._at:
            fails = self._is_failing(loop)
            LOOP_FAILING.labels(loop=loop).set(fails)
            if fails:
                failing.append(f"{loop} crashes again and again ({self._errors[loop]})")
        return "; ".join(failing) or None

    def _is_failing(self, loop: str) -> bool:
        at = self._at[loop]
        return len(at) == self._limit and at[0] > self._clock() - self._window
