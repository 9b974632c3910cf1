"""Whether four activities suit: of four kinds, safe, open to the heroes, of this story, neither thin nor endless.

Rules, not hopes: the words that they look for stand in suitability.toml.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.documents.wording import Access, Hazard, speaks_of, tables, uses
from storyloom.story.brief import Brief
from storyloom.story.languages import language_of
from storyloom.story.results import Activity, Outline

Weight = Literal["unsafe", "unusable", "weak"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, as feedback for the next attempt. *Unsafe* and *unusable* ones never reach a reader."""

    weight: Weight
    text: str


LENGTHS = {
    "title": (3, 70),
    "description": (30, 400),
    "age_range": (1, 20),
    "duration": (2, 40),
    "story_connection": (20, 350),
}
"""Letters of each text, least and most: what a page of the book has room for."""
COUNTS = {
    "materials": (0, 10, 90),
    "instructions": (3, 8, 260),
    "learning_objectives": (1, 4, 120),
    "safety_notes": (1, 4, 220),
    "parent_tips": (1, 4, 260),
}
"""Items of each list, least and most, and the letters of each."""
ADAPTATION = (15, 320)
PAGE = 2600
"""Letters of an activity in all: what one page of the book holds."""


def examine(activities: Sequence[Activity], brief: Brief, outline: Outline) -> list[Finding]:
    """All that is wrong with them. Empty: they can be printed as they are."""
    findings = [Finding("unusable", text) for text in _as_a_set(activities)]
    of_the_story = vocabulary(brief, outline)
    for number, activity in enumerate(activities, start=1):
        name = f"Activity {number} (“{activity.title[:60]}”)"
        done = without_names(activity, brief, outline)
        findings += [Finding("unsafe", f"{name} {text}") for text in dangers(done, brief.age, brief.language)]
        findings += [Finding("weak", f"{name} {text}") for text in barriers(done, brief)]
        findings += [Finding("weak", f"{name} {text}") for text in _unbounded(activity)]
        findings += [Finding("weak", f"{name} {text}") for text in _unfitting(activity, brief, of_the_story)]
    return findings


