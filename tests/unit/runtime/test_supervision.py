"""Ending the loops of a service."""

import asyncio

from storyloom.runtime.supervision import cancel_and_wait


async def test_a_loop_that_swallows_a_cancellation_is_cancelled_again() -> None:
    """…as asyncio.wait_for does before Python 3.12 when what it waits for is there at the same moment."""
    swallowed = asyncio.Event()

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await cancel_and_wait(task, retry_after=0.01)
    assert swallowed.is_set()
    assert task.cancelled()


async def test_a_loop_that_died_is_ended_without_a_word() -> None:
    async def loop() -> None:
        raise RuntimeError("it broke")

    task = asyncio.create_task(loop())
    await asyncio.wait({task})
    await cancel_and_wait(task)
    assert task.done()
