"""Dignity: finished words against the hero's traits. No two fists where there is one arm, no sight that a blind hero
has not, no trait as a thing to be picked up. Pure, English alone; other languages are left to the last reader.

A finding is feedback for one rewrite (services/content/writer.py). In doubt nothing is found: whose act a sentence
tells is guessed from the names before it, and a companion may well see what the hero cannot.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from services.content.outline import Plan
from services.content.readability import Finding
from storyloom.story.brief import Brief, Character
from storyloom.story.languages import language_of
from storyloom.story.sides import place

WEIGHT = 0.5
"""Of each finding beside those of readability: about a scene half too long."""
_SENTENCE = re.compile(r"(?<=[.!?…])[”’\"')\]]*\s+|\n+")
_OTHERS = re.compile(r"\b[A-ZÀ-Þ][\w’'-]+")
_BETWEEN = (
    r"(?:\s+(?:then|just|now|never|still|only|also|even|always|slowly|quickly|softly|quietly|gently|and|\w+ly))*\s+"
)
_HANDLED = (
    r"(?:pick(?:s|ed) up|h[eo]ld(?:s)?|carri(?:es|ed)|puts? (?:on|down|away)|[ts]ook (?:off|out)|found|finds|los[et]s?|"
    r"w[eo]re|wears|wav(?:es|ed)|polish(?:es|ed)|dropp?(?:s|ed)|hung|pack(?:s|ed)|open(?:s|ed)|used?|uses)"
)
_ACTS_ITSELF = (
    r"(?:glow(?:s|ed)|sh(?:one|ines)|whisper(?:s|ed)|t(?:old|ells)|s(?:aid|ays)|sang|sings|led|leads|help(?:s|ed)|"
    r"hum(?:s|med)|lit)"
)
_NO_PLACE = r"(?!(?:over|on|near|by|with|under|above)\b)"
_BODY_FEATURE = re.compile(r"\b(?:freckles?|dimples?|scars?|moles?|birthmarks?|skin|gap|teeth|tooth|curls)\b")


class _Rule(BaseModel):
    """What no text says of a hero with one trait (words/dignity.toml)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    unless: str | None = None
    instead: str = "it is a part of the hero, as ordinary as the colour of their eyes"


def judge_dignity(text: str, brief: Brief) -> tuple[Finding, ...]:
    """What a text says of its heroes that their traits contradict, or that takes their dignity; each thing once."""
    if language_of(brief.language).tag != "en" or not any(hero.traits or hero.features for hero in brief.characters):
        return ()
    told = dict.fromkeys(_find(text, brief))
    return tuple(Finding(one, WEIGHT) for one in told)


def find_things_made_of_traits(plan: Plan, brief: Brief) -> tuple[str, ...]:
    """What a plan makes a thing of that is a part of a hero: in its props, or as what is planted or looked for."""
    if language_of(brief.language).tag != "en":
        return ()
    things = [prop for scene in (plan.cover, *plan.scenes) for prop in scene.props]
    things += [plan.elements.object, plan.elements.planted]
    names = dict.fromkeys(name for hero in brief.characters for name in _names(hero))
    return tuple(
        f"A part of the hero is no thing to be planted, found or held ({_plain(name)}): plan another."
        for name in names
        # "a cap over the scar" is a cap: only what the name ends is one.
        if any(re.fullmatch(rf"(?:{_NO_PLACE}[\w-]+\s+){{0,4}}(?:{name})\W*", one, re.IGNORECASE) for one in things)
    )


def _find(text: str, brief: Brief) -> Iterator[str]:
    everybody = _rules()["everybody"]
    if any(hero.traits for hero in brief.characters):
        for phrase in everybody.phrases:
            if found := re.search(phrase, text, re.IGNORECASE):
                yield f"Not in this book: “{found[0]}”; {everybody.instead}."
    for hero, name in zip(brief.characters, brief.names, strict=True):
        yield from _things(text, hero)
        yield from _wrong_side(text, hero)
        rules = [_rules()[trait] for trait in _ruled(hero.traits)]
        for sentence, actors in _who_acts(text, hero, name, alone=len(brief.characters) == 1):
            for rule in rules:
                yield from _acts(sentence, actors, rule)
                yield from _body(sentence, actors, rule)


