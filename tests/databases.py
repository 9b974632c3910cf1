"""Databases for tests: copied from a migrated one, emptied when a test is over, and lent again."""

import secrets
from urllib.parse import urlsplit, urlunsplit

import asyncpg

_CATALOGS = (
    *("pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_namespace", "pg_proc", "pg_rewrite", "pg_trigger"),
    *("pg_type", "schema_migrations"),
)
_CHANGED_BY = "SELECT " + ", ".join(
    f"(SELECT format('%s %s', count(*), max(xmin::text::bigint)) FROM {catalog})" for catalog in _CATALOGS
)
"""Another answer wherever a test has changed the schema: every row names the transaction that wrote it."""
_SETTINGS = """
SELECT (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = $1)),
       (SELECT md5(string_agg(concat_ws(' ', relname, relkind, relacl, reloptions), ',' ORDER BY oid)) FROM pg_class)
"""
_OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
_TABLES = "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relkind IN ('r', 'p') AND {ours}"
_OURS = "relnamespace = 'public'::regnamespace AND relname <> 'schema_migrations'"


class Databases:
    """``take`` and ``give_back``: making a database copies three hundred files, emptying one touches twenty tables.

    One whose schema is not the template's any more is dropped.
    """

    def __init__(self, url: str, template: str) -> None:
        self.url = url
        self._template = template
        self._free: list[str] = []
        self._untouched: tuple[object, ...] = ()

    async def take(self) -> str:
        """An empty one: its name."""
        if self._free:
            return self._free.pop()
        name = f"test_{secrets.token_hex(6)}"
        connection = await asyncpg.connect(self.url)
        try:
            # Without fsync copying files is half the work of writing them to the log, and a checkpoint costs nothing.
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}" STRATEGY FILE_COPY')
        finally:
            await connection.close()
        if not self._untouched:
            connection = await asyncpg.connect(database_at(self.url, name))
            try:
                self._untouched = await _schema(connection, name)
            finally:
                await connection.close()
        return name

    async def give_back(self, name: str) -> None:
        """Part everybody from it and empty it."""
        try:
            connection = await asyncpg.connect(database_at(self.url, name))
        except asyncpg.PostgresError:  # the test has dropped it, or lets nobody in
            await self._drop(name)
            return
        try:
            await connection.fetch(_OTHERS, name)
            if kept := await _schema(connection, name) == self._untouched:
                tables = await connection.fetchval(_TABLES.format(ours=_OURS))
                await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        except asyncpg.UndefinedTableError:  # without the table of its migrations
            kept = False
        finally:
            await connection.close()
        if kept:
            self._free.append(name)
        else:
            await self._drop(name)

    async def drop(self) -> None:
        """Drop those that are free."""
        while self._free:
            await self._drop(self._free.pop())

    async def _drop(self, name: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()


async def _schema(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> tuple[object, ...]:
    rows = (await connection.fetchrow(_CHANGED_BY), await connection.fetchrow(_SETTINGS, name))
    return tuple(value for row in rows if row is not None for value in row)


def database_at(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
