"""What is wrong, confirmed by a second snapshot.

A system that is busy and healthy has no finding: things move between two snapshots, and only what stays is reported.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from storyloom.operations.diagnosis import Finding
from storyloom.operations.snapshot import DiagnosisSettings, Snapshot, take_snapshot
from storyloom.operations.sources import Connections

WHY_BEHIND = frozenset({"topology_drift", "projector_stalled"})
"""Findings that say why the projector cannot catch up: another snapshot does not help."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination found. ``remarks`` are sentences about what could not be decided, or needs no action."""

    snapshot: Snapshot
    findings: list[Finding]
    remarks: list[str] = field(default_factory=list)


async def examine(
    connections: Connections,
    diagnosis: DiagnosisSettings | None = None,
) -> Report:
    """Take snapshots until what is wrong is confirmed. Raises what the clients of NATS and Postgres raise."""
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
    if said := seen.webhooks.describe(seen.at):
        remarks.append(f"Webhooks: {said}.")
    if not seen.caught_up:
        behind = f"The projector is {seen.projector_lag:,} events behind"
        remarks.append(f"{behind}: a lost job cannot be distinguished from one whose result it has not handled yet.")
    return Report(seen, findings, remarks)


async def _caught_up_snapshot(connections: Connections, settings: DiagnosisSettings) -> Snapshot:
    """A snapshot for which the projector had caught up; one without, where it does not get there in three."""
    for _ in range(2):
        seen = await take_snapshot(connections, settings)
        if seen.caught_up or any(finding.code in WHY_BEHIND for finding in seen.findings):
            return seen
    return await take_snapshot(connections, settings)


def _confirmed(before: Sequence[Finding], seen: Snapshot) -> list[Finding]:
    """What was found before and is found again, as the later snapshot says it."""
    known = set(before)
    return [finding for finding in seen.findings if finding in known]
