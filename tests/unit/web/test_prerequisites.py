"""A service that comes before its schema or its streams waits: alive, not ready, and saying why."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from local.ports import is_free
from storyloom.runtime.settings import HttpSettings
from storyloom.web import prerequisites
from storyloom.web.prerequisites import wait_for_prerequisites


class Schema:
    """What Postgres says of its schema, and how often it was asked."""

    def __init__(self) -> None:
        self.wrong: str | None = "the database stands at version none"
        self.asked = asyncio.Event()

    async def error(self, _settings: object) -> str | None:
        """A prerequisite."""
        self.asked.set()
        return self.wrong


async def there(_settings: object) -> str | None:
    return None


@pytest.fixture
async def http(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClientSession]:
    monkeypatch.setattr(prerequisites, "POLL_SECONDS", 0.01)
    async with ClientSession() as found:
        yield found


async def test_it_is_alive_and_not_ready_until_all_is_there(http: ClientSession, unused_tcp_port: int) -> None:
    schema, settings = Schema(), HttpSettings(internal_port=unused_tcp_port)
    waiting = asyncio.create_task(wait_for_prerequisites({"database": schema.error, "bus": there}, settings))
    await schema.asked.wait()
    schema.asked.clear()
    await schema.asked.wait()  # asked again: by now the port answers
    async with http.get(f"http://127.0.0.1:{unused_tcp_port}/health/live") as answer:
        assert answer.status == 200
    async with http.get(f"http://127.0.0.1:{unused_tcp_port}/health/ready") as answer:
        assert answer.status == 503
        assert (await answer.json())["wrong"] == {"database": "the database stands at version none"}
    schema.wrong = None
    await waiting
    assert is_free(unused_tcp_port)


async def test_what_is_there_already_is_asked_once_and_opens_no_port() -> None:
    taken = HttpSettings(internal_host="192.0.2.1", internal_port=1)  # nobody could listen there
    await wait_for_prerequisites({"bus": there}, taken)


SCRIPT = """
from storyloom.runtime import supervision

async def away(settings):
    return "NATS cannot be reached"

async def serve(settings):
    raise AssertionError("it is not there yet")

supervision.run("images", serve, {"bus": away})
"""


def test_one_that_waits_ends_at_once_when_it_is_asked_to() -> None:
    waiting = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}
    )
    assert waiting.stdout is not None
    said = waiting.stdout.readline()
    assert "service.waiting" in said
    assert "NATS cannot be reached" in said
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(60) == 0
    waiting.stdout.close()
