"""The named queries of the operators' commands (queries.sql)."""

from typing import Any

from storyloom.db.queries import load_queries


def queries() -> Any:
    """Those of queries.sql."""
    return load_queries("ops")
