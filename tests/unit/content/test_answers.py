"""The answers that are asked for are those of docs/providers.md."""

from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from services.content.outline import Plan
from services.content.writer import Check, Draft
from storyloom.providers.openai.requests import strict_schema
from tests.unit.content.fox_author import a_plan, a_text

PICTURE = ["what_happens", "on_stage", "setting", "time_of_day", "weather", "props", "action", "emotion", "camera"]
CHECK = {
    "consistent": True,
    "payoff": True,
    "findings": ["In scene 2 it is day."],
    "premise_honoured": False,
    "premise_missing": [{"part": 1, "why": "No fox comes."}],
}


def keys(schema: dict[str, Any], name: str = "") -> list[str]:
    node = schema["$defs"][name] if name else schema
    assert node["required"] == list(node["properties"])
    return list(node["required"])


def test_the_answers_have_the_contracts_keys() -> None:
    plan = strict_schema(Plan)
    drawn = ["companion", "helper", "cover", "scenes"]
    assert keys(plan) == ["title", "logline", "motif", "palette", "elements", *drawn, "premise"]
    assert keys(plan, "PremisePart") == ["kind", "asks", "shown_by", "beats", "why_not"]
    assert keys(plan, "Elements") == ["want", "flaw", "place", "object", "obstacle", "planted", "payoff"]
    assert keys(plan, "Figure") == ["name", "kind", "look"]
    assert keys(plan, "PictureBrief") == PICTURE
    assert keys(plan, "SceneBrief") == [*PICTURE, "beat"]
    assert keys(strict_schema(Draft)) == ["paragraphs", "alt_text"]
    check = strict_schema(Check)
    assert keys(check) == ["consistent", "payoff", "findings", "premise_honoured", "premise_missing"]
    assert keys(check, "MissingPart") == ["part", "why"]


@pytest.mark.parametrize(
    ("model", "answer"),
    [(Plan, a_plan()), (Plan, a_plan(companion=None, helper=None)), (Draft, a_text()), (Check, CHECK)],
)
def test_what_fits_the_schema_fits_the_model(model: type[BaseModel], answer: dict[str, Any]) -> None:
    jsonschema.validate(answer, strict_schema(model))
    assert model.model_validate(answer).model_dump(mode="json") == answer


@pytest.mark.parametrize(
    "spoiled",
    [{"paragraphs": []}, {"alt_text": ""}, {"alt_text": None}, {"paragraphs": [" \n"]}, {"paragraphs": "One."}],
)
def test_a_scene_without_words_is_no_scene(spoiled: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Draft.model_validate({**a_text(), **spoiled})
