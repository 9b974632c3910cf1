"""Who is who in a picture prompt: by role, never by name.

Every word from outside goes through ``Naming.scrub`` on its way into a prompt.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from storyloom.story.brief import Brief
from storyloom.story.languages import language_of
from storyloom.story.model_text import tidy
from storyloom.story.names import sound, spellings
from storyloom.story.results import Outline

HEROES = ("the hero", "the second hero", "the third hero")
COMPANION = "the companion"
HELPER = "the helper"

MAX_ENDING = 5
"""Letters of the longest ending that a name is given: Mirának, Mira'nınki."""
_INFLECTING = frozenset(
    ("be", "bs", "cs", "el", "et", "eu", "fi", "hr", "hu", "is", "kk", "lt", "lv", "mk", "pl", "ro", "ru", "sk", "sl")
) | {"sq", "sr", "tr", "az", "uk", "uz"}
"""Languages that give names endings, and write few other words with a capital letter."""
_VOWELS = frozenset("aeiouyаеёиоуыэюяіїєўь")
_ABJAD = re.compile(r"[\u0590-\u07ff]")  # Hebrew, Arabic, Syriac
_TOKEN = re.compile(r"(?P<word>[^\W\d_]+(?:['’\-][^\W\d_]{2,})*)(?P<possessive>['’]s(?!\w))?")
_SAID_TWICE = re.compile(r"\b(the (?:second |third )?hero)(?:[ -]\1)+\b")
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
    disguises: tuple["_Disguises", ...] = ()

    def role(self, name: str) -> str:
        """What to call somebody who is on stage; a stranger to the brief keeps own words, if they hold no name."""
        return self.roles.get(_key(name)) or self.roles.get(_key(tidy(name))) or self.scrub(name, 60)

    def scrub(self, text: str, longest: int = 280) -> str:
        """One line without names, at most ``longest`` characters."""
        line = flatten(text, 4 * longest)
        if self.pattern is not None:
            line = self.pattern.sub(self._replaced, line)
        if self.disguises:
            line = _SAID_TWICE.sub(r"\1", _TOKEN.sub(self._unmasked, line))
        return flatten(line, longest)

    def _replaced(self, found: re.Match[str]) -> str:
        name = found["name"] or found["uncased"]
        key = _key(name)
        if name == name.lower() != name.upper() and (key in _WORDS_TOO or key not in self.names):
            return found[0]
        return self.roles.get(key, HEROES[0]) + ("'s" if found["possessive"] else "")

    def _unmasked(self, found: re.Match[str]) -> str:
        """The role of the hero whose name this word is in another spelling, script or case; else the word.

        In doubt it is the hero: a word too few harms no picture.
        """
        word = found["word"]
        if word.lower() in _WORDS_TOO and word[0].islower():
            return found[0]
        role = next((one.role for one in self.disguises if one.fits(word)), None)
        return found[0] if role is None else role + ("'s" if found["possessive"] else "")


@dataclass(frozen=True, slots=True)
class _Disguises:
    """What one part of a hero's name may look like where it does not stand as it was typed."""

    role: str
    spelt: frozenset[str]
    heard: str
    latin: bool
    stems: frozenset[str]
    """What is left of it in every case, where the story's language has such."""
    heard_stems: frozenset[str]
    """The same of how it sounds."""
    abjad: bool
    """Whether it is written without its short vowels."""

    def fits(self, word: str) -> bool:
        """Whether a word of a text may be it."""
        spelt = spellings(word)
        if spelt & self.spelt or (len(word) > 2 and word[-1] in "sS" and spellings(word[:-1]) & self.spelt):
            return True
        if not word[0].isupper():
            return False
        heard = sound(word)
        if _is_latin(word) != self.latin and len(heard) > 1:
            if heard == self.heard or (self.abjad and _fills_vowels(heard, self.heard)):
                return True
            return any(_inflects(heard, stem) for stem in self.heard_stems)
        return any(_inflects(form, stem) for form in spelt for stem in self.stems)


