"""Who consumes and who publishes what, from the docstrings of services/*/__init__.py and of the events.

The docstrings are read and the services not imported: a checkout's own count, whichever runs.
"""

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from storyloom.messaging.topology import EVENTS_FOR_STATUS
from storyloom.story.events import AnyEvent, Event
from tools.docs.markdown import code
from tools.docs.markdown import table as markdown_table

EVENTS: tuple[type[Event], ...] = get_args(get_args(AnyEvent)[0])
# A story's way; a service that is not named comes after them.
_ORDER = ("api", "content", "images", "audio", "documents", "status", "webhooks")


def docstrings(root: Path) -> Mapping[str, str]:
    """Each service's docstring, in the order of a story's way. Raises LookupError for one that has none."""
    found = {}
    for path in (root / "services").glob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        if not said:
            raise LookupError(f"services/{path.parent.name}/__init__.py does not say what it consumes and publishes.")
        found[path.parent.name] = said
    order = {name: place for place, name in enumerate(_ORDER)}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))}


def publishers(root: Path, message: str) -> list[str]:
    """The services whose docstring names it after "Publishes"."""
    return [name for name, said in docstrings(root).items() if re.search(rf"Publishes [^.]*\b{message}\b", said)]


def consumers(root: Path, message: str) -> list[str]:
    """The services that consume it: by their docstring, or because the projector's consumer does."""
    named = [name for name, said in docstrings(root).items() if re.search(rf"Consumes [^.]*\b{message}\b", said)]
    return [*named, *(["status"] if message in EVENTS_FOR_STATUS else [])]


def table(root: Path) -> str:
    """What each service consumes and publishes, by its docstring."""
    return markdown_table(
        ["service", "consumes and publishes"], [[code(name), said] for name, said in docstrings(root).items()]
    )


def events(root: Path) -> str:
    """Each event: what it means, who publishes it, who consumes it."""
    rows = [
        [
            f"[{event.__name__}](../events.md#{event.__name__.lower()})",
            inspect.getdoc(event) or "",
            names(publishers(root, event.__name__)),
            names(consumers(root, event.__name__)),
        ]
        for event in EVENTS
    ]
    return markdown_table(["event", "what it means, and what may now begin", "published by", "consumed by"], rows)


def names(found: list[str]) -> str:
    return ", ".join(found) or "nobody yet"
