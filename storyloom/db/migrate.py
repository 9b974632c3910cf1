"""Bring a database to the schema that this code needs: dbmate over migrations. ``python -m storyloom.db.migrate``."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Connection
from storyloom.runtime.settings import DatabaseSettings
from storyloom.runtime.supervision import REFUSALS

_SQLSTATE = re.compile(r"\(([0-9A-Z]{5})\)$")
"""What Postgres calls an error, as dbmate's driver says it."""
_APPLIED = re.compile(r"^Applied: (\S+)", re.MULTILINE)
_NO_DATABASE, _LOCK_NOT_HAD, _PROTOCOL = "3D000", "55P03", "08P01"
CONNECT_TIMEOUT_SECONDS = 5.0
LOCK_TIMEOUT_MILLISECONDS = 3_000
"""How long a migration waits for a table that is in use. Whoever wants the table meanwhile waits behind it."""
LOCK_ATTEMPTS = 20
"""How often one that had to give up is tried again."""
FOLDER = Path(str(files("storyloom.db") / "migrations"))


class MigrationFailed(RuntimeError):  # noqa: N818 - a past fact, as everywhere in this code
    """The database could not be brought to the schema; the message says why, without its password."""


def wanted_version() -> str:
    """The newest migration's version: the digits that its file name begins with."""
    return migrations()[-1].split("_")[0]


def migrations() -> list[str]:
    """The files of all migrations, oldest first."""
    return sorted(path.name for path in FOLDER.glob("*.sql"))


def migrate(url: str) -> list[str]:
    """Create the database where it is missing and apply what is new; the files that were applied.

    Safe to call twice, and by several at once: dbmate holds an advisory lock. Of several hosts, that of the first which
    takes it. A role that may do no more than what the migrations do serves where the database is there.

    Raises MigrationFailed.
    """
    dbmate = shutil.which(
        "dbmate", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if dbmate is None:
        raise MigrationFailed("the dbmate program is missing; install the requirements of the group `local`")
    hosts = _for_dbmate(url)
    options = (dbmate, "--no-dump-schema", "--migrations-dir", str(FOLDER), "--migration-lock")
    for host in hosts:
        try:
            return _apply(options, host, wait="20s" if len(hosts) == 1 else "3s")
        except MigrationFailed as error:
            failed = error
    raise failed


def _apply(options: Sequence[str], url: str, *, wait: str) -> list[str]:
    """Apply what is new to the database on one host; the files that were applied. Raises MigrationFailed."""
    # A role of least privilege may not look into the maintenance database, as `up` does: only where there is none.
    # Without waiting at first: to dbmate, a server that refuses us is one that is not there yet.
    waiting, command, locked = list[str](), "migrate", 0
    while True:
        done = subprocess.run(  # noqa: S603 - our own binary, no shell; the URL goes by environment, not by argument
            [*options, *waiting, command],
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return _APPLIED.findall(done.stdout)
        said = (done.stderr or done.stdout).strip().splitlines()[-1]
        state = _SQLSTATE.search(said)
        code = state[1] if state else ""
        if code == _NO_DATABASE and command == "migrate":
            command = "up"
        elif code == _LOCK_NOT_HAD and locked < LOCK_ATTEMPTS:
            locked += 1
        elif code == _PROTOCOL and "lock_timeout" in said:
            raise MigrationFailed(
                "DATABASE_URL names a pooler; migrations hold locks on their session: name Postgres itself"
            )
        elif code not in REFUSALS and not waiting:
            waiting = ["--wait", "--wait-timeout", wait]
        else:
            raise MigrationFailed(REFUSALS.get(code, said))


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection to look at the schema with, also through a pooler. Raises asyncpg's errors."""
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS, statement_cache_size=0)


async def version(connection: "Connection | asyncpg.Connection[asyncpg.Record]") -> str | None:
    """The schema's version in a database; None if it never was migrated."""
    try:
        found: str | None = await connection.fetchval("SELECT max(version) FROM schema_migrations")
    except asyncpg.UndefinedTableError:
        return None
    return found


def _for_dbmate(url: str) -> list[str]:
    """The URL as dbmate's driver takes it, one for each of its hosts: only the server that is read-write can be
    migrated.
    """
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    found = [parts._replace(netloc=f"{user}{at}{host}") for host in hosts.split(",")]
    return [urlunsplit(one._replace(query=_dbmate_options(one.hostname, parts.query))) for one in found]


def _dbmate_options(host: str | None, query: str) -> str:
    options = dict(parse_qsl(query))
    options.pop("target_session_attrs", None)  # the driver would send it to the server
    # What the driver does not know it tells the server, which has these as settings.
    options.setdefault("lock_timeout", str(LOCK_TIMEOUT_MILLISECONDS))
    # dbmate's driver wants TLS unless configured otherwise, unlike asyncpg's "prefer".
    options.setdefault("sslmode", "disable" if host in (None, "127.0.0.1", "localhost", "::1") else "require")
    return urlencode(options)


async def pending(connection: "Connection | asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """The files that a database lacks, oldest first."""
    try:
        rows = await connection.fetch("SELECT version FROM schema_migrations")
    except asyncpg.UndefinedTableError:
        rows = []
    applied = {row["version"] for row in rows}
    return [name for name in migrations() if name.split("_")[0] not in applied]


def mismatch(found: str | None) -> str | None:
    """Why this code cannot work with a schema of that version, None where it can.

    A newer schema serves: while a release is rolled out its migrations are there before it, and they only add
    (columns with defaults, tables, indexes, values). What is no longer used is dropped a release later.
    """
    wanted = wanted_version()
    if found is not None and found >= wanted:
        return None
    return (
        f"the database stands at version {found or 'none'}, this code waits for {wanted}: run `python -m ops migrate`"
    )


async def schema_error(settings: DatabaseSettings) -> str | None:
    """Why a service cannot begin with its database yet, in a sentence; None where it can.

    Raises asyncpg's errors where Postgres refuses who asks: that is set wrong, and waiting does not help.
    """
    try:
        connection = await connect(settings.database_url.get_secret_value())
        try:
            return mismatch(await version(connection))
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_SECONDS)
    except asyncpg.InvalidCatalogNameError:
        return REFUSALS[_NO_DATABASE]
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise
    except Exception as error:
        if not is_connection_error(error):
            raise
        return "Postgres cannot be reached"


def main() -> int:
    """Migrate DATABASE_URL; say what happened in one line."""
    try:
        migrate(DatabaseSettings().database_url.get_secret_value())
    except MigrationFailed as error:
        sys.stderr.write(f"migrate: {error}\n")
        return 1
    sys.stdout.write(f"The database stands at version {wanted_version()}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
