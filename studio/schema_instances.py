"""An instance of a JSON Schema that nobody here knows: a value that fits it, seeded, in words a person can read.

jsf, which fakes instances too, draws from global randomness and takes 1.8 s of CPU to import.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from studio.schema import InvalidSchemaError, Schema, resolve, types_of

_SUBJECTS = (
    "the fox",
    "the lantern",
    "the old bridge",
    "the quiet hill",
    "the small boat",
    "the wind",
    "the owl",
    "the key",
)
_VERBS = ("waits by", "remembers", "listens to", "looks after", "looks for", "sings to", "follows", "finds")
_MAX_DEPTH = 8  # below this depth the smallest value that fits is taken, so that recursive schemas end


def generate_sentence(rng: random.Random) -> str:
    """A short sentence, such as "The fox listens to the wind."."""
    one, other = rng.sample(_SUBJECTS, 2)
    return f"{one} {rng.choice(_VERBS)} {other}.".capitalize()


def generate_instance(schema: Schema, seed: int) -> Any:
    """A value that fits the schema; the same seed, the same value. Raises InvalidSchemaError if none can be made."""
    try:
        return _generate(schema, schema, random.Random(seed), 0)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:  # an odd keyword value
        raise InvalidSchemaError(f"no value can be made for it: {error!r}") from error


def _generate(schema: Schema, root: Schema, rng: random.Random, depth: int) -> Any:
    schema = resolve(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    branches: Sequence[Schema] = schema.get("anyOf") or schema.get("oneOf") or ()
    if branches:
        return _generate(_choose(branches, root, depth), root, rng, depth + 1)
    types = types_of(schema) or ["object" if "properties" in schema else "string"]
    name = "null" if "null" in types and depth > _MAX_DEPTH else types[0]
    if name == "array":
        return _generate_array(schema, root, rng, depth)
    if name == "object":
        wanted = schema.get("required", ()) if depth > _MAX_DEPTH else schema.get("properties", {})
        return {key: _generate(schema["properties"][key], root, rng, depth + 1) for key in wanted}
    return _generate_leaf(name, schema, rng)


def _generate_leaf(name: str, schema: Schema, rng: random.Random) -> Any:
    match name:
        case "null":
            return None
        case "boolean":
            return rng.random() < 0.5
        case "integer":
            return rng.randint(*_bounds(schema, whole=True))
        case "number":
            low, high = _bounds(schema, whole=False)
            return round(min(high, max(low, rng.uniform(low, high))), 3)
        case _:
            return _generate_string(schema, rng)


def _choose(branches: Sequence[Schema], root: Schema, depth: int) -> Schema:
    """The first that is not null; deep down, null if it may be."""
    nulls = [branch for branch in branches if types_of(resolve(branch, root)) == ["null"]]
    if nulls and depth > _MAX_DEPTH:
        return nulls[0]
    return next((branch for branch in branches if branch not in nulls), branches[0])


def _bounds(schema: Schema, *, whole: bool) -> tuple[Any, Any]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0 if whole else 0.0) + ("exclusiveMinimum" in schema))
    high = schema.get("maximum", max(low + 9, 9) if whole else max(low + 1.0, 1.0))
    return low, high


def _generate_array(schema: Schema, root: Schema, rng: random.Random, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    most = schema.get("maxItems", max(least, 3))
    count = least if depth > _MAX_DEPTH else rng.randint(max(least, min(1, most)), most)
    return [_generate(schema.get("items", {"type": "string"}), root, rng, depth + 1) for _ in range(count)]


def _generate_string(schema: Schema, rng: random.Random) -> str:
    text = generate_sentence(rng)
    while len(text) < schema.get("minLength", 0):
        text += " " + generate_sentence(rng)
    return text[: schema.get("maxLength", len(text))]
