"""A process that waits for a story is killed, at either moment; run again it has the same story, paid once."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from storyloom.runtime.settings import Settings
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import System, running

ROOT = Path(__file__).parents[3]
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("client", run_name="__main__", alter_sys=True)
"""
"""The client as a terminal starts it. A shell lets what it runs in the background ignore SIGINT, tests and all."""


@dataclass
class Door:
    """Stands before the api, passes creations on, and keeps their answers to itself as long as it is closed."""

    api_url: str
    open: asyncio.Event = field(default_factory=asyncio.Event)
    created: asyncio.Event = field(default_factory=asyncio.Event)
    keys: list[str] = field(default_factory=list)

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        body = await request.read()
        async with (
            ClientSession(auto_decompress=False) as http,
            http.request(request.method, self.api_url + request.raw_path, headers=headers, data=body) as answer,
        ):
            if request.method == "POST":
                self.keys.append(request.headers["Idempotency-Key"])
                self.created.set()
                await self.open.wait()
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response


@asynccontextmanager
async def door(system: System) -> AsyncIterator[tuple[Door, str]]:
    found = Door(system.api.url)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.pass_on)
    async with TestServer(app) as server:
        try:
            yield found, str(server.make_url("")).rstrip("/")
        finally:
            found.open.set()


async def start(url: str, key: str, folder: Path) -> Process:
    environment = os.environ | {
        "STORYLOOM_URL": url,
        "STORYLOOM_API_KEY": key,
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    command = [sys.executable, "-c", INTERRUPTIBLE, "create", "--name", "Mira", "--json"]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment, cwd=ROOT)


async def killed(process: Process) -> None:
    process.kill()
    assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGKILL


async def test_a_killed_creation_is_resumed_and_paid_once(settings: Settings, tmp_path: Path) -> None:
    """Killed before it knows the story's id, then while it waits for the story."""
    go_on = asyncio.Event()

    async def wait(_job: AssetRequested) -> None:
        await go_on.wait()

    async with running(settings) as system, door(system) as (kept, url):
        system.makers.before = wait
        first = await start(url, system.key, tmp_path)
        await asyncio.wait_for(kept.created.wait(), 60)
        await killed(first)

        kept.open.set()
        second = await start(url, system.key, tmp_path)
        assert second.stderr is not None
        async with asyncio.timeout(30):
            while b"The story is" not in await second.stderr.readline():
                pass
        await killed(second)

        go_on.set()
        third = await start(url, system.key, tmp_path)
        out, err = await asyncio.wait_for(third.communicate(), 60)
        assert third.returncode == 0, err
        assert b"Going on with what was asked for before" in err
        (row,) = await system.rows("SELECT id FROM stories")
        story = json.loads(out)
        assert (story["id"], story["status"]) == (str(row["id"]), "ready")
        # The first two sent the same key; the third knew the id.
        assert len(kept.keys) == 2
        assert len(set(kept.keys)) == 1
        assert set(system.makers.made.values()) == {1}
        assert list((tmp_path / "state").rglob("*.json")) == []


async def test_an_interrupted_wait_says_how_to_go_on(settings: Settings, tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def wait(_job: AssetRequested) -> None:
        await go_on.wait()

    async with running(settings) as system:
        system.makers.before = wait
        process = await start(system.api.url, system.key, tmp_path)
        assert process.stderr is not None
        async with asyncio.timeout(30):
            while b"The story is" not in await process.stderr.readline():
                pass
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 20)
        go_on.set()
        (row,) = await system.rows("SELECT id FROM stories")
        assert process.returncode == 130
        assert f"Watch it again: storyloom watch {row['id']}" in err.decode()
        assert b"Traceback" not in err
