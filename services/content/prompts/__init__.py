"""The instructions of a prompt: the task's own page, the kind of story, and how this story's traits are honoured.

Nothing that a person typed stands in here; that goes into blocks (docs/providers.md).
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from storyloom.story.brief import Brief
from storyloom.story.sides import place
from storyloom.story.traits import TRAITS

Page = Literal["outline", "scene", "whole"]


def instructions(page: Page, brief: Brief, *, again: bool = False, hinted: bool = False) -> str:
    """The page, fitted to the brief's kind of story and to its heroes' traits; ``again``: what another version is.

    ``hinted``: what is to be done with the ``hint`` block.
    """
    parts = [_read(f"{page}.md").strip(), f"# This kind of story\n{_story_types()[brief.story_type]}"]
    traits = dict.fromkeys(trait for hero in brief.characters for trait in hero.traits)
    if traits:
        told = [*map(_honour, traits), *_sides(brief)]
        parts.append("# Traits of these heroes, and how they are honoured\n" + "\n".join(told))
    if again:
        parts.append(f"# Another version\n{_versions()[page]}")
    if hinted:
        parts.append(f"# What is wanted of it\n{_versions()['hint']}")
    return "\n\n".join(parts) + "\n"


def _sides(brief: Brief) -> Iterator[str]:
    """Where the one-sided of them are, as the pictures have it."""
    for number, hero in enumerate(brief.characters, 1):
        for placed in place(hero.traits, hero.features):
            yield f"- Hero {number}: {placed.what} is on their own {placed.side} side; it never changes sides."


def _honour(trait_id: str) -> str:
    trait = TRAITS[trait_id]
    strengths, avoid = "; ".join(trait.text.strengths), "; ".join(trait.text.avoid)
    return f"- `{trait_id}` ({trait.label}): {trait.text.dignity} Strengths: {strengths}. Never: {avoid}."


@cache
def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def _story_types() -> Mapping[str, str]:
    return tomllib.loads(_read("story_types.toml"))


@cache
def _versions() -> Mapping[str, str]:
    return tomllib.loads(_read("versions.toml"))
