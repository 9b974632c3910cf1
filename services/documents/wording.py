"""Words in a text, found as people mean them: whole words, plurals, beginnings; and the tables of suitability.toml."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hazard(_Row):
    """Something that hurts: not below ``from_age`` at all, below ``supervised_below`` only with a grown-up named."""

    what: str
    from_age: int
    words: dict[str, tuple[str, ...]]
    """By language; ``en`` is always there."""
    materials: tuple[str, ...] = ()
    """English words that are things only in a list of things."""
    supervised_below: int = 0
    unless: tuple[str, ...] = ()
    in_use: bool = False
    """It only matters where something is done with it: a river may well be painted."""

    def words_in(self, language: str) -> tuple[str, ...]:
        return self.words.get(language, self.words["en"])


class Access(_Row):
    """What a note speaks of for a hero with one of these traits, and what a step may not ask without another way."""

    traits: frozenset[str]
    speaks_of: tuple[str, ...]
    too_much: tuple[str, ...]
    other_way: tuple[str, ...]


class Tables(_Row):
    hazard: tuple[Hazard, ...]
    access: tuple[Access, ...]
    words: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]


@cache
def tables() -> Tables:
    """suitability.toml, read once."""
    return Tables.model_validate(tomllib.loads(files(__package__).joinpath("suitability.toml").read_text("utf-8")))


@cache
def pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Finds any of the words in a plain text.

    One that ends in ``*`` stands for all that begin so, the others for their plural too.
    """
    folded = (word.casefold() for word in words)
    parts = (re.escape(word[:-1]) + r"\w*" if word.endswith("*") else re.escape(word) + "(?:e?s)?" for word in folded)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts) or '(?!)'})(?!\w)")


def speaks_of(text: str, words: Iterable[str]) -> bool:
    """Whether the text holds any of the words."""
    return pattern(tuple(words)).search(_plain(text)) is not None


def _plain(text: str) -> str:
    """The text as it is compared: composed accents, no capitals, ß as ss, straight apostrophes."""
    return unicodedata.normalize("NFC", text).casefold().replace("’", "'")


def uses(text: str, words: tuple[str, ...], *, unless: tuple[str, ...] = ()) -> str:
    """The first of the words that the text means: not "no scissors", not "a pretend oven". Empty if there is none."""
    general, text = tables().words, _plain(text)
    for found in pattern(words).finditer(text):
        # Nothing reaches over a comma or a full stop: "do not worry, use scissors" does use them.
        clause = re.split(r"[.,;:!?()\n–—]", text[: found.start()])[-1]
        before = re.findall(r"[\w'-]+", clause)[-3:]
        if not any(word in general["without"] for word in before) and not any(
            word in general["pretend"] or word in unless for word in before[-2:]
        ):
            return found.group()
    return ""
