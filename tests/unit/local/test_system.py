"""What the set-up brings to a system, and by which right: ``local/system.sh`` and ``local/venv.sh`` among stand-ins."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("sh", "env", "touch", "mkdir", "cat", "dirname")
PANGO = "libpango-1.0-0 libpangoft2-1.0-0"

PYTHON = """#!/bin/sh
# Has a module where a file says so; "has-" before its name.
echo "python3 $*" >> "$STATE/calls"
case "$*" in
  *ctypes*) [ -e "$STATE/has-pango" ] ;;
  *ensurepip*) [ -e "$STATE/has-ensurepip" ] ;;
  *"venv,pip"*) [ -e "$STATE/has-pip" ] ;;
  *"-m venv"*)
    eval "folder=\\${$#}"
    mkdir -p "$folder/bin"
    cat "$0" > "$folder/bin/python"
    chmod +x "$folder/bin/python"
    ;;
esac
"""
MANAGER = """#!/bin/sh
echo "${0##*/} $*" >> "$STATE/calls"
case "$*" in
  *update*) touch "$STATE/has-lists"; exit ;;
esac
[ -e "$STATE/has-lists" ] || exit 100
case "$*" in *pango*) touch "$STATE/has-pango" ;; esac
case "$*" in *venv* | *python@*) touch "$STATE/has-ensurepip" ;; esac
"""
SUDO = """#!/bin/sh
echo "sudo $*" >> "$STATE/calls"
[ "$1" = -n ] && [ -e "$STATE/has-sudo" ] || exit 1
shift
exec "$@"
"""
UV = """#!/bin/sh
echo "uv $*" >> "$STATE/calls"
"""


class System:
    """A machine with little more than a shell; ``has`` what is named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = folder / "bin"
        self._programs.mkdir()
        for tool in (*TOOLS, "chmod"):
            (self._programs / tool).symlink_to(str(shutil.which(tool)))
        self.program("python3", PYTHON)
        self.program("uname", "#!/bin/sh\necho Linux\n")
        self.program("id", "#!/bin/sh\necho 0\n")
        self.program("apt-get", MANAGER)

    def program(self, name: str, source: str) -> None:
        path = self._programs / name
        path.write_text(source)
        path.chmod(0o755)

    def without(self, name: str) -> None:
        (self._programs / name).unlink()

    def has(self, *what: str) -> None:
        for name in what:
            (self.folder / f"has-{name}").touch()

    def run(self, script: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        plain = {"PATH": str(self._programs), "STATE": str(self.folder), **environment}
        command = ["sh", str(ROOT / "local" / script), *arguments]
        return subprocess.run(command, cwd=self.folder, env=plain, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        """What was changed, or tried to."""
        path = self.folder / "calls"
        all_calls = path.read_text().splitlines() if path.exists() else []
        return [call for call in all_calls if not call.startswith(("python3 -c", "import", "folders", "for", " "))]


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_where_nothing_is_missing_nothing_is_said_or_done(system: System) -> None:
    system.has("pango", "ensurepip")
    done = system.run("system.sh")
    assert (done.returncode, done.stdout, done.stderr, system.calls) == (0, "", "", [])


def test_root_gets_what_is_missing_in_one_line(system: System) -> None:
    system.has("ensurepip", "lists")
    done = system.run("system.sh")
    assert (done.returncode, done.stdout) == (0, f"Installing with apt-get: {PANGO}\n")
    (install,) = system.calls
    assert install.endswith(f"install -y --no-install-recommends {PANGO}")


def test_package_lists_are_fetched_only_where_they_are_needed(system: System) -> None:
    done = system.run("system.sh")
    assert done.returncode == 0
    assert [call.split()[4] for call in system.calls] == ["install", "update", "install"]
    assert system.calls[-1].endswith(f"python3-venv {PANGO}")


@pytest.mark.parametrize("forbidden", ["1", "yes"])
def test_it_can_be_forbidden(system: System, forbidden: str) -> None:
    done = system.run("system.sh", NO_SYSTEM=forbidden)
    assert (done.returncode, done.stdout, done.stderr, system.calls) == (1, "", "", [])


def test_an_ordinary_user_who_may_without_a_password_does(system: System) -> None:
    system.program("id", "#!/bin/sh\necho 1000\n")
    system.program("sudo", SUDO)
    system.program("true", "#!/bin/sh\n")
    system.has("sudo", "lists", "ensurepip")
    assert system.run("system.sh").returncode == 0
    assert system.calls[1].startswith("sudo -n env DEBIAN_FRONTEND=noninteractive apt-get ")


@pytest.mark.parametrize("sudo", [True, False])
def test_nobody_is_asked_for_a_password(system: System, *, sudo: bool) -> None:
    system.program("id", "#!/bin/sh\necho 1000\n")
    if sudo:
        system.program("sudo", SUDO)
    done = system.run("system.sh")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert not [call for call in system.calls if not call.startswith("sudo -n true")]


def test_a_system_without_apt_is_left_alone(system: System) -> None:
    system.without("apt-get")
    done = system.run("system.sh")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_on_macos_brew_brings_it(system: System) -> None:
    system.program("uname", "#!/bin/sh\necho Darwin\n")
    system.program("brew", MANAGER)
    system.has("lists")
    done = system.run("system.sh")
    assert (done.returncode, done.stdout) == (0, "Installing with brew: python@3.13 pango\n")
    assert system.calls == ["brew install --quiet python@3.13 pango"]


def test_what_cannot_be_had_is_no_success(system: System) -> None:
    system.program("apt-get", '#!/bin/sh\necho "apt-get $*" >> "$STATE/calls"; echo "no network" >&2; exit 100\n')
    done = system.run("system.sh")
    assert done.returncode == 1
    assert "no network" in done.stderr


def test_an_environment_is_made_by_a_python_with_venv(system: System) -> None:
    system.has("ensurepip", "pip")
    done = system.run("venv.sh", "my venv")
    assert done.returncode == 0
    assert done.stdout.startswith("Making my venv with ")
    assert system.calls[1:] == [
        "python3 -m venv my venv",
        "python3 -m pip install --quiet --disable-pip-version-check uv",
    ]


def test_a_python_without_ensurepip_but_with_pip_makes_one_too(system: System) -> None:
    system.has("pip")
    assert system.run("venv.sh", ".venv").returncode == 0
    assert system.calls[1:] == [
        "python3 -m venv --without-pip .venv",
        "python3 -m pip --python .venv/bin/python install --quiet --disable-pip-version-check uv",
    ]


def test_so_does_uv_where_it_is_there_already(system: System) -> None:
    system.program("uv", UV)
    assert system.run("venv.sh", ".venv").returncode == 0
    assert system.calls[1:] == [
        "uv venv --quiet --allow-existing --python python3 .venv",
        "uv pip install --quiet --python .venv/bin/python uv",
    ]


def test_without_any_it_says_what_to_install(system: System) -> None:
    done = system.run("venv.sh", ".venv")
    assert done.returncode == 1
    assert done.stderr.startswith("No Python 3.11 or later with venv was found: install one (Debian, Ubuntu: apt-get")
    assert len(done.stderr.splitlines()) == 1


def test_a_python_of_ones_own_is_taken_first(system: System) -> None:
    (system.folder / "my python").write_text(PYTHON)
    (system.folder / "my python").chmod(0o755)
    system.has("ensurepip")
    system.program("python3", "#!/bin/sh\nexit 1\n")
    assert system.run("venv.sh", ".venv", PYTHON3=str(system.folder / "my python")).returncode == 0


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="names Debian's packages")
def test_everybody_names_the_same_packages() -> None:
    """The set-up, README.md and what is said where Pango is missing."""
    for page in ("README.md", "CONTRIBUTING.md", "services/documents/book/renderer.py", "local/system.sh"):
        assert PANGO in (ROOT / page).read_text("utf-8"), page
