"""Rules and dashboards before any server: every alert is tested twice and explained, and every query can be read."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.promql import checker, needs
from tools.docs.dashboards import DASHBOARDS, queries, text
from tools.docs.pages import ROOT

FOLDER = ROOT / "deploy/observability"
RULES = sorted((FOLDER / "rules").glob("*.yaml"))
PAGE = (ROOT / "docs/runbook/alerts.md").read_text("utf-8")


def rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(path.read_text("utf-8"))["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for path in RULES for rule in rules(path) if "alert" in rule}
RECORDED = {rule["record"] for path in RULES for rule in rules(path) if "record" in rule}


def test_what_is_asked_is_told_from_a_query() -> None:
    assert needs('sum by (a) (rate(x_total{b="c"}[5m])) / max(y) > bool 1') == {"x_total": {"a", "b"}, "y": set()}
    with pytest.raises(ValueError, match=r"."):
        needs("sum by (")


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tested_where_it_fires_and_where_it_is_silent(name: str) -> None:
    tested = [
        bool(case["exp_alerts"])
        for path in (FOLDER / "rules/tests").glob("*.yaml")
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert sorted(tested) == [False, True]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_leads_to_what_it_means_and_what_to_do(name: str) -> None:
    page, _, anchor = ALERTS[name]["annotations"]["runbook_url"].partition("#")
    assert page == "docs/runbook/alerts.md"
    assert anchor in {heading.lower() for heading in re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)}
    assert ALERTS[name]["labels"]["severity"] in {"page", "ticket"}


def test_no_section_is_left_of_an_alert_that_went() -> None:
    assert set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)) == set(ALERTS)


def test_what_a_query_takes_from_a_rule_is_recorded() -> None:
    asked = [query for one in DASHBOARDS.values() for query in queries(one)]
    asked += [rule["expr"] for path in RULES for rule in rules(path)]
    assert {name for query in asked for name in needs(query) if ":" in name} == RECORDED


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboards_panels_have_places_and_ids_of_their_own(name: str) -> None:
    panels = json.loads(text(name))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def run(name: str, *words: str) -> None:
    done = subprocess.run(
        [checker(name), *words], cwd=FOLDER / "rules/tests", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_when_it_should_and_only_then() -> None:
    run("promtool", "check", "rules", *map(str, RULES))
    run("promtool", "test", "rules", *sorted(path.name for path in (FOLDER / "rules/tests").glob("*.yaml")))


def test_the_example_of_an_alertmanagers_configuration_is_valid() -> None:
    run("amtool", "check-config", str(FOLDER / "alertmanager/alertmanager.yaml"))
