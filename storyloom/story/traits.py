"""Traits: what a hero's body, senses or health bring to the story, and how pictures and texts honour it (traits.toml)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Category = Literal["mobility", "physical", "neurodiversity", "sensory", "skin", "medical"]
Visibility = Literal["structural", "surface", "device", "conditional", "unseen"]


class Trait(BaseModel):
    """One trait. ``visibility`` partitions them by how a picture shows them; *unseen* ones are never in a prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    label: str
    category: Category
    visibility: Visibility


@cache
def _read() -> Mapping[str, Trait]:
    table: dict[str, Any] = tomllib.loads(files(__package__).joinpath("traits.toml").read_text("utf-8"))
    return MappingProxyType({key: Trait(id=key, **value) for key, value in table.items()})


TRAITS: Mapping[str, Trait] = _read()
