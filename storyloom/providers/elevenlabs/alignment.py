"""Times that came with a recording, fitted onto its decoded sound. Pure.

eleven_v3's times drift (all 6 % early, all 8 % late), and now and then step back, repeat or are missing. The sound is
what was paid for, and it is the measure: small defects are repaired, and None says that the times are of no use.
"""

import math
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

from storyloom.providers.elevenlabs.mp3 import Sound
from storyloom.providers.ports import Alignment

_MIN_ALIGNED_SHARE = 0.6
"""The share of a text's letters that must have times; text as normalised may be a little shorter."""
_MIN_READ_SHARE = 0.9
"""A reading whose times end with the sound and with less of the text than this was broken off."""
_MIN_LIKENESS = 0.2
"""Of runs of four letters: two texts of one language share fewer than this."""
_LIKENESS_LETTERS = 40
"""Shorter texts cannot be told apart by their runs: "3" may be read as "three"."""
_MAX_DEFECTS = 0.1
"""The share of the times that may be off by more than ``_SMALL_STEP``; two always may."""
_SMALL_STEP = 0.25  # seconds: nobody who reads along sees the difference
_MOMENT = 0.001  # seconds: in less nothing can be said, and nothing scaled
_EARLY = _LATE = 0.05  # seconds by which times may end before the last sound, or after it
_MAX_DRIFT = 1.34
"""By how much times may be stretched or shrunk, where that moves the last by more than a second."""
_MAX_STANDING = 0.5
"""The share of the characters that may follow one another at one moment."""


def fit(raw: Alignment, text: str, sound: Sound) -> Alignment | None:
    """The times of a text's reading, on its sound: finite, never running back, none beyond the sound's end.

    ``raw`` is what a provider says: any numbers at all, in any order. Times that end before the last sound, or beyond
    the recording, are scaled so that they end with it. None if too little of the text has times, or too much is wrong.
    """
    letters, wanted = _letters("".join(raw.characters)), _letters(text)
    if not letters or len(letters) < len(wanted) * _MIN_ALIGNED_SHARE or not _alike(letters, wanted):
        return None
    edges = _repair([*raw.starts, raw.ends[-1]], sound)
    if edges is None:
        return None
    missing = len(letters) < len(wanted) and wanted.startswith(letters)
    spoken = max(place for place, character in enumerate(raw.characters) if _letters(character))
    scale = _Scale.onto(sound, edges, spoken=edges[spoken + 1], ends_early=missing)
    if scale is None:
        return None
    limit = math.floor(sound.seconds * 1000) / 1000  # words are timed to the millisecond
    starts = [min(scale.apply(edge), limit) for edge in edges]
    ends = [
        min(max(scale.apply(end), start), after) if math.isfinite(end) else after
        for end, (start, after) in zip((*raw.ends[:-1], math.nan), pairwise(starts), strict=True)
    ]
    characters = raw.characters
    if missing and ends[-1] < sound.last:
        # Whoever places the words of the rest finds them the time that is left.
        characters, starts, ends = (*characters, " "), [*starts, sound.last], [*ends, sound.last]
    return Alignment(characters, tuple(starts[:-1]), tuple(ends))


def is_broken_off(raw: Alignment, text: str, sound: Sound) -> bool:
    """Whether the sound itself ends early: the times cover the beginning of the text alone, and all of the sound."""
    letters, wanted = _letters("".join(raw.characters)), _letters(text)
    last = max(filter(math.isfinite, raw.ends), default=0.0)
    return (
        0 < len(letters) < len(wanted) * _MIN_READ_SHARE
        and wanted.startswith(letters)
        and _MIN_READ_SHARE * sound.last <= last <= sound.seconds + 1
    )


class _Scale:
    """From the provider's times to the sound's: the moment ``origin`` stays, all else moves by ``factor``."""

    def __init__(self, origin: float = 0.0, target: float = 0.0, factor: float = 1.0) -> None:
        self._origin, self._target, self._factor = origin, target, factor

    @classmethod
    def onto(cls, sound: Sound, edges: Sequence[float], *, spoken: float, ends_early: bool) -> "_Scale | None":
        """As they are where they end with the sound, or rightly earlier; None where the two have nothing in common.

        ``spoken`` is when the last letter ends: a mark after it may last as long as the recording, a letter is heard.
        """
        first, last = edges[0], edges[-1]
        if last - first < _MOMENT or _standing(edges) > max(2, _MAX_STANDING * len(edges)):
            return None
        too_early = last < sound.last - _EARLY and not ends_early
        too_late = last > sound.seconds + _LATE or spoken > sound.last + _LATE
        if not too_early and not too_late:
            return cls()
        factor = sound.last / last
        if abs(sound.last - last) > 1 and not 1 / _MAX_DRIFT <= factor <= _MAX_DRIFT:
            return None
        if first <= sound.first + _SMALL_STEP:
            return cls(factor=factor)
        # All of it is late, not only its end.
        return cls(first, sound.first, (sound.last - sound.first) / (last - first))

    def apply(self, time: float) -> float:
        return self._target + max(0.0, time - self._origin) * self._factor


def _repair(times: Sequence[float], sound: Sound) -> list[float] | None:
    """The times in order: those that stand out of the longest row that never runs back lie between their neighbours."""
    latest = 1.5 * sound.seconds + 1
    believable = [0 <= time <= latest for time in times]  # not so of NaN
    kept = _longest_row(times, [place for place, so in enumerate(believable) if so])
    if not kept:
        return None
    fixed = [(-1, min(sound.first, times[kept[0]]))]
    fixed += [(place, times[place]) for place in kept]
    fixed += [(len(times), max(sound.last, times[kept[-1]]))]
    repaired: list[float] = []
    for (place, time), (later, limit) in pairwise(fixed):
        step = (limit - time) / (later - place)
        repaired += [time + step * number for number in range(1, later - place)]
        if later < len(times):
            repaired.append(limit)
    wrong = sum(
        not so or abs(time - now) > _SMALL_STEP for so, time, now in zip(believable, times, repaired, strict=True)
    )
    return repaired if wrong <= max(2, _MAX_DEFECTS * len(times)) else None


def _longest_row(times: Sequence[float], places: Sequence[int]) -> list[int]:
    """The places of the longest run of times, with gaps, that never runs back (patience sorting, O(n log n))."""
    tails: list[float] = []
    tops: list[int] = []
    before: dict[int, int] = {}
    for place in places:
        at = bisect_right(tails, times[place])
        if at:
            before[place] = tops[at - 1]
        tails[at : at + 1] = [times[place]]
        tops[at : at + 1] = [place]
    row: list[int] = []
    last = tops[-1] if tops else None
    while last is not None:
        row.append(last)
        last = before.get(last)
    return row[::-1]


def _standing(edges: Sequence[float]) -> int:
    """How many characters follow one another in no time at all."""
    return max(accumulate((start == end for start, end in pairwise(edges)), lambda run, still: (run + 1) * still))


def _letters(text: str) -> str:
    """A text as it is compared: letters and digits alone, whatever their case, width and normal form."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _alike(one: str, other: str) -> bool:
    if min(len(one), len(other)) < _LIKENESS_LETTERS:
        return True
    first, second = (Counter(text[at : at + 4] for at in range(len(text) - 3)) for text in (one, other))
    return 2 * (first & second).total() >= _MIN_LIKENESS * (first.total() + second.total())
