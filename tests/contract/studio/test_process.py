"""The studio as a process of its own: ready when it says so, gone when it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import aiohttp
import psutil
import pytest

from studio.app import serve
from studio.backends import Backends
from studio.settings import StudioSettings
from tests.contract.studio.readiness import wait_until_warm

COMMAND = [sys.executable, "-m", "studio", "--port", "0", "--voice", "espeak", "--painters", "1"]


@contextmanager
def running(*more: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    with subprocess.Popen([*COMMAND, *more], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_it_says_when_it_is_ready_and_stops_when_told(name: signal.Signals) -> None:
    with running() as (process, line):
        assert line["pid"] == process.pid
        assert line["url"].startswith("http://127.0.0.1:")
        wait_until_warm(line["url"])
        workers = descendants(process.pid)
        assert len(workers) == 2
        process.send_signal(name)
        assert process.wait(timeout=5) == 0
    assert not any(worker.is_running() for worker in workers)


def test_it_stops_even_while_a_call_stalls() -> None:
    with running() as (process, line):
        order = urllib.request.Request(f"{line['url']}/studio/faults", b'{"fault": "stall"}', method="POST")
        urllib.request.urlopen(order).close()
        body = subprocess.Popen(
            [sys.executable, "-c", _STALLED, line["url"]], stdout=subprocess.PIPE
        )  # fmt: skip
        assert _read(body.stdout) == b"asking\n"
        process.terminate()
        assert process.wait(timeout=5) == 0
        body.communicate(timeout=10)


_STALLED = """
import http.client, sys, urllib.parse
connection = http.client.HTTPConnection(urllib.parse.urlparse(sys.argv[1]).netloc)
connection.request("POST", "/v1/moderations", b'{"input": "x"}', {"Authorization": "Bearer local"})
print("asking", flush=True)
try:
    connection.getresponse()
except OSError:
    pass
"""


def _read(stream: IO[bytes] | None) -> bytes:
    assert stream is not None
    return stream.readline()


def test_no_worker_outlives_a_killed_studio() -> None:
    with running() as (process, line):
        wait_until_warm(line["url"])
        workers = descendants(process.pid)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=10)
    assert len(workers) == 2
    assert alive == []


async def test_it_also_runs_inside_anothers_loop_and_may_be_stopped_twice(studio_backends: Backends) -> None:
    studio = await serve(StudioSettings(), studio_backends)
    async with aiohttp.ClientSession(studio.url) as session:
        async with session.get("/studio/health") as response:
            assert response.status == 200
        await studio.stop()
        await studio.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get("/studio/health")


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with running() as (_, line):
        port = line["url"].rpartition(":")[2]
        second = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert f"127.0.0.1:{port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_wrong_setting_is_said_in_one_sentence() -> None:
    environment = {**os.environ, "STUDIO_LATENCY": "slow"}
    wrong = subprocess.run(
        [sys.executable, "-m", "studio"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert wrong.returncode == 2
    assert wrong.stderr == "STUDIO_LATENCY must be 'instant' or 'realistic', not 'slow'.\n"
