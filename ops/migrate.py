"""``migrate``: bring Postgres, NATS and the store to what this release needs, before its services come.

Safe to run again, and by several at once: dbmate holds an advisory lock, and NATS answers the second what the first has
made. It only adds; the release before this one runs on beside it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import asyncpg
from cyclopts import Parameter
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from ops.cli import Injected, Operator, converted, duration
from ops.connections import OK, UnavailableError
from ops.deploy import database_roles
from storyloom.db import migrate as schema
from storyloom.db.errors import is_connection_error
from storyloom.messaging.connection import Bus, BusUnavailableError, connect
from storyloom.messaging.topology import provision, topology_differences
from storyloom.operations.words import counted
from storyloom.runtime.supervision import REFUSALS
from storyloom.storage.objects import Objects
from storyloom.story.errors import PermanentError, RetryableError

FAILED = 1
"""Exit code: something was refused; what it is stands on the last line. Running it again is safe."""
TO_BE_DONE = 3
"""Exit code of ``--check`` when something is to be done."""
RETRY_SECONDS = 1.0
BUCKET_TIMEOUT_SECONDS = 10.0

Part = Literal["schema", "streams", "bucket"]
T = TypeVar("T")


class RefusedError(Exception):
    """A server answers, and refuses. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the command: what it may change, and how long it waits for servers."""

    operator: Operator
    check: bool
    make_bucket: bool
    deadline: float

    def say(self, line: str) -> None:
        self.operator.console.out(line, highlight=False)

    async def answered(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        """What ``ask`` returns, asked again while it raises UnavailableError and there is time. Raises that."""
        clock, said = asyncio.get_running_loop().time, ""
        while True:
            try:
                return await ask()
            except UnavailableError as error:
                left = self.deadline - clock()
                if left <= 0:
                    raise
                if str(error) != said:
                    said = str(error)
                    self.say(f"{what}: {said} Waiting for up to {left:.0f} s.")
            await asyncio.sleep(RETRY_SECONDS)


async def migrate(
    *,
    check: Annotated[
        bool, Parameter(name=("--check", "--dry-run"), help="Change nothing; exit code 3 when something is to be done.")
    ] = False,
    wait: Annotated[
        float, converted(duration), Parameter(metavar="60s", help="How long to wait for servers (default 60s).")
    ] = 60.0,
    skip: Annotated[
        tuple[Part, ...], Parameter(metavar="PART", help="Leave out schema, streams or bucket; may be repeated.")
    ] = (),
    make_bucket: Annotated[bool, Parameter(help="Make the bucket where it is missing.")] = False,
    operator: Injected,
) -> int:
    """Do what is to be done, and say it; answer the exit code. Raises UnavailableError."""
    loop = asyncio.get_running_loop()
    run = _Run(operator, check, make_bucket, loop.time() + wait)
    parts: dict[Part, Callable[[_Run], Awaitable[int]]] = {
        "schema": _migrate_schema,
        "streams": _provision_streams,
        "bucket": _check_bucket,
    }
    count = 0
    try:
        for part, bring_up in parts.items():
            if part in skip:
                run.say(f"{part}: left out.")
            else:
                count += await bring_up(run)
    except RefusedError as error:
        run.say(f"Failed: {error}")
        return FAILED
    if check:
        run.say(f"{counted(count, 'thing')} to be done." if count else "Nothing is to be done.")
        return TO_BE_DONE if count else OK
    run.say(f"{counted(count, 'thing')} done." if count else "Nothing was to be done.")
    return OK


async def _migrate_schema(run: _Run) -> int:
    url = run.operator.settings.database_url.get_secret_value()
    prefix = run.operator.settings.database_role_prefix
    pending = await run.answered("schema", lambda: _pending(url))
    if not pending:
        if not run.check:
            await run.answered("schema", lambda: _grant(url, prefix))
        run.say(f"schema: stands at version {schema.wanted_version()} or later.")
        return 0
    if run.check:
        for name in pending:
            run.say(f"schema: {name} is to be applied.")
        return len(pending)
    run.say(f"schema: applying {counted(len(pending), 'migration')} …")
    try:
        applied = await asyncio.to_thread(schema.migrate, url)
    except schema.MigrationFailed as error:
        raise RefusedError(f"the schema was not migrated: {error}") from error
    await run.answered("schema", lambda: _grant(url, prefix))
    for name in applied:
        run.say(f"schema: applied {name}.")
    if not applied:
        run.say("schema: another process has applied them.")
    return len(applied)


async def _grant(url: str, prefix: str) -> None:
    """Let the roles have the tables, where there are roles; also those that came after the last migration."""
    try:
        await database_roles.grant(url, prefix)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RefusedError("the services' roles are granted nothing: DATABASE_URL is not the tables' owner.") from error
    except Exception as error:
        if not is_connection_error(error):
            raise
        raise UnavailableError(f"Postgres is unavailable: {type(error).__name__}.") from error


async def _pending(url: str) -> list[str]:
    try:
        connection = await schema.connect(url)
        try:
            return await schema.pending(connection)
        finally:
            await connection.close(timeout=schema.CONNECT_TIMEOUT_SECONDS)
    except asyncpg.InvalidCatalogNameError:
        return schema.migrations()  # it is made with the first of them
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise RefusedError(REFUSALS.get(error.sqlstate or "", "Postgres refuses: is DATABASE_URL right?")) from error
    except Exception as error:
        if not is_connection_error(error):
            raise
        said = "it does not answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        raise UnavailableError(f"Postgres is unavailable: {said}.") from error


async def _provision_streams(run: _Run) -> int:
    settings = run.operator.settings

    async def differences() -> list[str]:
        async with _nats(run) as bus:
            return await topology_differences(bus.js, settings, starting=True)

    async def bring_up() -> None:
        async with _nats(run) as bus:
            await provision(bus.js, settings)

    wrong = await run.answered("streams", differences)
    if not wrong:
        run.say("streams: all streams and consumers are there, as they must be.")
        return 0
    for one in wrong:
        run.say(f"streams: {one}.")
    if not run.check:
        await run.answered("streams", bring_up)
        run.say(f"streams: {counted(len(wrong), 'difference')} put right.")
    return len(wrong)


@asynccontextmanager
async def _nats(run: _Run) -> AsyncIterator[Bus]:
    """NATS, for as long as the block lasts. Raises UnavailableError, and RefusedError for what it refuses."""
    try:
        bus = await connect(run.operator.settings, "migrate")
        try:
            yield bus
        finally:
            await bus.close()
    except BusUnavailableError as error:
        raise UnavailableError(f"NATS is unavailable: {error}.") from error
    except APIError as error:
        if error.code == 503:  # no leader yet, or JetStream is starting
            raise UnavailableError(f"NATS is not ready: {error.description}.") from error
        raise RefusedError(f"NATS refuses: {error.description}") from error
    except NatsError as error:
        why = f"NATS does not answer: {type(error).__name__} (may this user manage streams?)."
        raise UnavailableError(why) from error


async def _check_bucket(run: _Run) -> int:
    objects = Objects(run.operator.settings, threads=1)
    name = run.operator.settings.s3_bucket

    async def is_there() -> bool:
        try:
            async with asyncio.timeout(BUCKET_TIMEOUT_SECONDS):
                await objects.check()
        except (RetryableError, TimeoutError) as error:
            raise UnavailableError(f"The store is unavailable: {error or 'no answer in time'}.") from error
        except PermanentError:
            return False
        return True

    try:
        await objects.open()
        if await run.answered("bucket", is_there):
            run.say(f"bucket: {name} is there.")
            return 0
        if run.check:
            run.say(f"bucket: {name} is missing.")
            return 1
        if not run.make_bucket:
            raise RefusedError(f"the bucket {name} is missing: make it, or add --make-bucket")
        await objects.make_bucket()
    except (RetryableError, PermanentError) as error:
        raise RefusedError(f"the store says {error}") from error
    finally:
        await objects.close()
    run.say(f"bucket: made {name}.")
    return 1
