"""An API that misbehaves, and a client of it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from client import StoryloomClient
from tests.unit.client.fake_api import FakeApi


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
async def url(api: FakeApi) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
        api.over.set()


@pytest.fixture
async def client(url: str) -> AsyncIterator[StoryloomClient]:
    async with StoryloomClient(url, "sk_test") as found:
        yield found
