"""The plan: what the author answers when asked for an outline, and what may be wrong with it."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from services.content.safety import strings_in
from storyloom.story.brief import Brief
from storyloom.story.model_text import ModelAnswer, tidy
from storyloom.story.names import find_name, fold
from storyloom.story.results import (
    Elements,
    Figure,
    HexColour,
    Moderated,
    Outline,
    PictureBrief,
    PremisePart,
    ProviderCall,
    SceneBrief,
)

BEATS = ("call", "threshold", "ordeal", "return")
MAX_TITLE_WORDS = 7
"""Words."""

# A title that is cut must not end on one of these.
_SMALL = frozenset({"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "who"})

Stage = TypeVar("Stage", bound=PictureBrief)
Colour = Annotated[HexColour, BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)]


class Plan(ModelAnswer):
    """An outline as the author answers it (docs/providers.md); ``as_outline`` makes a result of it."""

    longest: ClassVar = {
        "title": 160, "name": 80, "kind": 120, "on_stage": 80, "emotion": 120,
        "asks": 200, "shown_by": 40, "why_not": 300,
    }  # fmt: skip

    title: Annotated[str, StringConstraints(strip_whitespace=True)]
    logline: str
    motif: str
    palette: Annotated[tuple[Colour, ...], Field(min_length=5, max_length=5)]
    elements: Elements
    companion: Figure | None
    helper: Figure | None
    cover: PictureBrief
    scenes: tuple[SceneBrief, SceneBrief, SceneBrief, SceneBrief]
    premise: Annotated[tuple[PremisePart, ...], Field(max_length=8)] = ()
    """What the brief asks for; services/content/premise.py holds the plan to it."""

    @model_validator(mode="after")
    def _holds_words(self) -> Self:
        if not all(strings_in(self.model_dump(mode="json"))):
            raise ValueError("a text is empty")
        return self

    def as_outline(self, calls: tuple[ProviderCall, ...], moderated: Moderated | None) -> Outline:
        """The outline, its title cut to length where the author would not."""
        more = {"title": cut_title(self.title), "calls": calls, "moderated": moderated}
        return Outline.model_validate({**self.model_dump(), **more})


def recognise(plan: Plan, brief: Brief) -> Plan:
    """The plan with everybody on stage named as the cast names them, however the author spelt it: Zoe for Zoë.

    A name that two heroes share means both of them.
    """
    heroes = [tidy(name) for name in brief.names]
    cast = [*heroes, *(figure.name for figure in (plan.companion, plan.helper) if figure)]
    called: dict[str, list[str]] = {}
    for character, hero in zip(brief.characters, heroes, strict=True):
        called.setdefault(fold(character.name), []).append(hero)

    def named(picture: Stage) -> Stage:
        on_stage = [tuple(called.get(fold(one), ())) or (find_name(one, cast) or one,) for one in picture.on_stage]
        names = [name for meant in on_stage for name in meant]
        shared = any(len(meant) > 1 for meant in on_stage)
        return picture.model_copy(update={"on_stage": tuple(dict.fromkeys(names) if shared else names)})

    return plan.model_copy(update={"cover": named(plan.cover), "scenes": tuple(map(named, plan.scenes))})


def find_faults(plan: Plan, brief: Brief) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What must be put right (the plan cannot be used), and what should be (it can)."""
    heroes = [tidy(name) for name in brief.names]
    figures = [figure.name for figure in (plan.companion, plan.helper) if figure]
    must = [*_find_clashes(heroes, figures), *_find_strangers(plan, heroes, [*heroes, *figures])]
    beats = tuple(scene.beat for scene in plan.scenes)
    if beats != BEATS:
        must.append(f"The beats are {', '.join(beats)}; they must be {', '.join(BEATS)}, in this order.")
    words = len(plan.title.split())
    should = [] if words <= MAX_TITLE_WORDS else [f"The title has {words} words; at most {MAX_TITLE_WORDS} are wanted."]
    return tuple(must), tuple(should)


def cut_title(title: str) -> str:
    """The title's first words, as many as it may have, not ending on a small one."""
    words = title.split()
    if len(words) <= MAX_TITLE_WORDS:
        return " ".join(words)
    words = words[:MAX_TITLE_WORDS]
    while len(words) > 1 and words[-1].casefold() in _SMALL:
        words.pop()
    return " ".join(words).rstrip(",;:–—-")


def _find_clashes(heroes: list[str], figures: list[str]) -> Iterator[str]:
    named = Counter(map(fold, [*heroes, *figures]))
    for name in figures:
        if named[fold(name)] > 1:
            yield f"{name} is the name of two of the cast; companion and helper need names of their own."
            return


def _find_strangers(plan: Plan, heroes: list[str], cast: list[str]) -> Iterator[str]:
    pictures = {"The cover": plan.cover} | {f"Scene {n}": scene for n, scene in enumerate(plan.scenes, 1)}
    for where, picture in pictures.items():
        strangers = [name for name in picture.on_stage if name not in cast]
        if strangers:
            yield f"{where} has {', '.join(strangers)} on stage; only {', '.join(cast)} can be, by these names."
        if len(set(picture.on_stage)) != len(picture.on_stage):
            yield f"{where} names somebody twice on stage."
        if not set(picture.on_stage) & set(heroes):
            yield f"{where} has no hero on stage."
    missing = [name for name in heroes if name not in plan.cover.on_stage]
    if missing:
        yield f"The cover lacks {', '.join(missing)}: all heroes are on it."
