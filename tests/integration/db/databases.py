"""Databases beside a test's own, brought to any version of the schema."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from storyloom.db.migrate import FOLDER, _for_dbmate, migrate, version


@asynccontextmanager
async def new_database(beside: str, server: str) -> AsyncIterator[str]:
    """The URL of a database that is not there yet, named after the test's own; dropped at the end."""
    url = urlunsplit(urlsplit(beside)._replace(path=urlsplit(beside).path + "_new"))
    try:
        yield url
    finally:
        connection = await asyncpg.connect(server)
        await connection.execute(f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')
        await connection.close()


def roll_back(url: str) -> None:
    """Undo the newest migration, by the same program."""
    dbmate = shutil.which("dbmate", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert dbmate is not None
    command = [dbmate, "--no-dump-schema", "--migrations-dir", str(FOLDER), "down"]
    subprocess.run(command, env={**os.environ, "DATABASE_URL": _for_dbmate(url)[0]}, check=True, capture_output=True)


async def migrate_to_before(url: str, migration: str) -> None:
    """Bring a database to the version that a migration finds."""
    migrate(url)
    connection = await asyncpg.connect(url)
    try:
        while (found := await version(connection)) is not None and found >= migration:
            roll_back(url)
    finally:
        await connection.close()
