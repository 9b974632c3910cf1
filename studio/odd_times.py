"""A voice's times spoiled on request; its sound stays as it is."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from studio.backends import Speech
from studio.faults import TimesFlaw

_STEP_BACK = 0.02  # seconds
Alignments = tuple[dict[str, Any] | None, dict[str, Any] | None]
"""The alignment of the text as sent, and that of the text as normalised."""


@dataclass(frozen=True, slots=True)
class _Times:
    characters: list[str]
    starts: list[float]
    ends: list[float]

    def body(self) -> dict[str, Any]:
        return {
            "characters": self.characters,
            "character_start_times_seconds": self.starts,
            "character_end_times_seconds": self.ends,
        }


def align(speech: Speech) -> Alignments:
    """The times as they are: what is written is what is said, since numbers are read and not rewritten."""
    body = _Times(speech.characters, speech.starts, speech.ends).body()
    return body, body


def align_oddly(speech: Speech, flaw: TimesFlaw, share: float) -> Alignments:
    """The times with a flaw; `share` is by how much they drift."""
    times = _Times(list(speech.characters), list(speech.starts), list(speech.ends))
    true, empty = times.body(), _Times([], [], []).body()
    match flaw:
        case "empty_unused":
            return true, empty
        case "empty_used":
            return empty, true
        case "null":
            return None, true
        case "none":
            return None, None
        case "drift":
            body = _drift(times, share).body()
        case _:
            body = _FLAWS[flaw](times).body()
    return body, body


def _drift(times: _Times, share: float) -> _Times:
    starts, ends = ([round(time * (1 + share), 4) for time in each] for each in (times.starts, times.ends))
    return replace(times, starts=starts, ends=ends)


def _step_back(times: _Times) -> _Times:
    middle = len(times.starts) // 2
    times.starts[middle] = round(times.starts[middle - 1] - _STEP_BACK, 4)
    return times


def _repeat(times: _Times) -> _Times:
    return replace(times, starts=[times.starts[place - place % 2] for place in range(len(times.starts))])


def _negative(times: _Times) -> _Times:
    return replace(times, starts=[-_STEP_BACK, *times.starts[1:]])


def _nan(times: _Times) -> _Times:
    middle = len(times.starts) // 2
    times.starts[middle] = times.ends[middle] = math.nan
    return times


def _fewer(times: _Times) -> _Times:
    del times.characters[::25], times.starts[::25], times.ends[::25]
    return times


def _more(times: _Times) -> _Times:
    more, last = list(" (end)"), times.ends[-1:]
    return _Times(times.characters + more, times.starts + last * len(more), times.ends + last * len(more))


def _decomposed(times: _Times) -> _Times:
    return replace(times, characters=[unicodedata.normalize("NFD", character) for character in times.characters])


def _uneven(times: _Times) -> _Times:
    return replace(times, ends=times.ends[: -max(1, len(times.ends) // 50)])


def _half(times: _Times) -> _Times:
    half = len(times.starts) // 2
    return _Times(times.characters[:half], times.starts[:half], times.ends[:half])


def _unordered(times: _Times) -> _Times:
    return replace(times, starts=times.starts[::-1], ends=times.ends[::-1])


_FLAWS: Mapping[str, Callable[[_Times], _Times]] = {
    "step_back": _step_back,
    "repeat": _repeat,
    "negative": _negative,
    "nan": _nan,
    "fewer": _fewer,
    "more": _more,
    "decomposed": _decomposed,
    "uneven": _uneven,
    "half": _half,
    "unordered": _unordered,
}
