"""One suite for every embedded server: what each must do, whatever it serves."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import nats
import psutil
import pytest

from local.embedded import Embedded
from local.errors import UserError
from local.nats import EmbeddedNats, NatsAddress
from local.postgres import EmbeddedPostgres
from local.postgres_files import relocated
from local.store import EmbeddedStore, StoreAddress
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset

ROOT = Path(__file__).parents[3]
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """A kind of server, and how to leave something in it and find it again."""

    kind: type[Embedded[Any]]
    leave: Callable[[Any], Awaitable[None]]
    found: Callable[[Any], Awaitable[bool]]


async def _leave_row(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept AS SELECT 'lantern' AS what")
    await connection.close()


async def _find_row(url: str) -> bool:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return bool(await connection.fetchval("SELECT what FROM kept") == "lantern")
    finally:
        await connection.close()


async def _leave_message(address: NatsAddress) -> None:
    client = await nats.connect(address.url)
    stream = client.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept"])
    await stream.publish("kept", b"lantern", timeout=5, stream="KEPT")
    await client.close()


async def _find_message(address: NatsAddress) -> bool:
    client = await nats.connect(address.url, allow_reconnect=False, connect_timeout=5)
    try:
        message = await client.jetstream().get_msg("KEPT", seq=1)
        return message.data == b"lantern"
    finally:
        await client.close()


STORY = UUID(int=7)


async def _leave_object(address: StoreAddress) -> None:
    objects = Objects(address.settings(), threads=1)
    await objects.put(STORY, Asset.COVER, b"lantern", "image/png")
    await objects.close()


async def _find_object(address: StoreAddress) -> bool:
    objects = Objects(address.settings(), threads=1)
    try:
        stored = await objects.put(STORY, Asset.COVER, b"lantern", "image/png")
        return await objects.get(stored) == b"lantern"
    finally:
        await objects.close()


SERVERS = {
    "postgres": Server(EmbeddedPostgres, _leave_row, _find_row),
    "nats": Server(EmbeddedNats, _leave_message, _find_message),
    "store": Server(EmbeddedStore, _leave_object, _find_object),
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    return SERVERS[request.param]


async def until(answers: Callable[[], Awaitable[bool]]) -> None:
    """Ask until the answer is yes. Whatever goes wrong meanwhile means not yet."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            with suppress(Exception):  # a server that is down fails in its own library's way
                if await answers():
                    return
            await asyncio.sleep(0.02)


async def test_it_keeps_its_data_and_its_address_between_starts(server: Server, tmp_path: Path) -> None:
    async with server.kind(tmp_path) as first:
        await server.leave(first)
    async with server.kind(tmp_path) as second:
        assert second == first
        assert await server.found(second)


async def test_killed_it_comes_back_by_itself_at_the_same_address(server: Server, tmp_path: Path) -> None:
    embedded = server.kind(tmp_path)
    address = await embedded.start()
    try:
        await server.leave(address)
        killed = embedded.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: _restarted(embedded))
        await until(lambda: server.found(address))
        assert embedded.pid != killed
    finally:
        await embedded.stop()


async def _restarted(embedded: Embedded[Any]) -> bool:
    return embedded.child is not None and embedded.child.restarts > 0


async def test_a_second_start_in_the_same_folder_is_refused(server: Server, tmp_path: Path) -> None:
    async with server.kind(tmp_path):
        with pytest.raises(UserError, match=rf"already running in .* \(process {os.getpid()}\): stop it first"):
            await server.kind(tmp_path).start()


async def test_who_was_refused_stops_without_harm_to_who_runs(server: Server, tmp_path: Path) -> None:
    """…as a stack does that could not start."""
    async with server.kind(tmp_path) as address:
        await server.leave(address)
        refused = server.kind(tmp_path)
        with pytest.raises(UserError):
            await refused.start()
        await refused.stop()
        assert await server.found(address)


async def test_stopping_leaves_no_process(server: Server, tmp_path: Path) -> None:
    embedded = server.kind(tmp_path)
    before = set(psutil.Process().children(recursive=True))
    await embedded.start()
    family = set(psutil.Process().children(recursive=True)) - before
    assert embedded.pid in {process.pid for process in family}
    await embedded.stop()
    assert not [process for process in family if process.is_running()]
    assert embedded.pid is None


async def test_a_taken_port_is_given_up_for_another(server: Server, tmp_path: Path) -> None:
    async with server.kind(tmp_path) as first:
        pass
    port = next(iter(json.loads((tmp_path / "ports.json").read_text()).values()))
    taker = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    async with taker, server.kind(tmp_path) as second:
        assert second != first
        await server.leave(second)


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from local.{module} import {kind}

async def main():
    embedded = {kind}(Path(sys.argv[1]))
    await embedded.start()
    print(embedded.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_it_dies_with_a_killed_launcher_and_the_next_one_leaves_nothing(server: Server, tmp_path: Path) -> None:
    source = LAUNCHER.format(module=server.kind.__module__.rpartition(".")[2], kind=server.kind.__name__)
    command = [sys.executable, "-c", source, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        child = psutil.Process(int(launcher.stdout.readline()))
        family = [child, *child.children(recursive=True)]
        launcher.kill()
    _, alive = psutil.wait_procs(family, timeout=TIMEOUT_SECONDS)
    assert not alive
    asyncio.run(_start_and_stop(server.kind(tmp_path)))
    assert not [link for link in relocated() if link.is_relative_to(tmp_path)]


async def _start_and_stop(embedded: Embedded[Any]) -> None:
    async with embedded:
        pass


async def test_a_folder_that_cannot_be_made_is_one_sentence(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot write to"):
        await server.kind(tmp_path / "file" / "below").start()


async def test_a_server_that_cannot_run_says_its_own_last_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Postgres did not start: .*no_such_setting"):
        await EmbeddedPostgres(tmp_path, options=("no_such_setting=1",)).start()


async def test_of_two_that_create_an_object_at_once_the_first_one_wins(tmp_path: Path) -> None:
    """As in AWS S3; a plain write goes over it."""
    async with EmbeddedStore(tmp_path, conditional=True) as address:
        objects = Objects(address.settings())
        try:
            create = {"Key": "made/once.json", "IfNoneMatch": "*"}
            bodies = [str(number).encode() for number in range(8)]
            answers = await asyncio.gather(
                *(objects._call("put_object", Body=body, **create) for body in bodies), return_exceptions=True
            )
            (winner,) = [body for body, answer in zip(bodies, answers, strict=True) if isinstance(answer, dict)]
            assert await objects.read("made/once.json") == winner
            await objects._call("put_object", Key="made/once.json", Body=b"over it")
            assert await objects.read("made/once.json") == b"over it"
        finally:
            await objects.close()
