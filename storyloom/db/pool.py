"""The connection pool, set up for short statements on rows that are found by key, through a pooler or without one.

A pooler in transaction mode (PgBouncer's) gives every transaction another server connection, so that nothing may be
kept between two of them: no prepared statement, no setting. Nothing here needs more than that: there is no LISTEN, no
advisory lock, no temporary table and no cursor that outlives its transaction.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import asyncpg
import orjson
import structlog

from storyloom.db.errors import is_stale_connection
from storyloom.runtime.metrics import POOL_WAIT_SECONDS
from storyloom.runtime.settings import DatabaseSettings

if TYPE_CHECKING:  # these are generic in asyncpg's stubs alone
    from asyncpg.connection import LoggedQuery

    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    ServerConnection = asyncpg.Connection[asyncpg.Record]
else:
    Pool, Connection = asyncpg.Pool, asyncpg.pool.PoolConnectionProxy

log = structlog.get_logger()

Pooler: TypeAlias = Literal["none", "session", "transaction"]
"""What stands between us and Postgres, by how long it lends a server connection."""

# Every hot statement finds its rows by key. Plans made while the tables are tiny would stay sequential scans for as
# long as a connection lives, so the planner is set now for what is true later.
_PLANNER = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


class DatabaseUnavailableError(OSError):
    """Nothing answered as Postgres would when a pool was opened; the message says where, without the password."""


async def open_pool(settings: DatabaseSettings, *, size: int | None = None) -> Pool:
    """A pool of ``size`` connections (default: the setting), ``synchronous_commit`` on. json and jsonb come parsed.

    Once a connection is found to be of no use (a server that is read-only since a failover, a prepared statement that
    a pooler lost) all of them are reopened before their next use.

    Raises DatabaseUnavailableError, and asyncpg's errors where Postgres refuses.
    """
    connector = _Connector(None if settings.database_pooler == "auto" else settings.database_pooler)
    connect: Any = connector.connect  # its type in the stubs names every option of asyncpg.connect
    url = settings.database_url.get_secret_value()
    try:
        made: Any = _MeasuredPool(
            url,
            # As asyncpg.create_pool's own.
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            setup=None,
            min_size=1,
            max_size=size or settings.database_pool,
            connect=connect,
            init=connector.prepare,
            reset=_reset_nothing,
            command_timeout=30,
            timeout=10,
        )
        pool: Pool = await made
    except OSError as error:  # among them time-outs, and names that nobody knows
        where = urlsplit(url).netloc.rpartition("@")[2] or "its address"
        why = error.strerror or str(error) or "no answer in time"
        raise DatabaseUnavailableError(f"Postgres cannot be reached at {where} (DATABASE_URL): {why}") from error
    connector.pool = pool
    return pool


async def close_pool(pool: Pool, *, within: float = 3.0) -> None:
    """Close a pool; connections that are not released in time, or whose server is unreachable, are cut off."""
    try:
        async with asyncio.timeout(within):
            await pool.close()
    except TimeoutError:
        pool.terminate()


class _MeasuredPool(asyncpg.Pool):
    """A pool that says how long its connections are waited for. asyncpg has no hook for that."""

    async def _acquire(self, timeout: float | None) -> Any:  # noqa: ASYNC109 - asyncpg's own
        began = time.perf_counter()
        try:
            return await super()._acquire(timeout)  # type: ignore[misc]  # not in the stubs
        finally:
            POOL_WAIT_SECONDS.observe(time.perf_counter() - began)


class _Connector:
    """Opens a pool's connections: finds out whether there is a pooler, and does without what it would break."""

    def __init__(self, pooler: Pooler | None) -> None:
        """``pooler``: None to find it out."""
        self._pooler = pooler
        self._expiry: asyncio.Task[None] | None = None
        self.pool: Pool | None = None

    async def connect(self, dsn: str, **options: Any) -> "ServerConnection":
        """A connection, as the pooler allows. Raises what asyncpg.connect raises."""
        if self._pooler is None:
            return await self._find_out(dsn, **options)
        connection: ServerConnection = await asyncpg.connect(dsn, **options, **self._options)
        if self._pooler == "session":
            # A pooler may refuse them while it connects (ignore_startup_parameters).
            for name, value in _PLANNER.items():
                await connection.execute(f"SET {name} = {value}")
        return connection

    async def prepare(self, connection: "ServerConnection") -> None:
        """What every connection is told once."""
        for kind in ("json", "jsonb"):
            await connection.set_type_codec(
                kind, schema="pg_catalog", encoder=_as_text, decoder=orjson.loads, format="text"
            )
        connection.add_query_logger(self._watch)

    @property
    def _options(self) -> dict[str, Any]:
        name = {"application_name": "storyloom"}
        if self._pooler == "transaction":
            # Plans are not kept, so that none is made for tables while they are tiny.
            return {"server_settings": name, "statement_cache_size": 0}
        return {"server_settings": name if self._pooler == "session" else {**_PLANNER, **name}}

    async def _find_out(self, dsn: str, **options: Any) -> "ServerConnection":
        """The first connection. What cannot be told from transaction mode is taken for it: it works in any mode."""
        self._pooler = "none"
        try:
            connection = await self.connect(dsn, **options)
            if await _is_direct(connection):
                return connection
            await connection.close()
        except asyncpg.ProtocolViolationError:
            pass  # it takes no settings of the planner
        except BaseException:
            self._pooler = None
            raise
        self._pooler = "transaction"
        log.info("database.pooler_found", setting="DATABASE_POOLER", mode=self._pooler)
        return await self.connect(dsn, **options)

    def _watch(self, query: "LoggedQuery") -> None:
        """Have all connections reopened after an error that another one may not have."""
        if query.exception is not None and self.pool is not None and is_stale_connection(query.exception):
            self._expiry = asyncio.create_task(self.pool.expire_connections())


async def _is_direct(connection: "ServerConnection") -> bool:
    """Whether the server that answers is the one that was connected to: a pooler names a process of its own."""
    found = bytearray()

    async def take(data: bytes) -> None:
        found.extend(data)

    # COPY is a simple query: a prepared statement would stay on whichever connection a pooler has lent for it.
    await connection.copy_from_query("SELECT pg_backend_pid()", output=take)
    return int(found) == connection.get_server_pid()


async def _reset_nothing(_connection: "ServerConnection") -> None:
    """No statement between two uses: none of ours leaves a lock, a cursor, a listener or a setting behind."""


def dumps(value: Any) -> str:
    """JSON text as Postgres takes it."""
    return orjson.dumps(value).decode()


def _as_text(value: Any) -> str:
    # Ready-made JSON text passes as it is: the hot path has serialised it once already.
    return value if isinstance(value, str) else dumps(value)
