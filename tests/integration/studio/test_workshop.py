"""Worker processes: they do their job, outlive a dead colleague, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from studio.workshop import CraftError, Workshop


@asynccontextmanager
async def open_workshop(benches: int = 1) -> AsyncIterator[Workshop]:
    workshop = Workshop("espeak", benches=benches)
    await workshop.start()
    try:
        yield workshop
    finally:
        await workshop.stop()


def workers_of(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if "studio.bench" in child.cmdline()]


async def say(workshop: Workshop, text: str) -> bytes:
    mp3, characters, starts, ends = await workshop.make("speak", text, "mira", {}, "espeak", 1)
    assert "".join(characters) == text
    assert len(starts) == len(ends) == len(text)
    assert isinstance(mp3, bytes)
    return mp3


async def test_jobs_are_done_and_several_at_once() -> None:
    async with open_workshop(2) as workshop:
        spoken = await asyncio.gather(*(say(workshop, f"The fox said {number}.") for number in range(6)))
        assert len(set(spoken)) == 6
        assert len(workers_of(os.getpid())) == 2


async def test_a_craft_says_what_is_wrong_with_a_job() -> None:
    async with open_workshop() as workshop:
        with pytest.raises(ValueError, match="empty"):
            await say(workshop, "  ")
        with pytest.raises(CraftError, match="KeyError"):
            await workshop.make("sing")
        assert await say(workshop, "Still here.")


async def test_a_dead_worker_fails_its_job_and_is_replaced() -> None:
    async with open_workshop() as workshop:
        await say(workshop, "Once.")
        (worker,) = workers_of(os.getpid())
        worker.suspend()  # so that the job is surely unfinished when the worker dies
        job = asyncio.create_task(say(workshop, "A job that nobody finishes."))
        await asyncio.sleep(0)
        worker.kill()
        with pytest.raises(CraftError, match="died"):
            await job
        assert await say(workshop, "Twice.")
        assert worker not in workers_of(os.getpid())


async def test_stopping_leaves_no_process() -> None:
    async with open_workshop(2) as workshop:
        await say(workshop, "Once.")
        workers = workers_of(os.getpid())
    assert len(workers) == 2
    assert not any(worker.is_running() for worker in workers)
    await workshop.stop()


PARENT = """
import asyncio
from studio.workshop import Workshop
async def main():
    workshop = Workshop("espeak", benches=2)
    await workshop.start()
    await workshop.make("speak", "Once.", "mira", {}, "espeak", 1)
    print("working", flush=True)
    await asyncio.gather(*(workshop.make("speak", "Long ago. " * 2000, "mira", {}, "espeak", 1) for _ in range(4)))
asyncio.run(main())
"""


def test_workers_die_with_a_killed_parent_in_the_middle_of_a_job() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"working\n"
        workers = workers_of(parent.pid)
        parent.send_signal(signal.SIGKILL)
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
