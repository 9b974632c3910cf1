"""The clock for durations."""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It goes on while the machine is suspended, which the loop's clock does not on Linux."""


def seconds_awake_or_not() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine is suspended."""
    return time.clock_gettime(_CLOCK)
