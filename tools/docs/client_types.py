"""client/resources.py: what the api takes and answers, as the types of its client, from the OpenAPI document.

The client imports nothing of ours, so its types are text that is made here. They say what is there, not its bounds:
these are the api's to check, and a client of today meets values of tomorrow.
"""

import keyword
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from services.api.docs import openapi

_HEAD = '''"""What the API takes and answers, as types.

Made from the OpenAPI document by `python -m tools.docs`: not to be edited. Members that are not required may be absent.
"""

from typing import Any, Literal, NotRequired, TypedDict
'''
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_WIDTH = 116
_STYLE = Path(__file__).parents[2] / "pyproject.toml"

Schema = Mapping[str, Any]


def text(root: Path) -> str:
    """The module's text, formatted, the same whatever the environment says."""
    del root
    return _text()


@cache
def _text() -> str:
    """Made once a process: what it is made from is imported, not read from a checkout."""
    schemas: Mapping[str, Schema] = openapi()["components"]["schemas"]
    needs = {name: dict.fromkeys(_references(schema)) for name, schema in schemas.items()}
    order = TopologicalSorter(needs).static_order()  # the same every time: no set has an order
    written = "\n\n".join([_HEAD, *("\n".join(_definition(name, schemas[name])) for name in order)])
    options = ["--quiet", "--no-cache", "--config", str(_STYLE), "--stdin-filename", "resources.py"]
    command = [sys.executable, "-m", "ruff", "format", *options, "-"]
    done = subprocess.run(  # noqa: S603 - the formatter of this environment
        command, input=written.encode(), capture_output=True, check=True
    )
    return done.stdout.decode()


def _definition(name: str, schema: Schema) -> Iterator[str]:
    """A class for an object, a name for anything else."""
    if "properties" not in schema:
        yield f"{name} = {_type(schema)}"
        yield from _docstring(schema, "")
        return
    required = set(schema.get("required", ()))
    annotations = {
        member: _type(one) if member in required else f"NotRequired[{_type(one)}]"
        for member, one in schema["properties"].items()
    }
    if any(keyword.iskeyword(member) or not member.isidentifier() for member in annotations):
        members = ", ".join(f'"{member}": {annotation}' for member, annotation in annotations.items())
        yield f'{name} = TypedDict("{name}", {{{members}}})'  # `from` can stand in no class
        yield from _docstring(schema, "")
        return
    yield f"class {name}(TypedDict):"
    yield from _docstring(schema, "    ", otherwise=f"`{name}`")
    for member, annotation in annotations.items():
        yield f"    {member}: {annotation}"
        yield from _docstring(schema["properties"][member], "    ")


def _docstring(schema: Schema, indent: str, *, otherwise: str = "") -> Iterator[str]:
    words = str(schema.get("description", otherwise)).replace("\\", "\\\\")
    if not words:
        return
    paragraphs = ["\n".join(textwrap.wrap(one, _WIDTH - len(indent) - 3)) for one in words.split("\n\n")]
    lines = "\n\n".join(paragraphs).splitlines()
    if len(lines) == 1:
        yield f'{indent}"""{lines[0]}"""'
        return
    yield from (indent + line if line else "" for line in (f'"""{lines[0]}', *lines[1:], '"""'))


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(map(repr, values))}]"
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(map(_type, alternatives)))
    kinds = schema.get("type", [])
    return " | ".join(_of_kind(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)) or "Any"


def _of_kind(kind: str, schema: Schema) -> str:
    if kind == "array":
        return f"list[{_type(schema.get('items', {}))}]"
    if kind == "object":
        members = schema.get("additionalProperties")
        return f"dict[str, {_type(members) if isinstance(members, Mapping) else 'Any'}]"
    return _PLAIN[kind]


def _references(schema: Any) -> Iterator[str]:
    """The schemas that one is made of."""
    if isinstance(schema, Mapping):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.rsplit("/", 1)[-1]
        for one in schema.values():
            yield from _references(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _references(one)
