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

from studio.backends import Speech
from studio.worker_pool import WorkerError, WorkerPool


@asynccontextmanager
async def open_pool(processes: int = 1) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool("espeak", processes=processes)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


def workers_of(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if "studio.worker" in child.cmdline()]


async def say(pool: WorkerPool, text: str) -> bytes:
    speech = await pool.run("synthesise_speech", text, "mira", {}, "espeak", 1)
    assert isinstance(speech, Speech)
    assert "".join(speech.characters) == text
    assert len(speech.starts) == len(speech.ends) == len(text)
    return speech.mp3


async def test_jobs_are_done_and_several_at_once() -> None:
    async with open_pool(2) as pool:
        spoken = await asyncio.gather(*(say(pool, f"The fox said {number}.") for number in range(6)))
        assert len(set(spoken)) == 6
        assert len(workers_of(os.getpid())) == 2


async def test_a_job_says_what_is_wrong_with_it() -> None:
    async with open_pool() as pool:
        with pytest.raises(ValueError, match="empty"):
            await say(pool, "  ")
        with pytest.raises(WorkerError, match="KeyError"):
            await pool.run("sing")
        assert await say(pool, "Still here.")


async def test_a_dead_worker_fails_its_job_and_is_replaced() -> None:
    async with open_pool() as pool:
        await say(pool, "Once.")
        (worker,) = workers_of(os.getpid())
        worker.suspend()  # so that the job is surely unfinished when the worker dies
        job = asyncio.create_task(say(pool, "A job that nobody finishes."))
        await asyncio.sleep(0)
        worker.kill()
        with pytest.raises(WorkerError, match="died"):
            await job
        assert await say(pool, "Twice.")
        assert worker not in workers_of(os.getpid())


async def test_the_loop_is_free_meanwhile_and_a_lower_priority_goes_first() -> None:
    async with open_pool() as pool:
        await say(pool, "Once.")
        (worker,) = workers_of(os.getpid())
        worker.suspend()
        done: list[str] = []

        async def read(text: str, priority: int) -> None:
            await pool.run("synthesise_speech", text, "mira", {}, "espeak", 1, priority=priority)
            done.append(text)

        first = asyncio.create_task(read("In hand.", 1))
        for _ in range(2):  # until the pool has sent it
            await asyncio.sleep(0)
        waiting = [asyncio.create_task(read(text, priority)) for text, priority in (("Late.", 2), ("Soon.", 0))]
        await asyncio.sleep(0)  # the loop turns, though the worker stands still
        assert not first.done()
        worker.resume()
        await asyncio.gather(first, *waiting)
    assert done == ["In hand.", "Soon.", "Late."]


async def test_stopping_leaves_no_process() -> None:
    async with open_pool(2) as pool:
        await say(pool, "Once.")
        workers = workers_of(os.getpid())
    assert len(workers) == 2
    assert not any(worker.is_running() for worker in workers)
    await pool.stop()


PARENT = """
import asyncio
from studio.worker_pool import WorkerPool
async def main():
    pool = WorkerPool("espeak", processes=2)
    await pool.start()
    await pool.run("synthesise_speech", "Once.", "mira", {}, "espeak", 1)
    print("working", flush=True)
    text = "Long ago. " * 2000
    await asyncio.gather(*(pool.run("synthesise_speech", text, "mira", {}, "espeak", 1) for _ in range(4)))
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
