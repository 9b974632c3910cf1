"""Journeys as rows: reading them back, and writing a batch of turns in one statement. SQL in queries.sql."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from asyncpg import Record, UniqueViolationError
from pydantic import TypeAdapter

from services.status.transitions import Effects
from storyloom.db.pool import Connection, Pool, dumps
from storyloom.db.queries import load_queries
from storyloom.story.assets import GRAPH, PICTURES, Asset
from storyloom.story.brief import Brief
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.journey import AssetState, Journey, Status, document, failure, overall
from storyloom.story.results import AnyResult, Audio, Outline, Picture, ProviderCall

_RESULT: TypeAdapter[AnyResult] = TypeAdapter(AnyResult)
_CALLS: TypeAdapter[tuple[ProviderCall, ...]] = TypeAdapter(tuple[ProviderCall, ...])


def queries() -> Any:
    """The named queries of this service."""
    return load_queries("services.status")


@dataclass(frozen=True, slots=True)
class Transition:
    """A story's way through one batch: from which version, where it stands now, what was heard and what followed."""

    before: int
    journey: Journey
    effects: Effects
    at: datetime
    heard: tuple[str, ...]


class Records:
    """The rows as the projector needs them. ``Rows`` in projector.py says what each method promises."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def write(self, turns: Sequence[Transition]) -> set[UUID]:
        try:
            return await write(self.pool, turns)
        except UniqueViolationError as error:
            raise RepeatedError from error

    @asynccontextmanager
    async def locked(self, ids: Collection[UUID]) -> AsyncIterator["Locked"]:
        async with self.pool.acquire() as connection, connection.transaction():
            rows = [row async for row in queries().lock_stories(connection, ids=list(ids))]
            yield Locked(connection, await read(connection, rows))

    async def sweep_again(self, ids: Collection[UUID]) -> None:
        await queries().sweep_again(self.pool, ids=list(ids))


class RepeatedError(Exception):
    """An event of the batch was folded in before; nothing is written."""


@dataclass(frozen=True, slots=True)
class Locked:
    """Stories that nobody else moves on until the block ends."""

    connection: Connection
    journeys: dict[UUID, Journey]

    async def known(self, event_ids: Sequence[str]) -> frozenset[str]:
        rows = queries().known_events(self.connection, event_ids=event_ids)
        return frozenset([row["event_id"] async for row in rows])

    async def write(self, turns: Sequence[Transition]) -> None:
        await write(self.connection, turns)

    async def note(self, event_ids: Sequence[str]) -> None:
        await queries().record_events(self.connection, event_ids=event_ids)


async def read(connection: Connection, stories: Sequence[Record]) -> dict[UUID, Journey]:
    """The journeys of some story rows."""
    rows: dict[UUID, dict[str, AssetState]] = {story["id"]: {} for story in stories}
    async for row in queries().read_assets(connection, ids=list(rows)):
        rows[row["story_id"]][row["asset_type"]] = _state(row)
    return {story["id"]: _journey(story, rows[story["id"]]) for story in stories}


async def write(connection: Connection | Pool, turns: Iterable[Transition]) -> set[UUID]:
    """Write what a batch changed: one statement, whatever its size. Answers the stories that were written.

    Those that had moved on from the version that their turn began with are not among them, and nothing of theirs is
    written. Raises asyncpg.UniqueViolationError, with nothing written, when an event was folded in before.
    """
    stories: list[tuple[Any, ...]] = []
    heard: list[tuple[Any, ...]] = []
    news: list[tuple[Any, ...]] = []
    assets: list[tuple[Any, ...]] = []
    for turn in turns:
        stories.append(_story_row(turn))
        key = turn.journey.story_id
        heard += [(key, event_id) for event_id in turn.heard]
        news += [(key, told.seq, told.event, dumps(told.data)) for told in turn.effects.updates]
        assets += [_asset_row(key, asset, turn.journey.assets[asset]) for asset in turn.effects.changed]
    rows = ((stories, _STORY), (heard, _HEARD), (news, _NEWS), (assets, _ASSET))
    columns = [column for table, names_of in rows for column in _columns(table, names_of)]
    # Asked by position, without the query's own wrapper, which a batch would feel; the names stand in that order.
    return {row["id"] for row in await connection.fetch(_write_sql(), *columns)}


@cache
def _write_sql() -> str:
    query = queries().write_turns
    asked = [name for name in query.__signature__.parameters if name != "self"]
    if asked != [*_STORY, *_HEARD, *_NEWS, *_ASSET]:
        raise RuntimeError(f"write_turns asks for {asked}")
    return str(query.sql)


_STORY = (
    "ids", "versions_before", "versions", "seqs", "statuses", "documents", "ended_at", "titles", "loglines", "errors",
    "hues", "words", "blocks",
)  # fmt: skip
_HEARD = ("event_stories", "event_ids")
_NEWS = ("news_ids", "news_seqs", "news_events", "news_data")
_ASSET = (
    "asset_ids", "asset_types", "asset_statuses", "revisions", "fingerprints", "results", "started", "completed",
    "messages", "retries", "metadata",
)  # fmt: skip


def _columns(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]


def _story_row(turn: Transition) -> tuple[Any, ...]:
    journey, changed = turn.journey, turn.effects.changed
    status = overall(journey)
    title = logline = hues = words = blocks = error = None
    if Asset.OUTLINE in changed and isinstance(outline := journey.assets[Asset.OUTLINE].result, Outline):
        title, logline = outline.title, outline.logline
    if Asset.AUDIO in changed:
        audio = journey.assets[Asset.AUDIO].result
        # While it is made anew the old words fit nothing: "null" takes them away.
        words = dumps([word.model_dump() for word in audio.words]) if isinstance(audio, Audio) else "null"
        blocks = dumps(audio.blocks) if isinstance(audio, Audio) else "null"
    if any(picture in changed for picture in PICTURES):
        hues = dumps(_hues(journey))
    if status == "failed" and (why := failure(journey)) is not None:
        error = dumps({"code": why[0], "message": why[1]})
    ended_at = None if status == "generating" else turn.at
    shown = dumps(document(journey))
    return (
        journey.story_id, turn.before, journey.version, journey.seq, status, shown, ended_at, title, logline, error,
        hues, words, blocks,
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


def _state(row: Record) -> AssetState:
    metadata = row["metadata"] or {}
    retry_at = metadata.get("retryAt")
    # 'generating' is a queued job that somebody was heard to have started: operators see it, no decision rests on it.
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
