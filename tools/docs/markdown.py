"""Markdown from plain values."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar or a line break in a cell is kept from breaking it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


def one_line(text: str) -> str:
    """A docstring's text as it reads in one line."""
    return " ".join(text.replace("``", "`").split())


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|") or " "
