"""The two queries that operators have run for years: as they are, letter by letter, with the right answers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg

BY_ASSET = (
    "SELECT asset_type, status, COUNT(*) AS count, AVG(EXTRACT(EPOCH FROM (completed_at - started_at)))"
    " AS avg_duration_seconds FROM asset_generation_jobs WHERE created_at > NOW() - INTERVAL '24 hours'"
    " GROUP BY asset_type, status;"
)
BY_STORY = (
    "SELECT status, asset_generation_status->>'overall' AS overall_status, COUNT(*) AS count,"
    " AVG(EXTRACT(EPOCH FROM (asset_generation_completed_at - asset_generation_started_at))) AS avg_duration_seconds"
    " FROM stories WHERE asset_generation_started_at > NOW() - INTERVAL '24 hours' GROUP BY status, overall_status;"
)
NOW = datetime.now(UTC)
OLD = NOW - timedelta(hours=25)


async def _story(
    connection: "asyncpg.Connection[asyncpg.Record]", status: str, seconds: float | None, *, at: datetime = NOW
) -> Any:
    story_id = uuid4()
    await connection.execute(
        "INSERT INTO stories (id, tenant_id, request, status, asset_generation_status, asset_generation_started_at,"
        " asset_generation_completed_at) VALUES ($1, 't', '{}', $2, jsonb_build_object('overall', $2::text), $3, $4)",
        story_id,
        status,
        at,
        None if seconds is None else at + timedelta(seconds=seconds),
    )
    return story_id


async def _asset(
    connection: "asyncpg.Connection[asyncpg.Record]",
    story_id: Any,
    asset: str,
    status: str,
    seconds: float | None,
    *,
    at: datetime = NOW,
) -> None:
    await connection.execute(
        "INSERT INTO asset_generation_jobs (story_id, asset_type, status, started_at, completed_at, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $4)",
        story_id,
        asset,
        status,
        at,
        None if seconds is None else at + timedelta(seconds=seconds),
    )


async def test_both_run_as_they_are_and_answer_right(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO tenants (id) VALUES ('t')")
    one = await _story(connection, "ready", 60)
    two = await _story(connection, "ready", 90)
    three = await _story(connection, "generating", None)
    four = await _story(connection, "ready", 5000, at=OLD)
    await _asset(connection, one, "cover", "ready", 30)
    await _asset(connection, two, "cover", "ready", 50)
    await _asset(connection, three, "cover", "queued", None)
    await _asset(connection, three, "pdf", "failed", 2.5)
    await _asset(connection, four, "cover", "ready", 4000, at=OLD)
    by_asset = {(row["asset_type"], row["status"]): row for row in await connection.fetch(BY_ASSET)}
    by_story = {(row["status"], row["overall_status"]): row for row in await connection.fetch(BY_STORY)}
    await connection.close()
    assert {key: (row["count"], row["avg_duration_seconds"]) for key, row in by_asset.items()} == {
        ("cover", "ready"): (2, 40),
        ("cover", "queued"): (1, None),
        ("pdf", "failed"): (1, 2.5),
    }
    assert {key: (row["count"], row["avg_duration_seconds"]) for key, row in by_story.items()} == {
        ("ready", "ready"): (2, 75),
        ("generating", "generating"): (1, None),
    }
