"""Named SQL, kept beside the code that asks it: ``queries.sql`` of a package, loaded once (aiosql over asyncpg)."""

from functools import cache
from importlib.resources import files
from typing import Any

import aiosql


@cache
def load_queries(package: str) -> Any:
    """The named queries of a package, as methods that take a connection or a pool first.

    Raises FileNotFoundError for a package without ``queries.sql``, and aiosql's errors for SQL that cannot be parsed.
    """
    text = files(package).joinpath("queries.sql").read_text("utf-8")
    return aiosql.from_str(text, "asyncpg", mandatory_parameters=False)
