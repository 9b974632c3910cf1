"""Keeping the loops of a service running, and ending them."""

import asyncio

import asyncpg
import pytest
from structlog.testing import capture_logs

from storyloom.db.errors import is_outage
from storyloom.runtime.crashes import MAX_CRASHES, WINDOW_SECONDS, Crashes
from storyloom.runtime.supervision import cancel_and_wait, supervise


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


class DyingLoop:
    """Dies of each of the errors in turn, then runs."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.running = asyncio.Event()

    async def run(self) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.running.set()
        await asyncio.Event().wait()


async def supervised(loop: DyingLoop, crashes: Crashes) -> list[str]:
    """Run a loop until it stays alive; what was logged, without what is only for debugging."""
    with capture_logs() as lines:
        task = asyncio.create_task(supervise("projector", loop.run, crashes, outage=is_outage, pause=0))
        async with asyncio.timeout(10):
            await loop.running.wait()
        await cancel_and_wait(task)
    return [line["event"] for line in lines if line["log_level"] != "debug"]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"),
        asyncpg.CannotConnectNowError("the database system is shutting down"),
        asyncpg.InterfaceError("pool is closed"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
)
async def test_a_restart_of_postgres_is_one_warning_and_no_death(error: Exception) -> None:
    """A loop that waits for a server is as it should be, however often it is begun anew."""
    crashes = Crashes()
    assert await supervised(DyingLoop(*[error] * 7), crashes) == ["loop.waiting"]
    assert await crashes.check() is None


async def test_a_loop_that_crashes_again_and_again_makes_its_service_unready_until_it_stays_alive() -> None:
    now = 1000.0
    crashes = Crashes(clock=lambda: now)
    died = await supervised(DyingLoop(*[KeyError("bug")] * (MAX_CRASHES - 1)), crashes)
    assert died == ["loop.died"] * (MAX_CRASHES - 1)
    assert await crashes.check() is None
    await supervised(DyingLoop(KeyError("bug")), crashes)
    assert await crashes.check() == "projector crashes again and again (KeyError)"
    now += WINDOW_SECONDS
    assert await crashes.check() is None


async def test_a_loop_that_crashes_now_and_then_is_well() -> None:
    now = 1000.0
    crashes = Crashes(clock=lambda: now)
    for _ in range(3 * MAX_CRASHES):
        crashes.note("projector", KeyError("bug"))
        now += WINDOW_SECONDS / (MAX_CRASHES - 1)
        assert await crashes.check() is None
