"""Traits: what a hero's body, senses or health bring to a story, and how pictures and texts honour it (traits.toml)."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Category = Literal["mobility", "physical", "neurodiversity", "sensory", "skin", "medical"]
Visibility = Literal["structural", "surface", "device", "conditional", "unseen"]
Framing = Literal["wide", "medium", "close", "portrait"]
"""How much of the hero a picture shows: wide all of them, medium from the hips up, close head and shoulders, and the
portrait, which shows all of them on a plain background."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=220)]
Kin = Literal[
    "monster", "robot", "animal", "fantasy_being", "dinosaur", "alien", "superhero", "elemental", "wild", "magic"
]

_KIN: Mapping[str, Kin] = MappingProxyType(
    {"animal": "wild", "dinosaur": "wild", "monster": "wild", "fantasy_being": "magic", "elemental": "magic"}
)
"""Species that share native forms: a wild body is furred or scaled, a magic one grows its things."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TextGuidance(_Part):
    """How a text honours a trait: what the hero keeps, what they are good at, what no story of ours says."""

    dignity: Words
    strengths: tuple[Words, ...] = Field(min_length=1)
    avoid: tuple[Words, ...] = Field(min_length=1)


class Look(_Part):
    """What a trait decides of an appearance that the brief leaves open; an empty word leaves the line out."""

    skin: str | None = None
    hair: str | None = None
    eyes: str | None = None


class Form(_Part):
    """A trait as one species has it: the words of a prompt, and the phrases of them that a picture check can see."""

    wording: Words
    must_show: tuple[Words, ...] = Field(min_length=1)


class Trait(_Part):
    """One trait. ``visibility`` partitions them by how a picture shows them; *unseen* ones are never in a prompt.

    ``wording`` is for image models: precise, without clinical words where a plain one is as clear; ``plain`` is said
    instead when a model refuses. ``native`` holds the forms for species whose body or world differs (by species, or
    by kin: *wild*, *magic*). ``shown_by`` names traits whose picture shows this one too. ``risk`` says what a careless
    picture or text would make of it.
    """

    id: str
    label: Words
    category: Category
    visibility: Visibility
    wording: Words | None = None
    plain: Words | None = None
    must_show: tuple[Words, ...] = ()
    question: Words | None = None
    prohibitions: tuple[Words, ...] = Field(min_length=1)
    seen_in: tuple[Framing, ...] = ()
    native: Mapping[Kin, Words] = Field(default_factory=dict)
    shown_by: tuple[str, ...] = ()
    look: Look = Look()
    text: TextGuidance
    risk: Words

    @property
    def seen(self) -> bool:
        """Whether a picture can show it at all."""
        return self.visibility != "unseen"

    def form(self, species: str, *, softly: bool = False) -> Form | None:
        """The trait as this species has it; None for one that no picture shows. ``softly``: as said after a refusal."""
        if self.wording is None or self.plain is None:
            return None
        native = self._native(species)
        if native:
            return Form(wording=native, must_show=(native,))
        if softly:
            return Form(wording=self.plain, must_show=(self.plain,))
        return Form(wording=self.wording, must_show=self.must_show)

    def _native(self, species: str) -> str | None:
        return next((words for key, words in self.native.items() if key in {species, _KIN.get(species)}), None)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        pictured = (self.wording, self.plain, self.question, self.must_show, self.seen_in)
        if not self.seen and any((*pictured, self.native, self.shown_by)):
            raise ValueError(f"{self.id} is unseen and must not say how it looks")
        if self.seen and not all(pictured):
            raise ValueError(f"{self.id} can be seen and must say how")
        if any(phrase not in (self.wording or "") for phrase in self.must_show):
            raise ValueError(f"{self.id}: what must show must stand in its wording")
        return self


def shown(traits: Iterable[str]) -> tuple[Trait, ...]:
    """Those of the traits that a picture shows, each once: one that another of them shows already is left to that."""
    ids = tuple(traits)
    return tuple(trait for id_ in ids if (trait := TRAITS[id_]).seen and not set(trait.shown_by) & set(ids))


@cache
def _read() -> Mapping[str, Trait]:
    table: dict[str, Any] = tomllib.loads(files(__package__).joinpath("traits.toml").read_text("utf-8"))
    traits = {key: Trait(id=key, **value) for key, value in table.items()}
    for trait in traits.values():
        for other in trait.shown_by:
            if other not in traits:
                raise ValueError(f"{trait.id} is shown by {other}, which does not exist")
    return MappingProxyType(traits)


TRAITS: Mapping[str, Trait] = _read()
