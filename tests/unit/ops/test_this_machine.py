"""The operators' commands on this machine: they find the stack that runs, and say so where none does."""

import json
from pathlib import Path

import pytest

from local.operating import environment, main, metrics, store_keys

TOLD = {
    "databaseUrl": "postgresql://here/storyloom",
    "natsUrl": "nats://here:4222",
    "s3EndpointUrl": "",
    "processes": {"local": 1, "nats": 2, "api": 7, "content": 7, "status": 8, "content-2": 9, "studio": 3},
}


def test_the_services_environment_goes_before_what_the_addresses_say() -> None:
    assert environment(TOLD, {}) == {"DATABASE_URL": "postgresql://here/storyloom", "NATS_URL": "nats://here:4222"}
    services = {"NATS_URL": "nats://there:4222", "API_PORT": 8080}
    assert environment(TOLD, services) == {
        "DATABASE_URL": "postgresql://here/storyloom",
        "NATS_URL": "nats://there:4222",
        "API_PORT": "8080",
    }


def test_the_embedded_stores_keys_give_way_to_those_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of another store")
    assert store_keys({"access_key": "ours", "secret_key": "ours"}) == {"AWS_ACCESS_KEY_ID": "ours"}
    assert store_keys({}) == {}


def test_metrics_are_read_once_a_process() -> None:
    """Two services in one process count with the same counters."""
    ports = {"api": 1006, "status": 1007, "studio": 1005}
    ports |= {"api.internal": 1001, "content.internal": 1002, "status.internal": 1003, "content-2.internal": 1004}
    assert len(urls := metrics(TOLD, ports)) == 3
    assert set(urls) >= {"http://127.0.0.1:1003/metrics", "http://127.0.0.1:1004/metrics"}


@pytest.mark.parametrize("text", [None, "no JSON", "[]"])
def test_without_a_stack_it_says_what_to_do(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORYLOOM_HOME", str(tmp_path))
    if text is not None:
        (tmp_path / "local.json").write_text(text)
    assert main(["doctor"]) == 3
    output = capsys.readouterr().err
    assert "make up" in output if text is None else "local.json" in output


def test_a_stack_that_was_killed_is_unreachable_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its files are left, and nobody answers."""
    monkeypatch.setenv("STORYLOOM_HOME", str(tmp_path))
    monkeypatch.setenv("ARGS", "--json")
    monkeypatch.setenv("NATS_URL", "set so that it is put back")
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setattr("storyloom.messaging.connection.CONNECT_TIMEOUT_SECONDS", 0.3)
    output = {"natsUrl": "nats://127.0.0.1:1", "databaseUrl": "postgresql://127.0.0.1:1/x"}
    (tmp_path / "local.json").write_text(json.dumps(output))
    assert main(["doctor"]) == 3
    assert capsys.readouterr().err.startswith("NATS is unavailable: ")
