"""Journeys in Postgres: read back, written a batch of transitions at a time, and searched for what is unfinished.

SQL in queries.sql, columns in rows.py. ``StoryRepository`` serves the projector, ``UnfinishedWork`` the reconciler.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from math import inf
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Record, UniqueViolationError
from pydantic import TypeAdapter, ValidationError

from services.status.fair_queueing import Share, choose
from services.status.rows import asset_row, asset_state, journey_of, story_row
from services.status.transitions import Transition
from storyloom.db.pool import Connection, Pool, dumps
from storyloom.db.queries import load_queries, statement
from storyloom.runtime.metrics import STORY_SECONDS
from storyloom.story.assets import GRAPH, Asset, Priority
from storyloom.story.causes import DEADLINE, MONEY_CAP_REACHED
from storyloom.story.events import (
    AssetFailed,
    CommandEvent,
    StoryDeadlinePassed,
    StoryRequested,
    is_newer,
    story_requested,
)
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import job_subject, lane_of
from storyloom.story.journey import AssetState, Journey, overall
from storyloom.story.notifications import notification

JobKey = tuple[UUID, Asset]

MAX_ADMITTED = 200
"""Stories of a tenant that are admitted in one transaction."""
PRUNE_BATCH_SIZE = 2_000
"""Rows that one statement deletes: no lock is held for long."""
PRUNE_BATCHES = 20
"""Statements of a kind at a time: the reconciler has more to do."""
PRUNE_PAUSE_SECONDS = 0.05
FINISHING = [asset.value for asset, recipe in GRAPH.items() if recipe.finishing]
"""The assets that are made even where the money of the day is spent."""

_COMMAND: TypeAdapter[CommandEvent] = TypeAdapter(CommandEvent)


def queries() -> Any:
    """The named queries of this service."""
    return load_queries("services.status")


class StoryRepository:
    """The rows as the projector needs them."""

    def __init__(self, pool: Pool, on_deliveries: Callable[[Collection[UUID]], None] | None = None) -> None:
        """``on_deliveries`` is called with the endpoints for which deliveries were committed."""
        self.pool = pool
        self._on_deliveries = on_deliveries

    async def write(self, transitions: Sequence[Transition]) -> set[UUID]:
        """Write what follows from cached journeys; the stories that nobody else had moved on, which alone are written.

        Raises DuplicateEventError, with nothing written.
        """
        try:
            written = await write_transitions(self.pool, transitions)
        except UniqueViolationError as error:
            raise DuplicateEventError from error
        self._committed(written.endpoints)
        return written.stories

    @asynccontextmanager
    async def locked(self, ids: Collection[UUID]) -> AsyncIterator["LockedStories"]:
        """A transaction over those of the stories that there are, locked; committed when the block ends."""
        async with self.pool.acquire() as connection:
            async with connection.transaction():
                rows = [row async for row in queries().lock_stories(connection, ids=list(ids))]
                stories = LockedStories(connection, await read_journeys(connection, rows))
                yield stories
            self._committed(stories.endpoints)

    async def reschedule_erasure(self, ids: Collection[UUID]) -> None:
        """Search again for what is left of erased stories."""
        await queries().reschedule_erasures(self.pool, ids=list(ids))

    def _committed(self, endpoints: Collection[UUID]) -> None:
        if endpoints and self._on_deliveries is not None:
            self._on_deliveries(endpoints)


class DuplicateEventError(Exception):
    """An event of the batch was applied before; nothing is written."""


@dataclass(frozen=True, slots=True)
class LockedStories:
    """Stories that nobody else moves on until the block ends."""

    connection: Connection
    journeys: dict[UUID, Journey]
    endpoints: set[UUID] = field(default_factory=set)
    """The webhook endpoints for which deliveries were written."""

    async def known_events(self, event_ids: Sequence[str]) -> frozenset[str]:
        rows = queries().known_events(self.connection, event_ids=event_ids)
        return frozenset([row["event_id"] async for row in rows])

    async def write(self, transitions: Sequence[Transition]) -> None:
        written = await write_transitions(self.connection, transitions)
        self.endpoints.update(written.endpoints)

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


@dataclass(frozen=True, slots=True)
class Dispatched:
    """Jobs that came out of a lane's backlog, by asset and fingerprint, dated by the commit that took them out.

    ``left``: whether others may be waiting yet.
    """

    jobs: tuple[tuple[JobKey, Fingerprint], ...] = ()
    at: datetime | None = None
    left: bool = False


class BacklogRepository:
    """The backlog: rows of jobs that are not on the bus yet. Raises what asyncpg raises when Postgres is away."""

    def __init__(self, pool: Pool, *, usd_per_day: float = inf) -> None:
        """``usd_per_day``: what a tenant may spend that has no limit of its own."""
        self._pool = pool
        self._queries = queries()
        self._usd_per_day = usd_per_day

    async def capped_tenants(self) -> frozenset[str]:
        """The tenants whose money of the day is spent."""
        rows = self._queries.capped_tenants(self._pool, usd_per_day=self._usd_per_day)
        return frozenset([row["tenant_id"] async for row in rows])

    async def capped_jobs(self, tenants: Collection[str], lanes: Collection[str], at: datetime) -> list[AssetFailed]:
        """The failures of what waits for these tenants and is not to be paid for today."""
        rows = self._queries.capped_jobs(self._pool, tenants=list(tenants), lanes=list(lanes), finishing=FINISHING)
        return [
            AssetFailed(
                id=f"{row['id']}.{row['asset_type']}.{row['fingerprint'][:16]}.money_cap",
                **_origin(row, at),
                asset=Asset(row["asset_type"]),
                fingerprint=Fingerprint(row["fingerprint"]),
                started_at=row["queued_at"],
                code=MONEY_CAP_REACHED,
                reason="the money of the day is spent: it may be tried again after midnight UTC",
            )
            async for row in rows
        ]

    async def lanes(self) -> list[str]:
        """The lanes that have a backlog."""
        return [row["lane"] async for row in self._queries.backlog_lanes(self._pool)]

    async def take(self, lane: str, room: int) -> Dispatched:
        """Take at most ``room`` jobs out of a lane's backlog, in the tenants' fair order.

        None that is to be paid for with money that a tenant has not left today.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            locked = await self._queries.lock_lane(connection, lane=lane)
            if locked is None:
                await self._queries.add_lane(connection, lane=lane)
                locked = await self._queries.lock_lane(connection, lane=lane)
            if locked is None:
                return Dispatched(left=True)  # another replica serves it just now
            # One more than there is room for: so many that are left are seen.
            found = self._queries.lane_shares(
                connection, lane=lane, room=room + 1, usd_per_day=self._usd_per_day, finishing=FINISHING
            )
            rows = [row async for row in found]
            shares = [Share(row["id"], row["weight"], row["finish"], row["jobs"]) for row in rows]
            chosen = choose(shares, locked["virtual_time"], room)
            left = sum(len(share.jobs) for share in shares) > len(chosen.jobs)
            if not chosen.jobs:
                return Dispatched(left=left)
            taken = self._queries.dispatch_backlog(connection, lane=lane, jobs=list(chosen.jobs))
            jobs = [row async for row in taken]
            await self._queries.save_lane(
                connection,
                lane=lane,
                virtual_time=chosen.virtual_time,
                tenants=list(chosen.finishes),
                finishes=list(chosen.finishes.values()),
            )
        keys = tuple(((row["story_id"], Asset(row["asset_type"])), Fingerprint(row["fingerprint"])) for row in jobs)
        return Dispatched(keys, jobs[0]["queued_at"] if jobs else None, left)

    async def journeys(self, ids: Collection[UUID]) -> dict[UUID, Journey]:
        """The journeys of some stories."""
        return await journeys(self._pool, ids)


