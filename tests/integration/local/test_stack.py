"""The whole stack as a person runs it: ``python -m local.up`` in its own folder, with a silent provider."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from local.ports import free_port
from local.postgres_files import relocated

ROOT = Path(__file__).parents[3]
TIMEOUT_SECONDS = 90
SERVERS = {"postgres", "nats", "store"}
SERVICES = {"api", "content", "images", "audio", "documents", "status", "webhooks"}


class Provider(BaseHTTPRequestHandler):
    """Speaks no protocol, but refuses a key that begins with ``wrong``."""

    def do_GET(self) -> None:
        key = self.headers.get("Authorization", "").removeprefix("Bearer ") or self.headers.get("xi-api-key", "")
        self.send_response(401 if key.startswith("wrong") else 404)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


Variables = dict[str, str]


def environment(provider: str, folder: Path) -> Variables:
    """The environment of a stack that keeps its state in the folder and needs no studio."""
    ours = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{provider}/v1"}
    ours |= {"ELEVENLABS_API_KEY": "x", "ELEVENLABS_BASE_URL": provider, "STORYLOOM_HOME": str(folder / "state")}
    # The usual 8080 would be wanted by every stack that starts at the same moment.
    ours["HTTP_PORT"] = str(free_port())
    not_ours = ("DATABASE_URL", "NATS_URL", "S3_ENDPOINT_URL", "PROCESSES")
    return {name: value for name, value in os.environ.items() if name not in not_ours} | ours


@pytest.fixture
def variables(provider: str, tmp_path: Path) -> Variables:
    return environment(provider, tmp_path)


def up(variables: Variables) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "local.up"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def running(variables: Variables) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """A stack that is up, and what its local.json says."""
    with up(variables) as launcher:
        try:
            assert launcher.stdout is not None
            for line in launcher.stdout:
                if line.startswith("Ask for a story"):
                    break
            else:
                assert launcher.stderr is not None
                pytest.fail(launcher.stderr.read())
            yield launcher, addresses(variables)
        finally:
            launcher.terminate()


def addresses(variables: Variables) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(local_json(variables).read_text())
    return found


def local_json(variables: Variables) -> Path:
    return Path(variables["STORYLOOM_HOME"]) / "local.json"


def family(launcher: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(launcher.pid).children(recursive=True)


def until(answer: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT_SECONDS
    while not answer():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


Stack = tuple["subprocess.Popen[str]", Variables]


@pytest.fixture(scope="module")
def stack(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of one process for all services, for those who leave it running. In the end SIGTERM leaves nothing."""
    variables = environment(provider, tmp_path_factory.mktemp("stack"))
    with running(variables) as (launcher, _):
        yield launcher, variables
        all_are_there(launcher, addresses(variables))
        signal_leaves_nothing(launcher, variables, signal.SIGTERM)


def all_are_there(launcher: "subprocess.Popen[str]", said: dict[str, Any]) -> None:
    """Every process that runs is named, and what is named runs."""
    pids = said["processes"]
    assert set(pids) == {"local"} | SERVERS | SERVICES
    assert {pids[name] for name in SERVERS | SERVICES} <= {process.pid for process in family(launcher)}


def signal_leaves_nothing(launcher: "subprocess.Popen[str]", variables: Variables, what: signal.Signals) -> None:
    left = family(launcher)
    launcher.send_signal(what)
    assert launcher.wait(TIMEOUT_SECONDS) == 0
    _, alive = psutil.wait_procs(left, timeout=0)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not local_json(variables).exists()


def everything_answers(launcher: "subprocess.Popen[str]", variables: Variables) -> None:
    said = addresses(variables)
    assert local_json(variables).stat().st_mode & 0o777 == 0o600
    all_are_there(launcher, said)
    stories = f"{said['apiUrl']}/api/v1/stories"
    with httpx.Client(trust_env=False) as http:
        assert http.get(stories).status_code == 401
        assert http.get(stories, headers={"Authorization": f"Bearer {said['apiKey']}"}).json()["stories"] == []
        assert http.get(f"{said['internalUrls']['status']}/health/ready").json() == {"status": "ready"}
        assert http.get(f"{said['natsMonitorUrl']}/healthz").json() == {"status": "ok"}


