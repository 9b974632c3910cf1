"""The connection pool, set up for short statements on rows that are found by key."""

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from storyloom.runtime.settings import DatabaseSettings

if TYPE_CHECKING:  # these are generic in asyncpg's stubs alone
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Pool, Connection = asyncpg.Pool, asyncpg.pool.PoolConnectionProxy

CONNECTION_ERRORS = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a statement on a connection that ends at this moment
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    OSError,
    TimeoutError,
)
"""What a statement raises while Postgres is unreachable, busy or restarting; ``is_connection_error`` excludes bugs."""

# Every hot statement finds its rows by key. Plans made while the tables are tiny would stay sequential scans for as
# long as a connection lives, so the planner is set now for what is true later.
_PLANNER = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


async def open_pool(settings: DatabaseSettings, *, size: int | None = None) -> Pool:
    """A pool of ``size`` connections (default: the setting), ``synchronous_commit`` on. json and jsonb come parsed."""
    return await asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        min_size=1,
        max_size=size or settings.database_pool,
        server_settings={**_PLANNER, "application_name": "storyloom"},
        init=_prepare,
        reset=_reset_nothing,
        command_timeout=30,
        timeout=10,
    )


async def close_pool(pool: Pool, *, within: float = 3.0) -> None:
    """Close a pool; connections that are not released in time, or whose server is unreachable, are cut off."""
    try:
        async with asyncio.timeout(within):
            await pool.close()
    except TimeoutError:
        pool.terminate()


def is_connection_error(error: BaseException) -> bool:
    """Whether a statement failed because Postgres is unreachable: the same may succeed a moment later."""
    # Among asyncpg's interface errors are values and settings that are wrong: those are ValueErrors as well.
    return isinstance(error, CONNECTION_ERRORS) and not isinstance(error, ValueError)


async def _reset_nothing(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """No statement between two uses: none of ours leaves a lock, a cursor, a listener or a setting behind."""


def dumps(value: Any) -> str:
    """JSON text as Postgres takes it."""
    return orjson.dumps(value).decode()


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_as_text, decoder=orjson.loads, format="text"
        )


def _as_text(value: Any) -> str:
    # Ready-made JSON text passes as it is: the hot path has serialised it once already.
    return value if isinstance(value, str) else dumps(value)
