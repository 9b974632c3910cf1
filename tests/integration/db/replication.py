"""A Postgres with a streaming standby, to be failed over as an operator or a cloud does it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import asyncpg

from local.child import Child
from local.ports import Ports
from local.postgres import EmbeddedPostgres, _answers
from local.postgres_programs import Programs
from tests.integration.core.system import until

OPTIONS = ("fsync=off", "wal_level=replica", "max_wal_senders=4", "hot_standby=on")


class Standby(EmbeddedPostgres):
    """A copy of a running server that follows it until it is promoted."""

    def __init__(self, folder: Path, primary: str) -> None:
        super().__init__(folder, options=OPTIONS)
        self._primary = primary

    async def prepare(self) -> None:
        """Copy the primary, once."""
        self._programs, self._data = self._files.place()
        if not (self._data / "PG_VERSION").exists():
            await asyncio.to_thread(self._copy)

    async def run(self) -> str:
        """Start it. It has the primary's database and passwords."""
        (port,) = Ports(self.folder / "ports.json").choose("postgres")
        url = urlunsplit(with_hosts(self._primary, f"127.0.0.1:{port}"))
        self.child = Child(self._program(port), partial(_answers, url))
        await self.child.start()
        return url

    def _copy(self) -> None:
        program, server = Programs().installed / "pg_basebackup", urlsplit(self._primary)
        where = ("-h", "127.0.0.1", "-p", str(server.port), "-U", str(server.username))
        how = ("-D", str(self._data), "-R", "-X", "stream", "--no-sync", "--checkpoint=fast")
        environment = {"PGPASSWORD": unquote(server.password or ""), "PATH": os.environ["PATH"], "LC_ALL": "C"}
        subprocess.run([str(program), *where, *how], env=environment, check=True, capture_output=True)
        if self._user is not None:
            for path in (self._data, *self._data.rglob("*")):
                shutil.chown(path, *self._user)


def with_hosts(url: str, *hosts: str) -> SplitResult:
    """A URL's parts with other hosts."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{user}@{','.join(hosts)}")


@dataclass
class Replicated:
    """A primary and its standby, by the URLs of their databases."""

    primary: str
    standby: str
    stack: AsyncExitStack = field(repr=False)

    @property
    def url(self) -> str:
        """Both hosts, of which a client takes the one that is read-write."""
        hosts = [urlsplit(one).netloc.rpartition("@")[2] for one in (self.primary, self.standby)]
        return urlunsplit(
            with_hosts(self.primary, *hosts)._replace(query="sslmode=disable&target_session_attrs=read-write")
        )

    async def demote(self) -> None:
        """The primary goes on serving, but takes nothing more: what an open connection meets after a failover."""
        await self._execute(
            self.primary, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
        )

    async def promote(self) -> None:
        """Once the standby has all that the primary took, it becomes the one that is written to."""
        position = await self._value(self.primary, "SELECT pg_current_wal_flush_lsn()::text")
        caught_up = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"

        async def replayed() -> bool:
            return bool(await self._value(self.standby, caught_up))

        await until(replayed)
        await self._execute(self.standby, "SELECT pg_promote()")

    async def _execute(self, url: str, *statements: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def _value(self, url: str, query: str) -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()


@asynccontextmanager
async def replicated(folder: Path) -> AsyncIterator[Replicated]:
    """A primary with a standby that follows it; no schema yet."""
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(EmbeddedPostgres(folder / "primary", options=OPTIONS))
        standby = await stack.enter_async_context(Standby(folder / "standby", primary))
        yield Replicated(primary, standby, stack)
