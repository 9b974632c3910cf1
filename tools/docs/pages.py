"""The pages that hold generated parts, and how a part is put in its place.

A page is written by hand; what stands between ``<!-- made: NAME -->`` and ``<!-- /made -->`` is the code's.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.docs import (
    architecture,
    asyncapi,
    catalogue,
    client_types,
    dashboards,
    graph,
    openapi,
    outcomes,
    services,
    streams,
    variables,
)

ROOT = Path(__file__).parents[2]
"""The checkout."""

Make = Callable[[Path], str]
"""Makes one part from the code in a checkout. Deterministic: no time, no environment."""

PAGES: Mapping[str, Mapping[str, Make]] = {
    "README.md": {"where": architecture.where},
    "docs/architecture/overview.md": {"services": services.table, "events": services.events},
    "docs/architecture/a-story.md": {
        "graph": lambda _: graph.mermaid(),
        "assets": lambda _: graph.table(),
        "sequence": architecture.a_story,
    },
    "docs/architecture/a-job.md": {"sequence": architecture.a_job},
    "docs/events.md": {
        "messages": catalogue.messages,
        "results": catalogue.results,
        "parts": catalogue.parts,
        "streams": lambda _: streams.streams_table(),
        "consumers": lambda _: streams.consumers_table(),
    },
    "docs/runbook.md": {"settings": variables.tables},
    "docs/guide/webhooks.md": {"outcomes": lambda _: outcomes.outcomes_table()},
}
"""Page by page, the parts that it holds."""

FILES: Mapping[str, Make] = {
    "client/resources.py": client_types.text,
    "deploy/observability/dashboards/overview.json": dashboards.overview,
    "deploy/observability/dashboards/slo.json": dashboards.slo,
    "deploy/observability/dashboards/story.json": dashboards.story,
    "deploy/observability/dashboards/workers.json": dashboards.workers,
    "docs/asyncapi.json": asyncapi.text,
    "docs/openapi.json": openapi.text,
}
"""The files that are the code's from end to end."""

_PART = re.compile(r"(<!-- made: (?P<name>[a-z]+) -->\n).*?(<!-- /made -->)", re.DOTALL)


class PageError(Exception):
    """A page cannot be brought up to date by itself; the message says what to do."""


def stale(root: Path) -> list[str]:
    """The pages that are not what they should be. Raises PageError."""
    return [name for name in (*PAGES, *FILES) if _old(root, name) != _fresh(root, name)]


def write(root: Path) -> list[str]:
    """Bring the pages up to date; answer those that changed. Raises PageError."""
    changed = stale(root)
    for name in changed:
        (root / name).write_text(_fresh(root, name), "utf-8")
    return changed


def _old(root: Path, name: str) -> str:
    if name in FILES and not (root / name).exists():
        return ""  # it is made anew, from nothing
    return _read(root, name)


def _fresh(root: Path, name: str) -> str:
    if name in FILES:
        return FILES[name](root)
    text, parts = _read(root, name), PAGES[name]
    found = [match["name"] for match in _PART.finditer(text)]
    if sorted(found) != sorted(parts):
        wanted = ", ".join(f"<!-- made: {part} -->" for part in parts)
        raise PageError(f"{name} must hold each of these once, each closed by <!-- /made -->: {wanted}.")
    try:
        return _PART.sub(lambda match: f"{match[1]}\n{parts[match['name']](root)}\n\n{match[3]}", text)
    except LookupError as error:
        raise PageError(f"{name} cannot be written: {error.args[0]}") from error


def _read(root: Path, name: str) -> str:
    try:
        return (root / name).read_text("utf-8")
    except FileNotFoundError as error:
        raise PageError(f"{name} is missing: take it from version control.") from error
