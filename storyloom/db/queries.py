"""Named SQL, kept beside the code that asks it: ``queries.sql`` of a package, loaded once (aiosql over asyncpg).

A statement within a span that is collected is a span of its own, by its name: ``postgres claim_deliveries``. Neither
its text, which stands under that name, nor its values are attributes. Its time begins before a connection is there.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from functools import cache
from importlib.resources import files
from typing import Any

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

from storyloom.runtime.spans import asking

_Adapter: Any = AsyncPGAdapter  # its methods have no types


@cache
def load_queries(package: str) -> Any:
    """The named queries of a package, as methods that take a connection or a pool first.

    Raises FileNotFoundError for a package without ``queries.sql``, and aiosql's errors for SQL that cannot be parsed.
    """
    text = files(package).joinpath("queries.sql").read_text("utf-8")
    adapter: Any = _SpannedAdapter
    return aiosql.from_str(text, adapter, mandatory_parameters=False)


def statement(name: str) -> AbstractContextManager[None]:
    """The block runs the named statement: for what is asked without aiosql's wrapper."""
    return asking(f"postgres {name}", {"db.system.name": "postgresql", "db.query.summary": name})


class _SpannedAdapter(_Adapter):  # type: ignore[misc]
    """aiosql's, with a span around each kind of statement that a queries.sql of ours has: none, ``^``, ``$``, ``!``."""

    async def select(self, conn: Any, query_name: str, *rest: Any) -> AsyncIterator[Any]:
        # asyncpg has fetched all rows before the first is here; whoever stops early holds no connection.
        with statement(query_name):
            rows = [row async for row in super().select(conn, query_name, *rest)]
        for row in rows:
            yield row

    async def select_one(self, conn: Any, query_name: str, *rest: Any) -> Any:
        with statement(query_name):
            return await super().select_one(conn, query_name, *rest)

    async def select_value(self, conn: Any, query_name: str, *rest: Any) -> Any:
        with statement(query_name):
            return await super().select_value(conn, query_name, *rest)

    async def insert_update_delete(self, conn: Any, query_name: str, *rest: Any) -> Any:
        with statement(query_name):
            return await super().insert_update_delete(conn, query_name, *rest)
