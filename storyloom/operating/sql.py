"""The named queries of the operators' view."""

from functools import cache
from importlib.resources import files
from typing import Any

import aiosql


@cache
def queries() -> Any:
    """Those of queries.sql."""
    text = files(__package__).joinpath("queries.sql").read_text("utf-8")
    return aiosql.from_str(text, "asyncpg", mandatory_parameters=False)