class WaitingStories:
    """Stories that wait until their tenant has room for them. Raises what asyncpg raises when Postgres is away."""

    def __init__(self, pool: Pool, *, concurrent_stories: int) -> None:
        """``concurrent_stories``: how many a tenant may have under way that has no limit of its own."""
        self._pool = pool
        self._queries = queries()
        self._default = concurrent_stories

    async def tenants(self) -> list[str]:
        """The tenants that have stories waiting."""
        return [row["tenant_id"] async for row in self._queries.waiting_tenants(self._pool)]

    async def admit(self, tenant_id: str, at: datetime) -> list[StoryRequested]:
        """Admit a tenant's stories as it has room for them; the events to publish. Their deadlines run from now."""
        async with self._pool.acquire() as connection, connection.transaction():
            tenant = await self._queries.lock_tenant(connection, tenant_id=tenant_id)
            if tenant is None:
                return []
            own = tenant["concurrent_stories"]
            limit = self._default if own is None else own
            rows = self._queries.admit_stories(
                connection, tenant_id=tenant_id, concurrent_stories=limit, most=MAX_ADMITTED
            )
            return [story_requested(row["id"], row["tenant_id"], row["trace"], at) async for row in rows]

    async def positions(self, ids: Collection[UUID]) -> dict[UUID, int]:
        """Where stories stand in their tenants' queues, from 1; without those that do not wait any more."""
        rows = self._queries.queue_positions(self._pool, ids=list(ids))
        return {row["id"]: row["queue_position"] async for row in rows}


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
        return [command for row in rows if (command := _command(row["event"])) is not None]

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
        return await journeys(self._pool, ids)

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
        """The failures of assets whose first attempt began longer ago than that."""
        return [
            AssetFailed(
                id=f"{row['id']}.{row['asset_type']}.{row['fingerprint'][:16]}.deadline",
                **_origin(row, at),
                asset=Asset(row["asset_type"]),
                fingerprint=Fingerprint(row["fingerprint"]),
                started_at=row["began"],
                code=DEADLINE,
                reason=f"it was not there {seconds:g} seconds after it was first tried",
            )
            async for row in self._queries.overdue_assets(self._pool, seconds=seconds)
        ]

    async def delete_old_events(self) -> int:
        """Delete the inbox ids of events that have left the stream, and commands as old as these, a batch at a time;
        how many. What is left over is deleted the next time.
        """
        total = 0
        for prune in (self._queries.prune_inbox, self._queries.prune_commands):
            for _ in range(PRUNE_BATCHES):
                deleted = await prune(self._pool, limit=PRUNE_BATCH_SIZE)
                total += deleted
                if deleted < PRUNE_BATCH_SIZE:
                    break
                await asyncio.sleep(PRUNE_PAUSE_SECONDS)
        return total


