"""The state of each unfinished asset: in flight with a worker, queued, or waiting for what. Anything else is a finding.

Pure: no I/O, no clock.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from storyloom.operations.words import clock, span
from storyloom.story.assets import GRAPH, PUBLIC, Asset, Priority
from storyloom.story.jobs import job_subject
from storyloom.story.journey import SETTLED

State = Literal[
    "in_flight", "queued", "retrying", "dispatched", "backlog", "waiting", "unapproved", "orphaned", "unknown"
]
DEADLINE_GRACE = timedelta(seconds=10)
"""How long after a deadline the reconciler may take to end what is overdue."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be. Snapshots are compared by ``code`` and ``about``, which stay while the fault does."""

    code: str
    about: str
    message: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Row:
    """An asset as its row says."""

    status: str
    fingerprint: str | None = None
    queued_at: datetime | None = None
    attempts_failed: int = 0
    retry_at: datetime | None = None
    tried_at: datetime | None = None
    """When its first attempt began, as far as its deadline runs."""
    backlog: bool = False
    """Whether its job is in the backlog, not on the bus yet."""


@dataclass(frozen=True, slots=True)
class Story:
    """A story that is generating, with all its assets."""

    id: UUID
    priority: Priority
    seq: int
    created_at: datetime
    started_at: datetime
    assets: Mapping[Asset, Row]
    admitted: bool = True
    """False: it waits until its tenant has room for it."""
    awaits_approval: bool = False
    """Whether its text is written and waits to be approved: no deadline runs."""


@dataclass(frozen=True, slots=True)
class Work:
    """A job in flight: which worker has it, and since when."""

    worker: str
    since: datetime


InFlightByJob = Mapping[tuple[UUID, Asset, str], Work]


