"""The studio as a distribution: its wheel holds all of it, and starts where nothing else of this repository is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.contract.studio.readiness import wait_until_warm

FOLDER = Path(__file__).parents[3] / "studio"
NOT_IN_THE_PACKAGE = {"README.md", "LICENSE", "pyproject.toml"}
UV = [sys.executable, "-m", "uv", "--no-cache", "--offline", "--quiet"]


def run(*command: str | Path, **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, check=False, timeout=100, **more)
    assert done.returncode == 0, done.stderr.decode()
    return str(done.stdout.decode())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as an index would have it, with the build backend of this environment."""
    out = tmp_path_factory.mktemp("dist")
    run(*UV, "build", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, FOLDER)
    (built,) = out.glob("*.whl")
    assert list(out.glob("*.tar.gz"))
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
    """How to start a program outside of the checkout."""
    return {"cwd": tmp_path, "env": {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}}


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    files = {path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert held == {f"studio/{path.as_posix()}" for path in files if str(path) not in NOT_IN_THE_PACKAGE}
    assert len(licences) == 1


@pytest.mark.parametrize("command", [["storyloom-studio"], ["python", "-m", "studio"]])
def test_both_commands_start_from_the_wheel(installed: Path, elsewhere: dict[str, Any], command: list[str]) -> None:
    program, *arguments = command
    assert run(installed / program, *arguments, "--help", **elsewhere).startswith("usage: storyloom-studio")
    assert run(installed / program, *arguments, "--version", **elsewhere).strip() in str(installed_version(installed))


def installed_version(installed: Path) -> str:
    (metadata,) = installed.parent.glob("lib/python*/site-packages/storyloom_studio-*.dist-info")
    return metadata.name.split("-")[1].removesuffix(".dist")


def test_an_installed_studio_writes_draws_reads_aloud_and_judges(installed: Path, elsewhere: dict[str, Any]) -> None:
    """Each needs data files of its own, and worker processes that find the package."""
    code = "import studio; print(studio.__file__)"
    assert str(installed.parent) in run(installed / "python", "-c", code, **elsewhere)
    command = [str(installed / "storyloom-studio"), "--port", "0", "--voice", "espeak", "--painters", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, **elsewhere) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            wait_until_warm(url)
            assert json.loads(outline(url))["title"]
            assert post(url, "images/generations", prompt="Hero: a fox child")["data"][0]["b64_json"]
            assert post(url, "text-to-speech/narrator/with-timestamps", text="Once.")["audio_base64"]
            assert post(url, "moderations", input="I will kill you")["results"][0]["flagged"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


def outline(url: str) -> str:
    brief = {"storyType": "adventure", "age": 5, "characters": [{"name": "Mira"}]}
    blocks = f'<brief>{json.dumps(brief)}</brief><targets>{{"words": 150, "sentenceWords": 8}}</targets>'
    shape = {"type": "json_schema", "name": "outline", "schema": {"type": "object"}}
    answer = post(url, "responses", model="gpt-4.1-mini", input=blocks, text={"format": shape})
    text: str = answer["output"][0]["content"][0]["text"]
    return text


def post(url: str, path: str, **body: Any) -> Any:
    headers = {"Authorization": "Bearer local", "xi-api-key": "local", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
