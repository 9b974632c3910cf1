"""What a model writes is untrusted text: the one place where it is cleaned, or rejected.

``ModelAnswer`` is what every answer's shape is made of; no string gets past it unseen. What is harmless is cleaned
(normal form, white space, marks that nobody sees). What shows a broken answer is rejected, so that it is asked for
again: control characters, halves of surrogate pairs, noncharacters, markup, turned directions, endless strings. What is
left can stand in Postgres (text, jsonb), JSON (RFC 8259), XML 1.0 (section 2.2, Char) and PDF.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from html.entities import html5
from itertools import groupby
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

MAX_CHARACTERS = 600
"""Characters of a string, where its answer does not say otherwise."""
MAX_ANSWER_CHARACTERS = 60_000
"""Characters of all strings of an answer together; the longest that is asked for, four activities, has about 10,000."""
MAX_MARKS = 8
"""Combining marks on one letter; Tibetan has up to six."""
MAX_FAULTS_NAMED = 5


class RejectedTextError(ValueError):
    """A string shows that its answer is broken. The message says what it holds, and quotes nothing."""


class ModelAnswer(BaseModel):
    """The shape of an answer that a model is asked for. Every string in it is cleaned, however deep it stands.

    ``longest``: characters of the strings under a field of this name, wherever it stands; MAX_CHARACTERS elsewhere.
    """

    model_config = ConfigDict(frozen=True)
    longest: ClassVar[Mapping[str, int]] = {}

    @model_validator(mode="before")
    @classmethod
    def _holds_clean_text(cls, data: Any) -> Any:
        faults: list[str] = []
        cleaned = _clean_all(data, cls.longest, (), faults)
        if sum(map(len, _strings(cleaned))) > MAX_ANSWER_CHARACTERS:
            faults.append(f"the answer is longer than {MAX_ANSWER_CHARACTERS} characters")
        if faults:
            raise PydanticCustomError("rejected_text", "{faults}", {"faults": "; ".join(faults[:MAX_FAULTS_NAMED])})
        return cleaned


def clean_text(text: str, most: int = MAX_CHARACTERS) -> str:
    """The text as it may be kept: NFC, on one line, without marks that nobody sees.

    Cleaning it again changes nothing. Raises RejectedTextError for what shows a broken answer.
    """
    if len(text) > 4 * most:  # not worth the work: cleaning does not take away so much
        raise RejectedTextError(f"is longer than {most} characters")
    _reject(text, _UNSTORABLE)
    text = _DIRECTIONS.sub("", text) if _balanced(text) else text
    text = tidy(text)
    _reject(text, _BROKEN)
    if any(name.startswith("#") or name in html5 for name in _ENTITY.findall(text)):
        raise RejectedTextError("holds markup")
    if any(_most_marks(run) > MAX_MARKS for run in _PERHAPS_MARKS.findall(text)):
        raise RejectedTextError("holds a heap of combining marks")
    if len(text) > most:
        raise RejectedTextError(f"is longer than {most} characters")
    return text


def tidy(text: str) -> str:
    """Composed, on one line, without what nobody sees, and without Markdown's stars and lines around words.

    What a model was told is found in its cleaned answer by this.
    """
    while True:  # what is taken away brings together what stood apart
        tidied = " ".join(_EMPHASIS.sub(r"\2", unicodedata.normalize("NFC", _UNSEEN.sub("", text))).split())
        if tidied == text:
            return text
        text = tidied


def plain_word(said: object, default: str = "unnamed") -> str:
    """A provider's own word for something (an error's code, a category), if it is such a word; else the default.

    A phrase or a name is none: an answer may repeat what it was asked.
    """
    return said if isinstance(said, str) and _WORD.fullmatch(said) else default


_WORD = re.compile(r"[a-z0-9][a-z0-9_./-]{0,59}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")

_Rules = tuple[tuple[re.Pattern[str], str], ...]
_NONCHARACTERS = "".join(f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(17))
_UNSTORABLE: _Rules = (
    # Tab and line breaks are white space. NEL (U+0085) is none here: it is what an ellipsis of Windows-1252 turns into.
    (re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"), "a control character"),
    (re.compile(r"[\ud800-\udfff]"), "half of a surrogate pair"),
    (re.compile(rf"[\ufdd0-\ufdef{_NONCHARACTERS}]"), "a noncharacter"),
)
_BROKEN: _Rules = (
    (re.compile(r"[\ufff9-\ufffd]"), "a replacement character"),
    # No font shows them; models leave marks of their own in them, such as those around citations.
    (re.compile(r"[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"), "a character for private use"),
    (re.compile(r"[\u202a-\u202e\u2066-\u2069]"), "marks that turn the text's direction"),
    (re.compile(r"<[A-Za-z/!?]|```|\]\((?:https?:|mailto:|[/#])"), "markup"),
)
# Combining marks are no letters, and none comes before U+0300: a long run of such signs, which ordinary text has not,
# is looked at closely.
_PERHAPS_MARKS = re.compile(rf"[^\w\s\x00-\u02ff]{{{MAX_MARKS + 1},}}")
_ENTITY = re.compile(r"&(#\d+;|#[xX][0-9a-fA-F]+;|[A-Za-z][A-Za-z0-9]*;)")
# Soft hyphens, joiners of words, byte order marks, tags; zero-width spaces, but after letters of scripts that break
# their lines at them; zero-width joiners after Latin, Greek or Cyrillic letters, where they would hide a word from
# moderation. Elsewhere joiners are letters' own (Persian, Hindi) or an emoji's.
_UNSEEN = re.compile(
    r"[\u00ad\u180e\u2060-\u2064\u206a-\u206f\ufeff\U000e0000-\U000e007f]"
    r"|(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u200b])\u200b+"
    r"|(?<=[A-Za-z\u00c0-\u052f])[\u200c\u200d]+"
)
_DIRECTIONS = re.compile(r"[\u202a\u202b\u202c\u2066-\u2069]")
_CLOSED_BY = {"\u202a": "\u202c", "\u202b": "\u202c", "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
_EMPHASIS = re.compile(r"(\*\*|__)(?=[^\s*_])([^\n]*?[^\s*_])\1")


def _reject(text: str, rules: _Rules) -> None:
    for pattern, what in rules:
        if pattern.search(text):
            raise RejectedTextError(f"holds {what}")


def _balanced(text: str) -> bool:
    """Whether every mark of direction is closed where it belongs: then they may go, since the pages set their own."""
    waiting: list[str] = []
    for mark in _DIRECTIONS.findall(text):
        if mark in _CLOSED_BY:
            waiting.append(_CLOSED_BY[mark])
        elif not waiting or waiting.pop() != mark:
            return False
    return not waiting


def _most_marks(text: str) -> int:
    marks = groupby(text, key=lambda sign: unicodedata.category(sign).startswith("M"))
    return max((sum(1 for _ in run) for is_mark, run in marks if is_mark), default=0)


def _clean_all(value: Any, longest: Mapping[str, int], place: tuple[str, ...], faults: list[str]) -> Any:
    """The value with all its strings cleaned; what is wrong is added to ``faults`` by its place."""
    match value:
        case str():
            field = next((name for name in reversed(place) if not name.isdecimal()), "")
            try:
                return clean_text(value, longest.get(field, MAX_CHARACTERS))
            except RejectedTextError as rejected:
                faults.append(f"{'.'.join(place) or 'the answer'} {rejected}")
                return ""
        case Mapping():
            return {key: _clean_all(part, longest, (*place, _field(key)), faults) for key, part in value.items()}
        case list() | tuple():
            return [_clean_all(part, longest, (*place, str(at)), faults) for at, part in enumerate(value)]
        case _:
            return value


def _field(key: Any) -> str:
    """A field's name; a key that the model made up is not repeated."""
    return key if isinstance(key, str) and _FIELD.fullmatch(key) else "?"


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from _strings(part)
        case list():
            for part in value:
                yield from _strings(part)
