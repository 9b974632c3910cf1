"""Journeys as rows: read back, written a batch of transitions at a time, and searched for what is unfinished.

SQL in queries.sql. ``StoryRepository`` is the projector's door, ``UnfinishedWork`` the reconciler's.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from asyncpg import Record, UniqueViolationError
from pydantic import TypeAdapter

from services.status.transitions import Transition
from storyloom.db.pool import Connection, Pool, dumps
from storyloom.db.queries import load_queries
from storyloom.story.assets import GRAPH, PICTURES, Asset, Priority
from storyloom.story.brief import Brief
from storyloom.story.events import AssetFailed, CommandEvent, StoryDeadlinePassed, StoryRequested, story_requested
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import job_subject
from storyloom.story.journey import DEADLINE, AssetState, Journey, Status, document, failure, overall
from storyloom.story.results import AnyResult, Audio, Outline, Picture, ProviderCall

JobKey = tuple[UUID, Asset]

_RESULT: TypeAdapter[AnyResult] = TypeAdapter(AnyResult)
_COMMAND: TypeAdapter[CommandEvent] = TypeAdapter(CommandEvent)
_CALLS: TypeAdapter[tuple[ProviderCall, ...]] = TypeAdapter(tuple[ProviderCall, ...])


def queries() -> Any:
    """The named queries of this service."""
    return load_queries("services.status")


class StoryRepository:
    """The rows as the projector needs them."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def write(self, transitions: Sequence[Transition]) -> set[UUID]:
        """Write what follows from cached journeys; the stories that nobody else had moved on, which alone are written.

        Raises DuplicateEventError, with nothing written.
        """
        try:
            return await write_transitions(self.pool, transitions)
        except UniqueViolationError as error:
            raise DuplicateEventError from error

    @asynccontextmanager
    async def locked(self, ids: Collection[UUID]) -> AsyncIterator["LockedStories"]:
        """A transaction over those of the stories that there are, locked; committed when the block ends."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = [row async for row in queries().lock_stories(connection, ids=list(ids))]
            yield LockedStories(connection, await read_journeys(connection, rows))

    async def reschedule_erasure(self, ids: Collection[UUID]) -> None:
        """Search again for what is left of erased stories."""
        await queries().reschedule_erasures(self.pool, ids=list(ids))


class DuplicateEventError(Exception):
    """An event of the batch was applied before; nothing is written."""


@dataclass(frozen=True, slots=True)
class LockedStories:
    """Stories that nobody else moves on until the block ends."""

    connection: Connection
    journeys: dict[UUID, Journey]

    async def known_events(self, event_ids: Sequence[str]) -> frozenset[str]:
        rows = queries().known_events(self.connection, event_ids=event_ids)
        return frozenset([row["event_id"] async for row in rows])

    async def write(self, transitions: Sequence[Transition]) -> None:
        await write_transitions(self.connection, transitions)

    async def record_events(self, event_ids: Sequence[str]) -> None:
        await queries().record_events(self.connection, event_ids=event_ids)


@dataclass(frozen=True, slots=True)
class DispatchedJob:
    """An asset whose job was published and whose end was not applied yet."""

    story_id: UUID
    asset: Asset
    priority: Priority
    fingerprint: Fingerprint
    revision: int
    queued_at: datetime

    @property
    def key(self) -> JobKey:
        return self.story_id, self.asset

    @property
    def subject(self) -> str:
        return job_subject(self.story_id, self.asset, self.priority)


class UnfinishedWork:
    """All that the reconciler reads: it grows with what is unfinished, never with history.

    Each method is one short statement or two. All raise what asyncpg raises when Postgres is unreachable.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queries = queries()

    async def now(self) -> datetime:
        """Postgres's clock: the one that rows are dated by."""
        at: datetime = await self._queries.server_time(self._pool)
        return at

    async def unhandled_stories(self, before: datetime) -> list[StoryRequested]:
        """The events of stories that were taken before then and that the projector has not handled."""
        rows = [row async for row in self._queries.unhandled_stories(self._pool, before=before)]
        return [story_requested(row["id"], row["tenant_id"], row["trace"], before) for row in rows]

    async def unhandled_commands(self, before: datetime) -> list[CommandEvent]:
        """Commands from before then that the inbox does not know. Those that it knows are marked as handled first."""
        await self._queries.mark_commands_handled(self._pool)
        rows = [row async for row in self._queries.unhandled_commands(self._pool, before=before)]
        return [_COMMAND.validate_python(row["event"]) for row in rows]

    async def dispatched_jobs(self, before: datetime) -> list[DispatchedJob]:
        """The jobs that were dispatched before then and have not ended."""
        return [
            DispatchedJob(
                row["story_id"],
                Asset(row["asset_type"]),
                Priority(row["priority"]),
                Fingerprint(row["fingerprint"]),
                row["revision"],
                row["queued_at"],
            )
            async for row in self._queries.dispatched_jobs(self._pool, before=before)
        ]

    async def current_fingerprints(self, keys: Collection[JobKey]) -> dict[JobKey, Fingerprint]:
        """Which of these assets are under way, and by which fingerprint: another job of theirs is an orphan."""
        ids, assets = [key[0] for key in keys], [key[1].value for key in keys]
        rows = self._queries.current_jobs(self._pool, ids=ids, assets=assets)
        return {(row["story_id"], Asset(row["asset_type"])): row["fingerprint"] async for row in rows}

    async def journeys(self, ids: Collection[UUID]) -> dict[UUID, Journey]:
        """The journeys of some stories."""
        async with self._pool.acquire() as connection:
            stories = [row async for row in self._queries.read_stories(connection, ids=list(ids))]
            return await read_journeys(connection, stories)

    async def overdue_stories(self, seconds: float, at: datetime) -> list[StoryDeadlinePassed]:
        """The ends of stories that have been under way for longer than that."""
        return [
            StoryDeadlinePassed(
                id=f"{row['id']}.deadline.{row['asset_generation_started_at'].timestamp():.0f}",
                **_origin(row, at),
                seconds=seconds,
            )
            async for row in self._queries.overdue_stories(self._pool, seconds=seconds)
        ]

    async def overdue_assets(self, seconds: float, at: datetime) -> list[AssetFailed]:
        """The failures of assets whose job has been under way, or waiting, for longer than that."""
        return [
            AssetFailed(
                id=f"{row['id']}.{row['asset_type']}.{row['fingerprint'][:16]}.deadline",
                **_origin(row, at),
                asset=Asset(row["asset_type"]),
                fingerprint=Fingerprint(row["fingerprint"]),
                started_at=row["began"],
                code=DEADLINE,
                reason=f"it was not there {seconds:g} seconds after it was asked for",
            )
            async for row in self._queries.overdue_assets(self._pool, seconds=seconds)
        ]

    async def delete_old_events(self) -> None:
        """Delete the inbox ids of events that have left the stream."""
        await self._queries.delete_old_inbox(self._pool)


