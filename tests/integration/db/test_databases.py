"""The databases of these tests themselves: what one test leaves, another never sees."""

import asyncpg
import pytest

from tests.databases import Databases, database_at

LEAVES = {
    "rows": "INSERT INTO schema_migrations VALUES ('20990101000000')",
    "a column": "ALTER TABLE stories ADD COLUMN lantern text",
    "no column": "ALTER TABLE stories ALTER COLUMN status DROP NOT NULL",
    "a table": "CREATE TABLE lantern ()",
    "no table": "DROP TABLE webhook_deliveries CASCADE",
    "no table of migrations": "DROP TABLE schema_migrations",
    "an index": "CREATE INDEX ON stories (status, id)",
    "a trigger that rests": "ALTER TABLE stories DISABLE TRIGGER ALL",
    "a function": "CREATE FUNCTION lantern() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a setting": "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database()); END $$",
    "a storage option": "ALTER TABLE stories SET (fillfactor = 33)",
}


@pytest.mark.parametrize("leaves", LEAVES.values(), ids=list(LEAVES))
async def test_a_database_with_another_schema_is_never_lent_again(databases: Databases, leaves: str) -> None:
    name = await databases.take()
    connection = await asyncpg.connect(database_at(databases.url, name))
    await connection.execute(leaves)
    await connection.close()
    await databases.give_back(name)
    assert name not in databases._free
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(database_at(databases.url, name))


async def test_a_database_that_is_lent_again_is_empty_and_nobody_is_in_it(databases: Databases) -> None:
    name = await databases.take()
    left = await asyncpg.connect(database_at(databases.url, name))
    await left.execute("INSERT INTO tenants (id) VALUES ('home')")
    await left.execute("BEGIN; LOCK TABLE tenants")
    await databases.give_back(name)
    assert databases._free[-1] == name
    assert await databases.take() == name
    again = await asyncpg.connect(database_at(databases.url, name))
    assert not await again.fetch("SELECT FROM tenants")
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
        await left.execute("SELECT 1")
    left.terminate()
    await again.close()
    await databases.give_back(name)
