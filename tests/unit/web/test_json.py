"""JSON as this API takes it: what is wrong is said with its place, in our words, and no type is made into another."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core._pydantic_core import list_all_errors

from services.api.schemas import EditBody, RetryBody
from storyloom.story.brief import Brief
from storyloom.web.bodies import MAX_DEPTH, MAX_ERRORS, WORDING, invalid, parse, pointer, validate, wording
from storyloom.web.problems import Problem

PLAIN_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN_JSON)
def test_what_a_program_writes_is_read_as_it_was_meant(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False).encode(errors="replace")
    assert parse(text) == json.loads(text)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "it ends too soon"),
        (b'{"a": 1', "it ends too soon"),
        (b"\xff\xfe", "it is not UTF-8 at byte 0"),
        (b'{"a": "\xc3"}', "it is not UTF-8 at byte 7"),
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark"),
        (b'{"a": 1,}', "it goes wrong at line 1, column 9 (character 8)"),
        (b"{\n  'a': 1}", "it goes wrong at line 2, column 3 (character 4)"),
        (b'{"a": NaN}', "NaN and Infinity are no JSON"),
        (b'{"a": -Infinity}', "NaN and Infinity are no JSON"),
        (b'{"a": 01}', "it goes wrong at line 1, column 8 (character 7)"),
        (b'{"a": "\x01"}', "it goes wrong at line 1, column 8 (character 7)"),
        (b"{} {}", "it goes wrong at line 1, column 4 (character 3)"),
        (b"[" * 60_000, f"it is deeper than {MAX_DEPTH} at line 1, column 33 (character 32)"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, f"it is deeper than {MAX_DEPTH} at line 1, column 161 (character 160)"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(raw: bytes, said: str) -> None:
    with pytest.raises(Problem) as raised:
        parse(raw)
    assert (raised.value.status, raised.value.code) == (400, "bad_json")
    assert raised.value.detail == f"The body is not JSON: {said}."


def test_signs_in_a_text_are_no_depth() -> None:
    assert parse(json.dumps(["[" * 500, '\\"[' * 50]).encode()) == ["[" * 500, '\\"[' * 50]


@pytest.mark.parametrize(
    ("raw", "where", "said"),
    [
        (b'{"a": 1, "a": 2}', "/a", "stands twice"),
        (b'{"b": [{"x/y": 1, "x/y": 1}]}', "/b/0/x~1y", "stands twice"),
        (b'{"a": 1, "\\u0061": 2}', "/a", "stands twice"),
        (b'{"a": [1, 9007199254740993]}', "/a/1", "is a number that not every program can hold"),
        (b'{"a": ' + b"9" * 5000 + b"}", "/a", "is a number that not every program can hold"),
        (b'{"a": 1e999}', "/a", "is a number that not every program can hold"),
        (b'{"a": "\\ud800"}', "/a", "holds half of a surrogate pair"),
        (b'{"\\udc00": 1, "\\ud800": 1}', "", "holds a name with half of a surrogate pair"),
    ],
)
def test_what_programs_read_differently_is_refused_with_its_pointer(raw: bytes, where: str, said: str) -> None:
    with pytest.raises(Problem) as raised:
        parse(raw)
    assert raised.value.status == 400
    assert raised.value.errors[0] == {"pointer": where, "detail": said}


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert parse(b'"\\ud83e\\udd8a"') == "🦊"


def test_pointers_are_escaped_and_cut_short() -> None:
    assert pointer(("a/b~c", 3)) == "/a~1b~0c/3"
    assert pointer(("x" * 5000,)) == "/" + "x" * 64 + "…"
    assert pointer(("a\nb\u202e",)) == "/a\ufffdb\ufffd"


def test_a_thousand_unknown_fields_are_some_errors() -> None:
    with pytest.raises(Problem) as raised:
        validate(EditBody, {"text": "Day.", **{f"x{k}": 1 for k in range(1000)}})
    assert len(raised.value.errors) == MAX_ERRORS


SHORT = {"characterName": "Mira", "storyType": "adventure"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", "5"),
        ("age", True),
        ("age", 5.0),
        ("seed", "7"),
        ("premise", 5),
        ("language", None),
        ("assets", "cover"),
        ("assets", {"cover": 1}),
        ("generateAssets", 1),
        ("generateAssets", "false"),
        ("priority", 1),
        ("metadata", []),
        ("typeDetails", {"subject": True}),
        ("typeDetails", {"subject": 1.5}),
        ("metadata", {"a": 1}),
    ],
)
def test_no_type_is_made_into_another(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Brief.asked({**SHORT, field: value})


def _kinds(schema: Any) -> Iterator[str]:
    """The types of all schemas in a core schema."""
    if isinstance(schema, dict):
        if isinstance(kind := schema.get("type"), str):
            yield kind
        for key, value in schema.items():
            if key not in ("metadata", "serialization"):
                yield from _kinds(value)
    elif isinstance(schema, list | tuple):
        for one in schema:
            yield from _kinds(one)


RAISED = {
    "str": {"string_type", "string_too_short", "string_too_long", "string_pattern_mismatch", "string_unicode"},
    "int": {"int_type", "int_from_float", "int_parsing", "int_parsing_size", "greater_than_equal", "less_than_equal"},
    "float": {"float_type", "finite_number"},
    "bool": {"bool_type", "bool_parsing"},
    "literal": {"literal_error"},
    "enum": {"enum"},
    "tuple": {"tuple_type", "too_short", "too_long"},
    "list": {"list_type", "too_short", "too_long"},
    "dict": {"dict_type", "too_short", "too_long"},
    "model": {"model_type", "model_attributes_type"},
    "model-fields": {"missing", "extra_forbidden", "model_type", "model_attributes_type"},
    "none": {"none_required"},
    "function-after": {"value_error"},
    "uuid": {"uuid_type", "uuid_parsing"},
}
"""What a core schema of a type can raise, reading JSON."""
SILENT = {"nullable", "union", "default", "model-field", "definitions", "definition-ref", "typed-dict-field", "any"}
"""Types that raise nothing of their own."""


@pytest.mark.parametrize("model", [Brief, EditBody, RetryBody])
def test_every_error_that_a_schema_can_raise_is_in_our_words(model: type[BaseModel]) -> None:
    kinds = set(_kinds(model.__pydantic_core_schema__)) - SILENT
    for kind in kinds & RAISED.keys():
        assert RAISED[kind] <= WORDING.keys(), kind
    known = {one["type"] for one in list_all_errors()} | {"short_form"}
    assert WORDING.keys() <= known
    assert {"str", "model-fields"} <= kinds


def test_no_error_at_all_is_in_pydantics_words() -> None:
    for one in list_all_errors():
        example = ErrorDetails(
            type=one["type"],
            loc=(),
            msg=one["example_message_python"],
            input=None,
            ctx=one.get("example_context") or {},
        )
        said = wording(example)
        assert said
        assert one["type"] == "value_error" or said[0].islower()
        assert one["type"] == "value_error" or one["example_message_python"] not in said


def test_what_was_sent_is_in_no_error() -> None:
    word = "Quillabelle"
    bodies: list[dict[str, Any]] = [
        {**SHORT, "storyType": word},
        {**SHORT, "age": word},
        {**SHORT, "premise": word * 40},
        {**SHORT, "voice": f"{word}!"},
        {**SHORT, "language": word},
        {**SHORT, "assets": [word]},
        {**SHORT, "priority": word},
        {**SHORT, "approval": word},
        {**SHORT, "typeDetails": {"a": [word]}},
        {**SHORT, "metadata": {"a": [word]}},
        {"characterName": word * 9, "storyType": "x"},
        {
            "storyType": "adventure",
            "characters": [{"name": "Mira", "traits": [word], "species": word, "pronouns": word}],
        },
    ]
    for body in bodies:
        with pytest.raises(ValidationError) as raised:
            Brief.asked(body)
        assert word not in str(invalid(raised.value, body, Brief).errors)
