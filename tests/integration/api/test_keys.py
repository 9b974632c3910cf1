"""Keys as an operator makes, lists and ends them, by the command."""

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from ops.__main__ import main
from services.api import keys as moved
from storyloom.db.pool import open_pool
from storyloom.runtime.settings import DatabaseSettings
from storyloom.web.keys import find_caller

KEY = re.compile(r"^sk_[\w-]{40,}\n$")


@pytest.fixture(autouse=True)
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds its database as in a container: by the environment."""
    monkeypatch.setenv("DATABASE_URL", database_url)


def key_holder(key: str) -> tuple[str, set[str]] | None:
    """Whose key it is, and its scopes, as a request with it would find."""

    async def ask() -> tuple[str, set[str]] | None:
        pool = await open_pool(DatabaseSettings(), size=1)
        try:
            who = await find_caller(pool, key)
        finally:
            await pool.close()
        return None if who is None else (who.tenant_id, set(who.scopes))

    return asyncio.run(ask())


def add_key(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["key", "add", "--tenant", "family", "--name", "first key", *more]) == 0
    printed = capsys.readouterr().out
    assert KEY.match(printed)
    return printed.strip()


def listed(capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    assert main(["key", "list", *more]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_new_key_is_printed_once_and_opens_its_tenants_stories(capsys: pytest.CaptureFixture[str]) -> None:
    key = add_key(capsys)
    assert key_holder(key) == ("family", {"stories:read", "stories:write"})
    assert key_holder(add_key(capsys, "--scope", "stories:read")) == ("family", {"stories:read"})


def test_the_list_tells_everything_but_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    key = add_key(capsys)
    assert main(["key", "add", "--tenant", "school", "--name", "other", "--scope", "admin"]) == 0
    capsys.readouterr()
    lines = listed(capsys)
    assert [line.split("  ")[1:4] for line in lines] == [
        ["family", "first key", "stories:read,stories:write"],
        ["school", "other", "admin"],
    ]
    assert all(line.endswith("never used  valid") for line in lines)
    assert key not in "\n".join(lines)
    assert listed(capsys, "--tenant", "school") == lines[1:]


def test_a_revoked_key_opens_nothing_and_cannot_be_revoked_twice(capsys: pytest.CaptureFixture[str]) -> None:
    key = add_key(capsys)
    key_id = listed(capsys)[0].split("  ")[0]
    assert main(["key", "revoke", key_id]) == 0
    assert key_holder(key) is None
    assert "revoked" in listed(capsys)[0]
    assert main(["key", "revoke", key_id]) == 1
    assert "no valid key" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--scope", "everything"], ["--tenant", ""], ["--name", "two\nlines"]])
def test_what_is_no_tenant_name_or_scope_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["key", "add", "--tenant", "family", "--name", "first key", *wrong])
    assert ended.value.code == 2
    capsys.readouterr()
    assert main(["key", "list"]) == 1
    assert capsys.readouterr().out == "There is no key.\n"


def test_a_rotated_key_lives_on_beside_the_new_one_for_the_overlap(capsys: pytest.CaptureFixture[str]) -> None:
    old = add_key(capsys, "--scope", "stories:read", "--expires-in", "90d")
    key_id = listed(capsys)[0].split("  ")[0]
    assert main(["key", "rotate", key_id, "--overlap", "2h"]) == 0
    output = capsys.readouterr()
    assert KEY.match(output.out)  # the new key alone, to be piped
    assert output.err.startswith(f"{key_id} ends at ")
    assert key_holder(output.out.strip()) == key_holder(old) == ("family", {"stories:read"})
    before, after = (json.loads(line) for line in listed(capsys, "--json"))
    assert before["replacedBy"] == after["id"]
    assert (before["name"], before["scopes"], before["tenant"]) == (after["name"], after["scopes"], after["tenant"])
    assert _hours_left(before) == pytest.approx(2, abs=0.1)
    assert _hours_left(after) == pytest.approx(90 * 24, abs=0.1)
    assert main(["key", "rotate", key_id]) == 1
    assert "rotated before" in capsys.readouterr().err


def test_a_key_may_be_rotated_without_an_overlap_and_ends_in_a_day_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, other = add_key(capsys), add_key(capsys)
    first, second = (line.split("  ")[0] for line in listed(capsys))
    assert main(["key", "rotate", first, "--overlap", "0s"]) == 0
    assert key_holder(old) is None
    assert key_holder(capsys.readouterr().out.strip()) == ("family", {"stories:read", "stories:write"})
    assert main(["key", "rotate", second]) == 0
    capsys.readouterr()
    assert key_holder(other) is not None
    assert _hours_left(json.loads(listed(capsys, "--json")[1])) == pytest.approx(24, abs=0.1)


def test_an_expired_key_opens_nothing_and_says_so_in_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    key = add_key(capsys, "--expires-in", "1h")
    assert key_holder(key) is not None
    asyncio.run(execute("UPDATE api_keys SET expires_at = now()"))
    assert key_holder(key) is None
    (line,) = listed(capsys)
    assert "expired" in line
    assert json.loads(listed(capsys, "--json")[0])["state"] == "expired"
    assert main(["key", "revoke", line.split("  ")[0]]) == 1


async def execute(sql: str) -> None:
    pool = await open_pool(DatabaseSettings(), size=1)
    await pool.execute(sql)
    await pool.close()


def _hours_left(key: dict[str, Any]) -> float:
    return (datetime.fromisoformat(key["expiresAt"]) - datetime.now(UTC)).total_seconds() / 3600


def test_a_name_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Not as markup, in no colour, and on one line however long."""
    name = f"[red]{'x' * 90}[/]"
    assert main(["key", "add", "--tenant", "family", "--name", name]) == 0
    capsys.readouterr()
    assert [line.split("  ")[2] for line in listed(capsys)] == [name]


def test_a_database_that_is_away_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres:secret@127.0.0.1:1/storyloom")
    assert main(["key", "list"]) == 3
    message = capsys.readouterr().err
    assert message.startswith("Postgres is unavailable")
    assert "secret" not in message


def test_the_command_that_was_says_where_it_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    assert moved.main() == 2
    assert "python -m ops key create" in capsys.readouterr().err
