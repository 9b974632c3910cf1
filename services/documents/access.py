"""Whether a child with the hero's traits can take part: a concrete note, and no step that leaves them out."""

from collections.abc import Iterator

from services.documents.wording import Access, speaks_of, tables
from storyloom.story.brief import Brief
from storyloom.story.results import Activity

CONCRETE = 6
"""Words that a note about taking part needs at least to say what to do."""


def barriers(activity: Activity, brief: Brief) -> Iterator[str]:
    """What would keep a child with the heroes' traits from taking part, a sentence each, as feedback."""
    note = activity.adaptations.access_needs
    if note.strip(" .!").lower() in tables().words["empty"] or len(note.split()) < CONCRETE:
        yield "has no concrete access_needs; say what to change, with what, for a child who needs it otherwise."
    elif brief.language.startswith("en"):
        for row in _rows(brief):
            if not speaks_of(note, row.speaks_of):
                yield f"its access_needs do not help a child with {_named(row, brief)}; say what changes for them."
    if brief.language.startswith("en"):
        yield from _steps(activity, brief)


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
