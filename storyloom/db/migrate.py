"""Bring a database to the schema that this code needs: dbmate over migrations. ``python -m storyloom.db.migrate``."""

import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from storyloom.db.pool import Connection
from storyloom.runtime.settings import DatabaseSettings
from storyloom.runtime.supervision import REFUSALS

_SQLSTATE = re.compile(r"\(([0-9A-Z]{5})\)$")
"""What Postgres calls an error, as dbmate's driver says it."""
FOLDER = Path(str(files("storyloom.db") / "migrations"))


class MigrationFailed(RuntimeError):  # noqa: N818 - a past fact, as everywhere in this code
    """The database could not be brought to the schema; the message says why, without its password."""


def wanted_version() -> str:
    """The newest migration's version: the digits that its file name begins with."""
    return max(path.name.split("_")[0] for path in FOLDER.glob("*.sql"))


def migrate(url: str) -> None:
    """Create the database where it is missing and apply what is new. Safe to call twice, and by several at once.

    Of several hosts, that of the first which takes it.

    Raises MigrationFailed.
    """
    dbmate = shutil.which(
        "dbmate", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if dbmate is None:
        raise MigrationFailed("the dbmate program is missing; install the requirements of the group `local`")
    hosts = _for_dbmate(url)
    wait = "20s" if len(hosts) == 1 else "3s"
    command = [dbmate, "--no-dump-schema", "--migrations-dir", str(FOLDER)]
    for host in hosts:
        # Without waiting at first: to dbmate, a server that refuses us is one that is not there yet.
        for waiting in ((), ("--wait", "--wait-timeout", wait)):
            done = subprocess.run(  # noqa: S603 - our own binary, no shell; the URL goes by environment, not by argument
                [*command, *waiting, "up"],
                env={**os.environ, "DATABASE_URL": host},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                return
            said = (done.stderr or done.stdout).strip().splitlines()[-1]
            state = _SQLSTATE.search(said)
            if refusal := state and REFUSALS.get(state[1]):
                break
    raise MigrationFailed(refusal or said)


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
    # dbmate's driver wants TLS unless configured otherwise, unlike asyncpg's "prefer".
    options.setdefault("sslmode", "disable" if host in (None, "127.0.0.1", "localhost", "::1") else "require")
    return urlencode(options)


def mismatch(found: str | None) -> str | None:
    """Why this code cannot work with a schema of that version, None where it can.

    A newer schema serves: while a release is rolled out its migrations are there before it, and they only add
    (columns with defaults, tables, indexes, values). What is no longer used is dropped a release later.
    """
    wanted = wanted_version()
    if found is not None and found >= wanted:
        return None
    return f"the database stands at version {found or 'none'}, this code waits for {wanted}: run `make migrate`"


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
