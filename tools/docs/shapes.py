"""A model's fields in words, from its JSON schema."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

Schema = Mapping[str, Any]
_FORMATS = {"uuid": "UUID", "date-time": "time (ISO 8601, UTC)", "password": "secret text"}
_NAMES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}
_BOUNDS = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", "characters"),
    ("minItems", "maxItems", "of them"),
    ("minProperties", "maxProperties", "of them"),
)


def fields(model: type[BaseModel]) -> list[tuple[str, str, str]]:
    """(name, type in words, default or ``required``), in the model's order, as the bus carries them."""
    schema = model.model_json_schema(by_alias=False)
    required = set(schema.get("required", ()))
    return [
        (name, words(one), "required" if name in required else _default(model, name))
        for name, one in schema.get("properties", {}).items()
    ]


def words(schema: Schema) -> str:
    """A type in words: ``whole number (1 to 4)``, ``list of [Word](#word)``, ``text or null``."""
    if "$ref" in schema:
        return link(schema["$ref"].rsplit("/", 1)[-1])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(words(one) for one in schema[union]))
    return _bounded(_kind(schema), schema)


def link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _kind(schema: Schema) -> str:
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            kinds = dict.fromkeys(words(one) for one in schema["prefixItems"])
            return f"list of {' and '.join(kinds)}"
        case "array":
            return f"list of {words(schema.get('items', {}))}"
        case "object":
            held = schema.get("additionalProperties")
            key = words({"type": "string"} | schema.get("propertyNames", {}))
            return f"map from {key} to {words(held if isinstance(held, dict) else {})}"
        case kind:
            return _FORMATS.get(schema.get("format", "")) or _NAMES.get(str(kind), "anything")


def _bounded(kind: str, schema: Schema) -> str:
    said = [bound for keys in _BOUNDS if (bound := _bound(schema, *keys))]
    if "exclusiveMinimum" in schema:
        said.append(f"more than {schema['exclusiveMinimum']}")
    if "pattern" in schema:
        said.append(_pattern(schema["pattern"]))
    return f"{kind} ({', '.join(said)})" if said else kind


def _pattern(pattern: str) -> str:
    # What keeps control characters out names each of them, and says less to a reader than its purpose.
    return "no control characters" if pattern.startswith(r"^[^\x00-") else f"matching `{pattern}`"


def _bound(schema: Schema, least: str, most: str, what: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is None and high is None:
        return ""
    said = f"at most {high}" if low is None else f"at least {low}" if high is None else f"{low} to {high}"
    return f"{low if low == high else said} {what}".rstrip()


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()  # what stands in the code is no secret
    if isinstance(value, BaseModel):
        return "its own defaults"
    if isinstance(value, tuple):
        return f"`{', '.join(str(one) for one in value)}`" if value else "empty"
    if value is None:
        return "none"
    return "empty" if value in ("", {}) else f"`{str(value).lower() if isinstance(value, bool) else value}`"
