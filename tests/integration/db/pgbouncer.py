"""A real PgBouncer (Debian's package ``pgbouncer``) before a test's Postgres."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg
import pytest

from local.child import Child, Program
from local.ports import Ports
from local.postgres_user import postgres_user

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed: apt-get install pgbouncer")


@asynccontextmanager
async def pgbouncer(folder: Path, url: str, mode: str, *, ignored: str = "", size: int = 3) -> AsyncIterator[str]:
    """A pooler for the databases of the server at a URL; the URL through it.

    ``mode`` is its pool_mode, ``ignored`` its ignore_startup_parameters, ``size`` its server connections a database.
    """
    assert PROGRAM is not None
    server = urlsplit(url)
    (port,) = Ports(folder / "ports.json").choose("pgbouncer")
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": mode,
        "default_pool_size": size,
        "ignore_startup_parameters": ignored,
        "server_login_retry": 1,
    }
    if postgres_user() is not None:
        settings["user"] = "nobody"  # it refuses to stay root
    password = unquote(server.password or "")
    database = f"* = host={server.hostname} port={server.port} user={server.username} password={password}"
    lines = ["[databases]", database, "[pgbouncer]", *(f"{name} = {value}" for name, value in settings.items())]
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    through = urlunsplit(server._replace(netloc=f"{server.username}@127.0.0.1:{port}"))
    program = Program("PgBouncer", (PROGRAM, str(folder / "pgbouncer.ini")), folder / "pgbouncer.log")
    child = Child(program, partial(_answers, through))
    await child.start()
    try:
        yield through
    finally:
        await child.stop()


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2, statement_cache_size=0)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
