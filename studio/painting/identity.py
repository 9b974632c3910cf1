"""Who a hero is to look at: words and a reference's metadata, resolved to what the pen needs."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.painting import colours
from studio.painting.features import Feature, features_in, with_sides
from studio.painting.prompt import HeroLines

SPECIES: Mapping[str, str] = {
    "superhero": r"superhero|super hero",
    "robot": r"robot|android",
    "dinosaur": r"dinosaur|t-?rex|triceratops|stegosaurus",
    "alien": r"alien|extraterrestrial",
    "elemental": r"elemental|made of (?:fire|water|ice|stone|leaves|air|light)",
    "monster": r"monster|yeti|troll",
    "fantasy_being": r"fantasy|fairy|elf|pixie|unicorn|mermaid|sprite|gnome|dragon",
    "animal": r"animal|fox|cat|kitten|bear|rabbit|bunny|dog|puppy|mouse|wolf|lion|tiger|panda|otter|squirrel|hedgehog",
    "human": r"human|child|boy|girl",
}
_KINDS: Mapping[str, tuple[str, ...]] = {
    "animal": ("fox", "cat", "kitten", "bear", "rabbit", "bunny", "dog", "puppy", "mouse", "wolf", "lion", "tiger",
               "panda", "otter", "squirrel", "hedgehog"),
    "elemental": ("fire", "water", "ice", "earth", "stone", "air", "leaf", "light"),
    "fantasy_being": ("fairy", "elf", "pixie", "unicorn", "mermaid", "dragon", "gnome", "sprite"),
}  # fmt: skip
_SAME_KIND = {"kitten": "cat", "bunny": "rabbit", "puppy": "dog", "wolf": "dog", "stone": "earth"}
_HIDE: Mapping[str, str] = {
    "fox": "#e8803a", "cat": "#d9a05b", "bear": "#a06a42", "rabbit": "#d9cbb8", "dog": "#b98452",
    "mouse": "#a9a3ad", "lion": "#e3b056", "tiger": "#e8953f", "panda": "#f0ece4", "otter": "#8a6248",
    "squirrel": "#b9663a", "hedgehog": "#b08d68", "monster": "#8f6cc0", "robot": "#9fb4c6",
    "dinosaur": "#6fae5b", "alien": "#8fc99a", "fire": "#f2803a", "water": "#58aede", "ice": "#a9dcf0",
    "earth": "#9c8a6a", "air": "#c5d9ee", "leaf": "#7cb65a", "light": "#f6d978", "fairy": "#f3c9a5",
    "mermaid": "#9fd3c7", "dragon": "#6cb39a", "unicorn": "#f1e4ee",
}  # fmt: skip
_STYLES: Mapping[str, str] = {
    "bald": r"\bbald|no hair|shaved head|^none", "afro puffs": r"puffs", "locs": r"\blocs\b|dreadlocks|\bdreads", "afro": r"afro",
    "braids": r"braid|plait|cornrow", "pigtails": r"pigtail|bunches|two ponytails|space buns",
    "ponytail": r"ponytail", "bun": r"\bbun\b|top ?knot", "bob": r"\bbob\b|chin[- ]length|shoulder[- ]length",
    "long curly": r"long.*(?:curl|coil)|(?:curl|coil).*long", "short": r"short wav", "wavy": r"wavy|waves",
    "short curly": r"short.*curl|curl.*short", "curly": r"curl|coil|kinky|frizzy", "spiky": r"spik|mess|tousled|mohawk",
    "buzz": r"buzz|very short|cropped|fade", "long straight": r"long|(?<!short )straight",
}  # fmt: skip
_CLOTHES: Mapping[str, str] = {
    "dungarees": r"dungaree|overall", "raincoat": r"raincoat|rain ?coat|anorak|mackintosh",
    "pyjamas": r"p[yj]+jam|pajama|night", "spacesuit": r"space ?suit|astronaut", "gown": r"hospital gown|gown|robe",
    "dress": r"dress|frock|tunic|kimono|sari", "hoodie": r"hoodie|hooded", "coat": r"\bcoat|jacket|parka",
    "skirt": r"skirt", "shorts": r"shorts", "jumper": r"jumper|sweater|pullover|cardigan|jersey",
    "suit": r"superhero suit|\bsuit\b|costume|leotard|uniform", "t-shirt and trousers": r"shirt|trouser|jeans|top|leggings",
}  # fmt: skip
_PATTERNS: Mapping[str, str] = {
    "striped": r"strip", "spotted": r"spot|dot", "starry": r"\bstars?\b|starry", "flowery": r"flower|floral",
    "checked": r"check|plaid|tartan",
}  # fmt: skip
_AGES: Mapping[str, int] = {r"teen": 14, r"older human|elderly|grandp": 70, r"grown[- ]up|adult": 35, r"toddler": 2}
_YEARS = ("three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Look:
    """A hero, resolved. The words (hair, eyes, clothing) say the same as the colours beside them."""

    species: str
    kind: str
    age: int
    skin: str
    hair_style: str
    hair: str
    eyes: str
    garment: str
    colour: str
    second: str
    pattern: str
    features: Mapping[str, Feature]
    words: Mapping[str, str]

    def wears(self, *keys: str) -> bool:
        return any(key in self.features for key in keys)


def look_of(hero: HeroLines, known: Mapping[str, Any] | None = None, miss: Sequence[str] = ()) -> Look:
    """The look of a hero: a reference's metadata first, the prompt's lines for what it lacks."""
    known = known or {}
    worn = {label: _known(known, label) or hero.worn.get(label, "") for label in ("skin", "hair", "eyes", "clothing")}
    species = _known(known, "species")
    species = species if species in SPECIES else _species(hero.kind)
    kind = _known(known, "kind") or _kind(species, hero.kind)
    listed = known.get("features")
    labels = [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
    told = [*labels, *hero.features, worn["clothing"], f"{worn['hair']} hair" if worn["hair"] else ""]
    features = with_sides(features_in(told, miss), hero.sides)
    age = known.get("age")
    return _resolve(species, kind, age if isinstance(age, int) else _age(hero.kind), worn, features)


def _known(known: Mapping[str, Any], key: str) -> str:
    value = known.get(key)
    return value[:200] if isinstance(value, str) else ""


def _resolve(species: str, kind: str, age: int, worn: Mapping[str, str], features: Mapping[str, Feature]) -> Look:
    hide = _HIDE.get(kind) or _HIDE.get(species)
    skin = colours.colour_in(worn["skin"], colours.SKIN, hide or "#e0ac7e")
    hair = colours.colour_in(worn["hair"], colours.HAIR, "#4a2f22")
    style = (
        "short"
        if not worn["hair"]
        else next((s for s, p in _STYLES.items() if re.search(p, worn["hair"].lower())), "short")
    )
    if "albinism" in features:
        skin, hair = "#fbe6da", "#f4ecd6"
    if "bald" in features:
        style = "bald"
    eyes = colours.colour_in(worn["eyes"], colours.EYES, "#5a4636")
    clothing = worn["clothing"].lower()
    garment = next((name for name, pattern in _CLOTHES.items() if re.search(pattern, clothing)), "t-shirt and trousers")
    pattern = next((name for name, words in _PATTERNS.items() if re.search(words, clothing)), "")
    colour, second = _two_colours(clothing)
    if garment == "dungarees" and second and "dungaree" not in clothing.partition(" and ")[0]:
        colour, second = second, colour  # "coral t-shirt and navy dungarees"
    return Look(
        species, kind, max(2, min(90, age)), skin, style, hair, eyes, garment, colour, second, pattern, features,
        words={
            "hair": _hair_words(species, style, hair),
            "eyes": _named(eyes, colours.EYES),
            "clothing": " ".join(part for part in (
                _named(colour, colours.PLAIN), pattern, garment,
                f"and {_named(second, colours.PLAIN)} below" if second else "") if part),
        },
    )  # fmt: skip


def _hair_words(species: str, style: str, colour: str) -> str:
    if species not in {"human", "superhero", "fantasy_being"}:
        return ""  # fur, scales and metal are no hair
    return "bald" if style == "bald" else f"{style} {_named(colour, colours.HAIR)}"


def _two_colours(clothing: str) -> tuple[str, str]:
    """The colour of the garment, and of what is worn below if the words name a second one."""
    first, _, rest = clothing.partition(" and ")
    colour = colours.colour_in(first, default="#e0674f")
    below = colours.hex_in(rest) or (colours.PLAIN[word] if (word := colours.word_in(rest)) else "")
    return colour, below


def _named(colour: str, table: Mapping[str, str]) -> str:
    return next((word for word, value in table.items() if value == colour), colour)


def _species(words: str) -> str:
    low = words.lower()
    places = [
        (found.start(), name) for name, pattern in SPECIES.items() if (found := re.search(rf"\b(?:{pattern})", low))
    ]
    exact = [name for _, name in sorted(places) if name != "human"]
    # "a robot child" is a robot; "a human child who loves foxes" stays human.
    return "human" if re.search(r"\bhuman\b", low) or not exact else exact[0]


def _kind(species: str, words: str) -> str:
    low = words.lower()
    found = [(low.find(kind), kind) for kind in _KINDS.get(species, ()) if re.search(rf"\b{kind}", low)]
    if found:
        kind = min(found)[1]
        return _SAME_KIND.get(kind, kind)
    return {"animal": "fox", "elemental": "fire", "fantasy_being": "fairy"}.get(species, species)


def _age(words: str) -> int:
    low = words.lower()
    for years, word in enumerate(_YEARS, start=3):
        if re.search(rf"\b{word}[- ]year", low):
            return years
    for pattern, age in _AGES.items():
        if re.search(pattern, low):
            return age
    digits = re.search(r"\b(\d{1,2})[- ]?year", low)
    return int(digits.group(1)) if digits else 6
