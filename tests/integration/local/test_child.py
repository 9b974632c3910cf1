"""Children that behave badly: they are stopped, reported, and never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from local.child import Child, Program, StartError
from local.errors import UserError
from local.watchdog import Watchdog

OWN_GROUP = f"'{sys.executable}' -c 'import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])'"
LIVES_LONG = "echo started; while :; do sleep 60; done"


def shell(folder: Path, script: str, *, timeout: float = 30.0, grace: float = 5.0) -> Child:
    """A child that runs a shell script and is ready once it has written something."""
    log = folder / "child.log"

    async def ready() -> bool:
        return log.exists() and log.stat().st_size > 0

    return Child(Program("The shell", ("/bin/sh", "-c", script), log, grace=grace), ready, timeout=timeout)


@asynccontextmanager
async def started(child: Child) -> AsyncIterator[list[psutil.Process]]:
    """The child's whole family, alive; stopped at the end."""
    await child.start()
    try:
        assert child.pid is not None
        head = psutil.Process(child.pid)
        yield [head, *head.children(recursive=True)]
    finally:
        await child.stop()


def lives(process: psutil.Process) -> bool:
    """Whether it still runs. A zombie is gone: only its parent's parent has yet to take note."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("leave", ["", OWN_GROUP])
async def test_a_child_that_ignores_the_signal_is_killed_with_all_it_started(tmp_path: Path, leave: str) -> None:
    """What it started may have a group of its own, as Postgres' processes have."""
    child = shell(tmp_path, f"trap '' TERM; {leave} sleep 60 & {LIVES_LONG}", grace=0.1)
    async with started(child) as family:
        assert len(family) > 1
    assert not [process for process in family if lives(process)]
    assert child.pid is None


async def test_a_child_that_is_never_ready_is_stopped_and_its_log_named(tmp_path: Path) -> None:
    child = shell(tmp_path, "while :; do sleep 60; done", timeout=0.2, grace=0.1)
    with pytest.raises(UserError, match=r"The shell was not ready after 0 s: see .*child\.log"):
        await child.start()
    assert child.pid is None


async def test_a_child_that_ends_at_once_says_its_last_line(tmp_path: Path) -> None:
    """…even if somebody answers, who must be another one on its port."""

    async def somebody_else_answers() -> bool:
        await child._ended.wait()
        return True

    program = Program("The shell", ("/bin/sh", "-c", "echo first; echo no such luck; exit 3"), tmp_path / "log")
    child = Child(program, somebody_else_answers)
    with pytest.raises(StartError, match=r"^The shell did not start: no such luck$") as caught:
        await child.start()
    assert caught.value.tail.startswith("first")


async def test_a_program_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    async def ready() -> bool:
        return True

    with pytest.raises(UserError, match="Nothing cannot be run"):
        await Child(Program("Nothing", (str(tmp_path / "none"),), tmp_path / "log"), ready).start()


async def test_a_child_that_keeps_crashing_is_started_again_and_again(tmp_path: Path) -> None:
    child = shell(tmp_path, LIVES_LONG)
    back = asyncio.Queue[int]()
    child.on_restart = lambda: back.put_nowait(child.pid or 0)
    async with started(child) as family:
        lives = {family[0].pid}
        for _ in range(3):
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            lives.add(await asyncio.wait_for(back.get(), 30))
    assert len(lives) == 4
    assert child.restarts == 3


async def test_a_child_is_started_again_whatever_its_readiness_raises(tmp_path: Path) -> None:
    """Postgres, killed while it answers for the first time, raised what nobody had thought of, and stayed away."""
    errors = [RuntimeError("unexpected postmaster exit")]
    log = tmp_path / "child.log"
    restarted = asyncio.Event()

    async def ready() -> bool:
        if child.restarts and errors:
            raise errors.pop()
        return log.exists() and log.stat().st_size > 0

    child = Child(Program("The shell", ("/bin/sh", "-c", LIVES_LONG), log), ready)
    child.on_restart = restarted.set
    async with started(child) as family:
        os.kill(family[0].pid, signal.SIGKILL)
        await asyncio.wait_for(restarted.wait(), 30)
        assert child.restarts == 2


async def test_a_child_that_is_kept_down_comes_back_by_itself_and_not_before(tmp_path: Path) -> None:
    child = shell(tmp_path, LIVES_LONG)
    back = asyncio.Event()
    child.on_restart = back.set
    async with started(child) as family:
        async with child.down():
            assert not [process for process in family if lives(process)]
            assert not back.is_set()
        await asyncio.wait_for(back.wait(), 30)
        assert child.pid not in {None, family[0].pid}
    assert child.pid is None


async def test_a_child_that_is_stopped_while_it_is_kept_down_stays_so(tmp_path: Path) -> None:
    child = shell(tmp_path, LIVES_LONG)
    async with started(child):
        async with child.down():
            await child.stop()
        assert child._supervisor is None
        assert child.pid is None


async def test_stopping_twice_or_before_the_start_is_no_harm(tmp_path: Path) -> None:
    child = shell(tmp_path, LIVES_LONG)
    await child.stop()
    async with started(child):
        pass
    await child.stop()


async def test_a_released_watchdog_lets_its_group_live(tmp_path: Path) -> None:
    """…the number of a group that is gone may belong to somebody else by now."""
    child = shell(tmp_path, LIVES_LONG)
    async with started(child) as family:
        watchdog = Watchdog(family[0].pid, signal.SIGTERM)
        watchdog.release()
        watchdog.release()
        assert family[0].is_running()
