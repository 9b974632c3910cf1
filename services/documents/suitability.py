"""Whether four activities suit: of four kinds, safe, open to the heroes, of this story, neither thin nor endless."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from services.documents.access import barriers
from services.documents.safety import dangers
from services.documents.stand_ins import real
from services.documents.wording import tables
from storyloom.story.brief import Brief
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
        done = real(activity, brief, outline)
        findings += [Finding("unsafe", f"{name} {text}") for text in dangers(done, brief.age, brief.language)]
        findings += [Finding("weak", f"{name} {text}") for text in barriers(done, brief)]
        findings += [Finding("weak", f"{name} {text}") for text in _unbounded(activity)]
        findings += [Finding("weak", f"{name} {text}") for text in _unfitting(activity, brief, of_the_story)]
    return findings


def vocabulary(brief: Brief, outline: Outline) -> frozenset[str]:
    """The words that are this story's own: its names, and what its title, motif, place and object speak of."""
    figures = [figure for figure in (outline.companion, outline.helper) if figure]
    names = [hero.name for hero in brief.characters] + [text for each in figures for text in (each.name, each.kind)]
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
