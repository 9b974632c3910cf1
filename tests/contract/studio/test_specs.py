"""The studio's compact descriptions agree with the vendors' files: the same parameters, the same values."""

from __future__ import annotations

from typing import Any

import pytest

from studio.elevenlabs_api import Normalization, SpeechBody, VoiceSettings
from studio.validation import read_spec

Schemas = dict[str, Any]


@pytest.fixture(scope="module")
def schemas(openai_spec: dict[str, Any]) -> Schemas:
    found: Schemas = openai_spec["components"]["schemas"]
    return found


def flatten(schema: Any, schemas: Schemas) -> dict[str, Any]:
    """All properties of a schema, those of allOf and of what it refers to with them."""
    if "$ref" in schema:
        return flatten(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    properties = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        properties |= flatten(part, schemas)
    return properties


def values(schema: Any, schemas: Schemas) -> set[str]:
    """All words that an enum allows, through anyOf and references."""
    if "$ref" in schema:
        return values(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    found = {value for value in schema.get("enum", ()) if value is not None}
    for part in schema.get("anyOf", []) + schema.get("oneOf", []):
        found |= values(part, schemas)
    return found


# What belongs to dall-e alone, which the studio does not offer.
DALL_E = {"response_format", "style"}
DALL_E_VALUES = {"standard", "hd", "256x256", "512x512", "1792x1024", "1024x1792"}


@pytest.mark.parametrize(
    ("request_name", "schema", "left_out"),
    [
        ("responses", "CreateResponse", set()),
        ("images.generate", "CreateImageRequest", DALL_E),
        ("images.edit", "CreateImageEditRequest", {"response_format"}),
        ("images.edit.json", "EditImageBodyJsonParam", set()),
        ("moderations", "CreateModerationRequest", set()),
    ],
)
def test_the_studio_knows_the_vendors_parameters_and_no_others(
    schemas: Schemas, request_name: str, schema: str, left_out: set[str]
) -> None:
    ours = read_spec("openai")["requests"][request_name]["properties"]
    assert set(ours) == set(flatten(schemas[schema], schemas)) - left_out


@pytest.mark.parametrize(
    ("request_name", "schema"),
    [
        ("responses", "CreateResponse"),
        ("images.generate", "CreateImageRequest"),
        ("images.edit", "CreateImageEditRequest"),
        ("images.edit.json", "EditImageBodyJsonParam"),
    ],
)
def test_the_studio_takes_the_vendors_values(schemas: Schemas, request_name: str, schema: str) -> None:
    theirs = flatten(schemas[schema], schemas)
    for name, ours in read_spec("openai")["requests"][request_name]["properties"].items():
        if "enum" in ours and name != "tool_choice":
            assert set(ours["enum"]) == values(theirs[name], schemas) - DALL_E_VALUES, name


def test_the_studio_offers_the_vendors_models(schemas: Schemas) -> None:
    models = read_spec("openai")["models"]
    assert set(models["responses"]) == values(schemas["ModelIdsResponses"], schemas)
    theirs = values(schemas["CreateImageEditRequest"]["properties"]["model"], schemas)
    assert set(models["images.edit"]) == {name for name in theirs if not name.startswith("dall-e")}


def test_what_the_vendor_requires_the_studio_requires(schemas: Schemas) -> None:
    requests = read_spec("openai")["requests"]
    for request_name, schema in (
        ("images.generate", "CreateImageRequest"), ("images.edit", "CreateImageEditRequest"),
        ("images.edit.json", "EditImageBodyJsonParam"), ("moderations", "CreateModerationRequest"),
    ):  # fmt: skip
        assert set(requests[request_name]["required"]) == set(schemas[schema]["required"])


def keywords(schema: Any) -> set[str]:
    """All JSON Schema keywords in a schema, at any depth."""
    found = set(schema)
    for name, part in schema.items():
        inner = part.values() if name in {"properties", "$defs"} else part if isinstance(part, list) else [part]
        found |= {word for each in inner if isinstance(each, dict) for word in keywords(each)}
    return found


def test_the_studio_has_the_vendors_words_for_whatever_its_own_description_checks() -> None:
    structure = {"properties", "$defs", "$ref", "items", "anyOf"}
    worded = {"type", "enum", "required", "additionalProperties", "minimum", "maximum", "minLength", "maxLength",
              "pattern", "minItems", "maxItems"}  # fmt: skip
    for schema in read_spec("openai")["requests"].values():
        assert keywords(schema) <= structure | worded


def test_elevenlabs_body_is_the_vendors(elevenlabs_operation: dict[str, Any]) -> None:
    ours = SpeechBody.model_json_schema()
    theirs = elevenlabs_operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(ours["properties"]) == set(theirs["properties"])
    assert ours["required"] == theirs["required"]
    settings = theirs["properties"]["voice_settings"]["anyOf"][1]["properties"]
    assert set(VoiceSettings.model_fields) == set(settings)
    assert set(Normalization) == set(theirs["properties"]["apply_text_normalization"]["enum"])
    formats = next(p for p in elevenlabs_operation["parameters"] if p["name"] == "output_format")
    assert read_spec("elevenlabs")["formats"] == formats["schema"]["enum"]
