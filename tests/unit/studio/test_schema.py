"""JSON Schema in the studio: jsonschema's verdicts, told in parts; and what is invented to a schema fits it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.schema import InvalidSchemaError, find_problems
from studio.schema_instances import generate_instance
from studio.validation import check_strict
from studio.vendor_errors import VendorError

TREE: dict[str, Any] = {
    "$defs": {
        "branch": {
            "type": "object",
            "properties": {
                "kind": {"enum": ["oak", "birch"]},
                "twigs": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/branch"}}, {"type": "null"}]},
            },
            "required": ["kind", "twigs"],
            "additionalProperties": False,
        }
    },
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 40},
        "age": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": ["number", "null"], "minimum": 0.5, "maximum": 0.75},
        "tall": {"type": "boolean"},
        "tag": {"const": "tree"},
        "rings": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 4},
        "branch": {"$ref": "#/$defs/branch"},
    },
    "required": ["name", "age", "share", "tall", "tag", "rings", "branch"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(50))
def test_what_is_invented_fits_its_schema(seed: int) -> None:
    value = generate_instance(TREE, seed)
    jsonschema.validate(value, TREE)
    assert find_problems(value, TREE) == []
    assert value == generate_instance(TREE, seed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 15) | st.floats(-1, 2) | st.sampled_from(["oak", "tree", "ab", "abcd"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list(TREE["properties"])), inner),
    max_leaves=8,
)


@given(seed=st.integers(0, 1000), name=st.sampled_from(list(TREE["properties"])), value=json_values)
def test_it_finds_fault_where_the_reference_validator_does(seed: int, name: str, value: Any) -> None:
    changed = {**generate_instance(TREE, seed), name: value}
    assert (find_problems(changed, TREE) == []) is jsonschema.Draft202012Validator(TREE).is_valid(changed)


def test_the_branch_that_was_meant_is_the_one_complained_about() -> None:
    schema = {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "properties": {"type": {"enum": ["a"]}, "n": {"type": "integer"}}, "required": ["n"]},
            {"type": "object", "properties": {"type": {"enum": ["b"]}, "m": {"type": "integer"}}, "required": ["m"]},
        ]
    }
    (problem,) = find_problems({"type": "b", "m": "x"}, schema)
    assert (problem.path, problem.kind) == (("m",), "type")
    (tag,) = find_problems({"type": "c"}, schema)
    assert (tag.path, tag.limit) == (("type",), ["a", "b"])
    (kind,) = find_problems(5, schema)
    assert (kind.kind, kind.limit) == ("type", ["string", "object", "object"])


def test_what_is_missing_or_unknown_is_named_by_its_path_the_outermost_first() -> None:
    problems = find_problems({"name": "Oak", "branch": {"kind": "oak", "leaf": 1}, "root": 2}, TREE)
    assert [(problem.kind, problem.path) for problem in problems] == [
        ("missing", ("age",)), ("missing", ("share",)), ("missing", ("tall",)), ("missing", ("tag",)),
        ("missing", ("rings",)), ("unknown", ("root",)),
        ("missing", ("branch", "twigs")), ("unknown", ("branch", "leaf")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "schema", [{"type": ["string", "null"], "enum": ["a"]}, {"anyOf": [{"type": "null"}, {"enum": ["a"]}]}]
)
def test_an_optional_value_may_be_null(schema: dict[str, Any]) -> None:
    assert find_problems(None, schema) == find_problems("a", schema) == []
    assert [problem.kind for problem in find_problems("b", schema)] == ["value"]


def test_a_value_of_another_type_is_one_problem() -> None:
    assert [problem.kind for problem in find_problems(5, {"type": "string", "enum": ["a"]})] == ["type"]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("oak", {"type": "tree"}),
        ("oak", {"type": "string", "minLength": "x"}),
        ("oak", {"type": "string", "pattern": "["}),
        ({"name": "oak"}, {"properties": 5}),
        ("oak", {"$ref": "#"}),
        ("oak", {"$ref": "#/nowhere"}),
        ("oak", {"$ref": "http://127.0.0.1:9/tree.json"}),
    ],
)
def test_a_schema_that_cannot_be_applied_is_refused_and_nothing_is_fetched(value: Any, schema: dict[str, Any]) -> None:
    """By itself jsonschema would warn, and then fetch a remote schema; here warnings are errors."""
    with pytest.raises(InvalidSchemaError) as refused:
        find_problems(value, schema)
    assert "oak" not in str(refused.value)


@pytest.mark.parametrize("schema", [{"enum": []}, {"type": "integer", "minimum": 5, "maximum": 1}, {"$ref": "#"}])
def test_what_no_value_fits_is_said(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidSchemaError):
        generate_instance(schema, 1)


def test_strict_mode_takes_what_it_should() -> None:
    check_strict("tree", TREE)


def closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "object", "properties": {}}, "'additionalProperties' is required"),
        (closed({"a": {"type": "string"}}, []), "Missing 'a'"),
        (closed({"a": {"type": "array", "items": {"type": "object"}}}, ["a"]), "context=('properties', 'a', 'items')"),
        ({"type": "array", "items": {"type": "string"}}, "got 'type: \"array\"'"),
        (closed({"a": {"allOf": []}}, ["a"]), "'allOf' is not permitted"),
        (closed({"a": {"$ref": "#/$defs/b"}}, ["a"]), "reference"),
    ],
)
def test_strict_mode_refuses_what_it_should(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(VendorError) as refused:
        check_strict("odd", schema)
    error = refused.value.body["error"]
    assert words in error["message"]
    assert error["code"] == "invalid_json_schema"
