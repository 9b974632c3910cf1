"""What a run says in the end: one line of counts, and every finding in words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.__main__ import print_verdict
from tests.chaos.checks import KINDS
from tests.chaos.running import Verdict
from tests.chaos.schedule import draw

ROOT = Path(__file__).parents[2]
FIRST = ("seed", "stories", "kills", "faults", "lost", "stuck", "duplicates", "extra_paid", "gaps", "seconds")


def verdict(**findings: list[str]) -> Verdict:
    return Verdict(draw(7, 3, 10), {kind: findings.get(kind, []) for kind in KINDS}, kills=2, faults=5, seconds=61.26)


def chaos(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_the_line_counts_every_kind_and_begins_with_what_is_asked_for() -> None:
    line = verdict(gaps=["one", "two"]).wire()
    assert tuple(line)[: len(FIRST)] == FIRST
    assert (line["seed"], line["stories"], line["gaps"], line["lost"], line["seconds"]) == (7, 3, 2, 0, 61.3)
    assert set(KINDS) <= set(line)
    assert "\n" not in json.dumps(line)


@pytest.mark.parametrize("kind", KINDS)
def test_any_finding_of_any_kind_is_a_failure(kind: str) -> None:
    assert verdict().passed
    assert not verdict(**{kind: ["something"]}).passed


def test_every_finding_is_printed_with_the_place_to_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_verdict(verdict(lost=["a story"], gaps=["an id"]), tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    assert "lost: a story\n" in said.err
    assert "gaps: an id\n" in said.err
    assert str(tmp_path) in said.err


def test_a_schedule_can_be_read_before_anything_runs() -> None:
    """…and make's own variables choose the run."""
    said = chaos("--schedule", "--seconds", "20", SEED="7", STORIES="5")
    assert said.returncode == 0
    assert said.stdout == f"{draw(7, 5, 20)}\n"