def _origin(row: Any, at: datetime) -> dict[str, Any]:
    return {"story_id": row["id"], "tenant_id": row["tenant_id"], "trace": row["trace"], "at": at}


async def read_journeys(connection: Connection, stories: Sequence[Record]) -> dict[UUID, Journey]:
    """The journeys of some story rows."""
    rows: dict[UUID, dict[str, AssetState]] = {story["id"]: {} for story in stories}
    async for row in queries().read_assets(connection, ids=list(rows)):
        rows[row["story_id"]][row["asset_type"]] = _asset_state(row)
    return {story["id"]: _journey(story, rows[story["id"]]) for story in stories}


async def write_transitions(connection: Connection | Pool, transitions: Iterable[Transition]) -> set[UUID]:
    """Write what a batch changed: one statement, whatever its size. Answers the stories that were written.

    Those that had moved on from the version that their transition began with are not among them, and nothing of theirs
    is written. Raises asyncpg.UniqueViolationError, with nothing written, when an event was applied before.
    """
    stories: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    updates: list[tuple[Any, ...]] = []
    assets: list[tuple[Any, ...]] = []
    for transition in transitions:
        journey, effects = transition.journey, transition.effects
        key = journey.story_id
        stories.append(_story_row(transition))
        events += [(key, event_id) for event_id in transition.event_ids]
        updates += [(key, update.seq, update.event, dumps(update.data)) for update in effects.updates]
        assets += [_asset_row(key, asset, journey.assets[asset]) for asset in effects.changed]
    tables = ((stories, _STORY), (events, _EVENT), (updates, _UPDATE), (assets, _ASSET))
    columns = [column for rows, names in tables for column in _columns(rows, names)]
    # Asked by position, without the query's own wrapper, which a batch would feel; the names stand in that order.
    return {row["id"] for row in await connection.fetch(_write_sql(), *columns)}