def vocabulary(brief: Brief, outline: Outline) -> frozenset[str]:
    """The words that are this story's own: its names, and what its title, motif, place and object speak of."""
    names = [*brief.names]
    names += [text for figure in outline.figures for text in (figure.name, figure.kind)]
    about = (outline.title, outline.motif, outline.elements.object, outline.elements.place, outline.elements.obstacle)
    words = {word for name in names for word in _words(name) if len(word) > 2 or len(names) == 1}
    words |= {_words(name)[0] for name in names if _words(name)}
    return frozenset(
        words | {word for text in about for word in _words(text) if len(word) > 3} - set(tables().words["anywhere"])
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _as_a_set(activities: Sequence[Activity]) -> Iterator[str]:
    ids: list[str] = [each.id for each in activities]
    types: list[str] = [each.type for each in activities]
    if len(activities) != 4:
        yield f"Four activities are wanted, not {len(activities)}."
    for what, values in (("type", types), ("id", ids)):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            yield f"Every activity needs a {what} of its own; these stand twice: {', '.join(twice)}."


def _unbounded(activity: Activity) -> Iterator[str]:
    for name, (least, most) in LENGTHS.items():
        yield from _length(name, getattr(activity, name), least, most)
    if _in_all(activity) > PAGE:
        yield f"has {_in_all(activity)} letters in all; {PAGE} at most are wanted."
    for name, text in activity.adaptations:
        yield from _length(f"adaptations.{name}", text, *ADAPTATION)
    for name, (fewest, most, letters) in COUNTS.items():
        items: tuple[str, ...] = getattr(activity, name)
        if not fewest <= len(items) <= most:
            yield f"has {len(items)} {name}; {fewest} to {most} are wanted."
        for item in items:
            yield from _length(f"one of its {name}", item, 1, letters)


def _in_all(activity: Activity) -> int:
    lists = [item for name in COUNTS for item in getattr(activity, name)]
    texts = (
        activity.title,
        activity.description,
        activity.story_connection,
        *(text for _, text in activity.adaptations),
    )
    return sum(map(len, (*texts, *lists)))


def _length(name: str, text: str, least: int, most: int) -> Iterator[str]:
    if not least <= len(text.strip()) <= most:
        yield f"{name} has {len(text.strip())} letters; {least} to {most} are wanted."


def _unfitting(activity: Activity, brief: Brief, of_the_story: frozenset[str]) -> Iterator[str]:
    if not _meant_for(activity.age_range, brief.age):
        yield f"is for ages {activity.age_range[:20]}; the child is {brief.age}."
    if not any(
        word in of_the_story or word.removesuffix("s") in of_the_story for word in _words(activity.story_connection)
    ):
        yield "names nothing of the story in story_connection; name a figure, a thing or a place of it."


def _meant_for(age_range: str, age: int) -> bool:
    """Whether "4-6", "5 to 7", "8+" or "6" holds the age."""
    ages = [int(number) for number in re.findall(r"\d{1,2}", age_range)]
    match ages:
        case [first] if "+" in age_range:
            return first <= age
        case [first]:
            return first == age
        case [first, last]:
            return first <= age <= last
        case _:
            return False


YOUNG = 5
"""Up to this age somebody grown-up is always named in the safety notes."""
JUDGED = frozenset({"en", "de", "fr", "es"})
"""The languages whose words suitability.toml knows."""


def dangers(activity: Activity, age: int, language: str = "en") -> Iterator[str]:
    """What is unsafe about the activity, a sentence each, as feedback."""
    spoken = _spoken(language)
    for hazard in tables().hazard:
        for words, text, reader in _parts(activity, age, hazard, spoken):
            word = uses(text, words, unless=hazard.unless)
            if word and (danger := _judge(activity, hazard, word, reader)):
                yield danger
                break
    if not any(note.strip() for note in activity.safety_notes):
        yield "has no safety notes; say what to watch for."
    elif age <= YOUNG and spoken in JUDGED and not _watched(activity):
        yield "names nobody who watches; say in the safety notes what a grown-up does."
    if activity.type == "cooking_baking" and spoken in JUDGED and not _warns_of_allergies(activity):
        yield "handles food without a word on allergies in the safety notes."


def _spoken(language: str) -> str:
    return language.split("-", maxsplit=1)[0]


def _parts(activity: Activity, age: int, hazard: Hazard, language: str) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """What to look for, in which texts of an activity, and how old whoever does what they say may be.

    Safety notes are left out: they name what to keep away. Younger children are a year younger, older ones three older.
    """
    words, ways = hazard.words_in(language), activity.adaptations
    things = words + hazard.materials if language == "en" else words
    for text in activity.materials:
        yield things, text, age
    for text in (*activity.instructions, ways.access_needs):
        yield words, text, age
    yield words, ways.younger, max(age - 1, 3)
    yield words, ways.older, min(age + 3, 12)
    if not hazard.in_use:
        for text in (activity.title, activity.description, *activity.parent_tips):
            yield words, text, age


def _judge(activity: Activity, hazard: Hazard, word: str, age: int) -> str:
    if age < hazard.from_age:
        when = "for any child" if hazard.from_age > 12 else f"at {age}"
        return f"uses “{word}”; {hazard.what} are not safe {when}. Do without."
    if age < hazard.supervised_below and not _watched(activity):
        return f"uses “{word}”; say in the safety notes that a grown-up does this or stays beside."
    return ""


def _watched(activity: Activity) -> bool:
    return speaks_of(" ".join(activity.safety_notes), tables().words["adult"])


def _warns_of_allergies(activity: Activity) -> bool:
    return speaks_of(" ".join(activity.safety_notes), tables().words["allergy"])


CONCRETE = 6
"""Words that a note about taking part needs at least to say what to do."""


def barriers(activity: Activity, brief: Brief) -> Iterator[str]:
    """What would keep a child with the heroes' traits from taking part, a sentence each, as feedback."""
    note = activity.adaptations.access_needs
    if note.strip(" .!").lower() in tables().words["empty"] or _word_count(note, brief.language) < CONCRETE:
        yield "has no concrete access_needs; say what to change, with what, for a child who needs it otherwise."
    elif brief.language.startswith("en"):
        for row in _rows(brief):
            if not speaks_of(note, row.speaks_of):
                yield f"its access_needs do not help a child with {_named(row, brief)}; say what changes for them."
    if brief.language.startswith("en"):
        yield from _steps(activity, brief)


def _word_count(text: str, language: str) -> int:
    """Words; about two letters each where no spaces stand between them."""
    return len(text.split()) if language_of(language).spaced else len("".join(text.split())) // 2


def _steps(activity: Activity, brief: Brief) -> Iterator[str]:
    for row in _rows(brief):
        for step in activity.instructions:
            if row.too_much and speaks_of(step, row.too_much) and not speaks_of(step, row.other_way):
                left_out = f"leaves out a child with {_named(row, brief)}: “{step[:80]}”."
                yield f"{left_out} Offer another way in the same step."
                break


def _rows(brief: Brief) -> list[Access]:
    lived_with = {trait for hero in brief.characters for trait in hero.traits}
    return [row for row in tables().access if row.traits & lived_with]


def _named(row: Access, brief: Brief) -> str:
    traits = [trait for hero in brief.characters for trait in hero.traits if trait in row.traits]
    return ", ".join(dict.fromkeys(trait.replace("_", " ") for trait in traits))


_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_PLAYS = (
    r"\b(?:toys?|something|anything|stand-ins?|cushions?|blocks?|drawings?|pictures?)\b[^.;]*\b(?:for|to be|as|of)\s+"
)


def without_names(activity: Activity, brief: Brief, outline: Outline) -> Activity:
    """The activity with the story's names, and the things that others stand for, replaced by "it".

    A figure's name counts as one only as it is written (Acorn, not acorn), a place only if it has two words or more
    (Pebble Bay, not river), and the story's thing only if the materials name something harmless in its place.
    """
    figures = [figure.name for figure in outline.figures]
    names = [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in [*figures, *brief.names]]
    place = _ARTICLE.sub("", outline.elements.place)
    if " " in place:
        names.append(re.compile(rf"(?<!\w){re.escape(place)}(?!\w)", re.IGNORECASE))
    thing = _ARTICLE.sub("", outline.elements.object)
    played = re.compile(rf"{_PLAYS}(?:the\s+|a\s+|an\s+)?{re.escape(thing)}(?!\w)", re.IGNORECASE)
    if thing and any(played.search(text) for text in activity.materials):
        names.append(re.compile(rf"(?<!\w){re.escape(thing)}(?!\w)", re.IGNORECASE))
    return Activity.model_construct(**_replaced(dict(activity), names))


def _replaced(value: Any, names: list[re.Pattern[str]]) -> Any:
    if isinstance(value, str):
        for name in names:
            value = name.sub("it", value)
        return value
    if isinstance(value, tuple):
        return tuple(_replaced(each, names) for each in value)
    if isinstance(value, dict):
        return {key: _replaced(each, names) for key, each in value.items()}
    return type(value).model_construct(**_replaced(dict(value), names))
