"""Where each unfinished asset stands: who works on it, or what it waits for. Pure; what has neither is a finding."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from ops.cli import clock, span
from storyloom.story.assets import GRAPH, PUBLIC, Asset, Priority
from storyloom.story.jobs import job_subject
from storyloom.story.journey import SETTLED

State = Literal["working", "queued", "retrying", "sending", "waiting", "lost", "unheard"]
SLACK = timedelta(seconds=10)
"""How long after a deadline it may take until the reconciler has ended what it is about."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be. Looks are compared by ``code`` and ``about``, which stay while it does."""

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


@dataclass(frozen=True, slots=True)
class Story:
    """A story that is generating, with all its assets."""

    id: UUID
    priority: Priority
    seq: int
    created_at: datetime
    started_at: datetime
    assets: Mapping[Asset, Row]


@dataclass(frozen=True, slots=True)
class Work:
    """A job in a worker's hands."""

    worker: str
    since: datetime


InFlightByJob = Mapping[tuple[UUID, Asset, str], Work]


@dataclass(frozen=True, slots=True)
class AssetDiagnosis:
    """Where an unfinished asset stands. ``since`` is when that began, ``until`` when it goes on by itself."""

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
    """What one look at bus and rows saw. ``before``: what was dispatched later may still be on its way to the bus."""

    now: datetime
    before: datetime
    live_subjects: Collection[str]
    in_flight: InFlightByJob
    asset_deadline: timedelta
    story_deadline: timedelta


def diagnose(story: Story, moment: Observation) -> tuple[list[AssetDiagnosis], list[Finding]]:
    """Where a story's unfinished assets stand, and what is wrong with it."""
    if story.seq == 0:
        return [], _request_lost(story, moment)
    unfinished = {asset: row for asset, row in story.assets.items() if row.status not in SETTLED}
    public = [asset for asset in PUBLIC if asset in story.assets]
    if not any(asset in unfinished for asset in public):
        said = "the story is generating, but nothing that it is to show is unfinished"
        return [], [Finding("story_not_completed", str(story.id), said)]
    standing = [_diagnose_asset(story, asset, row, moment) for asset, row in unfinished.items()]
    found = [finding for one in standing if (finding := _stuck(story, one)) is not None]
    found += _overdue(story, unfinished, moment)
    return standing, found


def expected_subjects(stories: Sequence[Story]) -> set[str]:
    """The subjects on JOBS that somebody waits for."""
    return {
        job_subject(story.id, asset, story.priority)
        for story in stories
        for asset, row in story.assets.items()
        if row.status in ("queued", "generating")
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
    if row.status == "pending":
        needs = [need for need in GRAPH[asset].waits_for if need in story.assets]
        missing = tuple(need for need in needs if not _met(story, asset, need))
        return AssetDiagnosis(story.id, asset, "waiting" if missing else "lost", waits_for=missing)
    work = moment.in_flight.get((story.id, asset, row.fingerprint or ""))
    if work is not None:
        return AssetDiagnosis(story.id, asset, "working", worker=work.worker, since=work.since)
    if job_subject(story.id, asset, story.priority) in moment.live_subjects:
        if row.retry_at is not None and row.retry_at > moment.now:
            attempt = row.attempts_failed + 1
            return AssetDiagnosis(story.id, asset, "retrying", until=row.retry_at, attempt=attempt)
        return AssetDiagnosis(story.id, asset, "queued", since=row.retry_at or row.queued_at)
    if row.queued_at is not None and row.queued_at > moment.before:
        return AssetDiagnosis(story.id, asset, "sending", since=row.queued_at)
    return AssetDiagnosis(story.id, asset, "lost", since=row.queued_at)


def _met(story: Story, asset: Asset, need: Asset) -> bool:
    status = story.assets[need].status
    return status == "ready" or (need in GRAPH[asset].settled and status in SETTLED)


def _stuck(story: Story, one: AssetDiagnosis) -> Finding | None:
    """What is wrong with where an asset stands, None if nothing is."""
    about = f"{story.id}.{one.asset.value}.{(story.assets[one.asset].fingerprint or '')[:16]}"
    gone = [need.value for need in one.waits_for if story.assets[need].status in ("failed", "cancelled")]
    if gone:
        return Finding("asset_blocked", about, f"it waits for {', '.join(gone)}, which will not come")
    if one.state != "lost":
        return None
    if one.since is None:
        return Finding("asset_not_dispatched", about, "all that it needs is there, and it was never dispatched")
    said = f"dispatched at {one.since:%H:%M:%S} UTC, it is not on the bus, and no worker has it"
    return Finding("asset_orphaned", about, said)


def _overdue(story: Story, unfinished: Mapping[Asset, Row], moment: Observation) -> list[Finding]:
    found = []
    if story.started_at + moment.story_deadline + SLACK < moment.now:
        found.append(Finding("story_overdue", str(story.id), "the story is past its deadline and was not ended"))
    for asset, row in unfinished.items():
        if row.status != "pending" and row.queued_at and row.queued_at + moment.asset_deadline + SLACK < moment.now:
            about = f"{story.id}.{asset.value}.{(row.fingerprint or '')[:16]}"
            found.append(Finding("asset_overdue", about, "the asset is past its deadline and was not ended"))
    return found


STATE_STYLES = {
    "working": "green",
    "queued": "cyan",
    "sending": "cyan",
    "retrying": "yellow",
    "waiting": "dim",
    "unheard": "yellow",
}
STATE_LABELS = {
    "working": "being worked on",
    "queued": "on the bus",
    "sending": "just sent",
    "retrying": "waiting for the next attempt",
    "waiting": "waiting for other assets",
    "lost": "with nobody",
    "unheard": "done perhaps, and not heard of",
}
STATE_ORDER: tuple[State, ...] = ("lost", "unheard", "retrying", "working", "queued", "sending", "waiting")


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
