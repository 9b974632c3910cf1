"""The studio's own JSON Schema: it agrees with the reference validator, and what it invents fits."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.instances import invent
from studio.schema import find_problems
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
    value = invent(TREE, seed)
    jsonschema.validate(value, TREE)
    assert find_problems(value, TREE) == []
    assert value == invent(TREE, seed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 15) | st.floats(-1, 2) | st.sampled_from(["oak", "tree", "ab", "abcd"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(list(TREE["properties"])), inner),
    max_leaves=8,
)


@given(seed=st.integers(0, 1000), name=st.sampled_from(list(TREE["properties"])), value=json_values)
def test_it_finds_fault_where_the_reference_validator_does(seed: int, name: str, value: Any) -> None:
    changed = {**invent(TREE, seed), name: value}
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
