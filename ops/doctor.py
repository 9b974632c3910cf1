"""``doctor``: which worker has each unfinished asset, or what it waits for; and findings, confirmed by a second
snapshot.

A system that is busy and healthy has no finding: things move between two snapshots, and only what stays is reported.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ops import audits
from ops.cli import Injected
from ops.connections import NOTHING_FOUND, OK, UNAVAILABLE, open_connections
from storyloom.operations.diagnosis import STATE_LABELS, STATE_ORDER, STATE_STYLES, Finding, describe
from storyloom.operations.examination import Report, examine
from storyloom.operations.snapshot import Snapshot
from storyloom.operations.words import clock, counted

ROWS_SHOWN = 30
"""Rows of a table unless everything is asked for."""


async def doctor(
    *,
    deep: Annotated[bool, Parameter(help="Also compare every story with the store: it takes longer.")] = False,
    ledger: Annotated[
        str | None,
        Parameter(metavar="URL|FILE", help="The providers' own list of paid calls; or the studio's URL."),
    ] = None,
    everything: Annotated[bool, Parameter(name="--all", help="List every unfinished asset.")] = False,
    as_json: Annotated[bool, Parameter(name="--json", help="Everything, as one JSON object.")] = False,
    operator: Injected,
) -> int:
    """Examine, print, and answer the exit code. Raises UnavailableError."""
    calls = None if ledger is None else await audits.read_ledger(ledger)
    async with open_connections(operator.settings) as connections:
        report = await examine(connections)
        findings, remarks = report.findings, report.remarks
        if deep:
            findings = findings + await audits.compare_store(connections)
        if calls is not None:
            unknown, remark = await audits.compare_ledger(connections, calls)
            findings, remarks = findings + unknown, [*remarks, remark]
        report = replace(report, findings=findings, remarks=remarks)
    if as_json:
        operator.console.out(to_json(report.snapshot, report.findings, report.remarks), highlight=False)
    else:
        operator.console.print(render(report.snapshot, report.findings, report.remarks, everything=everything))
    return exit_code(report)


def exit_code(report: Report) -> int:
    """Findings; undecided because the projector is behind; or healthy."""
    if report.findings:
        return NOTHING_FOUND
    return OK if report.snapshot.caught_up else UNAVAILABLE


def render(
    snapshot: Snapshot, findings: Sequence[Finding], remarks: Sequence[str], *, everything: bool = False
) -> RenderableType:
    """A summary, the findings, and the state of each unfinished asset."""
    parts: list[RenderableType] = [_summary(snapshot, findings)]
    if findings:
        parts.append(Padding(_findings(findings, everything=everything), (1, 0, 0, 0)))
    if snapshot.assets:
        parts.append(Padding(_assets(snapshot, everything=everything), (1, 0, 0, 0)))
    parts += [Padding(Text(remark, style="yellow"), (1, 0, 0, 0)) for remark in remarks]
    return Group(*parts)


def to_json(snapshot: Snapshot, findings: Sequence[Finding], remarks: Sequence[str]) -> str:
    """Everything, for programs."""
    document = {
        "healthy": not findings and snapshot.caught_up,
        "at": snapshot.at,
        "stories": snapshot.stories,
        "workers": snapshot.workers,
        "projector_lag": snapshot.projector_lag,
        "webhooks": asdict(snapshot.webhooks),
        "findings": [asdict(finding) for finding in findings],
        "assets": [{key: value for key, value in asdict(one).items() if value} for one in snapshot.assets],
        "remarks": list(remarks),
    }
    return json.dumps(document, default=_plain, ensure_ascii=False)


def _summary(snapshot: Snapshot, findings: Sequence[Finding]) -> Text:
    kinds = Counter(one.state for one in snapshot.assets)
    text = Text()
    if findings:
        text.append(f"✗ {counted(len(findings), 'finding')}. ", style="bold red")
    elif snapshot.caught_up:
        text.append("✓ Healthy. ", style="bold green")
    else:
        text.append("? Undecided. ", style="bold yellow")
    text.append(
        f"{counted(snapshot.stories, 'story', 'stories')} in progress, "
        f"{counted(len(snapshot.assets), 'asset')} unfinished"
    )
    if kinds:
        text.append(": " + ", ".join(f"{kinds[kind]:,} {STATE_LABELS[kind]}" for kind in STATE_ORDER if kinds[kind]))
    text.append(f". {counted(len(snapshot.workers), 'worker')} answered. ")
    return text.append(f"As of {clock(snapshot.at)}.", style="dim")


def _findings(findings: Sequence[Finding], *, everything: bool) -> Group:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("finding", style="red", no_wrap=True)
    table.add_column("about", overflow="fold", max_width=50)
    table.add_column("details", overflow="fold", ratio=1)
    shown = findings if everything else findings[:ROWS_SHOWN]
    for one in shown:
        table.add_row(one.code, "" if one.about == one.message else _about(one.about), one.message)
    return Group(table, _rest(len(findings) - len(shown)))


def _assets(snapshot: Snapshot, *, everything: bool) -> Group:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("story", no_wrap=True, min_width=36)
    table.add_column("asset", no_wrap=True)
    table.add_column("state", overflow="fold")
    # What is wrong first, then the longest waits; what merely waits for others last.
    ranked = sorted(snapshot.assets, key=lambda one: (STATE_ORDER.index(one.state), one.since or snapshot.at))
    shown = ranked if everything else ranked[:ROWS_SHOWN]
    for one in shown:
        style = STATE_STYLES.get(one.state, "bold red")
        table.add_row(str(one.story_id), one.asset.value, Text(describe(one, snapshot.at), style=style))
    return Group(table, _rest(len(ranked) - len(shown)))


def _about(about: str) -> str:
    """What a finding is about, for people: of an asset its story and name, without its fingerprint."""
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
