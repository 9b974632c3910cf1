"""Schemas as OpenAI's strict mode wants them."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from storyloom.providers.openai.requests import strict_schema
from storyloom.story.results import Activity, SceneBrief


class Tag(BaseModel):
    title: str = "none"
    default: int | None = None


class Tagged(BaseModel):
    """A thing with tags."""

    kind: Literal["tagged"] = "tagged"
    pair: tuple[Tag, Tag]
    many: Annotated[tuple[Tag, ...], Field(max_length=5)] = ()
    colour: Annotated[str, Field(pattern="^#[0-9a-f]{6}$", max_length=7)]


def objects_in(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from objects_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects_in(value)


@pytest.mark.parametrize("model", [Tagged, SceneBrief, Activity])
def test_every_object_is_closed_and_requires_all_its_keys(model: type[BaseModel]) -> None:
    schema = strict_schema(model)
    jsonschema.Draft202012Validator.check_schema(schema)
    found = list(objects_in(schema))
    assert found
    for node in found:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])


def test_a_property_may_be_called_like_a_keyword() -> None:
    assert list(strict_schema(Tagged)["$defs"]["Tag"]["properties"]) == ["title", "default"]


def test_what_strict_mode_does_not_know_is_said_otherwise() -> None:
    properties = strict_schema(Tagged)["properties"]
    assert properties["pair"] == {"type": "array", "items": {"$ref": "#/$defs/Tag"}, "minItems": 2, "maxItems": 2}
    assert properties["kind"] == {"type": "string", "enum": ["tagged"]}
    assert properties["colour"] == {"type": "string", "pattern": "^#[0-9a-f]{6}$"}
    assert properties["many"] == {"type": "array", "items": {"$ref": "#/$defs/Tag"}, "maxItems": 5}


class Free(BaseModel):
    words: dict[str, int]


class Mixed(BaseModel):
    pair: tuple[int, str]


@pytest.mark.parametrize("model", [Free, Mixed])
def test_what_cannot_be_said_strictly_is_refused_at_once(model: type[BaseModel]) -> None:
    with pytest.raises(TypeError):
        strict_schema(model)
