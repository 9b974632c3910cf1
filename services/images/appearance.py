"""How the heroes look in every picture.

What the brief leaves open is decided once, from its seed. Species come first.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from services.images.naming import HEROES, Naming
from storyloom.story.brief import Brief, Character
from storyloom.story.earlier import Chosen
from storyloom.story.sides import Placed, place
from storyloom.story.traits import Form, Trait, shown

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
    sides: tuple[Placed, ...]
    """Which side each one-sided trait stays on."""
    native: bool
    """Whether the body is not a human one, and must not be drawn as one in disguise."""


def resolve_looks(brief: Brief, story_id: UUID, naming: Naming) -> tuple[HeroLook, ...]:
    """The heroes of a story. What the brief leaves open follows from its seed, else from the story's id.

    Siblings share skin and eyes where these are open, and never clothes. Who comes back in a sequel looks as before.
    """
    seed = str(story_id if brief.seed is None else brief.seed)
    before = dict(enumerate(brief.earlier.chosen)) if brief.earlier else {}
    chosen = [before.get(place) or Chosen(seed=seed, place=place) for place in range(len(brief.characters))]
    clothes = _choose_clothes(chosen, [before.get(place) is None for place in range(len(chosen))])
    return tuple(
        _resolve(character, role, _leave_open(character.species, by, worn), brief.age, naming)
        for role, character, by, worn in zip(HEROES, brief.characters, chosen, clothes, strict=False)
    )


def _choose_clothes(chosen: Sequence[Chosen], new: Sequence[bool]) -> tuple[str, ...]:
    """Clothes for each hero: who is new in a sequel does not wear what somebody else has on already."""
    worn: dict[int, str] = {}
    for which, by in sorted(enumerate(chosen), key=lambda one: new[one[0]]):
        others = random.Random(f"{by.seed} clothes").sample(_CLOTHES, len(HEROES))
        wanted = (others[by.place], *others, *_CLOTHES)
        worn[which] = next(one for one in wanted if one not in worn.values())
    return tuple(worn[which] for which in range(len(chosen)))


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
        sides=place((trait.id for trait in traits), hero.features),
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


def _leave_open(species: str, by: Chosen, clothing: str) -> _LeftOpen:
    family, own = random.Random(f"{by.seed} {species}"), random.Random(f"{by.seed} {HEROES[by.place]}")
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
