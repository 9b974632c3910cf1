"""PgBouncer before Postgres, in either mode, configured or as installed: stories finish, no setting is needed."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.runtime.settings import DatabaseSettings, Settings
from tests.integration.core.system import running
from tests.integration.db.pgbouncer import needs_pgbouncer, pgbouncer

pytestmark = needs_pgbouncer
PLANNER = "enable_seqscan,enable_hashjoin,enable_mergejoin,plan_cache_mode,jit,extra_float_digits"


async def pool_of(url: str, **settings: Any) -> Pool:
    """A pool over a URL."""
    return await open_pool(DatabaseSettings(database_url=SecretStr(url), database_pool=4, **settings))


@pytest.mark.parametrize(
    ("mode", "ignored"),
    [("transaction", ""), ("transaction", PLANNER), ("session", "")],
    ids=["transaction", "transaction-configured", "session"],
)
async def test_stories_finish_through_pgbouncer(
    settings: Settings, database_url: str, tmp_path: Path, mode: str, ignored: str
) -> None:
    """Two server connections for eight of ours in transaction mode: each statement meets another one's."""
    size = 2 if mode == "transaction" else 20
    async with (
        pgbouncer(tmp_path, database_url, mode, ignored=ignored, size=size) as url,
        running(settings.model_copy(update={"database_url": SecretStr(url)}), in_memory=True) as system,
    ):
        await asyncio.gather(*(system.post() for _ in range(6)))
        await system.all_ended()
        stories = await system.rows("SELECT status FROM stories")
        assert await system.dead() == {}
    assert [story["status"] for story in stories] == ["ready"] * 6


async def test_no_setting_is_left_on_a_connection_that_is_lent(database_url: str, tmp_path: Path) -> None:
    """Somebody else's statements would be planned by it."""
    async with pgbouncer(tmp_path, database_url, "transaction", size=1) as url:
        pool = await pool_of(url)
        try:
            assert await pool.fetchval("SELECT current_setting('enable_seqscan')") == "on"
            assert await pool.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
        finally:
            await close_pool(pool)


async def test_session_mode_that_is_named_keeps_plans_and_settings(database_url: str, tmp_path: Path) -> None:
    """…which PgBouncer refuses while a client connects, and takes afterwards."""
    async with pgbouncer(tmp_path, database_url, "session", size=4) as url:
        with pytest.raises(asyncpg.ProtocolViolationError):
            await pool_of(url, database_pooler="none")
        pool = await pool_of(url, database_pooler="session")
        try:
            await pool.fetchval("SELECT 1 + $1::int", 1)
            assert await pool.fetchval("SELECT current_setting('enable_seqscan')") == "off"
            assert await pool.fetchval("SELECT count(*) FROM pg_prepared_statements") > 0
        finally:
            await close_pool(pool)


async def test_postgres_itself_is_told_apart_from_a_pooler(database_url: str) -> None:
    pool = await pool_of(database_url)
    try:
        await pool.fetchval("SELECT 1 + $1::int", 1)
        assert await pool.fetchval("SELECT count(*) FROM pg_prepared_statements") > 0
        assert await pool.fetchval("SELECT current_setting('enable_seqscan')") == "off"
    finally:
        await close_pool(pool)
