"""What Postgres says is unfinished: all that the reconciler reads. It grows with that, never with history."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.status import repository
from storyloom.db.pool import Pool
from storyloom.story.assets import Asset, Priority
from storyloom.story.events import AssetFailed, CommandEvent, StoryDeadlinePassed, StoryRequested, story_requested
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import job_subject
from storyloom.story.journey import DEADLINE, Journey

Key = tuple[UUID, Asset]
_COMMAND: TypeAdapter[CommandEvent] = TypeAdapter(CommandEvent)


@dataclass(frozen=True, slots=True)
class Dispatched:
    """An asset whose job was sent and whose end was not heard."""

    story_id: UUID
    asset: Asset
    priority: Priority
    fingerprint: Fingerprint
    revision: int
    queued_at: datetime

    @property
    def key(self) -> Key:
        return self.story_id, self.asset

    @property
    def subject(self) -> str:
        return job_subject(self.story_id, self.asset, self.priority)


class Unfinished:
    """Reads of one moment each, by short statements. All raise what asyncpg raises when Postgres is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queries = repository.queries()

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

    async def dispatched(self, before: datetime) -> list[Dispatched]:
        """All that was dispatched before then and is not done."""
        return [
            Dispatched(
                row["story_id"],
                Asset(row["asset_type"]),
                Priority(row["priority"]),
                Fingerprint(row["fingerprint"]),
                row["revision"],
                row["queued_at"],
            )
            async for row in self._queries.unfinished_assets(self._pool, before=before)
        ]

    async def wanted(self, keys: Collection[Key]) -> dict[Key, Fingerprint]:
        """Which of these somebody waits for, and as what."""
        ids, assets = [key[0] for key in keys], [key[1].value for key in keys]
        rows = self._queries.wanted_jobs(self._pool, ids=ids, assets=assets)
        return {(row["story_id"], Asset(row["asset_type"])): row["fingerprint"] async for row in rows}

    async def journeys(self, ids: Collection[UUID]) -> dict[UUID, Journey]:
        """The journeys of some stories."""
        async with self._pool.acquire() as connection:
            stories = [row async for row in self._queries.read_stories(connection, ids=list(ids))]
            return await repository.read(connection, stories)

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

    async def forget(self) -> None:
        """Drop inbox ids that can never come again."""
        await self._queries.forget_inbox(self._pool)


def _origin(row: Any, at: datetime) -> dict[str, Any]:
    return {"story_id": row["id"], "tenant_id": row["tenant_id"], "trace": row["trace"], "at": at}