def _command(event: dict[str, Any]) -> CommandEvent | None:
    """A command as it was stored; None for one that only a newer release can read, whose replicas publish it."""
    try:
        return _COMMAND.validate_python(event)
    except ValidationError:
        if not is_newer(orjson.dumps(event)):
            raise
        return None


def _origin(row: Any, at: datetime) -> dict[str, Any]:
    return {"story_id": row["id"], "tenant_id": row["tenant_id"], "trace": row["trace"], "at": at}


async def journeys(pool: Pool, ids: Collection[UUID]) -> dict[UUID, Journey]:
    """The journeys of some stories."""
    async with pool.acquire() as connection:
        stories = [row async for row in queries().read_stories(connection, ids=list(ids))]
        return await read_journeys(connection, stories)


async def read_journeys(connection: Connection, stories: Sequence[Record]) -> dict[UUID, Journey]:
    """The journeys of some story rows."""
    rows: dict[UUID, dict[str, AssetState]] = {story["id"]: {} for story in stories}
    async for row in queries().read_assets(connection, ids=list(rows)):
        rows[row["story_id"]][row["asset_type"]] = asset_state(row)
    return {story["id"]: journey_of(story, rows[story["id"]]) for story in stories}


@dataclass(frozen=True, slots=True)
class Written:
    """The stories that a batch wrote, and the webhook endpoints for which it made deliveries."""

    stories: set[UUID]
    endpoints: set[UUID]


