"""Times, durations and numbers in words that fit a column."""

from datetime import UTC, datetime


def clock(at: datetime, now: datetime | None = None) -> str:
    """A time of today as hh:mm:ss, of another day with its date; in the machine's own zone."""
    local, today = at.astimezone(), (now or datetime.now(UTC)).astimezone().date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M:%S}"


def span(seconds: float) -> str:
    """A duration in words that fit a column: ``0.4 s``, ``12 s``, ``3 min``, ``2.5 h``, ``4 d``."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.0f} d"


def counted(number: int, what: str, many: str | None = None) -> str:
    """``1 story``, ``3 stories``."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"
