"""The schema: brought up by one command, taken down and up again, and asked for by every service that needs it."""

import sys

import asyncpg
import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from services.api import app as api
from services.status import app as status
from storyloom.db.migrate import FOLDER, MigrationFailed, migrate, mismatch, version, wanted_version
from storyloom.runtime.settings import Settings
from tests.integration.core.system import running
from tests.integration.db.databases import new_database, roll_back

TABLES = {
    "tenant_asset_counts",
    "tenants",
    "api_keys",
    "stories",
    "asset_generation_jobs",
    "story_events",
    "story_receipts",
    "inbox",
    "command_outbox",
    "erasures",
    "stale_objects",
    "lanes",
    "lane_shares",
    "webhook_endpoints",
    "webhook_deliveries",
    "request_rates",
    "tenant_story_counts",
    "tenant_costs",
    "stream_tokens",
    "story_shares",
}


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows} - {"schema_migrations"}
    finally:
        await connection.close()


async def test_up_down_and_up_again(database_url: str, postgres_url: str) -> None:
    """Every migration can be undone, and a second `up` changes nothing."""
    async with new_database(database_url, postgres_url) as url:
        migrate(url)
        assert await tables(url) == TABLES
        migrate(url)
        for _ in FOLDER.glob("*.sql"):
            roll_back(url)
        assert await tables(url) == set()
        migrate(url)
        assert await tables(url) == TABLES


async def test_the_version_is_the_newest_migrations(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert await version(connection) == wanted_version()
    await connection.execute("DROP TABLE schema_migrations")
    assert await version(connection) is None
    await connection.close()
    assert mismatch(wanted_version()) is None
    assert mismatch(f"{int(wanted_version()) + 1}") is None
    assert mismatch(f"{int(wanted_version()) - 1}") is not None
    assert mismatch(None) is not None


@pytest.mark.parametrize("service", [api, status])
async def test_a_service_is_not_ready_on_a_wrong_version_and_says_what_to_do(
    settings: Settings, service: object
) -> None:
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    running = await (api.serve(settings) if service is api else status.serve(settings))
    try:
        async with ClientSession() as http:
            async with http.get(f"{running.internal_url}/health/ready") as answer:
                assert answer.status == 200
            await connection.execute("DELETE FROM schema_migrations")
            await connection.execute("INSERT INTO schema_migrations (version) VALUES ('20200101000000')")
            async with http.get(f"{running.internal_url}/health/ready") as answer:
                assert answer.status == 503
                wrong = (await answer.json())["wrong"]
            assert wrong["database"] == (
                "the database stands at version 20200101000000, "
                f"this code waits for {wanted_version()}: run `python -m ops migrate`"
            )
            async with http.get(f"{running.internal_url}/health/live") as answer:
                assert answer.status == 200
    finally:
        await running.stop()
        await connection.close()


NEXT_RELEASE = """
ALTER TABLE stories ADD COLUMN shelf text NOT NULL DEFAULT 'new';
ALTER TABLE asset_generation_jobs ADD COLUMN weight integer;
ALTER TABLE command_outbox ADD COLUMN origin text;
CREATE TABLE shelves (name text PRIMARY KEY);
CREATE INDEX stories_by_shelf ON stories (shelf);
INSERT INTO schema_migrations (version) VALUES ('20991231000001');
"""


async def test_a_migration_that_only_adds_disturbs_no_replica_of_the_release_before(settings: Settings) -> None:
    """It comes in the midst of a story: the older replicas stay ready, and finish that one and the next."""
    async with running(settings) as system:
        before = await system.post()
        await system.pool.execute(NEXT_RELEASE)
        after = await system.post()
        for url in (system.api.internal_url, system.status.internal_url):
            async with system.http.get(f"{url}/health/ready") as answer:
                assert answer.status == 200, await answer.text()
        assert {(await system.finished(story_id))["status"] for story_id in (before, after)} == {"ready"}


def test_what_cannot_be_migrated_is_one_line_without_the_password() -> None:
    secret = "not-the-password"
    with pytest.raises(MigrationFailed) as caught:
        migrate(f"nosql://postgres:{secret}@127.0.0.1:1/storyloom")
    assert len(str(caught.value).splitlines()) == 1
    assert secret not in str(caught.value)


def test_without_the_program_the_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MigrationFailed, match="dbmate program is missing"):
        migrate(SecretStr("postgresql://x").get_secret_value())