def _acts(sentence: str, actors: Sequence[str], rule: _Rule) -> Iterator[str]:
    for actor in actors:
        for act in rule.acts:
            found = re.search(rf"\b{actor}{_BETWEEN}({act})\b(?!-)", sentence, re.IGNORECASE)
            if found and not (rule.unless and re.search(rule.unless, sentence, re.IGNORECASE)):
                yield f"The hero does not do this: “{found[1]}”; {rule.instead}."


def _body(sentence: str, actors: Sequence[str], rule: _Rule) -> Iterator[str]:
    for actor in actors:
        owner = _OWNERS.get(actor, rf"{actor}[’']s?")
        for part in rule.body:
            own = rf"\b{owner}\s+(?:\w+\s+)?({part})\b"
            whole = rf"\b(?:{actor}|{owner})\b[^.!?]*?\b({part})\b"
            found = re.search(whole if part.startswith("(?:both") or " " in part else own, sentence, re.IGNORECASE)
            if found:
                yield f"The hero does not have this: “{found[1]}”; {rule.instead}."


_OWNERS: Mapping[str, str] = {"she": "her", "he": "his", "they": "their", "it": "its"}


def _things(text: str, hero: Character) -> Iterator[str]:
    """A trait, or a feature of the body, that is handled as a thing or does something of its own."""
    for name in _names(hero):
        for pattern in (
            rf"\b{_HANDLED}\s+(?:her|his|their|its|the|an?)\s+(?:\w+\s+)?(?:{name})\b",
            rf"\b(?:her|his|their|its|the)\s+(?:\w+\s+)?(?:{name})\s+{_ACTS_ITSELF}\b",
        ):
            if found := re.search(pattern, text, re.IGNORECASE):
                yield f"A part of the hero is no thing and does nothing of its own: “{found[0]}”."


def _wrong_side(text: str, hero: Character) -> Iterator[str]:
    for placed in place(hero.traits, hero.features):
        other = "right" if placed.side == "left" else "left"
        part = placed.what.removeprefix("the ").split(" with ")[0].split(" and ")[0]
        kind, _, last = part.rpartition(" ")
        for said in (f"{other} {part}", f"{kind} {other} {last}".strip(), f"{part} on (?:her|his|their) {other}"):
            if re.search(rf"\b{said}\b", text, re.IGNORECASE):
                yield f"It has changed sides: {placed.what} is on the hero's own {placed.side} side."
                break


def _who_acts(text: str, hero: Character, name: str, *, alone: bool) -> Iterator[tuple[str, list[str]]]:
    """The sentences, each with the words that mean this hero in it: the name, and the pronoun while nobody else was
    named since.
    """
    pronoun = hero.pronouns.lower().split("/")[0]
    known = {part.casefold() for part in (name, *name.split(), hero.name, *hero.name.split())}
    called = re.escape(name.split(maxsplit=1)[0])
    meant = alone
    for sentence in _SENTENCE.split(text):
        capitals = [word for word in _OTHERS.findall(sentence) if not _OPENERS.fullmatch(word)]
        named = [word.casefold().removesuffix("'s").removesuffix("’s") in known for word in capitals]
        if named:
            meant = all(named)
        actors = [called] if any(named) else []
        yield sentence, [*actors, pronoun] if meant and pronoun in _OWNERS else actors


_OPENERS = re.compile(
    r"(?:an?|the|and|but|then|so|when|while|in|on|at|as|it|its|he|she|they|i|you|we|his|her|their|there|this|that|what|who|"
    r"where|one|two|now|soon|all|every|no|not|yes|oh|if|for|from|with|up|down|out|over|under|after|before|again|look)",
    re.IGNORECASE,
)
"""Words that begin a sentence with a capital and name nobody."""


def _names(hero: Character) -> tuple[str, ...]:
    """What a hero's traits and features of the body are called."""
    own = (found[0] for feature in hero.features if (found := _BODY_FEATURE.search(feature.casefold())))
    return (*(name for trait in _ruled(hero.traits) for name in _rules()[trait].names), *own)


def _ruled(traits: Iterable[str]) -> Iterator[str]:
    return (trait for trait in traits if trait in _rules())


def _plain(name: str) -> str:
    return re.sub(r"\(\?:[^)]*\)\?|[?\\]", "", name)


@cache
def _rules() -> Mapping[str, _Rule]:
    table = tomllib.loads(files(__package__).joinpath("words/dignity.toml").read_text("utf-8"))
    table["wheelchair_power"] = table["wheelchair_manual"]
    return {trait: _Rule.model_validate(rule) for trait, rule in table.items()}
