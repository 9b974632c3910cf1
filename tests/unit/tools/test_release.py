"""A release: one version in all places, the changelog's heading, a commit and a tag; or nothing at all."""

import re
import subprocess
from datetime import date
from pathlib import Path

import pytest

from tools.release import PLACES, ROOT, SOURCE, ReleaseError, current_version, main, release

TODAY = date(2027, 1, 2)


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed checkout of the files that a release changes."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "tests")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "tests@example.invalid")
    for name in (*PLACES, "pyproject.toml"):
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text((ROOT / name).read_text("utf-8"))
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n### Added\n- A thing.\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    return tmp_path


def test_every_place_has_the_same_version() -> None:
    found = {
        match[1]
        for name, patterns in PLACES.items()
        if (ROOT / name).exists()
        for pattern in patterns
        for match in re.finditer(pattern, (ROOT / name).read_text("utf-8"), re.MULTILINE)
    }
    assert found == {current_version(ROOT)}


def test_two_releases_one_after_the_other(checkout: Path) -> None:
    assert release("0.2.0", checkout, TODAY) == "v0.2.0"
    assert current_version(checkout) == "0.2.0"
    text = (checkout / "CHANGELOG.md").read_text()
    assert text == "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-02\n### Added\n- A thing.\n"
    assert git(checkout, "log", "-1", "--format=%s %D").startswith("release: 0.2.0")
    before = (checkout / "pyproject.toml").read_text()
    (checkout / "CHANGELOG.md").write_text(
        text.replace("## [Unreleased]\n", "## [Unreleased]\n### Fixed\n- Another.\n")
    )
    git(checkout, "commit", "--all", "--quiet", "--message", "a fix")
    release("0.2.1", checkout, TODAY)
    assert git(checkout, "tag").split() == ["v0.2.0", "v0.2.1"]
    after = (checkout / "pyproject.toml").read_text()
    assert before != after
    assert 'previous-release = "v0.2.0"' in after
    assert git(checkout, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("version", "reason"),
    [("1.0", "'1.0' is no version like 1.2.0."), ("0.0.9", f"0.0.9 is older than 0.1.0, which {SOURCE} says.")],
)
def test_what_is_no_later_version_is_refused(checkout: Path, version: str, reason: str) -> None:
    with pytest.raises(ReleaseError, match=re.escape(reason)):
        release(version, checkout, TODAY)
    assert git(checkout, "status", "--porcelain") == ""


def test_nothing_is_released_over_changes_twice_or_without_a_word(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n## [0.0.1] - 2026-01-01\n- A thing.\n")
    assert main(["0.2.0"], checkout) == 1
    assert "not committed" in capsys.readouterr().err
    git(checkout, "commit", "--all", "--quiet", "--message", "nothing new")
    assert main(["0.2.0"], checkout) == 1
    assert "nothing under Unreleased" in capsys.readouterr().err
    git(checkout, "tag", "v0.2.0")
    assert main(["0.2.0"], checkout) == 1
    assert "v0.2.0 is there already" in capsys.readouterr().err
