"""The proxies of deploy/examples/proxies, run as they stand there: a stream passes each of them event by event.

The files are changed in nothing but where they listen and where the services are. What no package brings is skipped.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, web

from local.child import Child, Program
from local.http import ask
from local.ports import free_port
from storyloom.web.event_streams import StreamWriter
from tools.deploy.programs import ProgramMissing, program

FOLDER = Path(__file__).parents[2] / "deploy" / "examples" / "proxies"
STORY = "/api/v1/stories/0d3f9a9e-6a52-4a6a-9a55-0a8a3a1c9c11"
TOKEN = "a-token-of-this-stream"
QUIET_SECONDS = float(os.environ.get("PROXY_QUIET_SECONDS", "16"))
"""For which nothing is sent: more than the 15 s between two heartbeats. 75 shows what the defaults would cut."""


@dataclass(frozen=True)
class Proxy:
    """One of them: the files that it reads, the first of them its own, and the command that runs it on that."""

    name: str
    files: tuple[str, ...]
    command: tuple[str, ...]

    def placed(self, folder: Path, port: int, services: Mapping[str, int]) -> tuple[str, ...]:
        """Write its files with these ports into a new folder; returns the command."""
        folder.mkdir(parents=True)
        for name in self.files:
            text = (FOLDER / name).read_text()
            for service, at in services.items():
                text = re.sub(rf"\b{service}:8080\b", f"127.0.0.1:{at}", text)
            text = re.sub(r'(?m)(listen |address: ":|^:)80\b', rf"\g<1>{port}", text)
            # It runs there: a folder's name may hold what a configuration would take for its own.
            text = re.sub(r"(/etc/traefik|/tmp)/", "", text)
            (folder / name).write_text(text)
        return (str(program(self.name)), *(part.format(file=self.files[0]) for part in self.command))


PROXIES = {
    proxy.name: proxy
    for proxy in (
        Proxy(
            "nginx",
            ("nginx.conf",),
            ("-p", "./", "-c", "{file}", "-e", "stderr", "-g", "daemon off; pid pid;"),
        ),
        Proxy("traefik", ("traefik.yaml", "traefik-routes.yaml"), ("--configfile={file}",)),
        Proxy("caddy", ("Caddyfile",), ("run", "--config", "{file}", "--adapter", "caddyfile")),
    )
}


@dataclass
class Services:
    """api and status, as far as a proxy sees them. The stream says more when ``more`` is set."""

    more: asyncio.Event = field(default_factory=asyncio.Event)
    ports: dict[str, int] = field(default_factory=dict)
    heads: list[Mapping[str, str]] = field(default_factory=list)
    """The headers of the streams' requests."""

    async def events(self, request: web.Request) -> web.StreamResponse:
        self.heads.append(request.headers)
        writer = StreamWriter(request)
        response = await writer.open()
        await writer.write(b"id: 1\nevent: snapshot\ndata: {}\n\n")
        await self.more.wait()
        await writer.write(b"event: end\ndata: {}\n\n")
        return response


async def _api(_request: web.Request) -> web.Response:
    return web.Response(text="api")


@asynccontextmanager
async def running_services() -> AsyncIterator[Services]:
    """Both, on ports of their own."""
    services, runners = Services(), []
    status, api = web.Application(), web.Application()
    status.router.add_get(f"{STORY}/events", services.events)
    api.router.add_get("/{path:.*}", _api)
    try:
        for name, app in (("status", status), ("api", api)):
            runner = web.AppRunner(app)
            await runner.setup()
            runners.append(runner)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            services.ports[name] = runner.addresses[0][1]
        yield services
    finally:
        services.more.set()
        for runner in runners:
            await runner.cleanup()


@asynccontextmanager
async def running_proxy(name: str, folder: Path, services: Services) -> AsyncIterator[str]:
    """A proxy before them; gives its origin."""
    port = free_port()
    command = PROXIES[name].placed(folder, port, services.ports)
    # Caddy keeps what it loaded in its home, and listens on a port for orders.
    environment = os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    child = Child(Program(name, command, folder / "log", environment, folder), partial(_answers, port))
    await child.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await child.stop()


async def _answers(port: int) -> bool:
    return await ask(port, "/api/v1/stories") == 200


@contextmanager
def skipped_where_missing() -> Iterator[None]:
    """A proxy that no package brings here is no failure."""
    try:
        yield
    except ProgramMissing as missing:
        pytest.skip(str(missing))


async def read_event(stream: AsyncIterator[bytes]) -> str:
    """The next event's name, however its bytes are cut."""
    async for line in stream:
        if line.startswith(b"event: "):
            return line.removeprefix(b"event: ").decode().strip()
    raise AssertionError("the stream ended before its story did")


@pytest.mark.parametrize("name", PROXIES)
async def test_an_event_passes_a_proxy_before_there_is_another(name: str, tmp_path: Path) -> None:
    """The server says nothing more until the reader has the first event: a proxy that waits for more waits for ever."""
    with skipped_where_missing():
        program(name)
    headers = {"Accept-Encoding": "gzip, br", "Last-Event-ID": "7", "Authorization": "Bearer k"}
    async with (
        running_services() as services,
        running_proxy(name, tmp_path / name, services) as origin,
        ClientSession() as session,
        session.get(f"{origin}{STORY}/events?token={TOKEN}", headers=headers) as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert "Content-Encoding" not in answer.headers
        assert await read_event(aiter(answer.content)) == "snapshot"
        services.more.set()
        assert await read_event(aiter(answer.content)) == "end"
        (seen,) = services.heads
        assert (seen["Last-Event-ID"], seen["Authorization"]) == ("7", "Bearer k")
        assert seen["X-Forwarded-For"] == "127.0.0.1"
        async with session.get(f"{origin}{STORY}") as other:
            assert await other.text() == "api"
    assert TOKEN not in (tmp_path / name / "log").read_text()


async def test_a_stream_outlives_its_silence_behind_every_proxy(tmp_path: Path) -> None:
    """A story's picture may take long; heartbeats come every 15 seconds."""
    found = [name for name in PROXIES if _is_there(name)]
    if not found:
        pytest.skip("no proxy is to be had on this machine: what needs one is skipped")
    async with running_services() as services, asyncio.TaskGroup() as group:
        first = asyncio.Barrier(len(found) + 1)
        reading = [group.create_task(_read_to_the_end(name, tmp_path / name, services, first)) for name in found]
        await first.wait()
        await asyncio.sleep(QUIET_SECONDS)
        assert not [task.get_name() for task in reading if task.done()]
        services.more.set()


async def _read_to_the_end(name: str, folder: Path, services: Services, first: asyncio.Barrier) -> None:
    async with (
        running_proxy(name, folder, services) as origin,
        ClientSession(timeout=ClientTimeout(total=None)) as session,
        session.get(f"{origin}{STORY}/events") as answer,
    ):
        lines = aiter(answer.content)
        assert await read_event(lines) == "snapshot"
        await first.wait()
        assert await read_event(lines) == "end", name


def _is_there(name: str) -> bool:
    try:
        program(name)
    except ProgramMissing:
        return False
    return True
