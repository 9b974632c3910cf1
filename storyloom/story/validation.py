"""Where a body is wrong, for logs, dead letters and reasons: said without a word of what it holds."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

Described = type[BaseModel] | TypeAdapter[Any]
"""What a body should have been."""


def wrong_fields(error: ValidationError, described: Described, *, most: int = 3) -> str:
    """The first places that are wrong and how, like ``inputs.text_1.paragraphs.0: string_type``.

    A name that the description does not know is the sender's own, and stands as ``?``: an extra field, the key of a
    dictionary.
    """
    known = _names(described)
    found = error.errors(include_url=False, include_context=False, include_input=False)[:most]
    return "; ".join(f"{_place(each['loc'], known)}: {each['type']}" for each in found)


def _place(loc: tuple[int | str, ...], known: frozenset[str]) -> str:
    return ".".join(str(part) if isinstance(part, int) or part in known else "?" for part in loc)


@cache
def _names(described: Described) -> frozenset[str]:
    """Every name that a description gives a field, a model or a choice."""
    adapter = described if isinstance(described, TypeAdapter) else TypeAdapter(described)
    return frozenset(_walk(adapter.json_schema(by_alias=True)))


def _walk(schema: Any) -> Iterator[str]:
    parts: Any = schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        parts = schema.values()
        for name in ("properties", "$defs"):
            named = schema.get(name)
            yield from named if isinstance(named, dict) else ()
        choices = schema.get("enum")
        yield from map(str, choices if isinstance(choices, list) else ())
        yield str(schema.get("const"))
    for part in parts:
        yield from _walk(part)
