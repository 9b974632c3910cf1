"""What the page is sent, as plain JSON in camelCase. Pure.

Ids, names of assets, codes and numbers: neither what was asked for nor what was written, and no provider's own words,
which may quote both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asyncpg import Record

from storyloom.jobs.in_flight import InFlightJobs
from storyloom.messaging.lanes import Lane
from storyloom.operations.dead_letters import Entry
from storyloom.operations.diagnosis import AssetDiagnosis, Finding, Observation, Row, Story, diagnose
from storyloom.operations.examination import Report
from storyloom.operations.snapshot import DiagnosisSettings, index_in_flight
from storyloom.operations.webhooks import WebhookBacklog
from storyloom.story.assets import GRAPH, Asset, Priority

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """In seconds, of an asset and of a story."""

    asset: float
    story: float


def iso(at: datetime | None) -> str | None:
    """A time in UTC, to the millisecond."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lane(one: Lane) -> Json:
    """A lane, with its queue."""
    return {
        "service": one.service.value,
        "priority": one.priority.value,
        "queued": one.queued,
        "inFlight": one.in_flight,
        "pulls": one.pulls,
        "oldest": iso(one.oldest),
    }


def worker(one: InFlightJobs) -> Json:
    """A worker, what it has in flight, and how the providers stand for it."""
    return {
        "worker": one.worker,
        "service": one.service.value,
        "slots": {priority.value: count for priority, count in one.slots.items()},
        "held": [{"storyId": str(job.story_id), "asset": job.asset.value, "since": iso(job.since)} for job in one.held],
        "gates": [gate.model_dump(by_alias=True) for gate in one.gates],
        "shut": [{"provider": shut.provider, "why": shut.why, "since": iso(shut.since)} for shut in one.shut],
        "problems": [problem.model_dump() for problem in one.problems],
    }


def webhooks(backlog: WebhookBacklog) -> Json:
    """How webhooks stand."""
    return {
        "pending": backlog.pending,
        "due": backlog.due,
        "oldest": iso(backlog.oldest),
        "failing": backlog.failing,
        "disabled": backlog.disabled,
    }


def finding(one: Finding) -> Json:
    """A finding; what it is about leads to its story where there is one."""
    about = one.about.split(".")[0]
    return {
        "code": one.code,
        "about": one.about,
        "message": one.message,
        "storyId": about if len(about) == 36 and about.count("-") == 4 else None,
    }


def report(found: Report) -> Json:
    """What an examination found. ``verdict``: ``healthy``, ``findings`` or ``undecided``."""
    seen = found.snapshot
    verdict = "findings" if found.findings else "healthy" if seen.caught_up else "undecided"
    return {
        "at": iso(seen.at),
        "verdict": verdict,
        "stories": seen.stories,
        "assets": len(seen.assets),
        "workers": len(seen.workers),
        "projectorLag": seen.projector_lag,
        "findings": [finding(one) for one in found.findings],
        "remarks": found.remarks,
    }


def story(row: Record) -> Json:
    """A story's own facts."""
    return {
        "id": str(row["id"]),
        "tenant": row["tenant_id"],
        "priority": row["priority"],
        "status": row["status"],
        "approval": row["approval"],
        "trace": row["trace"].split("-")[1] if row["trace"].count("-") == 3 else None,
        "createdAt": iso(row["created_at"]),
        "admittedAt": iso(row["admitted_at"]),
        "awaitingApprovalSince": iso(row["awaiting_approval_since"]),
        "startedAt": iso(row["started_at"]),
        "endedAt": iso(row["ended_at"]),
        "code": row["code"],
    }


def listed(row: Record) -> Json:
    """A story in the list."""
    counted = {name: row[name] for name in ("assets", "ready", "failed", "retries")}
    return {**story(row), **counted, "costUsd": row["usd"]}


