"""Keys as an operator makes, lists and ends them, by the command."""

import asyncio
import re

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
    assert all(line.endswith("valid") for line in lines)
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
    assert "python -m ops key add" in capsys.readouterr().err
