"""A database to look into, and plain log lines."""

from collections.abc import AsyncIterator

import pytest

from storyloom.db.pool import Pool, close_pool, open_pool
from storyloom.runtime.settings import Settings


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """The test's database."""
    found = await open_pool(settings, size=2)
    yield found
    await close_pool(found)
