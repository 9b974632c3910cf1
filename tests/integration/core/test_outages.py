"""NATS and Postgres fail in the middle of stories, and come back: every story finishes."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from local.embedded import Embedded
from local.nats import EmbeddedNats
from local.postgres import EmbeddedPostgres
from services.status.hub import Hub
from storyloom.db.migrate import migrate
from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, Asset
from tests.integration.api.test_stream import serving
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until
from tests.integration.core.test_projector import completed, queued
from tests.unit.api.site import problem


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedNats, str]]:
    """A bus of the test's own, to be killed, and its URL."""
    server = EmbeddedNats(tmp_path / "nats")
    async with server as address:
        yield server, address.url


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedPostgres, str]]:
    """A database server of the test's own, to be killed, and its migrated database's URL."""
    server = EmbeddedPostgres(tmp_path / "postgres", options=("fsync=off",))
    async with server as url:
        migrate(url)
        yield server, url


async def crash(server: Embedded[Any]) -> None:
    """Kill it as the kernel would; wait until its keeper has brought it back."""
    assert server.pid is not None
    assert server.child is not None
    before = server.child.restarts
    os.kill(server.pid, signal.SIGKILL)

    async def back() -> bool:
        return server.child is not None and server.child.restarts > before and server.pid is not None

    await until(back)


async def kill_for_good(server: EmbeddedPostgres) -> None:
    """Kill it as the kernel would; nobody brings it back."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()


async def made(system: System, count: int) -> bool:
    return system.makers.made.total() >= count


async def all_is_well(system: System, stories: int) -> None:
    """Every story ready, every asset there, no gap in its updates."""
    ended = await system.rows("SELECT status FROM stories")
    gaps = await system.rows("SELECT FROM story_events GROUP BY story_id HAVING count(*) <> max(seq)")
    assert [row["status"] for row in ended] == ["ready"] * stories
    assert not gaps
    assert len(system.makers.made) == stories * len(GRAPH)


async def test_stories_finish_though_the_bus_is_killed_under_them(
    settings: Settings, nats: tuple[EmbeddedNats, str]
) -> None:
    server, url = nats
    async with running(settings.model_copy(update={"nats_url": url}), in_memory=True) as system:
        for _ in range(5):
            await system.post()
        await until(lambda: made(system, 20))
        await crash(server)
        await system.all_ended()
        await all_is_well(system, 5)


async def test_a_reader_gets_the_updates_of_an_outage_of_the_bus(
    settings: Settings, nats: tuple[EmbeddedNats, str]
) -> None:
    """The core NATS message was lost: after the reconnect the reader reads history."""
    server, url = nats
    async with running(settings.model_copy(update={"nats_url": url}), workers=()) as system:
        story_id = await system.post()
        job = await queued(system, story_id, Asset.OUTLINE)
        listening = system.stream(story_id)
        assert (await anext(listening))[1] == "snapshot"
        system.status._broker.bus.client._subs.clear()  # whatever is published now reaches no reader
        await system.status.projector.project([completed(job)])
        await crash(server)
        assert (await anext(listening))[1] == "outline"


async def test_stories_finish_though_postgres_is_killed_under_them(
    settings: Settings, postgres: tuple[EmbeddedPostgres, str]
) -> None:
    server, url = postgres
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    async with running(own, in_memory=True) as system:
        for _ in range(5):
            await system.post()
        await until(lambda: made(system, 20))
        await crash(server)
        await until(lambda: _answers(url))
        await system.all_ended()
        await all_is_well(system, 5)


async def test_what_needs_the_database_is_a_503_until_it_is_back(
    settings: Settings, postgres: tuple[EmbeddedPostgres, str]
) -> None:
    """Reading, listing, asking. Streams end, so that their readers come back, and nothing needs a restart."""
    server, url = postgres
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    async with running(own, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        path = f"/api/v1/stories/{story_id}"
        async with (
            serving(system, Hub(system.bus), heartbeat=0.05) as origin,
            system.http.get(f"{origin}{path}/events", headers=system.headers) as stream,
        ):
            assert await stream.content.readline() == b"retry: 2000\n"
            await kill_for_good(server)
            async with asyncio.timeout(20):
                rest = await stream.content.read()
        assert b"HTTP/1.1" not in rest, "a second answer in the middle of the first"
        assert b"event: end" not in rest, "an end that keeps the reader from reconnecting"
        for method, address in (
            ("GET", system.api.url + path),
            ("GET", f"{system.api.url}/api/v1/stories"),
            ("POST", f"{system.api.url}/api/v1/stories"),
            ("GET", f"{system.api.url}{path}/assets/cover"),
        ):
            body = BRIEF if method == "POST" else None
            async with system.http.request(method, address, json=body, headers=system.headers) as answer:
                assert answer.status == 503, address
                assert answer.headers["Retry-After"] == "1", address
                body = await problem(answer)
                assert (body["code"], body["retryable"]) == ("database_away", True)
        for origin in (system.api.url, system.status.url):
            # A 503 would end an EventSource for good.
            async with system.http.get(f"{origin}{path}/events", headers=system.headers) as answer:
                assert (answer.status, answer.content_type) == (200, "text/event-stream")
                assert re.fullmatch(r"retry: \d+\n: not available just now\n\n", await answer.text())
        await server.start()
        assert (await system.get(story_id))["id"] == str(story_id)


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
