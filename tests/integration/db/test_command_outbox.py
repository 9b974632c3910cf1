"""The table ``wishes`` became ``command_outbox``: a process of the version before goes on through the rename."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiosql
import pytest
from pydantic import SecretStr

from services.status.repository import UnfinishedWork
from storyloom.db.migrate import migrate
from storyloom.db.pool import Pool, open_pool
from storyloom.runtime.settings import DatabaseSettings
from storyloom.story.events import StoryCancelled
from tests.integration.db.databases import migrate_to_before, new_database

RENAMED = "20261129000001"
BEFORE = aiosql.from_path(Path(__file__).parent / "before_command_outbox.sql", "asyncpg", mandatory_parameters=False)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
COUNT = "SELECT count(*) FROM command_outbox"


@pytest.fixture
async def old_database(database_url: str, postgres_url: str) -> AsyncIterator[str]:
    """A database that the rename has not reached yet."""
    async with new_database(database_url, postgres_url) as url:
        await migrate_to_before(url, RENAMED)
        yield url


@asynccontextmanager
async def pool_on(url: str) -> AsyncIterator[Pool]:
    """One connection, prepared as the services prepare theirs: what it has asked once, it has a plan of."""
    pool = await open_pool(DatabaseSettings(database_url=SecretStr(url)), size=1)
    try:
        yield pool
    finally:
        await pool.close()


async def story(pool: Pool) -> UUID:
    """A story with a failed cover."""
    story_id = uuid4()
    await pool.execute("INSERT INTO tenants (id) VALUES ('tests') ON CONFLICT DO NOTHING")
    await pool.execute(
        "INSERT INTO stories (id, tenant_id, request, asset_generation_status) VALUES ($1, 'tests', '{}', '{}')",
        story_id,
    )
    await pool.execute(
        "INSERT INTO asset_generation_jobs (story_id, asset_type, status) VALUES ($1, 'cover', 'failed')", story_id
    )
    return story_id


async def rows(found: Any) -> list[Any]:
    return [row async for row in found]


async def everything_that_the_version_before_does(pool: Pool) -> None:
    """Every statement that it has on the table, from the first write to the deletion, each with its right answer."""
    story_id = await story(pool)
    first, second = f"{story_id}.wish.1", f"{story_id}.wish.dead-2"
    event = {"event": "StoryCancelled", "id": first}
    await BEFORE.add_wish(pool, event_id=first, story_id=story_id, event=event)
    assert (await BEFORE.wish(pool, event_id=first))["event"] == event
    assert (await BEFORE.last_cancellation(pool, story_id=story_id))["event"] == event

    letters = {"wishes": [second], "story_ids": [story_id], "assets": ["cover"]}
    (state,) = await rows(BEFORE.states_of(pool, **letters))
    assert (state["status"], state["wished_at"]) == ("failed", None)
    assert len(await rows(BEFORE.make_wishes(pool, **letters, events=["{}"]))) == 1
    assert await rows(BEFORE.make_wishes(pool, **letters, events=["{}"])) == [], "ON CONFLICT DO NOTHING"
    (state,) = await rows(BEFORE.states_of(pool, **letters))
    assert state["wished_at"] is not None

    assert (await BEFORE.operators_unheard_wishes(pool))["count"] == 2
    assert {row["event_id"] for row in await rows(BEFORE.late_wishes(pool, before=TOMORROW))} == {first, second}
    await pool.execute("INSERT INTO inbox (event_id) VALUES ($1)", first)
    await BEFORE.note_wishes_heard(pool)
    assert [row["event"] for row in await rows(BEFORE.unheard_wishes(pool, before=TOMORROW))] == [{}]
    assert (await BEFORE.count_rows(pool, id=story_id))["wishes"] == 2
    await BEFORE.delete_story(pool, id=story_id)
    assert (await BEFORE.operators_unheard_wishes(pool))["count"] == 0


async def test_the_version_before_goes_on_while_the_table_is_renamed_under_it(old_database: str) -> None:
    """…on the connection that it has, whose prepared statements name the table as it was."""
    async with pool_on(old_database) as pool:
        await everything_that_the_version_before_does(pool)
        await asyncio.to_thread(migrate, old_database)
        await everything_that_the_version_before_does(pool)


async def test_both_versions_see_one_anothers_commands(old_database: str) -> None:
    async with pool_on(old_database) as pool:
        story_id = await story(pool)
        events = [
            StoryCancelled(
                id=f"{story_id}.wish.{k}", story_id=story_id, tenant_id="tests", trace="", at=datetime.now(UTC)
            )
            for k in range(3)
        ]
        await BEFORE.add_wish(pool, event_id=events[0].id, story_id=story_id, event=events[0].body.decode())
        await asyncio.to_thread(migrate, old_database)
        await BEFORE.add_wish(pool, event_id=events[1].id, story_id=story_id, event=events[1].body.decode())
        await pool.execute(
            "INSERT INTO command_outbox (event_id, story_id, event) VALUES ($1, $2, $3)",
            events[2].id,
            story_id,
            events[2].body.decode(),
        )
        assert await UnfinishedWork(pool).unhandled_commands(TOMORROW) == events
        assert len(await rows(BEFORE.unheard_wishes(pool, before=TOMORROW))) == 3

        await pool.executemany("INSERT INTO inbox (event_id) VALUES ($1)", [(events[0].id,), (events[2].id,)])
        await BEFORE.note_wishes_heard(pool)
        assert await UnfinishedWork(pool).unhandled_commands(TOMORROW) == [events[1]]


async def test_a_rename_that_is_undone_keeps_every_command(old_database: str) -> None:
    async with pool_on(old_database) as pool:
        await asyncio.to_thread(migrate, old_database)
        story_id = await story(pool)
        await pool.execute(
            "INSERT INTO command_outbox (event_id, story_id, event, handled_at) VALUES ('a', $1, '{}', now())", story_id
        )
        await migrate_to_before(old_database, RENAMED)
        assert await pool.fetchval("SELECT heard_at IS NOT NULL FROM wishes") is True
        await everything_that_the_version_before_does(pool)
        await asyncio.to_thread(migrate, old_database)
        assert await pool.fetchval(COUNT) == 1
        await pool.execute("DELETE FROM stories")
        assert await pool.fetchval(COUNT) == 0, "its commands go with a story"
