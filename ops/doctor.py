"""``doctor``: who works on each unfinished asset or what it waits for; and what is ill, confirmed by looking again.

A system that is busy and well has no finding: things move between two looks, and only what stays is told.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from cyclopts import Parameter

from ops import diagnosis, payments, stored
from ops.assets import Finding
from ops.cli import Injected
from ops.connections import AWAY, FOUND, NOTHING, Reach, reaching
from ops.snapshots import DiagnosisSettings, Look, look

EXPLAINED = frozenset({"bus_drift", "projector_still"})
"""Why a look may be blurred; looking longer does not help."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the doctor has to say. ``remarks`` are sentences about what could not be told, or need not worry."""

    look: Look
    findings: list[Finding]
    remarks: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """The exit code: findings, or nothing to be told because the projector is behind, or health."""
        if self.findings:
            return NOTHING
        return FOUND if self.look.caught_up else AWAY


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
    """Examine, print, and answer the exit code. Raises AwayError."""
    calls = None if ledger is None else await payments.read_ledger(ledger)
    async with reaching(operator.settings) as reach:
        report = await examine(reach, deep=deep, calls=calls)
    if as_json:
        operator.console.out(diagnosis.as_json(report.look, report.findings, report.remarks), highlight=False)
    else:
        operator.console.print(diagnosis.page(report.look, report.findings, report.remarks, everything=everything))
    return report.code


async def examine(
    reach: Reach,
    patience: DiagnosisSettings | None = None,
    *,
    deep: bool = False,
    calls: Sequence[payments.PaidCall] | None = None,
) -> Report:
    """Look, and look again at what is wrong until it is sure. Raises what the bus, Postgres or the store raise."""
    patience = patience or DiagnosisSettings()
    seen = await _look_sharply(reach, patience)
    findings = seen.findings
    for pause in patience.pauses:
        if not findings:
            break
        await asyncio.sleep(pause)
        seen = await _look_sharply(reach, patience)
        findings = _still(findings, seen)
    remarks = []
    if not seen.caught_up:
        told = f"The projector is {seen.behind:,} events behind"
        remarks.append(f"{told}: what is lost cannot be told from what it has not heard yet.")
    if deep:
        findings = findings + await stored.compare(reach)
    if calls is not None:
        unknown, remark = await payments.compare(reach, calls)
        findings, remarks = findings + unknown, [*remarks, remark]
    return Report(seen, findings, remarks)


async def _look_sharply(reach: Reach, patience: DiagnosisSettings) -> Look:
    """A look for which the projector had heard everything; a blurred one where it does not get there in three."""
    for _ in range(2):
        seen = await look(reach, patience)
        if seen.caught_up or any(finding.code in EXPLAINED for finding in seen.findings):
            return seen
    return await look(reach, patience)


def _still(before: Sequence[Finding], seen: Look) -> list[Finding]:
    """What was found before and is found again, in today's words."""
    known = set(before)
    return [finding for finding in seen.findings if finding in known]
