"""Values held against JSON Schemas by the jsonschema package; what is wrong is told in parts, not in prose.

Each vendor's own words are made of those parts. `null` passes for an optional parameter whose type names it, also where
its values do not: the vendors' files say so by OpenAPI's `nullable`.
Source: JSON Schema 2020-12; developers.openai.com, structured outputs, supported schemas.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import UnknownType
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

# A registry of our own: jsonschema's default one would fetch an address that a client's $ref names.
_REGISTRY: Registry[Any] = Registry()
_MAX_HOPS = 32  # references that lead to references
_KINDS = {
    "required": "missing", "additionalProperties": "unknown", "enum": "value", "const": "value",
    "minLength": "min_length", "maxLength": "max_length", "minItems": "min_items", "maxItems": "max_items",
}  # fmt: skip
# What Python raises where a schema holds something else than its keyword wants: jsonschema takes schemas as they come.
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError, RecursionError, re.error, Unresolvable)


class InvalidSchemaError(Exception):
    """A schema that nothing can be held against: a wrong keyword value, or a $ref that leads nowhere or in circles."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: `missing`, `unknown`, `value`, `min_length` … or the schema's own keyword.

    `limit` is what the schema wants (a bound, types, values), `value` what stood there.
    """

    path: Path
    kind: str
    limit: Any
    value: Any


def find_problems(value: Any, schema: Schema) -> list[Problem]:
    """Everything wrong with `value`, the outermost first; an empty list if it fits. Raises InvalidSchemaError."""
    try:
        errors = _RequestValidator(schema, registry=_REGISTRY).iter_errors(value)
        return sorted((problem for error in errors for problem in _problems(error)), key=lambda found: len(found.path))
    except UnknownType as error:  # its own message quotes the value, which is nobody's business here
        raise InvalidSchemaError(f"there is no type {error.type!r}") from error
    except _MALFORMED as error:
        raise InvalidSchemaError(str(error)) from error


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow $ref until there is none. Raises InvalidSchemaError if it leads out of the document, nowhere or round."""
    for _ in range(_MAX_HOPS):
        if "$ref" not in schema:
            return schema
        document = _REGISTRY.with_resource("", DRAFT202012.create_resource(root))
        try:
            schema = document.resolver().lookup(str(schema["$ref"])).contents
        except Unresolvable as error:
            raise InvalidSchemaError(f"the reference {error.ref!r} leads nowhere") from error
    raise InvalidSchemaError("a reference leads to itself")


def types_of(schema: Schema) -> list[str]:
    """The JSON types a schema names: none if it names no type."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def is_type(value: Any, name: str) -> bool:
    """Is this a JSON value of that type? True and False are no numbers; 2.0 is an integer."""
    return bool(Draft202012Validator.TYPE_CHECKER.is_type(value, name))


def _required(validator: Validator, names: list[str], value: Any, _schema: Schema) -> Iterator[ValidationError]:
    """As jsonschema has it, but each error's path ends with the name that is missing."""
    if validator.is_type(value, "object"):
        yield from (ValidationError("missing", path=[name]) for name in names if name not in value)


def _additional_properties(validator: Validator, wanted: Any, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """As jsonschema has it, but one error for each name that is unknown, with the name at its path's end."""
    if wanted is False and "patternProperties" not in schema and validator.is_type(value, "object"):
        known = schema.get("properties", {})
        yield from (ValidationError("unknown", path=[name]) for name in value if name not in known)
    else:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, wanted, value, schema)


def _enum(validator: Validator, values: list[Any], value: Any, schema: Schema) -> Iterator[ValidationError]:
    """As jsonschema has it, but silent where `type` has spoken: on a null, and on a value of another type."""
    types = types_of(schema)
    if not types or (value is not None and any(validator.is_type(value, name) for name in types)):
        yield from Draft202012Validator.VALIDATORS["enum"](validator, values, value, schema)


_RequestValidator: type[Validator] = extend(  # type: ignore[no-untyped-call]  # its stubs leave it open
    Draft202012Validator,
    {"required": _required, "additionalProperties": _additional_properties, "enum": _enum},
)


def _problems(error: ValidationError) -> Iterator[Problem]:
    if error.context:
        yield from _best_branch(error)
        return
    keyword, limit = str(error.validator), error.validator_value
    if keyword == "const" or (keyword == "type" and isinstance(limit, str)):
        limit = [limit]
    yield Problem(tuple(error.absolute_path), _KINDS.get(keyword, keyword), limit, error.instance)


def _best_branch(error: ValidationError) -> Iterator[Problem]:
    """The findings of the branch that was most likely meant: right type and right `type` tag, fewest findings.

    jsonschema's `best_match` names one error of one branch; a vendor names all types and tags that would have done.
    """
    branches: defaultdict[Any, list[Problem]] = defaultdict(list)
    for inner in error.context:
        branches[inner.relative_schema_path[0]] += _problems(inner)
    path, found = tuple(error.absolute_path), list(branches.values())
    meant = [problems for problems in found if not _is_foreign(problems, path)]
    if meant:
        yield from min(meant, key=len)
    elif all(problems[0].kind == "type" and problems[0].path == path for problems in found):
        yield Problem(path, "type", [name for problems in found for name in problems[0].limit], error.instance)
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
