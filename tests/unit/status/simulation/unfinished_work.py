"""What the reconciler reads, from the rows in memory: each method as its query in queries.sql."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from services.status.repository import DispatchedJob, JobKey, UnfinishedWork
from storyloom.story.causes import DEADLINE
from storyloom.story.events import AssetFailed, CommandEvent, StoryDeadlinePassed, StoryRequested, story_requested
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.journey import AssetState, Journey
from tests.unit.status.simulation.rows import Row, Rows
from tests.unit.status.simulation.world import Process, World


class SimUnfinishedWork(UnfinishedWork):
    """The reconciler's own view of the rows, from one process."""

    def __init__(self, world: World, rows: Rows, process: Process) -> None:
        self._world = world
        self._rows = rows
        self._process = process

    async def now(self) -> datetime:
        await self._rows.reach(self._process)
        return self._world.at

    async def unhandled_stories(self, before: datetime) -> list[StoryRequested]:
        await self._rows.reach(self._process)
        return [
            story_requested(key, row.first.tenant_id, row.first.trace, before)
            for key, row in self._generating()
            if row.seq == 0 and max(row.created_at, row.began_at) < before
            if row.admitted or not self._rows.waiting_is_not_lost
        ]

    async def unhandled_commands(self, before: datetime) -> list[CommandEvent]:
        await self._rows.reach(self._process)
        for key, row in self._rows.commands.items():
            if row.handled_at is None and key in self._rows.inbox:
                row.handled_at = self._world.at
        await self._rows.reach(self._process)
        return [
            row.command for row in self._rows.commands.values() if row.handled_at is None and row.created_at < before
        ]

    async def dispatched_jobs(self, before: datetime) -> list[DispatchedJob]:
        await self._rows.reach(self._process)
        return [
            DispatchedJob(
                key, asset, row.first.brief.priority, _fingerprint(state), state.revision, row.queued_at[asset]
            )
            for key, row in self._generating()
            for asset, state in row.assets.items()
            if state.status == "queued" and row.queued_at[asset] < before
            if asset not in row.backlog or not self._rows.backlog_is_apart
        ]

    async def current_fingerprints(self, keys: Collection[JobKey]) -> dict[JobKey, Fingerprint]:
        await self._rows.reach(self._process)
        return {
            (key, asset): _fingerprint(state)
            for key, row in self._generating()
            for asset, state in row.assets.items()
            if state.status == "queued" and (key, asset) in keys
        }

    async def journeys(self, ids: Collection[UUID]) -> dict[UUID, Journey]:
        await self._rows.reach(self._process)
        return {key: row.journey for key, row in self._rows.stories.items() if key in ids}

    async def overdue_stories(self, seconds: float, at: datetime) -> list[StoryDeadlinePassed]:
        await self._rows.reach(self._process)
        since = self._world.at - timedelta(seconds=seconds)
        return [
            StoryDeadlinePassed(
                id=f"{key}.deadline.{row.began_at.timestamp():.0f}",
                story_id=key,
                tenant_id="tests",
                trace="",
                at=at,
                seconds=seconds,
            )
            for key, row in self._generating()
            if row.began_at < since and row.admitted and not row.awaits_approval
        ]

    async def overdue_assets(self, seconds: float, at: datetime) -> list[AssetFailed]:
        await self._rows.reach(self._process)
        since = self._world.at - timedelta(seconds=seconds)
        return [
            AssetFailed(
                id=f"{key}.{asset.value}.{_fingerprint(state)[:16]}.deadline",
                story_id=key,
                tenant_id="tests",
                trace="",
                at=at,
                asset=asset,
                fingerprint=_fingerprint(state),
                started_at=row.queued_at[asset],
                code=DEADLINE,
                reason=f"it was not there {seconds:g} seconds after it was first tried",
            )
            for key, row in self._generating()
            for asset, state in row.assets.items()
            if state.status == "queued" and asset not in row.backlog and row.queued_at[asset] < since
        ]

    async def delete_old_events(self) -> int:
        raise AssertionError("nobody simulates an hour")

    def _generating(self) -> Iterator[tuple[UUID, Row]]:
        return ((key, row) for key, row in self._rows.stories.items() if row.status == "generating")


def _fingerprint(state: AssetState) -> Fingerprint:
    if state.fingerprint is None:
        raise ValueError("never queued")
    return state.fingerprint
