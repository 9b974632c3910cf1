"""What pages name in the checkout is there: a file that moves or a test that is renamed takes its mentions along."""

import re
from pathlib import Path

import pytest

from tools.docs.pages import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
_PATH = re.compile(
    r"\b(?:storyloom|services|ops|local|client|tools|benchmarks|tests|studio|deploy)/[\w/.-]+\.(?:py|sql|toml)\b"
)
_TEST = re.compile(r"`(test_\w+)`")
NOT_HERE = {"services/crafts/app.py", "storyloom/config.toml"}
"""Where docs/building-workers.md says that a reader's own service would stand; a user's own settings of the client."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = set(_PATH.findall(page.read_text("utf-8"))) - NOT_HERE
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_every_test_that_a_page_names_exists() -> None:
    """By its function's name or its module's."""
    sources = list(ROOT.glob("tests/**/test_*.py"))
    known = {path.stem for path in sources}
    known |= {name for path in sources for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))}
    named = {name for page in PAGES for name in _TEST.findall(page.read_text("utf-8"))}
    assert named  # ADR 0016 names some
    assert sorted(named - known) == []