def test_everything_answers_from_one_process(stack: Stack) -> None:
    launcher, variables = stack
    everything_answers(launcher, variables)
    pids = addresses(variables)["processes"]
    assert len({pids[name] for name in SERVICES}) == 1


def test_a_killed_launcher_leaves_nothing_and_the_next_one_starts(variables: Variables) -> None:
    """It starts a process a service: everything answers where it did before, and one signal leaves nothing."""
    with running(variables) as (launcher, before):
        left = family(launcher)
        launcher.kill()
        launcher.wait()
    _, alive = psutil.wait_procs(left, timeout=TIMEOUT_SECONDS)
    assert not alive
    with running(variables | {"PROCESSES": "1"}) as (launcher, after):
        assert {name: after[name] for name in after if name != "processes"} == {
            name: before[name] for name in before if name != "processes"
        }
        everything_answers(launcher, variables)
        assert len({after["processes"][name] for name in SERVICES}) == len(SERVICES)
        signal_leaves_nothing(launcher, variables, signal.SIGINT)
    assert not [link for link in relocated() if link.is_relative_to(local_json(variables).parent)]


def test_a_crashed_service_comes_back_and_is_reported(stack: Stack) -> None:
    _, variables = stack
    crashed = addresses(variables)["processes"]["api"]
    os.kill(crashed, signal.SIGKILL)
    until(lambda: addresses(variables)["processes"].get("api", crashed) != crashed)
    with httpx.Client(trust_env=False) as http:
        assert http.get(f"{addresses(variables)['internalUrls']['api']}/health/ready").status_code == 200


def test_a_second_stack_in_the_same_folder_is_refused_and_harms_nothing(stack: Stack) -> None:
    launcher, variables = stack
    said = addresses(variables)
    assert f"already running in {variables['STORYLOOM_HOME']} (process {launcher.pid})" in refusal(variables)
    assert addresses(variables) == said
    with httpx.Client(trust_env=False) as http:
        assert http.get(f"{said['internalUrls']['api']}/health/ready").status_code == 200


def refusal(variables: Variables) -> str:
    """What is said of a start that cannot be: one sentence, no traceback, exit code 1."""
    with up(variables) as launcher:
        out, errors = launcher.communicate(timeout=TIMEOUT_SECONDS)
    assert launcher.returncode == 1
    assert out == ""
    assert len(errors.splitlines()) == 1
    assert "Traceback" not in errors
    return errors


def test_a_busy_port_is_one_sentence(variables: Variables) -> None:
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        taker.listen()
        port = taker.getsockname()[1]
        assert f"Port {port} is taken" in refusal(variables | {"HTTP_PORT": str(port)})


@pytest.mark.parametrize("url", ["nonsense", "postgresql://nobody@127.0.0.1:{port}/none"])
def test_a_wrong_database_is_one_sentence(variables: Variables, url: str) -> None:
    assert "DATABASE_URL cannot be used" in refusal(variables | {"DATABASE_URL": url.format(port=free_port())})


def test_a_wrong_bus_is_one_sentence(variables: Variables) -> None:
    assert "NATS_URL cannot be used" in refusal(variables | {"NATS_URL": f"nats://127.0.0.1:{free_port()}"})


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "ELEVENLABS_API_KEY"])
def test_a_wrong_key_is_one_sentence(variables: Variables, name: str) -> None:
    assert f"refuses the key in {name}" in refusal(variables | {name: "wrong"})


def test_a_folder_that_cannot_be_written_is_one_sentence(variables: Variables, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Cannot write to" in refusal(variables | {"STORYLOOM_HOME": str(tmp_path / "file" / "state")})
