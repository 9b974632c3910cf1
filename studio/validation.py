"""Requests held against what the vendors publish, and refused in the vendors' words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from studio.openai_api import openai_error
from studio.schema import InvalidSchemaError, Path, Problem, Schema, find_problems, is_type, resolve, types_of
from studio.vendor_errors import VendorError

_NAMED = {
    "string": "a string", "integer": "an integer", "number": "a decimal", "boolean": "a boolean",
    "array": "an array", "object": "an object", "null": "null",
}  # fmt: skip
# Words that structured outputs do not take. Source: developers.openai.com, structured outputs, unsupported keywords.
_NOT_PERMITTED = (
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties",
)  # fmt: skip

# What the real API says of each kind of problem, and the code it gives.
_SENTENCES = {
    "missing": ("Missing required parameter: '{param}'.", "missing_required_parameter"),
    "unknown": ("Unknown parameter: '{param}'.", "unknown_parameter"),
    "type": ("Invalid type for '{param}': expected {wanted}, but got {got} instead.", "invalid_type"),
    "value": ("Invalid value: {got}. Supported values are: {wanted}.", "invalid_value"),
    "minimum": (
        "Invalid '{param}': {number} below minimum value. Expected a value >= {wanted}, but got {got} instead.",
        "{number}_below_min_value",
    ),
    "maximum": (
        "Invalid '{param}': {number} above maximum value. Expected a value <= {wanted}, but got {got} instead.",
        "{number}_above_max_value",
    ),
    "empty": (
        (
            "Invalid '{param}': empty string. Expected a string with minimum length {wanted}, "
            "but got an empty string instead."
        ),
        "empty_string",
    ),
    "min_length": (
        (
            "Invalid '{param}': string too short. Expected a string with minimum length {wanted}, "
            "but got a string with length {count} instead."
        ),
        "string_below_min_length",
    ),
    "max_length": (
        (
            "Invalid '{param}': string too long. Expected a string with maximum length {wanted}, "
            "but got a string with length {count} instead."
        ),
        "string_above_max_length",
    ),
    "pattern": (
        "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern '{wanted}'.",
        "invalid_value",
    ),
    "min_items": (
        (
            "Invalid '{param}': empty array. Expected an array with minimum length {wanted}, "
            "but got an empty array instead."
        ),
        "empty_array",
    ),
    "max_items": (
        (
            "Invalid '{param}': array too long. Expected an array with maximum length {wanted}, "
            "but got an array with length {count} instead."
        ),
        "array_above_max_length",
    ),
}


@cache
def read_spec(vendor: str) -> dict[str, Any]:
    """The compact description of a vendor's requests that the studio carries: `openai` or `elevenlabs`."""
    text = resources.files("studio").joinpath(f"specs/{vendor}.json").read_text(encoding="utf-8")
    spec: dict[str, Any] = json.loads(text)
    return spec


def check_request(name: str, body: Mapping[str, Any]) -> None:
    """Raises 400 that names the first parameter that is wrong."""
    problems = find_problems(body, read_spec("openai")["requests"][name])
    if problems:
        # What is missing or unknown is named before what is odd inside, as the real API does.
        raise as_openai_error(min(problems, key=lambda problem: problem.kind not in {"missing", "unknown"}))


def check_model(endpoint: str, model: str) -> None:
    """Raises 404 for a model that the endpoint does not have."""
    if model not in read_spec("openai")["models"][endpoint]:
        raise openai_error(
            404, f"The model `{model}` does not exist or you do not have access to it.", param="model",
            code="model_not_found",
        )  # fmt: skip


def check_strict(name: str, schema: Schema) -> None:
    """Raises 400 for a schema that structured outputs would not take in strict mode."""
    fault = _strict_fault(schema, schema, ())
    if fault is None and (schema.get("type") != "object" or "anyOf" in schema):
        named = schema.get("type")
        fault = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{named}\"'."
    if fault:
        raise openai_error(
            400, f"Invalid schema for response_format '{name}': {fault}", param="text.format.schema",
            code="invalid_json_schema",
        )  # fmt: skip


def as_openai_error(problem: Problem) -> VendorError:
    """One finding in OpenAI's words: message, param and code."""
    param = write_path(problem.path)
    message, code = _message_and_code(problem, param)
    return openai_error(400, message, param=param or None, code=code)


def write_path(path: Path) -> str:
    """A path as OpenAI writes it: input[0].content[1].type."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _message_and_code(problem: Problem, param: str) -> tuple[str, str]:
    limit, value = problem.limit, problem.value
    kind: str = "empty" if problem.kind == "min_length" and not value else problem.kind
    sentence, code = _SENTENCES[kind]
    words = {
        "param": param,
        "wanted": _type_names(limit) if kind == "type" else _value_list(limit) if kind == "value" else limit,
        "got": _type_name(value) if kind == "type" else _quoted(value) if kind == "value" else value,
        "count": len(value) if isinstance(value, str | list) else 0,
        "number": "integer" if is_type(value, "integer") else "decimal",
    }
    return sentence.format(**words), code.format(**words)


def _type_names(types: list[str]) -> str:
    named = [_NAMED[name] for name in dict.fromkeys(types) if name != "null"]
    return named[0] if len(named) == 1 else f"one of {', '.join(named[:-1])} or {named[-1]}"


def _type_name(value: Any) -> str:
    return _NAMED[next(name for name in _NAMED if is_type(value, name))]


def _quoted(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


def _value_list(values: list[Any]) -> str:
    shown = [_quoted(value) for value in dict.fromkeys(values)]
    if len(shown) < 3:
        return " and ".join(shown)
    return f"{', '.join(shown[:-1])}, and {shown[-1]}"


def _strict_fault(schema: Schema, root: Schema, context: Path) -> str | None:
    """The first thing that strict mode forbids, in depth first order."""
    where = f"In context={context}, "
    for word in _NOT_PERMITTED:
        if word in schema:
            return f"{where}'{word}' is not permitted."
    if "$ref" in schema:
        try:
            resolve(schema, root)
        except InvalidSchemaError:
            return f"{where}reference can only point to definitions defined at the top level of the schema."
    elif "object" in types_of(schema):
        if schema.get("additionalProperties") is not False:
            return f"{where}'additionalProperties' is required to be supplied and to be false."
        missing = [name for name in schema.get("properties", {}) if name not in schema.get("required", [])]
        if missing:
            return (
                f"{where}'required' is required to be supplied and to be an array including every key in properties. "
                f"Missing '{missing[0]}'."
            )
    for path, inner in _inner_schemas(schema):
        fault = _strict_fault(inner, root, (*context, *path))
        if fault:
            return fault
    return None


def _inner_schemas(schema: Schema) -> list[tuple[Path, Schema]]:
    inner: list[tuple[Path, Schema]] = [
        ((word, name), part) for word in ("properties", "$defs") for name, part in schema.get(word, {}).items()
    ]
    inner += [(("anyOf", str(at)), part) for at, part in enumerate(schema.get("anyOf", ()))]
    if "items" in schema:
        inner.append((("items",), schema["items"]))
    return inner
