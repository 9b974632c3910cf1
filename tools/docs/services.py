"""Who hears what and says what, from the docstrings of services/*/__init__.py and of the events.

The services are read and not imported: nothing in here may stand on them.
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
_ORDER = ("api", "content", "images", "audio", "documents", "status")


def says(root: Path) -> Mapping[str, str]:
    """Each service's docstring, in the order of a story's way. Raises LookupError for one that has none."""
    found = {}
    for path in (root / "services").glob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        if not said:
            raise LookupError(f"services/{path.parent.name}/__init__.py does not say what it hears and says.")
        found[path.parent.name] = said
    order = {name: place for place, name in enumerate(_ORDER)}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))}


def said_by(root: Path, message: str) -> list[str]:
    """The services whose docstring says, after "Says", that they say it."""
    return [name for name, said in says(root).items() if re.search(rf"Says [^.]*\b{message}\b", said)]


def heard_by(root: Path, message: str) -> list[str]:
    """The services that hear it: by their docstring, or because the projector's consumer does."""
    named = [name for name, said in says(root).items() if re.search(rf"Hears [^.]*\b{message}\b", said)]
    return [*named, *(["status"] if message in EVENTS_FOR_STATUS else [])]


def table(root: Path) -> str:
    """What each service hears and says, in its own words."""
    return markdown_table(["service", "in its own words"], [[code(name), said] for name, said in says(root).items()])


def events(root: Path) -> str:
    """Each event: what it means, who says it, who hears it."""
    rows = [
        [
            f"[{event.__name__}](events.md#{event.__name__.lower()})",
            inspect.getdoc(event) or "",
            names(said_by(root, event.__name__)),
            names(heard_by(root, event.__name__)),
        ]
        for event in EVENTS
    ]
    return markdown_table(["event", "what it means, and what may now begin", "said by", "heard by"], rows)


def names(found: list[str]) -> str:
    return ", ".join(found) or "nobody yet"
