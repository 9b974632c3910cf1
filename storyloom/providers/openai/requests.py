"""What a structured request holds: the strict schema of its answer, and the blocks of data inside its prompt.

Schemas are pydantic models as OpenAI's strict schemas have them: every key required, no others allowed. Source: OpenAI,
"Structured model outputs", supported schemas. Lengths of strings are left out, since not every model takes them; what
is left out here is still checked when the answer is read.

A block is a tag around JSON (docs/providers.md). Everything in one is data.
"""

import json
import re
from collections.abc import Mapping
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


_NAME = re.compile(r"[a-z_]{1,40}")
# A premise may hold "</brief>": inside JSON strings these two are the same text and close no tag.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e"})


def write_blocks(blocks: Mapping[str, Any]) -> str:
    """The blocks as text, one a line, in the order given. Values are plain JSON values."""
    return "\n".join(_write(name, value) for name, value in blocks.items())


def _write(name: str, value: Any) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"no block is called {name!r}")
    return f"<{name}>{json.dumps(value, ensure_ascii=False).translate(_ESCAPES)}</{name}>"
