"""The named SQL of the api (queries.sql)."""

from typing import Any

from storyloom.db.queries import load_queries


def queries() -> Any:
    """The named queries of this service."""
    return load_queries("services.api")
