"""The settings as tables: variable, what it means, its bounds, its default."""

from pathlib import Path

from pydantic import BaseModel

from storyloom.runtime.settings import Settings
from tools.docs.markdown import code, one_line, table
from tools.docs.meanings import meaning
from tools.docs.shapes import fields


def tables(root: Path) -> str:
    """Every group of runtime/settings.py, in its order. Raises LookupError for one that nobody has explained."""
    del root
    return "\n\n".join(_table(group) for group in Settings.__bases__ if issubclass(group, BaseModel))


def _table(group: type[BaseModel]) -> str:
    said = group.__doc__
    rows = [[code(name.upper()), meaning(group, name), kind, default] for name, kind, default in fields(group)]
    return "\n\n".join(
        part
        for part in (
            f"### {group.__name__.removesuffix('Settings')}",
            one_line(said or ""),
            table(["variable", "meaning", "type and bounds", "default"], rows),
        )
        if part
    )
