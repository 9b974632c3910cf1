"""The Makefile lists itself and asks for what it needs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMANDS = (
    *("help", "story", "up", "doctor", "top", "dead"),
    *(
        "test",
        "check",
        "check-deploy",
        "kustomize",
        "fuzz",
        "bench",
        "quality",
        "chaos",
        "test-compose",
        "simulation",
        "migrate",
        "release",
        "clean",
        "system",
        "lock",
    ),
)


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Under `make test` the outer make's settings would reach this one.
    plain = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), *arguments],
        cwd=folder,
        env=plain | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_bare_make_lists_every_command_with_a_line() -> None:
    listed = make(ROOT).stdout.splitlines()
    assert [line.split()[1] for line in listed] == list(COMMANDS)
    assert all(re.match(r"  make [\w-]+ +\S.{10,}", line) for line in listed)


def test_every_command_is_phony() -> None:
    """…or a file of that name would silently stand for it."""
    lines = (ROOT / "Makefile").read_text().replace("\\\n", "")
    phony = re.search(r"^\.PHONY: (.*)$", lines, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == set(COMMANDS)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but requirements, and a stand-in for the environment's programs that notes its calls."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for stamp in (".system", ".uv"):
        (tmp_path / ".venv" / stamp).touch()
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("uv", "python"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> calls\n')
        program.chmod(0o755)
    return tmp_path


def calls(folder: Path) -> list[str]:
    """What the stand-ins were called with since the last look."""
    path = folder / "calls"
    found = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def installs(folder: Path) -> list[str]:
    """Of the main environment: what checks deploy/ has one of its own."""
    return [call.split()[-1] for call in calls(folder) if call.startswith("uv ") and ".deploy" not in call]


def test_a_warm_run_installs_nothing(checkout: Path) -> None:
    assert make(checkout, "up").returncode == 0
    assert installs(checkout) == ["requirements/local.txt"]
    make(checkout, "story")
    assert calls(checkout) == ["python -m local.story"]


def test_a_checkout_may_have_any_name(checkout: Path) -> None:
    """…and programs are run as modules: the line that names a script's Python breaks at a space, or is cut."""
    odd = checkout.with_name(f"Zoë's {'long ' * 30}tale")
    checkout.rename(odd)
    assert make(odd, "story", "check").returncode == 0
    ran = calls(odd)
    assert "python -m local.story" in ran
    assert "python -m mypy ." in ran
    assert {call.split()[0] for call in ran} == {"python", "uv"}


def test_options_reach_the_command_and_none_is_made_up(checkout: Path) -> None:
    (checkout / ".venv" / "bin" / "python").write_text("#!/bin/sh\nenv > variables\n")
    make(checkout, "story", "SEED=7", "OUT=my books")
    variables = dict(line.split("=", 1) for line in (checkout / "variables").read_text().splitlines() if "=" in line)
    assert (variables["SEED"], variables["OUT"]) == ("7", "my books")
    assert not {"BRIEF", "HTTP_PORT", "PROCESSES"} & set(variables) - set(os.environ)


def test_going_between_running_and_testing_installs_once(checkout: Path) -> None:
    for command in ("test", "story", "check", "up"):
        assert make(checkout, command).returncode == 0
    assert installs(checkout) == ["requirements/dev.txt"]


def test_tests_after_a_story_install_the_rest(checkout: Path) -> None:
    make(checkout, "story")
    make(checkout, "test")
    assert installs(checkout) == ["requirements/local.txt", "requirements/dev.txt"]


def test_without_a_python_it_says_what_to_install(tmp_path: Path) -> None:
    """A folder without the stand-ins, and a PATH on which no Python is."""
    for tool in ("sh", "make", "awk"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "local.txt").touch()
    (tmp_path / "local").symlink_to(ROOT / "local")
    said = make(tmp_path, "up", PATH=str(tmp_path), PYTHON3="")
    assert said.returncode != 0
    assert "No Python 3.11 or later with venv was found: install one" in said.stderr
