"""Tenants as an operator makes, lists and changes them, by the command."""

import json
from typing import Any

import pytest

from ops.__main__ import main


@pytest.fixture(autouse=True)
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds its database as in a container: by the environment."""
    monkeypatch.setenv("DATABASE_URL", database_url)


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(["tenant", "list", "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_new_tenant_has_the_installations_limits_but_for_those_that_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tenant", "create", "family", "--weight", "2.5", "--concurrent-stories", "3"]) == 0
    assert main(["key", "create", "--tenant", "family", "--name", "x"]) == 0
    capsys.readouterr()
    (tenant,) = listed(capsys)
    assert (tenant["id"], tenant["weight"], tenant["concurrentStories"]) == ("family", 2.5, 3)
    assert [tenant[name] for name in ("requestsPerMinute", "storiesPerDay", "regenerationsPerStory", "usdPerDay")] == [
        None
    ] * 4
    assert (tenant["keys"], tenant["admitted"], tenant["waiting"], tenant["storiesToday"]) == (1, 0, 0, 0)
    assert main(["tenant", "create", "family"]) == 1
    assert "already" in capsys.readouterr().out


def test_settings_are_changed_one_by_one_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tenant", "create", "family"]) == 0
    assert main(["tenant", "set", "family", "--usd-per-day", "12.5", "--stories-per-day", "0"]) == 0
    assert main(["tenant", "set", "family", "--regenerations-per-story", "2", "--requests-per-minute", "60"]) == 0
    capsys.readouterr()
    (tenant,) = listed(capsys)
    assert (tenant["usdPerDay"], tenant["storiesPerDay"], tenant["regenerationsPerStory"]) == (12.5, 0, 2)
    assert main(["tenant", "list"]) == 0
    assert "weight 1, requests per minute 60, stories per day 0, regenerations" in capsys.readouterr().out
    assert main(["tenant", "set", "family", "--usd-per-day", "default"]) == 0
    capsys.readouterr()
    assert (listed(capsys)[0]["usdPerDay"], listed(capsys)[0]["requestsPerMinute"]) == (None, 60)


def test_who_is_not_there_cannot_be_set_and_what_is_not_said_neither(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tenant", "list"]) == 1
    assert capsys.readouterr().out == "There is no tenant.\n"
    assert main(["tenant", "set", "nobody", "--weight", "2"]) == 1
    assert capsys.readouterr().out == "There is no tenant nobody.\n"
    assert main(["tenant", "set", "nobody"]) == 2
    assert "--weight, --requests-per-minute" in capsys.readouterr().err
