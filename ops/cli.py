"""How operators' commands are asked: times, consoles, confirmations."""

import argparse
import os
import re
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
WIDE = 160
"""Columns where there is no terminal: nothing is folded for a file."""


def moment(text: str) -> datetime:
    """``90s``, ``30m``, ``2h``, ``1d`` before now, or a time in ISO 8601 (without a zone: UTC)."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if ago:
        return datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither like 30m, 2h, 1d nor a time in ISO 8601") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def console() -> Console:
    """The standard output: as wide as the terminal; wide where there is none."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDE
    return Console(width=width, highlight=False)


def confirmed(question: str) -> bool:
    """Ask on the terminal; where there is none, nobody has agreed."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


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
