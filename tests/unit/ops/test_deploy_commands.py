"""``deploy``: what the commands write, for whom, and that they write the same again."""

import json
import stat
from pathlib import Path

import pytest

from ops.cli import main

ROLES_NEXT = "Run database-roles.sql as the owner of the tables."


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def test_accounts_are_written_for_their_owner_alone_and_the_same_again(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    words = ["deploy", "nats-accounts", "--folder", str(folder), "--url", "nats://nats:4222"]
    assert main(words) == 0
    first = files(folder)
    assert first["nats-images.env"].startswith("NATS_URL=nats://images:")
    assert first["nats-images.env"].endswith("@nats:4222\n")
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    password = first["nats-images.env"].partition("images:")[2].partition("@")[0]
    assert password not in first["nats-accounts.conf"]
    assert main(words) == 0
    assert files(folder) == first
    assert main([*words, "--rotate", "images"]) == 0
    assert files(folder)["nats-images.env"].startswith("NATS_URL=nats://images-2:")
    assert files(folder)["nats-accounts.conf"].count('"user": "images') == 2
    assert main([*words, "--rotate", "images"]) == 2


def test_roles_are_secrets_for_kubernetes_and_no_password_is_in_the_sql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:of-the-tables@127.0.0.1/storyloom")
    words = [
        "deploy",
        "database-roles",
        "--folder",
        str(tmp_path),
        "--kubernetes",
        "--url",
        "postgresql://db/storyloom",
    ]
    assert main(words) == 0
    said = capsys.readouterr()
    found = {one["metadata"]["name"]: one["stringData"]["DATABASE_URL"] for one in json.loads(said.out)["items"]}
    assert found["storyloom-database-migrate"] == "postgresql://owner:of-the-tables@db/storyloom"
    assert found["storyloom-database-api"].startswith("postgresql://storyloom_api_1:")
    assert said.err.endswith(f"{ROLES_NEXT}\n")
    sql = (tmp_path / "database-roles.sql").read_text("utf-8")
    passwords = [
        login["password"]
        for own in json.loads((tmp_path / "database-passwords.json").read_text()).values()
        for login in own
    ]
    assert [one for one in passwords if one in sql] == []
    assert not list(tmp_path.glob("*.env"))


def test_a_database_that_does_not_answer_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:of-the-tables@127.0.0.1:1/storyloom")
    assert main(["deploy", "database-roles", "--folder", str(tmp_path), "--apply"]) == 3
    assert "Postgres is unavailable" in capsys.readouterr().err
