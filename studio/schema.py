"""JSON Schema, as much of it as structured outputs and the vendors' request bodies use.

`find_problems` holds a value against a schema and says what is wrong in parts, not in prose, so that each
vendor's own words can be made of it. Understood: type, nullable, enum, const, properties, required,
additionalProperties, items, lengths, bounds, pattern, anyOf, oneOf (as anyOf), allOf, $ref within the document.
Source: JSON Schema 2020-12; developers.openai.com, structured outputs, supported schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
Kind = Literal[
    "missing", "unknown", "type", "value", "minimum", "maximum", "min_length", "max_length", "pattern",
    "min_items", "max_items",
]  # fmt: skip

_MOST_HOPS = 32  # references that lead to references
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "null": type(None), "boolean": bool, "number": (int, float), "string": str, "array": list, "object": dict,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `limit` is what the schema wants (a bound, types or values), `value` what stood there."""

    path: Path
    kind: Kind
    limit: Any
    value: Any


def find_problems(value: Any, schema: Schema, root: Schema | None = None, path: Path = ()) -> list[Problem]:
    """Everything wrong with `value`, the outermost first; an empty list if it fits."""
    return list(_problems(value, schema, schema if root is None else root, path))


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow $ref until there is none. Raises KeyError if it points nowhere in the document, or round in circles."""
    for _ in range(_MOST_HOPS):
        if "$ref" not in schema:
            return schema
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")] if part else target
        schema = target
    raise KeyError("a reference that leads to itself")


def types_of(schema: Schema) -> list[str]:
    """The JSON types a schema names: none if it names no type."""
    named = schema.get("type", [])
    types = [named] if isinstance(named, str) else list(named)
    return [*types, "null"] if types and schema.get("nullable") else types


def is_type(value: Any, name: str) -> bool:
    """Is this a JSON value of that type? True and False are no numbers; 2.0 is an integer."""
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _TYPES[name])


def _problems(value: Any, schema: Schema, root: Schema, path: Path) -> Iterator[Problem]:
    schema = resolve(schema, root)
    types = types_of(schema)
    if types and not any(is_type(value, name) for name in types):
        yield Problem(path, "type", types, value)
        return
    if value is None and "null" in types:
        return
    allowed = [schema["const"]] if "const" in schema else schema.get("enum", [value])
    if value not in allowed:
        yield Problem(path, "value", list(allowed), value)
    for part in schema.get("allOf", ()):
        yield from _problems(value, part, root, path)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            yield from _best_branch(value, schema[word], root, path)
    yield from _inner_problems(value, schema, root, path)


def _inner_problems(value: Any, schema: Schema, root: Schema, path: Path) -> Iterator[Problem]:
    match value:
        case str():
            yield from _string_problems(value, schema, path)
        case list():
            yield from _array_problems(value, schema, root, path)
        case dict():
            yield from _object_problems(value, schema, root, path)
        case int() | float() if not isinstance(value, bool):
            yield from _number_problems(value, schema, path)


def _best_branch(value: Any, branches: list[Schema], root: Schema, path: Path) -> Iterator[Problem]:
    """The findings of the branch that was most likely meant: right type and right `type` tag, fewest findings."""
    found = [find_problems(value, branch, root, path) for branch in branches]
    if any(not problems for problems in found):
        return
    meant = [problems for problems in found if not _is_foreign(problems, path)]
    if meant:
        yield from min(meant, key=len)
    elif all(problems[0].kind == "type" and problems[0].path == path for problems in found):
        yield Problem(path, "type", [name for problems in found for name in problems[0].limit], value)
    else:
        tagged = [p for problems in found for p in problems if p.kind == "value" and p.path == (*path, "type")]
        if tagged:
            yield Problem(tagged[0].path, "value", [v for p in tagged for v in p.limit], tagged[0].value)
        else:
            yield from min((p for p in found if p[0].kind != "type"), key=len)


def _is_foreign(problems: list[Problem], path: Path) -> bool:
    return any(
        (p.kind == "type" and p.path == path) or (p.kind == "value" and p.path == (*path, "type")) for p in problems
    )


def _string_problems(value: str, schema: Schema, path: Path) -> Iterator[Problem]:
    if len(value) < schema.get("minLength", 0):
        yield Problem(path, "min_length", schema["minLength"], value)
    if len(value) > schema.get("maxLength", len(value)):
        yield Problem(path, "max_length", schema["maxLength"], value)
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield Problem(path, "pattern", schema["pattern"], value)


def _number_problems(value: float, schema: Schema, path: Path) -> Iterator[Problem]:
    if value < schema.get("minimum", value):
        yield Problem(path, "minimum", schema["minimum"], value)
    if value > schema.get("maximum", value):
        yield Problem(path, "maximum", schema["maximum"], value)


def _array_problems(value: list[Any], schema: Schema, root: Schema, path: Path) -> Iterator[Problem]:
    if len(value) < schema.get("minItems", 0):
        yield Problem(path, "min_items", schema["minItems"], value)
    if len(value) > schema.get("maxItems", len(value)):
        yield Problem(path, "max_items", schema["maxItems"], value)
    if "items" in schema:
        for at, item in enumerate(value):
            yield from _problems(item, schema["items"], root, (*path, at))


def _object_problems(value: dict[str, Any], schema: Schema, root: Schema, path: Path) -> Iterator[Problem]:
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield Problem((*path, name), "missing", None, None)
    for name, item in value.items():
        if name in properties:
            yield from _problems(item, properties[name], root, (*path, name))
        elif others is False:
            yield Problem((*path, name), "unknown", sorted(properties), item)
        elif isinstance(others, Mapping):
            yield from _problems(item, others, root, (*path, name))
