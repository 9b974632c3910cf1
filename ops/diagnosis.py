"""The doctor's report as people and programs read it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ops.assets import AssetDiagnosis, Finding, State
from ops.cli import clock, counted, span
from ops.snapshots import Look
from storyloom.story.assets import GRAPH, Asset

MOST = 30
"""Rows of a table unless everything is asked for."""
STYLES = {
    "working": "green",
    "queued": "cyan",
    "sending": "cyan",
    "retrying": "yellow",
    "waiting": "dim",
    "unheard": "yellow",
}
WORDS = {
    "working": "being worked on",
    "queued": "on the bus",
    "sending": "just sent",
    "retrying": "waiting for the next attempt",
    "waiting": "waiting for other assets",
    "lost": "with nobody",
    "unheard": "done perhaps, and not heard of",
}
ORDER: tuple[State, ...] = ("lost", "unheard", "retrying", "working", "queued", "sending", "waiting")


def page(
    look: Look, findings: Sequence[Finding], remarks: Sequence[str], *, everything: bool = False
) -> RenderableType:
    """A summary, the findings, and where each unfinished asset stands."""
    parts: list[RenderableType] = [_summary(look, findings)]
    if findings:
        parts.append(Padding(_findings(findings, everything=everything), (1, 0, 0, 0)))
    if look.standing:
        parts.append(Padding(_standing(look, everything=everything), (1, 0, 0, 0)))
    parts += [Padding(Text(remark, style="yellow"), (1, 0, 0, 0)) for remark in remarks]
    return Group(*parts)


def as_json(look: Look, findings: Sequence[Finding], remarks: Sequence[str]) -> str:
    """Everything, for programs."""
    told = {
        "healthy": not findings and look.caught_up,
        "at": look.at,
        "stories": look.stories,
        "workers": look.workers,
        "behind": look.behind,
        "findings": [asdict(finding) for finding in findings],
        "standing": [{key: value for key, value in asdict(one).items() if value} for one in look.standing],
        "remarks": list(remarks),
    }
    return json.dumps(told, default=_plain, ensure_ascii=False)


def describe(one: AssetDiagnosis, now: datetime) -> str:
    """Where an asset stands, in words."""
    since = ""
    if one.since is not None:
        since = f" for {span((now - one.since).total_seconds())}, since {clock(one.since, now)}"
    match one.state:
        case "working":
            return f"{one.worker} works on it{since}"
        case "queued":
            return f"on the bus{since}"
        case "sending":
            return f"just sent, at {clock(one.since or now, now)}"
        case "retrying":
            return f"waits until {clock(one.until or now, now)} for attempt {one.attempt}"
        case "waiting":
            return f"waits for {', '.join(asset.value for asset in _nearest(one.waits_for))}"
        case _:
            return ("nobody has it" if one.state == "lost" else "done perhaps, and not heard of") + since


def _nearest(needs: Sequence[Asset]) -> list[Asset]:
    """What is waited for, without what that waits for in its turn."""
    implied = {further for need in needs for further in GRAPH[need].waits_for}
    return [need for need in needs if need not in implied]


def _summary(look: Look, findings: Sequence[Finding]) -> Text:
    kinds = Counter(one.state for one in look.standing)
    text = Text()
    if findings:
        text.append(f"✗ {counted(len(findings), 'finding')}. ", style="bold red")
    elif look.caught_up:
        text.append("✓ Healthy. ", style="bold green")
    else:
        text.append("? Not to be told now. ", style="bold yellow")
    text.append(
        f"{counted(look.stories, 'story', 'stories')} under way, {counted(len(look.standing), 'asset')} unfinished"
    )
    if kinds:
        text.append(": " + ", ".join(f"{kinds[kind]:,} {WORDS[kind]}" for kind in ORDER if kinds[kind]))
    text.append(f". {counted(len(look.workers), 'worker')} answered. ")
    return text.append(f"Looked at {clock(look.at)}.", style="dim")


def _findings(findings: Sequence[Finding], *, everything: bool) -> Group:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("finding", style="red", no_wrap=True)
    table.add_column("about", overflow="fold", max_width=50)
    table.add_column("what", overflow="fold", ratio=1)
    shown = findings if everything else findings[:MOST]
    for one in shown:
        table.add_row(one.code, "" if one.about == one.said else _shown(one.about), one.said)
    return Group(table, _rest(len(findings) - len(shown)))


def _standing(look: Look, *, everything: bool) -> Group:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("story", no_wrap=True, min_width=36)
    table.add_column("asset", no_wrap=True)
    table.add_column("where it stands", overflow="fold")
    # What is wrong first, then what is waited for longest; what merely waits for others last.
    ranked = sorted(look.standing, key=lambda one: (ORDER.index(one.state), one.since or look.at))
    shown = ranked if everything else ranked[:MOST]
    for one in shown:
        style = STYLES.get(one.state, "bold red")
        table.add_row(str(one.story_id), one.asset.value, Text(describe(one, look.at), style=style))
    return Group(table, _rest(len(ranked) - len(shown)))


def _shown(about: str) -> str:
    """What a finding is about, for people: of an asset its story and name, without the mark that tells looks apart."""
    story_id, _, rest = about.partition(".")
    return f"{story_id} {rest.split('.', 1)[0]}" if len(story_id) == 36 and rest else about


def _rest(count: int) -> Text:
    return Text(
        f"… and {count:,} more (--all shows them)" if count > 0 else "", style="dim", end="\n" if count > 0 else ""
    )


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | Enum):
        return str(value)
    raise TypeError(type(value).__name__)
