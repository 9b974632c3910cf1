"""``python -m tools.release VERSION``: write the version, give the changelog its heading, commit and tag.

``make release VERSION=1.2.0`` runs the checks and tests first. docs/releasing.md says what follows. Nothing is pushed.
"""

import argparse
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = "storyloom/__init__.py"
"""Where the version stands; the other places follow it."""
_PYTHON = r'^__version__ = "([^"]+)"$'
PLACES = {
    SOURCE: (_PYTHON,),
    "client/__init__.py": (_PYTHON,),
    "studio/__init__.py": (_PYTHON,),
    "deploy/helm/storyloom/Chart.yaml": (r'^version: "?([^"\n]+)"?$', r'^appVersion: "?([^"\n]+)"?$'),
}
"""Patterns of the version by file; one that is not there is passed over."""
_PREVIOUS = re.compile(r'^previous-release = "[^"]+"$', re.MULTILINE)
_HEADING = "## [Unreleased]\n"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class ReleaseError(Exception):
    """Why nothing was released, in a sentence."""


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """0 when the release is tagged; 1 after one sentence that says why not, with nothing changed."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("version", help="such as 1.2.0 (semver.org)")
    try:
        tag = release(parser.parse_args(arguments).version, root, datetime.now(UTC).date())
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{tag} is committed and tagged. Look at `git show {tag}`, then: git push origin HEAD {tag}\n")
    return 0


def release(version: str, root: Path, today: date) -> str:
    """Write, commit and tag; answer the tag. Raises ReleaseError."""
    if _git(root, "status", "--porcelain"):
        raise ReleaseError("The checkout has changes that are not committed.")
    tag, before = f"v{version}", current_version(root)
    if _git(root, "tag", "--list", tag):
        raise ReleaseError(f"{tag} is there already.")
    if ordered(version) < ordered(before):
        raise ReleaseError(f"{version} is older than {before}, which {SOURCE} says.")
    texts = {"CHANGELOG.md": changelog(_read(root, "CHANGELOG.md"), version, today)}
    for name, patterns in PLACES.items():
        if (root / name).exists():
            texts[name] = with_version(_read(root, name), patterns, version)
    if _git(root, "tag", "--list", f"v{before}"):
        # From now on the rolling upgrade is tried from what was released last.
        texts["pyproject.toml"] = with_previous(_read(root, "pyproject.toml"), f"v{before}")
    for name, text in texts.items():
        (root / name).write_text(text, "utf-8")
    _git(root, "add", "--update")
    _git(root, "commit", "--quiet", "--message", f"release: {version}")
    _git(root, "tag", "--annotate", tag, "--message", f"Storyloom {version}")
    return tag


def current_version(root: Path) -> str:
    """The version that this checkout has."""
    found = re.search(_PYTHON, _read(root, SOURCE), re.MULTILINE)
    if found is None:
        raise ReleaseError(f"{SOURCE} has no version.")
    return found[1]


def ordered(version: str) -> tuple[int, ...]:
    """A version as numbers. Raises ReleaseError for what is none."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ReleaseError(f"{version!r} is no version like 1.2.0.")
    return tuple(int(number) for number in found.groups())


def with_version(text: str, patterns: tuple[str, ...], version: str) -> str:
    """A file's text with another version. Raises ReleaseError where a pattern finds none."""
    for pattern in patterns:
        found = re.search(pattern, text, re.MULTILINE)
        if found is None:
            raise ReleaseError(f"No line is like {pattern}.")
        text = text[: found.start(1)] + version + text[found.end(1) :]
    return text


def with_previous(text: str, tag: str) -> str:
    """pyproject.toml's text with another previous release."""
    changed, count = _PREVIOUS.subn(f'previous-release = "{tag}"', text)
    if count != 1:
        raise ReleaseError("pyproject.toml does not name the previous release.")
    return changed


def changelog(text: str, version: str, today: date) -> str:
    """The changelog's text with what is unreleased under the version's heading. Raises ReleaseError if nothing is."""
    before, heading, after = text.partition(_HEADING)
    entries = after.partition("\n## ")[0]
    if not heading or not re.search(r"^- ", entries, re.MULTILINE):
        raise ReleaseError("CHANGELOG.md has nothing under Unreleased.")
    return f"{before}{_HEADING}\n## [{version}] - {today.isoformat()}\n{after}"


def _read(root: Path, name: str) -> str:
    return (root / name).read_text("utf-8")


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)  # noqa: S603, S607 - git, no shell
    if done.returncode != 0:
        raise ReleaseError(f"git {words[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
