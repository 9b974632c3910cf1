"""Unfinished stories, read back from their rows."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from asyncpg import Record

from ops.assets import Row, Story
from ops.sql import queries
from storyloom.db.pool import Pool
from storyloom.story.assets import Asset, Priority


async def unfinished_stories(pool: Pool) -> list[Story]:
    """All that are being made, oldest first, as of one moment."""
    rows: list[Record] = [row async for row in queries().unfinished(pool)]
    return [_story(list(group)) for _, group in groupby(rows, key=itemgetter("id"))]


async def oldest_story(pool: Pool) -> Story | None:
    """The one that has been at it for longest."""
    rows: list[Record] = [row async for row in queries().oldest_unfinished(pool)]
    return _story(rows) if rows else None


def _story(rows: Sequence[Record]) -> Story:
    first = rows[0]
    assets = {Asset(row["asset_type"]): _row(row) for row in rows if row["asset_type"] is not None}
    started: datetime = first["asset_generation_started_at"]
    return Story(first["id"], Priority(first["priority"]), first["seq"], first["created_at"], started, assets)


def _row(row: Record) -> Row:
    retry_at = datetime.fromisoformat(row["retry_at"]) if row["retry_at"] else None
    return Row(row["status"], row["fingerprint"], row["queued_at"], row["retry_count"], retry_at)
