"""A vendor that behaves as it likes, a door to it, and a clock that stands still."""

from collections.abc import AsyncIterator

import pytest

from storyloom.providers.openai.client import OpenAI
from tests.unit.providers.clock import StoppedClock
from tests.unit.providers.provider import Vendor, open_vendor


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with open_vendor() as vendor:
        yield vendor


@pytest.fixture
async def door(vendor: Vendor) -> AsyncIterator[OpenAI]:
    door = vendor.door()
    yield door
    await door.close()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()
