"""The generated parts of docs/ say what the code says, and `--check` notices when they do not."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.docs.__main__ import main
from tools.docs.pages import PAGES, ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the pages are made from and where they stand, to be changed at will."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path / "README.md")
    (tmp_path / "client").mkdir()
    shutil.copy(ROOT / "client/resources.py", tmp_path / "client/resources.py")
    shutil.copytree(ROOT / "deploy/observability/dashboards", tmp_path / "deploy/observability/dashboards")
    shutil.copytree(ROOT / "tests/contract/events/golden", tmp_path / "tests/contract/events/golden")
    for path in (ROOT / "services").glob("*/__init__.py"):
        copy = tmp_path / "services" / path.parent.name / path.name
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
    return tmp_path


def test_the_pages_of_this_checkout_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.docs", "--check"],
        cwd=ROOT,
        # Whatever a machine has set, the pages show the defaults.
        env=os.environ | {"NATS_SUBJECT_PREFIX": "elsewhere_", "ACK_WAIT": "3", "HTTP_PORT": "9999"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_a_changed_line_fails_the_check_in_one_sentence(
    page: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkout / page
    text = path.read_text("utf-8")
    path.write_text(text.replace("\n<!-- /made -->", "\nSomebody was here.\n<!-- /made -->", 1), "utf-8")
    assert main(["--check"], checkout) == 1
    message = f"{page} does not say what the code says: run `.venv/bin/python -m tools.docs`.\n"
    assert capsys.readouterr().err == message


def test_what_a_services_docstring_says_must_be_written_again(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """…as must an event that it no longer says."""
    (checkout / "services/api/__init__.py").write_text('"""Consumes nothing. Publishes nothing."""\n', "utf-8")
    assert main(["--check"], checkout) == 1
    assert capsys.readouterr().err.startswith("docs/architecture/overview.md, docs/events.md does not say")
    assert main([], checkout) == 0
    assert "| `api` | Consumes nothing. Publishes nothing. |" in (checkout / "docs/architecture/overview.md").read_text(
        "utf-8"
    )
    assert "Published by: nobody yet." in (checkout / "docs/events.md").read_text("utf-8")


def test_writing_replaces_the_made_parts_and_leaves_the_rest(checkout: Path) -> None:
    path = checkout / "docs/architecture/a-story.md"
    fresh = path.read_text("utf-8")
    spoilt = re.sub(r"(<!-- made: assets -->).*?(<!-- /made -->)", r"\1\nnothing\n\2", fresh, flags=re.DOTALL)
    path.write_text(f"{spoilt}\nA sentence of our own.\n", "utf-8")
    assert main([], checkout) == 0
    assert path.read_text("utf-8") == f"{fresh}\nA sentence of our own.\n"
    assert main(["--check"], checkout) == 0


def test_a_part_that_was_cut_out_is_missed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkout / "docs/architecture/a-story.md"
    path.write_text(path.read_text("utf-8").replace("<!-- made: graph -->", ""), "utf-8")
    assert main([], checkout) == 1
    assert "docs/architecture/a-story.md must hold" in capsys.readouterr().err


def test_a_message_without_an_example_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "tests/contract/events/golden/StoryCancelled.json").unlink()
    assert main(["--check"], checkout) == 1
    assert "golden/StoryCancelled.json is missing" in capsys.readouterr().err


def test_a_missing_page_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "docs/events.md").unlink()
    assert main(["--check"], checkout) == 1
    assert capsys.readouterr().err == "docs/events.md is missing: take it from version control.\n"
