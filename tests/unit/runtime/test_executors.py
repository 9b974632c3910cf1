"""Heavy work: what was given up before its turn never begins, and no more runs at once than there are cores."""

import asyncio
import os
import threading

import pytest

from storyloom.runtime.executors import run_in_thread

CORES = os.cpu_count() or 1


async def test_work_that_was_given_up_neither_piles_up_nor_begins_late() -> None:
    """Ten rounds of attempts that all time out, as on a machine that is too slow for them."""
    running = most = begun = 0
    lock, release = threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal running, most, begun
        with lock:
            begun += 1
            running += 1
            most = max(most, running)
        release.wait(10)
        with lock:
            running -= 1

    for _ in range(10):
        attempts = [asyncio.create_task(run_in_thread(work)) for _ in range(CORES)]
        await asyncio.wait(attempts, timeout=0.01)
        for attempt in attempts:
            attempt.cancel()
        await asyncio.wait(attempts)
    release.set()
    assert await run_in_thread(sum, (1, 2)) == 3
    assert most <= CORES
    assert begun <= CORES


async def test_it_answers_and_raises_what_the_work_does() -> None:
    assert await run_in_thread(int, "ff", base=16) == 255
    with pytest.raises(ZeroDivisionError):
        await run_in_thread(divmod, 1, 0)
