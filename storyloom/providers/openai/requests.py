"""What a structured request holds: the strict schema of its answer, the blocks of data inside its prompt, its tokens.

Schemas are pydantic models as OpenAI's strict schemas have them: every key required, no others allowed. Source: OpenAI,
"Structured model outputs", supported schemas. Lengths of strings are left out, since not every model takes them; what
is left out here is still checked when the answer is read.

A block is a tag around JSON (docs/providers.md). Everything in one is data.
"""

import json
import re
from collections.abc import Mapping, Sequence
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


MAX_OUTPUT_TOKENS = 16_000
"""Tokens that an answer is allowed at first, its reasoning included; an outline takes about a thousand."""
MOST_OUTPUT_TOKENS = 64_000
"""Tokens up to which it is allowed more, each time twice as many, where it broke off."""
# What the models themselves allow (OpenAI, "Models", max output tokens); newer ones allow more than we ever ask for.
_MODEL_TOKENS: Mapping[str, int] = {
    "gpt-3.5": 4_096,
    "gpt-4-": 4_096,
    "gpt-4o": 16_384,
    "gpt-4.1": 32_768,
}


def first_limit(model: str) -> int:
    """Tokens that a model is allowed for an answer at first."""
    return min(MAX_OUTPUT_TOKENS, _most_tokens(model))


def larger_limit(model: str, limit: int) -> int | None:
    """Tokens to allow after an answer broke off at ``limit``; None if no more can be had that would be worth it."""
    larger = min(2 * limit, _most_tokens(model))
    return larger if larger >= 1.5 * limit else None


def _most_tokens(model: str) -> int:
    return min([MOST_OUTPUT_TOKENS, *(most for name, most in _MODEL_TOKENS.items() if model.startswith(name))])


def with_feedback(blocks: Mapping[str, Any], faults: Sequence[str]) -> dict[str, Any]:
    """The blocks for asking again: what was wrong with an answer that could not be used comes after other feedback."""
    told = [f"Your last answer could not be used: {fault}. Write plain text in the given shape." for fault in faults]
    return {**blocks, "feedback": [*blocks.get("feedback", ()), *told]}
