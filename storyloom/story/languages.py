"""Languages: which ones stories can be told in, their tags understood, and what setting a text in one asks for.

Tags are those of BCP 47 (RFC 5646), in any case: ``zh-hant``, ``es-419``, ``fil``, ``PT-br``; langcodes reads them and
knows which script a language is written in where. The table is languages.toml.
"""

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import langcodes

RIGHT_TO_LEFT = frozenset({"Arab", "Hebr"})
"""The scripts of the table that are written from right to left (ISO 15924)."""

Direction = Literal["ltr", "rtl"]


@dataclass(frozen=True, slots=True)
class Language:
    """A row of the table."""

    tag: str
    """The row's name: a language, with its script where that is not the usual one."""
    script: str
    """ISO 15924."""
    labels: bool = False
    """The book has words of its own in it."""
    hyphenates: bool = False
    """There is a dictionary of where its words may be divided."""
    words: str = "spaces"
    """``spaces``, or the model that a segmenter finds its words by."""

    @property
    def direction(self) -> Direction:
        return "rtl" if self.script in RIGHT_TO_LEFT else "ltr"

    @property
    def spaced(self) -> bool:
        """Whether spaces stand between its words."""
        return self.words == "spaces"


@cache
def supported() -> dict[str, Language]:
    """The table, by tag."""
    rows = tomllib.loads(files(__package__).joinpath("languages.toml").read_text("utf-8"))
    return {tag: Language(tag, **row) for tag, row in rows.items()}


def canonical(tag: str) -> str:
    """The tag as BCP 47 writes it: ``ZH-hant`` is ``zh-Hant``, ``iw`` is ``he``.

    ValueError, with a sentence that lists the languages, where it is no tag, or of none that stories can be told in.
    The sentence does not repeat the tag: whatever was typed by mistake may be a name.
    """
    try:
        written = langcodes.standardize_tag(tag)
        parsed = langcodes.Language.get(written)
        valid = langcodes.tag_is_valid(written) and not parsed.extensions and not parsed.private
    except ValueError:
        valid = False
    if not valid or _find(written) is None:
        raise ValueError(f"is none of the languages that stories can be told in: {', '.join(supported())}")
    return written


def language_of(tag: str) -> Language:
    """The row of a tag. A tag that is of none, in a brief that was taken long ago, is read as one in Latin letters."""
    return _find(tag) or Language(tag, "Latn")


@lru_cache(maxsize=256)  # bounded: clients make up tags
def _find(tag: str) -> Language | None:
    """The row of the tag's language in the tag's script; a tag without a script is in the usual one of its region."""
    try:
        parsed = langcodes.Language.get(tag)
    except ValueError:
        return None
    script = parsed.maximize().script
    macro = langcodes.standardize_tag(parsed.language or "und", macro=True)
    for language in (parsed.language, macro):
        for row in (supported().get(f"{language}-{script}"), supported().get(str(language))):
            if row is not None and _in_script(row, script):
                return row
    return None


def _in_script(row: Language, script: str | None) -> bool:
    """Kore and Jpan are names for mixtures: what counts is whether the letters are the same."""
    return script in {row.script, None} or (row.script, script) in {("Jpan", "Hrkt"), ("Kore", "Hang")}
