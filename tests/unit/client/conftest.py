"""An API that misbehaves, and a client of it."""

from collections.abc import AsyncIterator

import pytest

from client import StoryloomClient
from tests.unit.client.fake_api import FakeApi, serving


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
async def url(api: FakeApi) -> AsyncIterator[str]:
    async with serving(api) as found:
        yield found


@pytest.fixture
async def client(url: str) -> AsyncIterator[StoryloomClient]:
    async with StoryloomClient(url, "sk_test") as found:
        yield found
