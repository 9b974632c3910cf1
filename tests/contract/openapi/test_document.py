"""The OpenAPI documents: valid, whole, and of the routes that there are."""

import json
import re
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator

from services.api.docs import HANDLERS, openapi, operations
from services.api.openapi import BIRTHDAY_BRIEF, FULL_BRIEF, SHORT_BRIEF
from services.api.routes import Routes
from storyloom.story.brief import REQUIRED_DETAILS, Brief
from storyloom.web.catalogue import CATALOGUE
from storyloom.web.openapi import Answer, Version, declared, operation
from tests.contract.openapi.answers import check_event
from tools.docs.openapi import text
from tools.docs.pages import ROOT

DOCUMENT = openapi()


@pytest.mark.parametrize(
    ("version", "validator"), [("3.1.1", OpenAPIV31SpecValidator), ("3.2.0", OpenAPIV32SpecValidator)]
)
def test_the_documents_are_valid(version: Version, validator: Any) -> None:
    document = openapi(version)
    assert document["openapi"] == version
    validator(document).validate()


def test_every_route_of_the_api_is_an_operation_and_every_operation_a_route() -> None:
    """…by one declaration: a handler without one gets no route."""
    routes = Routes(*[SimpleNamespace()] * len(fields(Routes))).table()  # type: ignore[arg-type] # nothing is called
    # A path's own words are no value of another's parameter.
    found = [(one.method, re.sub(r":[(][?]!.*?\]\+}", "}", one.path)) for one in routes]
    assert found == [(one.method, one.path) for one in declared(Routes)]
    assert len(routes) == len([name for name in vars(Routes) if not name.startswith("_")]) - len(Routes.__slots__) - 1
    paths = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert paths == {(one.method, one.path) for handlers in HANDLERS for one in declared(handlers)}


def test_every_operation_says_what_a_stranger_needs() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    found = operations()
    assert len({one.id for one in found}) == len(found)
    for one in found:
        assert one.tag in tags, one.id
        assert one.summary[0].isupper(), one.id
        assert one.answers, one.id
        assert {f"{{{name.name}}}" for name in one.parameters if name.place == "path"} == {
            part for part in one.path.split("/") if part.startswith("{")
        }, one.id
        if one.body is not None:
            assert one.body.examples, one.id


def test_every_schema_and_every_example_is_used() -> None:
    for version in ("3.1.1", "3.2.0"):
        document = openapi(version)
        written = json.dumps(document)
        for kind in ("schemas", "examples"):
            for name in document["components"][kind]:
                assert f'"#/components/{kind}/{name}"' in written, f"{name} in {version}"


def test_a_problem_that_is_not_in_the_catalogue_cannot_be_declared() -> None:
    with pytest.raises(LookupError, match="catalogue"):
        operation("GET", "/", "x", tag="Stories", scope=None, answers=[Answer(200, "Yes.")], problems=["no_such"])


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.code)
def test_the_example_of_every_problem_is_one(entry: Any) -> None:
    root = {"$ref": "#/components/schemas/ProblemDetails", "components": DOCUMENT["components"]}
    Draft202012Validator(root).validate(entry.example())


def briefs() -> list[dict[str, Any]]:
    """Bodies that create a story."""
    details = {"previous_story_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "age_turning": 6}
    needy = [
        {"characterName": "Mira", "storyType": kind, "typeDetails": {name: details.get(name, "x") for name in names}}
        for kind, names in REQUIRED_DETAILS.items()
    ]
    return [SHORT_BRIEF, FULL_BRIEF, BIRTHDAY_BRIEF, *needy, {**SHORT_BRIEF, "assets": ["pdf"]}]


def accepts(name: str, body: Any) -> bool:
    """Whether a schema of the document allows a body."""
    root = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return bool(Draft202012Validator(root).is_valid(body))


@pytest.mark.parametrize("body", briefs(), ids=lambda body: f"{body['storyType']}-{len(body)}")
def test_a_brief_that_is_taken_is_one_that_the_document_allows(body: dict[str, Any]) -> None:
    assert accepts("CreateStory", body)
    assert Brief.asked(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"characterName": "Mira"},
        {"storyType": "adventure"},
        {**SHORT_BRIEF, "storyType": "birthday"},
        {**SHORT_BRIEF, "characters": [{"name": "Mira"}]},
        {**SHORT_BRIEF, "generateAssets": False, "assets": ["pdf"]},
        {**SHORT_BRIEF, "generateAssets": "no"},
        {**SHORT_BRIEF, "assets": ["outline"]},
        {**SHORT_BRIEF, "assets": []},
        {**SHORT_BRIEF, "age": 2},
        {**SHORT_BRIEF, "colour": "red"},
        {"characters": [{"name": "Mira", "colour": "red"}], "storyType": "adventure"},
    ],
    ids=str,
)
def test_a_brief_that_the_document_forbids_is_refused(body: dict[str, Any]) -> None:
    assert not accepts("CreateStory", body)
    with pytest.raises(ValueError, match="validation error"):
        Brief.asked(body)


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ({"text": "A fox."}, True),
        ({"paragraphs": ["A fox."], "altText": None}, True),
        ({"paragraphs": ["A fox."], "text": None}, True),
        ({"paragraphs": ["A fox."], "text": "A fox."}, False),
        ({"paragraphs": []}, False),
        ({"altText": "A fox."}, False),
    ],
)
def test_an_edit_holds_one_text(body: dict[str, Any], *, allowed: bool) -> None:
    assert accepts("EditBody", body) == allowed


def test_an_event_that_the_document_does_not_know_is_noticed() -> None:
    check_event("end", "{}", None)
    with pytest.raises(AssertionError, match="does not know"):
        check_event("bang", "{}", "3")
    with pytest.raises(AssertionError, match="does not allow"):
        check_event("outline", '{"title": 3}', "3")


def test_the_copy_in_the_repository_is_the_document() -> None:
    assert (ROOT / "docs/openapi.json").read_text("utf-8") == text(Path())
