"""What a command is connected to: NATS and Postgres; or one sentence about what is unavailable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from storyloom.db.errors import is_connection_error
from storyloom.db.pool import DatabaseUnavailableError, Pool, close_pool, open_pool
from storyloom.db.queries import load_queries
from storyloom.messaging.connection import Bus, BusUnavailableError, connect
from storyloom.operations.sources import Connections
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import REFUSALS

OK, NOTHING_FOUND, USAGE, UNAVAILABLE = 0, 1, 2, 3
"""Exit codes: done; nothing found (doctor: something found); wrong usage; NATS, Postgres or the store is
unavailable.
"""
CONNECT_TIMEOUT_SECONDS = 5.0
"""Seconds until Postgres counts as unavailable."""


class UnavailableError(Exception):
    """NATS, Postgres or the store does not answer; the message is a sentence for people, without a password."""


@asynccontextmanager
async def connect_nats(settings: Settings) -> AsyncIterator[Bus]:
    """NATS, for as long as the block lasts. Raises UnavailableError, also when it is lost in the middle."""
    try:
        async with AsyncExitStack() as stack:
            bus = await connect(settings, "operator")
            stack.push_async_callback(bus.close)
            yield bus
    except BusUnavailableError as error:
        raise UnavailableError(f"NATS is unavailable: {error}.") from error
    except NotFoundError as error:
        raise UnavailableError("A stream or consumer is missing: `doctor` says which; status recreates it.") from error
    except NatsError as error:
        raise UnavailableError(f"NATS does not answer: {type(error).__name__}.") from error


@asynccontextmanager
async def connect_postgres(settings: Settings) -> AsyncIterator[Pool]:
    """Postgres, for as long as the block lasts. Raises UnavailableError, also when it is lost in the middle."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            pool = await open_pool(settings, size=2)
        try:
            yield pool
        finally:
            await close_pool(pool)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise UnavailableError(
            "The database lacks a table or column that this code needs: run `python -m ops migrate`."
        ) from error
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise UnavailableError(
            REFUSALS.get(error.sqlstate or "") or "Postgres refuses: is DATABASE_URL right?"
        ) from error
    except Exception as error:
        if not is_connection_error(error):
            raise
        said = "it does not answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        if isinstance(error, DatabaseUnavailableError):
            said = str(error)
        raise UnavailableError(f"Postgres is unavailable: {said}.") from error


@asynccontextmanager
async def open_connections(settings: Settings) -> AsyncIterator[Connections]:
    """NATS and Postgres. Raises UnavailableError."""
    async with connect_nats(settings) as bus, connect_postgres(settings) as pool:
        yield Connections(settings, bus, pool)


def queries() -> Any:
    """Those of queries.sql."""
    return load_queries("ops")
