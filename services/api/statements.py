"""The named SQL of the api (queries.sql)."""

from functools import cache
from importlib.resources import files
from typing import Any

import aiosql


@cache
def queries() -> Any:
    """The named queries of this service."""
    sql = files(__package__).joinpath("queries.sql").read_text("utf-8")
    return aiosql.from_str(sql, "asyncpg", mandatory_parameters=False)
