"""Directions of text: which way a paragraph runs, and what in it runs the other way and has to be kept apart.

WeasyPrint sets every inline box by itself, from its own direction, and puts the boxes in a row by that of the line: a
``bdi`` with a ``dir`` is therefore an isolate, as the Unicode bidirectional algorithm (UAX 9) has it. Without one a
number that follows an Arabic name in an English sentence would be drawn before it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator

from markupsafe import Markup, escape

from storyloom.story.languages import Direction

_STRONG: dict[str, Direction] = {"L": "ltr", "R": "rtl", "AL": "rtl"}
_RANGE = re.compile(r"\d+(?:\s?[-–/:.,]\s?\d+)+")
"""Numbers that belong together: in a line from right to left they would change places."""
_NUMBERED = re.compile(r"(?=[-_./:+A-Za-z]*[0-9])(?:[-_./:+]?[A-Za-z0-9])+")
"""What goes on to a number after Latin letters, as in ``gpt-5.1``."""


def direction_of(text: str, default: Direction) -> Direction:
    """The way that most of the text's letters run; the default where it has as many of either, or none."""
    ways = [way for sign in text if (way := _STRONG.get(unicodedata.bidirectional(sign)))]
    rightward = ways.count("ltr")
    leftward = len(ways) - rightward
    return default if rightward == leftward else "ltr" if rightward > leftward else "rtl"


def isolate(text: str, base: Direction, names: Collection[str] = ()) -> Markup:
    """The text, escaped, with what runs against ``base`` in isolates: names as a whole, else runs of words."""
    html, at = Markup(), 0
    for start, end in spans(text, base, names):
        part = text[start:end]
        # Numbers are drawn from left to right in every script.
        html += Markup('{}<bdi dir="{}">{}</bdi>').format(text[at:start], direction_of(part, "ltr"), part)
        at = end
    return html + escape(text[at:])


def spans(text: str, base: Direction, names: Collection[str] = ()) -> Iterator[tuple[int, int]]:
    """Where isolates stand in the text, first to last, none within another."""
    at = 0
    for start, end in sorted({*_named(text, base, names), *_runs(text, base)}, key=lambda span: (span[0], -span[1])):
        if start >= at:
            yield start, end
            at = end


def _named(text: str, base: Direction, names: Collection[str]) -> Iterator[tuple[int, int]]:
    against = [name for name in names if any(_runs_against(sign, base) for sign in name)]
    if against:
        # Any space may stand between their words: the last ones of a text are kept together by another.
        longest_first = "|".join(
            r"\s".join(map(re.escape, name.split(" "))) for name in sorted(against, key=len, reverse=True)
        )
        for found in re.finditer(longest_first, text):
            yield found.span()


def _runs(text: str, base: Direction) -> Iterator[tuple[int, int]]:
    """From a letter that runs against the base to the last one before a letter that does not."""
    start = end = -1
    for at, sign in enumerate(text):
        way = _STRONG.get(unicodedata.bidirectional(sign))
        if way is None:
            if at == end and unicodedata.combining(sign):
                end = at + 1
            elif at == end and base == "rtl" and (numbered := _NUMBERED.match(text, at)):
                end = numbered.end()
        elif way == base:
            if start >= 0:
                yield start, end
            start = -1
        else:
            start, end = (at if start < 0 else start), at + 1
    if start >= 0:
        yield start, end
    if base == "rtl":
        for found in _RANGE.finditer(text):
            yield found.span()


def _runs_against(sign: str, base: Direction) -> bool:
    way = _STRONG.get(unicodedata.bidirectional(sign))
    return way is not None and way != base
