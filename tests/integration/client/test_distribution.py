"""The client as a distribution: its wheel holds all of it, and works where nothing else of this repository is."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / "client"
NOT_IN_THE_PACKAGE = {"README.md", "LICENSE", "pyproject.toml"}
UV = [sys.executable, "-m", "uv", "--no-cache", "--offline", "--quiet"]


def run(*command: str | Path, code: int = 0, **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, check=False, timeout=100, **more)
    assert done.returncode == code, done.stderr.decode()
    return str((done.stderr if code else done.stdout).decode())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as an index would have it, with the build backend of this environment."""
    out = tmp_path_factory.mktemp("dist")
    run(*UV, "build", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, FOLDER)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds the wheel and, since no index can be asked here, sees our own dependencies."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(*UV, "venv", "--python", sys.executable, folder)
    run(*UV, "pip", "install", "--no-deps", "--python", folder / "bin" / "python", wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, Any]:
    """How to start a program outside of the checkout, with no settings."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "STORYLOOM_URL"}}
    return {"cwd": tmp_path, "env": kept | {"XDG_CONFIG_HOME": str(tmp_path)}}


def test_the_wheel_holds_every_file_of_the_package_and_its_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entry_points,) = [archive.read(name) for name in archive.namelist() if name.endswith("entry_points.txt")]
    files = {path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert held == {f"storyloom_client/{path.as_posix()}" for path in files if str(path) not in NOT_IN_THE_PACKAGE}
    assert "storyloom_client/py.typed" in held
    assert b"storyloom = storyloom_client.__main__:main" in entry_points


def test_an_installed_client_runs_and_hands_nothing_to_operators_commands_that_are_not_there(
    installed: Path, elsewhere: dict[str, Any]
) -> None:
    code = "import storyloom_client as s; print(s.StoryloomClient('http://x', 'sk_1'), s.__file__)"
    shown = run(installed / "python", "-c", code, **elsewhere)
    assert "StoryloomClient('http://x')" in shown
    assert str(installed.parent) in shown
    assert run(installed / "storyloom", "--help", **elsewhere).startswith("Usage: storyloom COMMAND")
    assert "Set STORYLOOM_URL=https://stories.example" in run(installed / "storyloom", "list", code=2, **elsewhere)
    assert "is for operators" in run(installed / "storyloom", "key", "list", code=2, **elsewhere)


def test_in_a_checkout_the_operators_commands_are_there_too() -> None:
    shown = run(sys.executable, "-m", "client", "key", "list", "--help", cwd=FOLDER.parent)
    assert shown.startswith("Usage: python -m ops key list")
