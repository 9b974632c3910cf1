"""Every answer that a model is asked for: no string of it, however deep, gets past the cleaning."""

import ast
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from services.content.outline import Plan
from services.content.writer import Check, Draft
from services.documents.activities import Ideas
from services.images.critic import PictureCheck
from storyloom.story.model_text import ModelAnswer
from tests.unit.content.fox_author import a_plan, a_text
from tests.unit.documents import stories
from tests.unit.images.test_critic import GOOD

SERVICES = Path(__file__).parents[2] / "services"
PREMISE = {"kind": "loss", "asks": "a bell", "shown_by": ["bell"], "beats": ["call"], "why_not": "It is never lost."}
PLAN = a_plan(helper={"name": "Old Moss", "kind": "owl", "look": "round and grey"}, premise=[PREMISE])
SEEN = [{"id": "wheelchair_manual", "visible": "visible", "confidence": 0.9}]
ANSWERS: dict[type[ModelAnswer], dict[str, Any]] = {
    Plan: PLAN,
    Draft: a_text(),
    Check: {
        "consistent": True,
        "payoff": False,
        "findings": ["In scene 2 it is day."],
        "premise_honoured": False,
        "premise_missing": [{"part": 1, "why": "Nobody loses a bell."}],
    },
    Ideas: {"activities": [activity.model_dump(mode="json") for activity in stories.four()]},
    PictureCheck: {**GOOD, "reasons": ["A dog."], "suggested_fix": "A kind dog.", "traits": SEEN, "alt_text": "A fox."},
}
Place = tuple[str | int, ...]


def strings_in(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where all strings of a plain value stand."""
    if isinstance(value, str):
        yield place
    for key, part in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from strings_in(part, (*place, key))


def spoiled(answer: dict[str, Any], place: Place, text: str) -> dict[str, Any]:
    """The answer with a text added to the string at a place."""
    copied: Any = copy.deepcopy(answer)
    at = copied
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] += text
    return dict(copied)


def fields_of(model: type[BaseModel]) -> Iterator[str]:
    """The names of all fields of a shape that hold free text, those of its parts too."""
    schema = model.model_json_schema()
    for node in (schema, *schema.get("$defs", {}).values()):
        for name, field in node.get("properties", {}).items():
            kinds = [field, field.get("items", {}), *field.get("anyOf", [])]
            if any(kind.get("type") == "string" and not {"enum", "const"} & kind.keys() for kind in kinds):
                yield name


def all_shapes() -> set[type[ModelAnswer]]:
    return {shape for shape in ModelAnswer.__subclasses__() if shape.__module__.startswith("services.")}


def test_every_shape_of_the_services_is_tried_here_and_with_every_field_that_holds_text() -> None:
    assert all_shapes() == set(ANSWERS)
    for shape, answer in ANSWERS.items():
        there = {step for place in strings_in(answer) for step in place if isinstance(step, str)}
        assert set(fields_of(shape)) <= there, f"the sample of {shape.__name__} lacks strings"
        assert shape.model_validate_json(json.dumps(answer))


def test_whoever_asks_a_model_asks_for_such_a_shape() -> None:
    """The types say so too; this reads what is passed."""
    asked = set()
    for file in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "parse"
                and any(keyword.arg == "blocks" for keyword in node.keywords)
            ):
                (shape,) = node.args
                assert isinstance(shape, ast.Name), file
                asked.add(shape.id)
    assert asked == {shape.__name__ for shape in ANSWERS}


@pytest.mark.parametrize(
    "text", ["\0", "\x1b[0m", "\x85", "\ufffe", "\U0010ffff", "<b>", "&amp;", "\u202e", "x" * 9999]
)
@pytest.mark.parametrize("shape", list(ANSWERS), ids=lambda shape: shape.__name__)
def test_no_string_of_any_answer_may_hold_what_cannot_be_kept(shape: type[ModelAnswer], text: str) -> None:
    answer = ANSWERS[shape]
    places = list(strings_in(answer))
    assert places
    for place in places:
        with pytest.raises(ValidationError):
            shape.model_validate_json(json.dumps(spoiled(answer, place, text)))


@pytest.mark.parametrize("shape", list(ANSWERS), ids=lambda shape: shape.__name__)
def test_what_is_harmless_is_cleaned_in_every_string(shape: type[ModelAnswer]) -> None:
    answer = ANSWERS[shape]
    for place in strings_in(answer):
        untidy = json.dumps(spoiled(answer, place, "\u00ad \r\n"))
        assert shape.model_validate_json(untidy) == shape.model_validate(answer)