@dataclass(frozen=True, slots=True)
class AssetDiagnosis:
    """The state of an unfinished asset. ``since`` is when it began, ``until`` when it ends by itself."""

    story_id: UUID
    asset: Asset
    state: State
    worker: str = ""
    since: datetime | None = None
    until: datetime | None = None
    attempt: int = 0
    waits_for: tuple[Asset, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What one snapshot saw of NATS and workers. ``before``: what was dispatched later may still be on its way to
    NATS.
    """

    now: datetime
    before: datetime
    live_subjects: Collection[str]
    in_flight: InFlightByJob
    asset_deadline: timedelta
    story_deadline: timedelta


def diagnose(story: Story, moment: Observation) -> tuple[list[AssetDiagnosis], list[Finding]]:
    """The states of a story's unfinished assets, and what is wrong with it."""
    if story.seq == 0:
        # What was not admitted waits until its tenant has room for it.
        return [], _request_lost(story, moment) if story.admitted else []
    unfinished = {asset: row for asset, row in story.assets.items() if row.status not in SETTLED}
    public = [asset for asset in PUBLIC if asset in story.assets]
    if not any(asset in unfinished for asset in public):
        said = "the story is generating, but all its public assets are settled"
        return [], [Finding("story_not_completed", str(story.id), said)]
    standing = [_diagnose_asset(story, asset, row, moment) for asset, row in unfinished.items()]
    found = [finding for one in standing if (finding := _stuck(story, one)) is not None]
    found += _overdue(story, unfinished, moment)
    return standing, found


def expected_subjects(stories: Sequence[Story]) -> set[str]:
    """The subjects on JOBS that the rows ask for."""
    return {
        job_subject(story.id, asset, story.priority)
        for story in stories
        for asset, row in story.assets.items()
        if row.status in ("queued", "generating") and not row.backlog
    }


def _request_lost(story: Story, moment: Observation) -> list[Finding]:
    if max(story.created_at, story.started_at) > moment.before:
        return []
    return [
        Finding(
            "story_unhandled", str(story.id), "the projector has not handled the story: its StoryRequested was lost"
        )
    ]


def _diagnose_asset(story: Story, asset: Asset, row: Row, moment: Observation) -> AssetDiagnosis:
    if row.status == "held":
        state: State = "unapproved" if story.awaits_approval else "waiting"
        return AssetDiagnosis(story.id, asset, state, waits_for=() if story.awaits_approval else (Asset.CONTENT,))
    if row.status == "pending":
        needs = [need for need in GRAPH[asset].waits_for if need in story.assets]
        missing = tuple(need for need in needs if not _met(story, asset, need))
        return AssetDiagnosis(story.id, asset, "waiting" if missing else "orphaned", waits_for=missing)
    work = moment.in_flight.get((story.id, asset, row.fingerprint or ""))
    if work is not None:
        return AssetDiagnosis(story.id, asset, "in_flight", worker=work.worker, since=work.since)
    if job_subject(story.id, asset, story.priority) in moment.live_subjects:
        if row.retry_at is not None and row.retry_at > moment.now:
            attempt = row.attempts_failed + 1
            return AssetDiagnosis(story.id, asset, "retrying", until=row.retry_at, attempt=attempt)
        return AssetDiagnosis(story.id, asset, "queued", since=row.retry_at or row.queued_at)
    recent = row.queued_at is not None and row.queued_at > moment.before
    state = "backlog" if row.backlog else "dispatched" if recent else "orphaned"
    return AssetDiagnosis(story.id, asset, state, since=row.queued_at)


def _met(story: Story, asset: Asset, need: Asset) -> bool:
    status = story.assets[need].status
    return status == "ready" or (need in GRAPH[asset].settled and status in SETTLED)


def _stuck(story: Story, one: AssetDiagnosis) -> Finding | None:
    """What is wrong with an asset's state, None if nothing is."""
    about = f"{story.id}.{one.asset.value}.{(story.assets[one.asset].fingerprint or '')[:16]}"
    missing = [need.value for need in one.waits_for if story.assets[need].status in ("failed", "cancelled")]
    if missing:
        return Finding("asset_blocked", about, f"it waits for {', '.join(missing)}, which failed or was cancelled")
    if one.state != "orphaned":
        return None
    if one.since is None:
        return Finding("asset_not_dispatched", about, "all that it needs is ready, and it was never dispatched")
    said = f"dispatched at {one.since:%H:%M:%S} UTC, it is neither queued nor in flight"
    return Finding("asset_orphaned", about, said)


def _overdue(story: Story, unfinished: Mapping[Asset, Row], moment: Observation) -> list[Finding]:
    found = []
    if not story.awaits_approval and story.started_at + moment.story_deadline + DEADLINE_GRACE < moment.now:
        found.append(Finding("story_overdue", str(story.id), "the story is past its deadline and was not ended"))
    for asset, row in unfinished.items():
        if (
            row.status != "pending"
            and row.tried_at
            and row.tried_at + moment.asset_deadline + DEADLINE_GRACE < moment.now
        ):
            about = f"{story.id}.{asset.value}.{(row.fingerprint or '')[:16]}"
            found.append(Finding("asset_overdue", about, "the asset is past its deadline and was not ended"))
    return found


STATE_STYLES = {
    "in_flight": "green",
    "queued": "cyan",
    "dispatched": "cyan",
    "backlog": "cyan",
    "retrying": "yellow",
    "waiting": "dim",
    "unapproved": "dim",
    "unknown": "yellow",
}
STATE_LABELS = {
    "in_flight": "in flight",
    "queued": "queued",
    "dispatched": "just dispatched",
    "backlog": "in the backlog, waiting for a worker's slot",
    "retrying": "waiting for the next attempt",
    "waiting": "waiting for other assets",
    "unapproved": "waiting until the client approves the text",
    "orphaned": "orphaned",
    "unknown": "unknown until the projector has caught up",
}
STATE_ORDER: tuple[State, ...] = (
    "orphaned",
    "unknown",
    "retrying",
    "in_flight",
    "queued",
    "dispatched",
    "backlog",
    "waiting",
    "unapproved",
)


def describe(one: AssetDiagnosis, now: datetime) -> str:
    """An asset's state in words."""
    since = ""
    if one.since is not None:
        since = f" for {span((now - one.since).total_seconds())}, since {clock(one.since, now)}"
    match one.state:
        case "in_flight":
            return f"in flight{since}, with {one.worker}"
        case "queued":
            return f"queued{since}"
        case "dispatched":
            return f"just dispatched, at {clock(one.since or now, now)}"
        case "retrying":
            return f"retrying: attempt {one.attempt} at {clock(one.until or now, now)}"
        case "waiting":
            return f"waits for {', '.join(asset.value for asset in _nearest(one.waits_for))}"
        case _:
            return f"{STATE_LABELS[one.state]}{since}"


def _nearest(needs: Sequence[Asset]) -> list[Asset]:
    """What is waited for, without what that waits for in its turn."""
    implied = {further for need in needs for further in GRAPH[need].waits_for}
    return [need for need in needs if need not in implied]
