"""A database to look into, and plain log lines: structlog's own pretty tracebacks take seconds each."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.runtime.settings import Settings


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Warnings and errors as key=value, for as long as the test lasts."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.configure(**before)


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """The test's database."""
    found = await open_pool(settings, size=2)
    yield found
    await close_pool(found)
