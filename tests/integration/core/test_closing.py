"""A bus that is unreachable is closed all the same, on the event loop that production runs on."""

import asyncio
import threading
from pathlib import Path

import uvloop

from local.nats import EmbeddedNats
from storyloom.messaging.connection import connect
from storyloom.runtime.settings import Settings
from tests.integration.core.system import until


async def test_an_unreachable_bus_is_closed_under_uvloop(settings: Settings, tmp_path: Path) -> None:
    """…with words still waiting to be sent: nothing is raised, and no task is left behind."""
    server = EmbeddedNats(tmp_path / "nats")
    connected, stopped = asyncio.Event(), threading.Event()
    here = asyncio.get_running_loop()

    async def live(url: str) -> set[str]:
        bus = await connect(settings.model_copy(update={"nats_url": url}), "tests")
        await bus.client.subscribe("anything", cb=_ignore)
        here.call_soon_threadsafe(connected.set)
        await asyncio.to_thread(stopped.wait)

        async def disconnected() -> bool:
            return not bus.client.is_connected

        await until(disconnected)
        await bus.client.publish("anything", b"never sent")
        await bus.close()
        await bus.close()
        await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        return {str(task.get_coro()) for task in others}

    async with server as address:
        living = asyncio.create_task(asyncio.to_thread(uvloop.run, live(address.url)))
        await connected.wait()
        await server.stop()
        stopped.set()
        assert await living == set()


async def _ignore(_message: object) -> None: ...
