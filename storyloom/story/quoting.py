"""Whether things to do after reading speak of a scene in its own words, and so have to be thought of anew with it."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from storyloom.story.results import Activities, Outline, SceneText, Value

_WORDS = 4
"""Words in a row that nobody takes over by chance, if they have so many letters in all:"""
_LETTERS = 14
_BESIDES = 10
"""Letters that are left of them without the plan's own words."""
# Scripts without spaces: every character counts as a word, and for so many letters.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_UNSPACED_LETTERS = 2
_ALONE = re.compile(f"[{_UNSPACED}]")
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")

# How a scene is called by its number, in the languages that the book has words of its own for; as _read gives it.
_SCENE, _SCENES = frozenset({"scene", "szene", "escena"}), frozenset({"scenes", "szenen", "escenas"})
_NUMBERS = {
    "1": 1, "one": 1, "eins": 1, "un": 1, "uno": 1, "first": 1, "1st": 1, "premiere": 1, "1re": 1, "primera": 1,
    "2": 2, "two": 2, "zwei": 2, "deux": 2, "dos": 2, "second": 2, "2nd": 2, "deuxieme": 2, "2e": 2, "segunda": 2,
    "3": 3, "three": 3, "drei": 3, "trois": 3, "tres": 3, "third": 3, "3rd": 3, "troisieme": 3, "3e": 3, "tercera": 3,
    "4": 4, "four": 4, "vier": 4, "quatre": 4, "cuatro": 4, "fourth": 4, "4th": 4, "quatrieme": 4, "4e": 4, "cuarta": 4,
    "last": 4, "final": 4, "derniere": 4, "ultima": 4,
    **{word + end: n for n, word in enumerate(("erste", "zweite", "dritte", "vierte"), 1) for end in ("", "n", "r")},
    **{"letzte" + end: 4 for end in ("", "n", "r")},
}  # fmt: skip
_COUNTS = frozenset({
    "one", "two", "three", "four", "eins", "zwei", "drei", "vier", "un", "deux", "trois", "quatre", "uno", "dos",
    "tres", "cuatro",
})  # fmt: skip
"""Before the noun these say how many: "four scenes" are none in particular."""
_DIGITS = frozenset("1234")
"""So do these before many; before one they are ordinals: "2. Szene"."""
_BETWEEN = frozenset({"and", "or", "to", "the", "und", "oder", "bis", "die", "der", "et", "ou", "la", "a", "y", "o"})


def quotes(activities: Activities, text: SceneText, outline: Outline | None = None) -> bool:
    """Whether any activity takes over words of the scene (four in a row and more), or names the scene by its number.

    Case, accents and marks do not count. What the outline calls things and places is no quotation, where it is given:
    the activities have that from there. One time too often costs four new activities, one too few leaves a reader with
    words that are in no book: where it is unclear the answer is yes.
    """
    words, plan = _line(_read(text.text)), [_line(_read(said)) for said in _strings(outline)] if outline else []
    return any(
        _repeats(said, words, plan) or text.scene in _scenes_named(said)
        for activity in activities.activities
        for said in map(_read, _strings(activity, "id", "type"))
    )


def _strings(value: Value, *besides: str) -> Iterator[str]:
    """All texts of a value."""
    waiting: list[Any] = [value.model_dump(exclude={*besides})]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(parts):
                waiting += parts.values()
            case tuple(parts):
                waiting += parts


def _read(text: str) -> list[str]:
    """The words as they are compared: no capitals, accents or apostrophes."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(sign for sign in plain if sign not in "'’" and not unicodedata.combining(sign)))


def _line(words: Sequence[str]) -> str:
    """Words in a row as one text, so that it can be asked for parts of itself."""
    return f" {' '.join(words)} "


def _repeats(said: Sequence[str], words: str, plan: Sequence[str]) -> bool:
    for start in range(len(said) - _WORDS + 1):
        end = start + _WORDS
        while end <= len(said) and _line(said[start:end]) in words:
            run = said[start:end]
            if _letters(run) >= _LETTERS and _letters(run) - _planned(run, plan) >= _BESIDES:
                return True
            end += 1
    return False


def _planned(run: Sequence[str], plan: Sequence[str]) -> int:
    """The letters of the longest part, of two words at least, that the plan holds."""
    parts = (run[start:end] for start in range(len(run)) for end in range(start + 2, len(run) + 1))
    return max((_letters(part) for part in parts if any(_line(part) in said for said in plan)), default=0)


def _letters(words: Sequence[str]) -> int:
    return sum(_UNSPACED_LETTERS if _ALONE.match(word) else len(word) for word in words)


def _scenes_named(said: Sequence[str]) -> set[int]:
    """The numbers of the scenes that are named: "scene 2", "scenes one and four", "the first and the last scene"."""
    named: set[int] = set()
    for at, word in enumerate(said):
        if word in _SCENE | _SCENES:
            besides = _COUNTS | _DIGITS if word in _SCENES else _COUNTS
            named.update(_numbers(reversed(said[:at]), besides), _numbers(said[at + 1 :]))
    return named


def _numbers(words: Iterable[str], besides: frozenset[str] = frozenset()) -> Iterator[int]:
    """The numbers that come before anything else does."""
    for word in words:
        if word in _NUMBERS and word not in besides:
            yield _NUMBERS[word]
        elif word not in _BETWEEN:
            return
