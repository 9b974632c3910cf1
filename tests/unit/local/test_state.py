"""The state folder, its ports, its lock and its secrets."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from local.errors import UserError
from local.locks import FolderLock, locked
from local.ports import Ports, free_port, is_free
from local.settings import LocalSettings, load_settings
from local.stack import Stack
from local.state import Addresses, State, ready_url, running

ROOT = Path(__file__).parents[3]

ADDRESSES = Addresses(
    api_url="http://127.0.0.1:8080",
    status_url="http://127.0.0.1:2",
    internal_urls={"api": "http://127.0.0.1:3"},
    api_key="sk_x",
    database_url="postgresql://x",
    nats_url="nats://x",
    nats_monitor_url=None,
    s3_endpoint_url="http://x",
    studio_url=None,
    processes={"local": 1},
)


def test_addresses_are_published_for_their_owner_alone(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.publish(ADDRESSES)
    assert stat.S_IMODE(state.local_json.stat().st_mode) == 0o600
    assert list(json.loads(state.local_json.read_text())) == [
        *("apiUrl", "statusUrl", "internalUrls", "apiKey", "databaseUrl", "natsUrl", "natsMonitorUrl"),
        *("s3EndpointUrl", "studioUrl", "processes"),
    ]
    assert running(tmp_path) == ("http://127.0.0.1:8080", "sk_x")
    assert ready_url(tmp_path) == "http://127.0.0.1:3/health/ready"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_secrets_are_not_shown_by_accident() -> None:
    assert "sk_x" not in repr(ADDRESSES)
    assert "postgresql" not in repr(ADDRESSES)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"apiUrl": "x"}'])
def test_a_broken_file_means_that_nothing_runs(tmp_path: Path, text: str) -> None:
    (tmp_path / "local.json").write_text(text)
    assert running(tmp_path) is None
    assert ready_url(tmp_path) is None


def test_a_log_begins_anew_and_the_last_one_is_kept(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.log("api").write_text("yesterday")
    assert not state.log("api").exists()
    assert (tmp_path / "logs" / "api.log.1").read_text() == "yesterday"


def test_a_state_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write to"):
        State(tmp_path / "file")


def test_a_locked_folder_names_its_holder_and_is_free_afterwards(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path, "A stack"), FolderLock(tmp_path, "A stack")
    first.take()
    with pytest.raises(UserError, match=rf"A stack is already running in .* \(process {os.getpid()}\)"):
        second.take()
    first.release()
    first.release()
    second.take()
    second.release()


def test_a_lock_that_is_held_is_not_taken_twice(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, "A stack")
    lock.take()
    with pytest.raises(UserError, match="already running"):
        lock.take()
    lock.release()
    assert not lock.held


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    holder = (
        "import sys, time; from pathlib import Path; from local.locks import FolderLock;"
        "lock = FolderLock(Path(sys.argv[1]), 'A stack'); lock.take(); print('held', flush=True); time.sleep(60)"
    )
    lock = FolderLock(tmp_path, "A stack")
    command = [sys.executable, "-c", holder, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=rf"\(process {process.pid}\)"):
            lock.take()
        process.kill()
    lock.take()
    lock.release()


def test_of_two_that_want_a_folder_one_waits(tmp_path: Path) -> None:
    """…also where the first one removes it meanwhile."""
    folder, order = tmp_path / "shared", []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with locked(folder):
            order.append("second")
            assert folder.exists()

    waiting = threading.Thread(target=second)
    waiting.start()
    with locked(folder):
        inside.set()
        order.append("first")
        folder.rmdir()
    waiting.join()
    assert order == ["first", "second"]
    assert list(folder.iterdir()) == []


def test_two_stacks_that_start_together_do_not_choose_one_port(tmp_path: Path) -> None:
    """Before anything listens there; another process learns it from the system, this one remembers."""
    (port,) = Ports(tmp_path / "ports.json").choose("api")
    with socket.socket(type=socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    assert Ports(tmp_path / "other.json", {"api": port}).choose("api") != [port]
    with socket.socket(type=socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", free_port()))
        taken = taker.getsockname()[1]
        assert Ports(tmp_path / "third.json", {"api": taken}).choose("api") != [taken]


def test_ports_stay_the_same_until_somebody_takes_them(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    api, status = ports.choose("api", "status")
    assert Ports(tmp_path / "ports.json").choose("api", "status") == [api, status]
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", api))
        taker.listen()
        assert not is_free(api)
        moved, stayed = ports.choose("api", "status")
    assert moved != api
    assert stayed == status


def test_a_usual_port_is_taken_first_where_it_is_free(tmp_path: Path) -> None:
    usual = free_port()
    assert Ports(tmp_path / "ports.json", {"api": usual}).choose("api") == [usual]


@pytest.mark.parametrize("text", ["{", "[]", '{"api": "x"}', '{"api": 70000}', '{"api": 0}'])
def test_ports_that_cannot_be_read_are_chosen_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    (port,) = Ports(tmp_path / "ports.json").choose("api")
    assert 0 < port < 65_536


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "HTTP_PORT", "PROCESSES", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "")
    assert load_settings() == LocalSettings()


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "eighty")
    with pytest.raises(UserError, match="HTTP_PORT is wrong"):
        load_settings()


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, True),
        ({"openai_api_key": "sk-x"}, True),
        ({"openai_api_key": "sk-x", "elevenlabs_api_key": "x"}, False),
        ({"openai_base_url": "http://x", "elevenlabs_base_url": "http://x"}, False),
    ],
)
def test_the_studio_stands_in_for_whoever_is_not_named(given: dict[str, str], needed: bool) -> None:
    assert LocalSettings.model_validate(given).needs_studio is needed


def test_choices_refuse_an_unknown_voice() -> None:
    with pytest.raises(ValidationError):
        LocalSettings.model_validate({"studio_voice": "whisper"})


async def test_a_stack_that_never_started_leaves_a_running_ones_addresses_alone(tmp_path: Path) -> None:
    """…``make story`` uses a stack that runs already, and ends without ending it."""
    holder = FolderLock(tmp_path, "A stack")
    holder.take()
    State(tmp_path).publish(ADDRESSES)
    stack = Stack(LocalSettings(storyloom_home=tmp_path))
    await stack.stop()
    stack.kill()
    assert running(tmp_path) == ("http://127.0.0.1:8080", "sk_x")
    holder.release()
