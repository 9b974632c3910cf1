"""A stop that no client notices: readiness first, then the listener, then what is in flight."""

import asyncio

import pytest
from aiohttp import ClientConnectionError, ClientSession, web

from storyloom.runtime.settings import HttpSettings, Settings
from storyloom.web.public import listen_public
from tests.integration.core.system import BY_HAND, running, until


@pytest.mark.parametrize("which", ["api", "status"])
async def test_readiness_is_red_while_clients_are_still_served(settings: Settings, which: str) -> None:
    changed = settings.model_copy(update={"drain_delay": 2.0})
    async with running(changed, reconciler=BY_HAND, workers=()) as system, ClientSession() as http:
        service = system.api if which == "api" else system.status
        stopping = asyncio.create_task(service.stop())

        async def is_red() -> bool:
            async with system.http.get(f"{service.internal_url}/health/ready") as answer:
                said = await answer.json()
                return answer.status == 503 and said["wrong"] == {"drain": "the service is stopping"}

        await until(is_red)
        async with http.get(f"{service.url}/api/v1/stories") as answer:
            assert answer.status == (401 if which == "api" else 404)
        await stopping
        with pytest.raises(ClientConnectionError):
            await http.get(f"{service.url}/api/v1/stories")


async def test_a_request_in_flight_is_finished_and_a_new_one_finds_nobody() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def wait(_request: web.Request) -> web.Response:
        entered.set()
        await release.wait()
        return web.Response(text="done")

    app = web.Application()
    app.router.add_get("/", wait)
    runner, url = await listen_public(app, HttpSettings(), direct=True)
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await entered.wait()
    stopping = asyncio.create_task(runner.cleanup())

    async def is_closed() -> bool:
        try:
            _, other = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return True
        other.close()
        return False

    await until(is_closed)
    assert not stopping.done()
    release.set()
    assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"done")
    await stopping
    writer.close()
