"""Pydantic models as OpenAI's strict schemas: every key required, no others allowed.

Source: OpenAI, "Structured model outputs", supported schemas. Lengths of strings are left out, since not every model
takes them; what is left out here is still checked when the answer is read.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel

_LEFT_OUT = frozenset({"title", "default", "minLength", "maxLength", "discriminator", "examples"})


@cache
def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model's answer. Raises TypeError for what strict schemas cannot say (free-form objects)."""
    return _strict(model.model_json_schema(by_alias=True))


def _strict(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    strict = {key: _keyword(key, value) for key, value in node.items() if key not in _LEFT_OUT}
    if "oneOf" in strict:
        strict["anyOf"] = strict.pop("oneOf")
    if "prefixItems" in strict:
        strict["items"] = _only(strict.pop("prefixItems"))
    if "const" in strict:
        strict["enum"] = [strict.pop("const")]
    if strict.get("type") == "object":
        _close(strict)
    return strict


def _keyword(key: str, value: Any) -> Any:
    match key:
        case "properties" | "$defs":
            return {name: _strict(schema) for name, schema in value.items()}
        case "items":
            return _strict(value)
        case "anyOf" | "oneOf" | "prefixItems":
            return [_strict(schema) for schema in value]
        case _:
            return value


def _only(items: list[dict[str, Any]]) -> dict[str, Any]:
    """What all places of a tuple are, since strict schemas know lists of one kind alone."""
    if any(item != items[0] for item in items):
        raise TypeError("a strict schema has no tuples of different kinds")
    return items[0]


def _close(node: dict[str, Any]) -> None:
    if node.get("additionalProperties") not in {None, False} or "properties" not in node:
        raise TypeError("a strict schema has no free-form objects")
    node["required"] = list(node["properties"])
    node["additionalProperties"] = False
