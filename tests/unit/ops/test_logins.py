"""Passwords of services: made once, kept for their owner's eyes, rotated so that two are valid for a while."""

import json
import stat
from pathlib import Path

import pytest

from ops.deploy import database_roles, nats_accounts
from ops.deploy.logins import LoginsError, add_login, drop_login, read_logins, write_logins

ROLES = ("api", "images")


def hashed(password: str) -> str:
    return f"hash of {password}"


def test_passwords_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "passwords.json"
    first = read_logins(path, ROLES, hashed)
    write_logins(path, first)
    assert read_logins(path, ROLES, hashed) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first["api"][0].password != first["images"][0].password
    assert first["api"][0].password not in repr(first)


def test_a_rotation_has_two_logins_until_the_older_one_is_retired(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    before = read_logins(path, ROLES, hashed)
    during = add_login(before, "images", hashed)
    old, new = during["images"]
    assert (old, new.number) == (before["images"][0], 2)
    write_logins(path, during)
    after = drop_login(read_logins(path, ROLES, hashed), "images")
    assert after["images"] == (new,)
    assert add_login(after, "images", hashed)["images"][-1].number == 1
    assert after["api"] == before["api"]


def test_a_rotation_is_not_begun_twice_nor_ended_before_it_has_begun(tmp_path: Path) -> None:
    logins = read_logins(tmp_path / "passwords.json", ROLES, hashed)
    with pytest.raises(LoginsError, match="rotate it first"):
        drop_login(logins, "images")
    with pytest.raises(LoginsError, match="retire the old login first"):
        add_login(add_login(logins, "images", hashed), "images", hashed)


def test_a_given_password_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    path.write_text(json.dumps({"api": [{"password": "given-by-somebody-else"}]}))
    logins = read_logins(path, ROLES, hashed)
    assert (logins["api"][0].password, logins["api"][0].hash) == (
        "given-by-somebody-else",
        hashed("given-by-somebody-else"),
    )


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ('{"api": [{"password": "short"}]}', "16 characters or more"),
        ('{"api": [{"password": "with a space and an @"}]}', "of A to Z"),
        ('{"apis": []}', "there is no such role"),
        ('{"api": [{"number": 3}]}', "a login's number is 1 or 2"),
        ('{"api": "secret"}', "does not hold logins by role"),
        ("no json", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence_without_a_password(tmp_path: Path, kept: str, said: str) -> None:
    path = tmp_path / "passwords.json"
    path.write_text(kept)
    with pytest.raises(LoginsError, match=said) as refused:
        read_logins(path, ROLES, hashed)
    assert "with a space" not in str(refused.value)


def test_urls_are_those_of_the_newest_login() -> None:
    logins = add_login(read_logins(Path("/nonexistent/none.json"), ROLES, hashed), "images", hashed)
    password = logins["images"][-1].password
    assert (
        nats_accounts.nats_urls(logins, "nats://old:word@nats:4222")["images"]
        == f"nats://images-2:{password}@nats:4222"
    )
    url = database_roles.database_urls(logins, "storyloom", "postgresql://me:word@db:5432/story?sslmode=require")[
        "images"
    ]
    assert url == f"postgresql://storyloom_images_2:{password}@db:5432/story?sslmode=require"