@cache
def _write_sql() -> str:
    query = queries().write_transitions
    parameters = [name for name in query.__signature__.parameters if name != "self"]
    if parameters != [*_STORY, *_EVENT, *_UPDATE, *_ASSET]:
        raise RuntimeError(f"write_transitions asks for {parameters}")
    return str(query.sql)


_STORY = (
    "ids", "versions_before", "versions", "seqs", "statuses", "documents", "ended_at", "titles", "loglines", "errors",
    "hues", "words", "blocks",
)  # fmt: skip
_EVENT = ("event_stories", "event_ids")
_UPDATE = ("update_ids", "update_seqs", "update_events", "update_data")
_ASSET = (
    "asset_ids", "asset_types", "asset_statuses", "revisions", "fingerprints", "results", "started", "completed",
    "messages", "retries", "metadata",
)  # fmt: skip


def _columns(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]


def _story_row(transition: Transition) -> tuple[Any, ...]:
    journey, changed = transition.journey, transition.effects.changed
    status = overall(journey)
    title = logline = hues = words = blocks = error = None
    if Asset.OUTLINE in changed and isinstance(outline := journey.assets[Asset.OUTLINE].result, Outline):
        title, logline = outline.title, outline.logline
    if Asset.AUDIO in changed:
        audio = journey.assets[Asset.AUDIO].result
        # While it is made anew the old words fit nothing: "null" removes them.
        words = dumps([word.model_dump() for word in audio.words]) if isinstance(audio, Audio) else "null"
        blocks = dumps(audio.blocks) if isinstance(audio, Audio) else "null"
    if any(picture in changed for picture in PICTURES):
        hues = dumps(_hues(journey))
    if status == "failed" and (why := failure(journey)) is not None:
        error = dumps({"code": why[0], "message": why[1]})
    ended_at = None if status == "generating" else transition.at
    shown = dumps(document(journey))
    return (
        journey.story_id, transition.version_before, journey.version, journey.seq, status, shown, ended_at, title,
        logline, error, hues, words, blocks,
    )  # fmt: skip


def _hues(journey: Journey) -> dict[str, list[str]]:
    pictures = ((asset, journey.assets[asset].result) for asset in PICTURES if asset in journey.assets)
    return {asset.value: list(result.hue_colours) for asset, result in pictures if isinstance(result, Picture)}


def _asset_row(story_id: UUID, asset: Asset, state: AssetState) -> tuple[Any, ...]:
    result = None if state.result is None else state.result.body.decode()
    metadata: dict[str, Any] = {}
    if state.code:
        metadata["code"] = state.code
    if state.retry_at:
        metadata["retryAt"] = state.retry_at.isoformat()
    if state.spent:
        metadata["spent"] = [call.model_dump() for call in state.spent]
    if state.result is not None and state.result.calls:
        metadata["calls"] = [call.model_dump() for call in state.result.calls]
    return (
        story_id, asset.value, state.status, state.revision, state.fingerprint, result, state.started_at,
        state.completed_at, state.reason, state.attempts_failed, dumps(metadata) if metadata else None,
    )  # fmt: skip


def _journey(story: Record, rows: dict[str, AssetState]) -> Journey:
    return Journey(
        story_id=story["id"],
        tenant_id=story["tenant_id"],
        trace=story["trace"],
        brief=Brief.model_validate(story["request"]),
        assets={asset: rows[asset.value] for asset in GRAPH if asset.value in rows},
        seq=story["seq"],
        version=story["version"],
        cancelled=story["status"] == "cancelled",
    )


def _asset_state(row: Record) -> AssetState:
    metadata = row["metadata"] or {}
    retry_at = metadata.get("retryAt")
    # 'generating' is a queued job that a worker has started: operators see it, no decision rests on it.
    status: Status = "queued" if row["status"] == "generating" else row["status"]
    return AssetState(
        status=status,
        revision=row["revision"],
        fingerprint=Fingerprint(row["fingerprint"]) if row["fingerprint"] else None,
        result=None if row["result"] is None else _RESULT.validate_python(row["result"]),
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        attempts_failed=row["retry_count"],
        retry_at=datetime.fromisoformat(retry_at) if retry_at else None,
        code=metadata.get("code"),
        spent=_CALLS.validate_python(metadata.get("spent", ())),
        reason=row["error_message"],
    )
