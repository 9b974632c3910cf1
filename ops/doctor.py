"""``doctor``: which worker has each unfinished asset, or what it waits for; and findings, confirmed by a second look.

A system that is busy and healthy has no finding: things move between two snapshots, and only what stays is reported.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
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
from ops.cli import Injected, clock, counted
from ops.connections import NOTHING_FOUND, OK, UNAVAILABLE, Connections, open_connections
from ops.diagnosis import STATE_LABELS, STATE_ORDER, STATE_STYLES, Finding, describe
from ops.snapshot import DiagnosisSettings, Snapshot, take_snapshot

WHY_BEHIND = frozenset({"topology_drift", "projector_stalled"})
"""Why a look may be blurred; looking longer does not help."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the doctor has to say. ``remarks`` are sentences about what could not be told, or need not worry."""

    snapshot: Snapshot
    findings: list[Finding]
    remarks: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code: findings, or nothing to be told because the projector is behind, or health."""
        if self.findings:
            return NOTHING_FOUND
        return OK if self.snapshot.caught_up else UNAVAILABLE


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
        report = await examine(connections, deep=deep, calls=calls)
    if as_json:
        operator.console.out(to_json(report.snapshot, report.findings, report.remarks), highlight=False)
    else:
        operator.console.print(render(report.snapshot, report.findings, report.remarks, everything=everything))
    return report.code


async def examine(
    connections: Connections,
    diagnosis: DiagnosisSettings | None = None,
    *,
    deep: bool = False,
    calls: Sequence[audits.PaidCall] | None = None,
) -> Report:
    """Look, and look again at what is wrong until it is sure. Raises what the bus, Postgres or the store raise."""
    diagnosis = diagnosis or DiagnosisSettings()
    seen = await _caught_up_snapshot(connections, diagnosis)
    findings = seen.findings
    for pause in diagnosis.pauses:
        if not findings:
            break
        await asyncio.sleep(pause)
        seen = await _caught_up_snapshot(connections, diagnosis)
        findings = _confirmed(findings, seen)
    remarks = []
    if not seen.caught_up:
        told = f"The projector is {seen.projector_lag:,} events behind"
        remarks.append(f"{told}: what is lost cannot be told from what it has not heard yet.")
    if deep:
        findings = findings + await audits.compare_store(connections)
    if calls is not None:
        unknown, remark = await audits.compare_ledger(connections, calls)
        findings, remarks = findings + unknown, [*remarks, remark]
    return Report(seen, findings, remarks)


async def _caught_up_snapshot(connections: Connections, patience: DiagnosisSettings) -> Snapshot:
    """A look for which the projector had heard everything; a blurred one where it does not get there in three."""
    for _ in range(2):
        seen = await take_snapshot(connections, patience)
        if seen.caught_up or any(finding.code in WHY_BEHIND for finding in seen.findings):
            return seen
    return await take_snapshot(connections, patience)


def _confirmed(before: Sequence[Finding], seen: Snapshot) -> list[Finding]:
    """What was found before and is found again, in today's words."""
    known = set(before)
    return [finding for finding in seen.findings if finding in known]


ROWS_SHOWN = 30
"""Rows of a table unless everything is asked for."""


def render(
    look: Snapshot, findings: Sequence[Finding], remarks: Sequence[str], *, everything: bool = False
) -> RenderableType:
    """A summary, the findings, and where each unfinished asset stands."""
    parts: list[RenderableType] = [_summary(look, findings)]
    if findings:
        parts.append(Padding(_findings(findings, everything=everything), (1, 0, 0, 0)))
    if look.assets:
        parts.append(Padding(_assets(look, everything=everything), (1, 0, 0, 0)))
    parts += [Padding(Text(remark, style="yellow"), (1, 0, 0, 0)) for remark in remarks]
    return Group(*parts)


def to_json(look: Snapshot, findings: Sequence[Finding], remarks: Sequence[str]) -> str:
    """Everything, for programs."""
    told = {
        "healthy": not findings and look.caught_up,
        "at": look.at,
        "stories": look.stories,
        "workers": look.workers,
        "behind": look.projector_lag,
        "findings": [asdict(finding) for finding in findings],
        "standing": [{key: value for key, value in asdict(one).items() if value} for one in look.assets],
        "remarks": list(remarks),
    }
    return json.dumps(told, default=_plain, ensure_ascii=False)


def _summary(look: Snapshot, findings: Sequence[Finding]) -> Text:
    kinds = Counter(one.state for one in look.assets)
    text = Text()
    if findings:
        text.append(f"✗ {counted(len(findings), 'finding')}. ", style="bold red")
    elif look.caught_up:
        text.append("✓ Healthy. ", style="bold green")
    else:
        text.append("? Not to be told now. ", style="bold yellow")
    text.append(
        f"{counted(look.stories, 'story', 'stories')} under way, {counted(len(look.assets), 'asset')} unfinished"
    )
    if kinds:
        text.append(": " + ", ".join(f"{kinds[kind]:,} {STATE_LABELS[kind]}" for kind in STATE_ORDER if kinds[kind]))
    text.append(f". {counted(len(look.workers), 'worker')} answered. ")
    return text.append(f"Looked at {clock(look.at)}.", style="dim")


def _findings(findings: Sequence[Finding], *, everything: bool) -> Group:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("finding", style="red", no_wrap=True)
    table.add_column("about", overflow="fold", max_width=50)
    table.add_column("what", overflow="fold", ratio=1)
    shown = findings if everything else findings[:ROWS_SHOWN]
    for one in shown:
        table.add_row(one.code, "" if one.about == one.message else _about(one.about), one.message)
    return Group(table, _rest(len(findings) - len(shown)))


def _assets(look: Snapshot, *, everything: bool) -> Group:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("story", no_wrap=True, min_width=36)
    table.add_column("asset", no_wrap=True)
    table.add_column("where it stands", overflow="fold")
    # What is wrong first, then what is waited for longest; what merely waits for others last.
    ranked = sorted(look.assets, key=lambda one: (STATE_ORDER.index(one.state), one.since or look.at))
    shown = ranked if everything else ranked[:ROWS_SHOWN]
    for one in shown:
        style = STATE_STYLES.get(one.state, "bold red")
        table.add_row(str(one.story_id), one.asset.value, Text(describe(one, look.at), style=style))
    return Group(table, _rest(len(ranked) - len(shown)))


def _about(about: str) -> str:
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
