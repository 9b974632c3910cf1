"""The named SQL of the api (queries.sql)."""

from functools import cache
from importlib.resources import files
from typing import Any

import aiosql


@cache
def queries() -> Any:
    """The named queries of this service."""
    return aiosql.from_str(files(__package__).joinpath("queries.sql").read_text("utf-8"), "asyncpg", mandatory_parameters=False)