def name_roles(brief: Brief, outline: Outline | None = None) -> Naming:
    """Every hero by number, companion and helper by role. First and last names count each, with and without accents."""
    roles: dict[str, str] = {}
    # As the client typed it, and as it stands in a plan once that was tidied.
    heroes = [
        (name, role)
        for character, called, role in zip(brief.characters, brief.names, HEROES, strict=False)
        for name in dict.fromkeys((called, tidy(called), character.name, tidy(character.name)))
    ]
    for name, role in heroes:
        roles.setdefault(_key(name), role)
    for name, role in heroes:
        for part in _parts(name):
            roles.setdefault(_key(part), role)
    for name in tuple(roles):
        roles.setdefault(_unaccented(name), roles[name])
    names = frozenset(roles)
    figures = []
    for figure, role in ((outline and outline.companion, COMPANION), (outline and outline.helper, HELPER)):
        if figure and figure.name.strip():
            roles.setdefault(_key(figure.name), role)
            figures.append(figure.name)
    inflects = language_of(brief.language).tag in _INFLECTING
    parts = {part: role for name, role in reversed(heroes) for part in (name, *name.split(), *_parts(name))}
    spelt = [part for part in parts if _can_be_spelt_otherwise(part)]
    disguises = [_disguises(part, parts[part], inflects=inflects) for part in spelt]
    # Who is called like a hero but for an ending is somebody else all the same.
    plain = frozenset(form for name in figures for form in spellings(name))
    return Naming(roles, names, _find(roles), tuple(one for one in disguises if not one.spelt & plain))


def _disguises(part: str, role: str, *, inflects: bool) -> _Disguises:
    heard, spelt = sound(part), spellings(part)
    stems = frozenset(stem for form in spelt for stem in _stems(form)) if inflects else frozenset[str]()
    return _Disguises(
        role=role,
        spelt=spelt,
        heard=heard,
        latin=_is_latin(part),
        stems=stems,
        heard_stems=_stems(heard) if inflects else frozenset(),
        abjad=_ABJAD.search(part) is not None,
    )


def _stems(form: str) -> frozenset[str]:
    """A name without the ending that changes: зо of Зоя, павл of Павел, pek of Pekka, jan of Jānis, олен of Оленка."""
    stems = {form[:-1] if len(form) > 2 and form[-1] in _VOWELS else form}
    for stem in tuple(stems):
        if len(stem) > 3 and stem[-1] in "sς":
            stems.add(stem[:-2])
        if len(stem) > 3 and stem[-2] in "eе":
            stems.add(stem[:-2] + stem[-1])
        if len(stem) > 3 and (stem[-1] == stem[-2] or stem[-1] in "kкгх"):
            stems.add(stem[:-1])
    return frozenset(stems)


def _inflects(form: str, stem: str) -> bool:
    """Whether a word is a stem with an ending. Behind two letters it must be vowels alone: Зонт is no case of Зоя."""
    ending = form.removeprefix(stem)
    if len(stem) < 2 or ending == form or len(ending) > MAX_ENDING:
        return False
    return len(stem) > 2 or all(sign in _VOWELS or sign == "й" for sign in ending)


def _fills_vowels(heard: str, written: str) -> bool:
    """Whether a word is what is written, with vowels that Arabic and Hebrew leave out: Mira for mir, Ahmed for ahmd."""
    letters = iter(heard)
    return _consonants(heard) == _consonants(written) and all(letter in letters for letter in written)


def _consonants(heard: str) -> str:
    return re.sub("[aeiou]", "", heard)


def _is_latin(word: str) -> bool:
    return all(form.isascii() for form in spellings(word))


def _can_be_spelt_otherwise(part: str) -> bool:
    return len(part) > 1 and (part.upper() != part.lower() or bool(sound(part)))


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
    return r"\s+".join(re.sub("['’]", "['’]", re.escape(word)) for word in name.split())


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\s\-'’.]+", name) if len(part) > 1 and part.lower() not in _PARTICLES]


def _key(name: str) -> str:
    return flatten(name, 200).lower()


def _unaccented(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