async def write_transitions(connection: Connection | Pool, transitions: Sequence[Transition]) -> Written:
    """Write what a batch changed: one statement, whatever its size. Answers the stories that were written.

    Those that had moved on from the version that their transition began with are not among them, and nothing of theirs
    is written. Raises asyncpg.UniqueViolationError, with nothing written, when an event was applied before.
    """
    stories: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    updates: list[tuple[Any, ...]] = []
    assets: list[tuple[Any, ...]] = []
    stale: list[tuple[Any, ...]] = []
    notices: list[tuple[Any, ...]] = []
    costs: list[tuple[Any, ...]] = []
    made: list[tuple[Any, ...]] = []
    for transition in transitions:
        journey, effects = transition.journey, transition.effects
        key = journey.story_id
        stories.append(story_row(transition))
        events += [(key, event_id) for event_id in transition.event_ids]
        updates += [(key, update.seq, update.event, dumps(update.data)) for update in effects.updates]
        lanes = {asset: lane_of(asset, journey.brief.priority) for asset in effects.backlog}
        assets += [asset_row(key, asset, journey.assets[asset], lanes.get(asset)) for asset in effects.changed]
        stale += [(key,)] if effects.stale else []
        notices += [
            (key, notice.id, notice.type, notice.payload, transition.traceparent or journey.trace)
            for update in effects.updates
            if (notice := notification(key, update.seq, update.event, update.data, transition.at)) is not None
        ]
        costs += [(key, effects.usd)] if effects.usd else []
        made += [(key, kind) for asset in effects.made if (kind := kind_of(asset)) is not None]
    tables = (
        (stories, _STORY),
        (events, _EVENT),
        (updates, _UPDATE),
        (notices, _NOTICE),
        (assets, _ASSET),
        (stale, _STALE),
        (costs, _COST),
        (made, _MADE),
    )
    columns = [column for rows, names in tables for column in _columns(rows, names)]
    # Asked by position, without the query's own wrapper, which a batch would feel; the names stand in that order.
    with statement("write_transitions"):
        rows = await connection.fetch(_write_sql(), *columns)
    _observe_ends(transitions, {row["id"]: row["began"] for row in rows})
    return Written({row["id"] for row in rows}, set(rows[0]["endpoints"]) if rows else set())


def _observe_ends(transitions: Sequence[Transition], began: Mapping[UUID, datetime]) -> None:
    """How long the stories took that have just ended."""
    for one in transitions:
        if one.effects.ended and (since := began.get(one.journey.story_id)) is not None:
            seconds = max(0.0, (one.at - since).total_seconds())
            STORY_SECONDS.labels(overall=overall(one.journey)).observe(seconds)


@cache
def _write_sql() -> str:
    query = queries().write_transitions
    parameters = [name for name in query.__signature__.parameters if name != "self"]
    if parameters != [*_STORY, *_EVENT, *_UPDATE, *_NOTICE, *_ASSET, *_STALE, *_COST, *_MADE]:
        raise RuntimeError(f"write_transitions asks for {parameters}")
    return str(query.sql)


_STORY = (
    "ids", "versions_before", "versions", "seqs", "statuses", "documents", "ended_at", "titles", "loglines", "errors",
    "hues", "words", "blocks", "approvals", "awaiting",
)  # fmt: skip
_EVENT = ("event_stories", "event_ids")
_UPDATE = ("update_ids", "update_seqs", "update_events", "update_data")
_NOTICE = ("notice_stories", "notice_ids", "notice_types", "notice_payloads", "notice_traces")
_ASSET = (
    "asset_ids", "asset_types", "asset_statuses", "revisions", "fingerprints", "results", "started", "completed",
    "messages", "retries", "metadata", "backlog_lanes",
)  # fmt: skip

_STALE = ("stale_ids",)
_COST = ("cost_ids", "costs")
_MADE = ("made_ids", "made_kinds")


def kind_of(asset: Asset) -> str | None:
    """The kind by which a public asset is counted, all scenes as one; None for what nobody asked for by its name."""
    if not GRAPH[asset].public:
        return None
    return "scene" if asset.scene else asset.value


def _columns(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]
