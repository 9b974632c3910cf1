"""What the end-to-end test with containers asks of the images that it builds, and of the programs that it runs."""

import subprocess
from pathlib import Path

import pytest

from tests.compose.images import (
    MAX_MB_OVER_BASE,
    MEASURING_MB,
    SERVICES,
    Build,
    check_contents,
    check_size,
    read_builds,
    search_arguments,
)
from tests.compose.processes import StackError, execute


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_outgrows_its_base_by_more_than_is_allowed_is_refused(service: str) -> None:
    allowed = MAX_MB_OVER_BASE + (MEASURING_MB if service == "documents" else 0)
    size = 120 + allowed
    assert check_size(service, size * 1_000_000, 120_000_000) == f"{size} MB, {allowed} MB over the base"
    said = f"the image of {service} is too large: {size + 1} MB, {allowed + 1} MB over the base; {allowed} are"
    with pytest.raises(StackError, match=said):
        check_size(service, (size + 1) * 1_000_000, 120_000_000)


def test_the_studio_with_its_voices_may_be_larger() -> None:
    assert check_size("studio", 500_000_000, 120_000_000) == "500 MB, 380 MB over the base"


def test_an_installer_or_a_compiler_is_found_wherever_it_lies(tmp_path: Path) -> None:
    unwanted = ("venv/lib/python3.11/site-packages/pip", "usr/bin/gcc", "usr/lib/python3.11/ensurepip", "opt/pip3.11")
    usual = ("venv/lib/python3.11/site-packages/pipelines", "venv/lib/python3.11/site-packages/uvloop", "usr/share/gcc")
    for name in (*unwanted, *usual):
        (tmp_path / name).mkdir(parents=True)
    found = subprocess.run(
        ("find", *search_arguments(str(tmp_path))), check=True, capture_output=True, text=True
    ).stdout
    assert set(found.splitlines()) == {str(tmp_path / name) for name in unwanted}


def test_an_image_that_can_install_is_refused_and_what_it_holds_is_named() -> None:
    check_contents("api", "")
    with pytest.raises(StackError, match="the image of api holds what installs or compiles: /venv/bin/pip"):
        check_contents("api", "/venv/bin/pip\n")


def test_an_image_that_several_containers_run_is_built_once() -> None:
    status = {"build": {"dockerfile": "deploy/Dockerfile", "args": {"SERVICE": "status"}}}
    other = {"build": {"dockerfile": "other"}, "image": "storyloom-stand-ins"}
    config = {"services": {"status": status, "ops": status, "nats": other, "store": other, "proxy": {"image": "nginx"}}}
    assert read_builds(config) == [
        Build(
            "deploy/Dockerfile",
            {"SERVICE": "status"},
            ("localhost/storyloom-test-status", "localhost/storyloom-test-ops"),
        ),
        Build("other", {}, ("localhost/storyloom-stand-ins",)),
    ]


def test_a_program_that_fails_is_named_with_what_it_said_and_its_code() -> None:
    with pytest.raises(StackError, match="no mirror") as caught:
        execute(("sh", "-c", "echo no mirror >&2; exit 3"), within=60)
    assert caught.value.code == 3


def test_what_a_program_writes_is_returned_and_kept(tmp_path: Path) -> None:
    assert execute(("sh", "-c", "echo made; echo slowly >&2"), within=60, log=tmp_path / "log") == "made\n"
    assert (tmp_path / "log").read_text() == "made\nslowly\n"


def test_a_program_that_takes_too_long_is_ended_and_named() -> None:
    with pytest.raises(StackError, match=r"sleep 600 … took longer than 0 s"):
        execute(("sleep", "600"), within=0.1)