def letter(entry: Entry) -> Json:
    """A dead letter, without its reason: that may be a provider's, who quotes. The command shows it."""
    found = entry.letter
    return {
        "id": entry.id,
        "at": iso(found.at),
        "service": found.service,
        "storyId": found.story,
        "asset": found.asset,
        "kind": found.kind,
        "code": found.code,
        "requestId": found.request_id,
        "attempts": found.attempts,
        "costUsd": sum(call.cost_usd for call in found.calls),
        "trace": found.trace.split("-")[1] if found.trace.count("-") == 3 else None,
    }


def one_story(
    row: Record,
    assets: Sequence[Record],
    *,
    live_subjects: Iterable[str],
    held: Sequence[InFlightJobs],
    deadlines: Deadlines,
) -> Json:
    """A story with its graph: of each asset its times, its calls, and where it is just now."""
    rows = {Asset(one["asset_type"]): one for one in assets}
    diagnosed: dict[Asset, AssetDiagnosis] = {}
    if row["status"] == "generating":
        now: datetime = row["now"]
        moment = Observation(
            now=now,
            before=now - timedelta(seconds=DiagnosisSettings().grace),
            live_subjects=set(live_subjects),
            in_flight=index_in_flight(held),
            asset_deadline=timedelta(seconds=deadlines.asset),
            story_deadline=timedelta(seconds=deadlines.story),
        )
        diagnosed = {one.asset: one for one in diagnose(_story(row, rows), moment)[0]}
    return {
        **story(row),
        "now": iso(row["now"]),
        "assets": [_asset(asset, rows[asset], diagnosed.get(asset)) for asset in GRAPH if asset in rows],
    }


def _asset(asset: Asset, row: Record, diagnosis: AssetDiagnosis | None) -> Json:
    recipe = GRAPH[asset]
    calls = [_call(one, spent=True) for one in row["spent"]] + [_call(one, spent=False) for one in row["calls"]]
    return {
        "asset": asset.value,
        "service": recipe.service.value,
        "public": recipe.public,
        "waitsFor": [need.value for need in recipe.waits_for],
        "status": row["status"],
        "code": row["code"],
        "cause": row["cause"],
        "revision": row["revision"],
        "fingerprint": (row["fingerprint"] or "")[:16] or None,
        "attemptsFailed": row["retry_count"],
        "queuedAt": iso(row["queued_at"]),
        "startedAt": iso(row["started_at"]),
        "completedAt": iso(row["completed_at"]),
        "triedAt": row["tried_at"],
        "retryAt": row["retry_at"],
        "calls": calls,
        "costUsd": sum(one["costUsd"] for one in calls),
        "now": None if diagnosis is None else _diagnosis(diagnosis),
    }


def _call(one: Mapping[str, Any], *, spent: bool) -> Json:
    return {
        "provider": one["provider"],
        "model": one["model"],
        "requestId": one["request_id"],
        "seconds": one["seconds"],
        "costUsd": one.get("cost_usd", 0.0),
        "purpose": one.get("purpose", ""),
        "error": one.get("error"),
        "failedAttempt": spent,
    }


def _diagnosis(one: AssetDiagnosis) -> Json:
    return {
        "state": one.state,
        "worker": one.worker or None,
        "since": iso(one.since),
        "until": iso(one.until),
        "attempt": one.attempt or None,
        "waitsFor": [asset.value for asset in one.waits_for],
    }


def _story(row: Record, rows: Mapping[Asset, Record]) -> Story:
    return Story(
        row["id"],
        Priority(row["priority"]),
        row["seq"],
        row["created_at"],
        row["started_at"],
        {asset: _row(one) for asset, one in rows.items()},
        row["admitted_at"] is not None,
        row["awaiting_approval_since"] is not None,
    )


def _row(row: Record) -> Row:
    return Row(
        row["status"],
        row["fingerprint"],
        row["queued_at"],
        row["retry_count"],
        datetime.fromisoformat(row["retry_at"]) if row["retry_at"] else None,
        datetime.fromisoformat(row["tried_at"]) if row["tried_at"] else row["started_at"],
        bool(row["backlog"]),
    )
