"""Keeps names out of picture prompts: whoever is on stage is called by role, in lists and inside free text."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from storyloom.story.brief import Brief
from storyloom.story.results import Outline

HEROES = ("the hero", "the second hero", "the third hero")
COMPANION = "the companion"
HELPER = "the helper"

_NEVER = r"(?!)"
_PARTICLES = frozenset(("al", "and", "bin", "da", "de", "del", "den", "der", "di", "do", "dos", "el", "la", "le", "of"))
_PARTICLES |= {"the", "van", "von", "y"}
# Names that are words too: "the rose" is a flower and tells of no child, "Rose" does.
_WORDS_TOO = frozenset(files(__package__).joinpath("words_too.txt").read_text("utf-8").split())


@dataclass(frozen=True, slots=True)
class Naming:
    """Who is who in one story; ``scrub`` is what every word from outside goes through on its way into a prompt."""

    roles: dict[str, str]
    names: frozenset[str]
    pattern: re.Pattern[str] | None

    def role(self, name: str) -> str:
        """What to call somebody who is on stage; a stranger to the brief keeps own words, if they hold no name."""
        return self.roles.get(_key(name)) or self.scrub(name, 60)

    def scrub(self, text: str, longest: int = 280) -> str:
        """One line without names, at most ``longest`` characters."""
        line = flatten(text, 4 * longest)
        if self.pattern is not None:
            line = self.pattern.sub(self._replaced, line)
        return flatten(line, longest)

    def _replaced(self, found: re.Match[str]) -> str:
        name = found["name"] or found["uncased"]
        key = _key(name)
        if name == name.lower() != name.upper() and (key in _WORDS_TOO or key not in self.names):
            return found[0]
        return self.roles.get(key, HEROES[0]) + ("'s" if found["possessive"] else "")


def name_roles(brief: Brief, outline: Outline | None = None) -> Naming:
    """Every hero by number, companion and helper by role. First and last names count each, with and without accents."""
    roles: dict[str, str] = {}
    heroes = [character.name for character in brief.characters]
    for name, role in zip(heroes, HEROES, strict=False):
        roles.setdefault(_key(name), role)
    for name, role in zip(heroes, HEROES, strict=False):
        for part in _parts(name):
            roles.setdefault(_key(part), role)
    for name in tuple(roles):
        roles.setdefault(_unaccented(name), roles[name])
    names = frozenset(roles)
    for figure, role in ((outline and outline.companion, COMPANION), (outline and outline.helper, HELPER)):
        if figure and figure.name.strip():
            roles.setdefault(_key(figure.name), role)
    return Naming(roles, names, _find(roles))


def flatten(text: str, longest: int) -> str:
    """One line of printable characters, cut at a word: nothing from outside can begin a labelled line of its own."""
    line = " ".join("".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text)).split())
    return line if len(line) <= longest else line[: longest + 1].rsplit(" ", 1)[0][:longest]


def _find(names: Iterable[str]) -> re.Pattern[str] | None:
    """The names as they stand in text. Scripts without cases have no spaces, so that their names stand anywhere."""
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    cased = [_spaced(name) for name in longest_first if name.upper() != name.lower() and len(name) > 1]
    uncased = [_spaced(name) for name in longest_first if name.upper() == name.lower() and name]
    if not cased and not uncased:
        return None
    # "Mira's" and, as in German, "Miras". An empty alternation would match everywhere.
    stands = rf"(?<!\w)(?P<name>{'|'.join(cased) or _NEVER})(?P<possessive>['’]s|s)?(?!\w)"
    return re.compile(rf"{stands}|(?P<uncased>{'|'.join(uncased) or _NEVER})", re.IGNORECASE)


def _spaced(name: str) -> str:
    return r"\s+".join(re.escape(word) for word in name.split())


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\s\-'’.]+", name) if len(part) > 1 and part.lower() not in _PARTICLES]


def _key(name: str) -> str:
    return flatten(name, 200).lower()


def _unaccented(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
