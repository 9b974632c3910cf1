"""How the heroes look in every picture, and what they are called there: by role, never by name.

What the brief leaves open is decided once, from its seed. Species come first. Every word from outside goes through
``Naming.scrub`` on its way into a prompt.
"""

import random
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from uuid import UUID

from storyloom.story.brief import Brief, Character
from storyloom.story.languages import language_of
from storyloom.story.model_text import tidy
from storyloom.story.names import sound, spellings
from storyloom.story.results import Outline
from storyloom.story.traits import Form, Trait, shown

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

    def fits(self, word: str) -> bool:
        """Whether a word of a text may be it."""
        spelt = spellings(word)
        if spelt & self.spelt or (len(word) > 2 and word[-1] in "sS" and spellings(word[:-1]) & self.spelt):
            return True
        if not word[0].isupper():
            return False
        heard = sound(word)
        if _latin(word) != self.latin and len(heard) > 1:
            if heard == self.heard or (not self.latin and _consonants(heard) == _consonants(self.heard) != heard[:2]):
                return True
            return any(_inflects(heard, stem) for stem in self.heard_stems)
        return any(_inflects(form, stem) for form in spelt for stem in self.stems)


def name_roles(brief: Brief, outline: Outline | None = None) -> Naming:
    """Every hero by number, companion and helper by role. First and last names count each, with and without accents."""
    roles: dict[str, str] = {}
    # As the client typed it, and as it stands in a plan once that was tidied.
    heroes = [
        (name, role)
        for typed, told, role in zip(brief.characters, brief.names, HEROES, strict=False)
        for name in dict.fromkeys((told, tidy(told), typed.name, tidy(typed.name)))
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
    told = tuple(_disguises(part, role, inflects=inflects) for part, role in parts.items() if _is_cased(part))
    # Who is called like a hero but for an ending is somebody else all the same.
    plain = frozenset(form for name in figures for form in spellings(name))
    return Naming(roles, names, _find(roles), tuple(one for one in told if not one.spelt & plain))


def _disguises(part: str, role: str, *, inflects: bool) -> _Disguises:
    heard, spelt = sound(part), spellings(part)
    stems = frozenset(stem for form in spelt for stem in _stems(form)) if inflects else frozenset[str]()
    return _Disguises(role, spelt, heard, _latin(part), stems, _stems(heard) if inflects else frozenset())


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


def _consonants(heard: str) -> str:
    return re.sub("[aeiouv]", "", heard)


def _latin(word: str) -> bool:
    return min(spellings(word)).isascii()


def _is_cased(name: str) -> bool:
    return len(name) > 1 and (name.upper() != name.lower() or bool(sound(name)))


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


_ANATOMY: Mapping[str, str] = MappingProxyType(
    {
        "monster": "a friendly monster child with a round furry body, two small horns and soft paws",
        "robot": "a robot child with a rounded metal body, jointed limbs and a friendly face plate",
        "animal": "an animal child, a young {kind} on two legs, with fur, muzzle, ears and tail",
        "fantasy_being": "a fantasy child, a young {kind} with pointed ears and translucent wings",
        "dinosaur": "a dinosaur child with smooth scales, a strong tail and small rounded back plates",
        "alien": "an alien child with a large smooth head, two antennae and big kind eyes",
        "superhero": "a superhero child with a bright cape and a bold stance",
        "elemental": "an elemental child made of {kind}, with a glowing body and a clear face",
    }
)
_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "animal": ("fox", "rabbit", "bear", "cat", "dog", "mouse", "otter", "squirrel", "hedgehog", "panda", "tiger"),
        "fantasy_being": ("fairy", "elf", "pixie", "sprite"),
        "elemental": ("water", "fire", "ice", "air", "light", "stone"),
    }
)
_SKIN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "human": (
            "deep brown, exactly #5b3a29", "brown, exactly #8d5524", "warm brown, exactly #a5673f",
            "tan, exactly #c68642", "golden, exactly #d9a066", "olive, exactly #e0ac69", "light, exactly #f1c27d",
            "fair, exactly #ffdbac",
        ),
        "monster": ("lilac fur, exactly #9b7fd1", "teal fur, exactly #4fa3a0", "coral fur, exactly #e8806a"),
        "robot": ("brushed copper, exactly #c07f52", "blue enamel, exactly #7fb2d9", "mint enamel, exactly #8fcfb4"),
        "dinosaur": ("green scales, exactly #6f9f57", "ochre scales, exactly #cf9436", "teal scales, exactly #3f8f8c"),
        "alien": ("pale green, exactly #9fd0a0", "lavender, exactly #b7a5e0", "turquoise, exactly #62c1bd"),
    }
)  # fmt: skip
_HAIR = (
    "curly black", "short coily black", "straight dark brown bob", "wavy chestnut brown", "two black braids",
    "short wavy auburn", "long straight light brown", "curly sandy", "black afro puffs", "short spiky dark brown",
)  # fmt: skip
_EYES = ("brown", "dark brown", "hazel", "amber", "green", "blue-grey")
_CLOTHES = (
    "yellow jumper and blue trousers", "red striped jumper and navy trousers", "green dungarees and cream shirt",
    "orange hoodie and grey trousers", "teal jumper and brown trousers", "purple starry t-shirt and blue shorts",
    "mustard cardigan and green trousers", "coral t-shirt and navy dungarees", "blue spotted t-shirt and red shorts",
)  # fmt: skip
_YEARS = ("three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_HAIRY = frozenset(("human", "superhero", "fantasy_being"))
_GENDER: Mapping[str, str] = MappingProxyType({"she": "a girl, ", "he": "a boy, "})


@dataclass(frozen=True, slots=True)
class Worn:
    """One trait as one hero shows it."""

    trait: Trait
    form: Form
    soft: Form


@dataclass(frozen=True, slots=True)
class HeroLook:
    """One hero, resolved: the same words in all pictures. Empty words leave their line out."""

    role: str
    kind: str
    skin: str
    hair: str
    eyes: str
    clothing: str
    features: tuple[str, ...]
    worn: tuple[Worn, ...]
    native: bool
    """Whether the body is not a human one, and must not be drawn as one in disguise."""


def resolve_looks(brief: Brief, story_id: UUID, naming: Naming) -> tuple[HeroLook, ...]:
    """The heroes of a story. What the brief leaves open follows from its seed, else from the story's id.

    Siblings share skin and eyes where these are open, and never clothes.
    """
    seed = str(story_id if brief.seed is None else brief.seed)
    clothes = random.Random(f"{seed} clothes").sample(_CLOTHES, len(HEROES))
    return tuple(
        _resolve(character, role, _leave_open(character.species, seed, role, clothes[place]), brief.age, naming)
        for place, (role, character) in enumerate(zip(HEROES, brief.characters, strict=False))
    )


def _resolve(hero: Character, role: str, left: "_LeftOpen", age: int, naming: Naming) -> HeroLook:
    asked, traits = hero.appearance, shown(hero.traits)
    hairy = hero.species in _HAIRY
    return HeroLook(
        role=role,
        kind=_kind(hero, hero.age if hero.age is not None else age, left.place),
        skin=naming.scrub(asked.skin or (_decided("skin", traits) if hairy else None) or left.skin),
        hair=_hair(naming.scrub(asked.hair or ""), left.hair if hairy else "", traits),
        eyes=naming.scrub(asked.eyes or (_decided("eyes", traits) if hairy else None) or left.eyes),
        clothing=naming.scrub(asked.clothing or left.clothing),
        features=tuple(naming.scrub(feature) for feature in hero.features),
        worn=tuple(_wear(trait, hero.species, role) for trait in traits),
        native=hero.species not in {"human", "superhero"},
    )


@dataclass(frozen=True, slots=True)
class _LeftOpen:
    """What a hero looks like unless the brief says otherwise."""

    skin: str
    hair: str
    eyes: str
    clothing: str
    place: float
    """Which of several kinds, from 0 to 1."""


def _leave_open(species: str, seed: str, role: str, clothing: str) -> _LeftOpen:
    family, own = random.Random(f"{seed} {species}"), random.Random(f"{seed} {role}")
    skin = family.choice(_SKIN.get(species, _SKIN["human"]))
    if species in {"animal", "elemental"}:
        skin = ""  # the kind says it
    return _LeftOpen(skin, own.choice(_HAIR), family.choice(_EYES), clothing, own.random())


def _kind(hero: Character, age: int, place: float) -> str:
    kinds = _KINDS.get(hero.species, ("",))
    described = " ".join([*hero.features, hero.appearance.skin or "", hero.appearance.hair or ""]).lower().split()
    kind = next(
        (kind for kind in kinds if kind in described or f"{kind}s" in described), kinds[int(place * len(kinds))]
    )
    anatomy = _ANATOMY.get(hero.species, _human(age)).format(kind=kind)
    who = _GENDER.get(hero.pronouns.lower().split("/")[0], "") if hero.species == "human" and age < 18 else ""
    return f"{anatomy}, {who}with {_proportions(age)}"


def _human(age: int) -> str:
    if age >= 18:
        return "an older human" if age >= 65 else "a grown-up human"
    return "a human teenager" if age >= 13 else "a human child"


def _proportions(age: int) -> str:
    """Ages are drawn by how a body is built."""
    if age < 3:
        return "the proportions of a toddler: very large head, very short limbs, round tummy"
    if age >= 13:
        return "the proportions of a teenager: long limbs" if age < 18 else "grown-up proportions"
    build = {0: "very large head, short limbs, round cheeks", 1: "large head, short limbs", 2: "longer limbs"}
    return f"the proportions of a {_YEARS[age - 3]}-year-old: {build.get((age - 3) // 2, 'slimmer build, long limbs')}"


def _hair(asked: str, otherwise: str, traits: tuple[Trait, ...]) -> str:
    """A trait that leaves no hair goes before all: two truths about one head would contradict each other."""
    decided = _decided("hair", traits)
    if decided == "":
        return ""
    return asked or (decided if otherwise and decided else otherwise)


def _decided(name: str, traits: tuple[Trait, ...]) -> str | None:
    words = (getattr(trait.look, name) for trait in traits)
    return next((word for word in words if word is not None), None)


def _wear(trait: Trait, species: str, role: str) -> Worn:
    form, soft = trait.form(species), trait.form(species, softly=True)
    assert form is not None, "shown() leaves out what has no form"
    assert soft is not None
    return Worn(trait, _of(role, form), _of(role, soft))


def _of(role: str, form: Form) -> Form:
    """The words are written for the hero; a sibling's say so."""
    phrases = tuple(phrase.replace(HEROES[0], role) for phrase in form.must_show)
    return Form(wording=form.wording.replace(HEROES[0], role), must_show=phrases)
