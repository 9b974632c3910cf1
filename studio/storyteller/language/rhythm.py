"""Fits a scene to its length: which lines are told, and how far each of them grows."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from studio.storyteller.language.grammar import count_sentences, count_words

# What a miss costs. A word too many matters less than a sentence too long, since the reader's breath is short;
# leaving out a line that carries the tale costs more than leaving out an ornament.
_WORDS, _LENGTH, _OMIT = 60.0, 7.0, {3: 20.0, 2: 2.0, 1: 0.6, 0: 0.0}
_ROUNDS = 60


# Words, sentences, and the price of leaving out.
_Size = tuple[int, int, float]
_Sizes = Sequence[Sequence[_Size]]


class Weight(IntEnum):
    """How much a line is needed. Only in a very short scene does a MUST give way; a PINNED line never does."""

    ORNAMENT = 0
    MAY = 1
    SHOULD = 2
    MUST = 3
    PINNED = 4


@dataclass(frozen=True)
class Choice:
    """A line that may be told in several forms, short to long, already in words."""

    weight: Weight
    forms: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """Words for the whole, words for a sentence."""

    words: float
    sentence: float


def fit(choices: Sequence[Choice], target: Target) -> list[int | None]:
    """The form of every choice, or None where the line is left out. Deterministic hill climbing."""
    sizes = [[_size(form) for form in choice.forms] for choice in choices]
    told: list[int | None] = [
        _nearest(size, target.sentence) if choice.weight >= Weight.MUST else None
        for choice, size in zip(choices, sizes, strict=True)
    ]
    best = math.inf
    for _ in range(_ROUNDS):
        now = _sum(choices, sizes, told)
        cost, index, form = min(_moves(choices, sizes, told, now, target), default=(best, 0, -1))
        if cost >= best:
            break
        best, told[index] = cost, None if form < 0 else form
    return told


def _size(form: str) -> _Size:
    return count_words(form), count_sentences(form), 0.0


def _nearest(size: Sequence[_Size], wanted: float) -> int:
    return min(range(len(size)), key=lambda form: abs(size[form][0] / size[form][1] - wanted))


def _sum(choices: Sequence[Choice], sizes: _Sizes, told: Sequence[int | None]) -> _Size:
    parts = [_part(choices[index], sizes[index], form) for index, form in enumerate(told)]
    return sum(part[0] for part in parts), sum(part[1] for part in parts), sum(part[2] for part in parts)


def _part(choice: Choice, size: Sequence[_Size], form: int | None) -> _Size:
    return (0, 0, _OMIT.get(choice.weight, 0.0)) if form is None else size[form]


def _moves(
    choices: Sequence[Choice], sizes: _Sizes, told: Sequence[int | None], now: _Size, target: Target
) -> Iterator[tuple[float, int, int]]:
    """Every change of one line: what the scene would cost then, which line, which form (-1: left out)."""
    for index, (choice, size) in enumerate(zip(choices, sizes, strict=True)):
        old = _part(choice, size, told[index])
        for form in range(0 if choice.weight is Weight.PINNED else -1, len(size)):
            new = _part(choice, size, None if form < 0 else form)
            words, sentences, omitted = (now[i] - old[i] + new[i] for i in range(3))
            length = words / sentences if sentences else 0.0
            cost = _WORDS * abs(words / target.words - 1) + _LENGTH * abs(length - target.sentence) + omitted
            yield cost, index, form
