"""What an operator's command stands on: the bus and the database, or one sentence about what is away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from storyloom.db.pool import AWAY as DATABASE_AWAY
from storyloom.db.pool import Pool, is_away, open_pool
from storyloom.messaging.connection import Bus, BusUnavailableError, connect
from storyloom.runtime.settings import Settings

FOUND, NOTHING, USAGE, AWAY = 0, 1, 2, 3
"""Exit codes: done; nothing found (doctor: something found); wrongly asked; what must be asked is away."""


class AwayError(Exception):
    """What must be asked does not answer; the message is a sentence for people, without a password."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a command can ask."""

    settings: Settings
    bus: Bus
    pool: Pool


@asynccontextmanager
async def reaching_bus(settings: Settings) -> AsyncIterator[Bus]:
    """The bus, for as long as the block lasts. Raises AwayError, also when it goes away in the middle."""
    try:
        async with AsyncExitStack() as stack:
            bus = await connect(settings, "operator")
            stack.push_async_callback(bus.close)
            yield bus
    except BusUnavailableError as error:
        raise AwayError(f"The bus cannot be asked: {error}.") from error
    except NotFoundError as error:
        raise AwayError("A stream or consumer is missing: `doctor` says which; status lays it again.") from error
    except NatsError as error:
        raise AwayError(f"The bus does not answer: {type(error).__name__}.") from error


@asynccontextmanager
async def reaching_database(settings: Settings) -> AsyncIterator[Pool]:
    """The database, for as long as the block lasts. Raises AwayError, also when it goes away in the middle."""
    try:
        pool = await open_pool(settings, size=2)
        try:
            yield pool
        finally:
            await pool.close()
    except asyncpg.UndefinedTableError as error:
        raise AwayError("The database lacks a table that this code needs: run `make migrate`.") from error
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise AwayError(f"Postgres refuses: {type(error).__name__}; is DATABASE_URL right?") from error
    except DATABASE_AWAY as error:
        if not is_away(error):
            raise
        raise AwayError(f"Postgres cannot be asked: {type(error).__name__}.") from error


@asynccontextmanager
async def reaching(settings: Settings) -> AsyncIterator[Reach]:
    """Bus and database. Raises AwayError."""
    async with reaching_bus(settings) as bus, reaching_database(settings) as pool:
        yield Reach(settings, bus, pool)
