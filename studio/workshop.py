"""Worker processes, so that the server's loop never waits for a picture or a voice, and both cores are used.

Plain child processes on pipes rather than a process pool: a pool's children import the program that started them
(in one process with everything else, that is the whole product), and one dead child breaks a pool for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from studio import frames
from studio.bench import READY

_ROOT = str(Path(__file__).resolve().parent.parent)
_GRACE = 1.0  # seconds for a worker to go by itself once its pipe is closed


class CraftError(RuntimeError):
    """A worker failed at its job, or died of it. The message holds what it said."""


class Workshop:
    """`benches` processes of one trade, each doing up to `slots` jobs at once. One that dies is replaced."""

    def __init__(self, trade: str, *, benches: int, slots: int = 1) -> None:
        self.trade = trade
        self.ready = 0
        self._benches, self._slots = benches, slots
        self._queue: asyncio.PriorityQueue[tuple[int, int, _Job]] = asyncio.PriorityQueue()
        self._numbers = itertools.count(READY + 1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the processes; they learn their trade while the server already answers."""
        self._tasks = {asyncio.create_task(self._keep_bench()) for _ in range(self._benches)}

    async def stop(self) -> None:
        """Stop the processes, whatever they are doing. Safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = set()

    async def make(self, name: str, *arguments: Any, turn: int = 1) -> Any:
        """Have a job done; a lower `turn` goes before a higher. Raises ValueError as the craft does, or CraftError."""
        number = next(self._numbers)
        job = _Job(number, name, arguments, asyncio.get_running_loop().create_future())
        self._queue.put_nowait((turn, number, job))
        return await job.done

    async def _keep_bench(self) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "studio.bench", self.trade, str(self._slots),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # ^C in a terminal is for the server, which then closes the pipes
                env={**os.environ, "PYTHONPATH": os.pathsep.join([_ROOT, os.environ.get("PYTHONPATH", "")])},
            )  # fmt: skip
            bench = _Bench(process)
            try:
                await self._run(bench)
            finally:
                self.ready -= bench.ready
                await bench.close()
            await asyncio.sleep(0.2)  # a worker that cannot start must not be restarted in a tight loop

    async def _run(self, bench: _Bench) -> None:
        """Feed a bench until its process ends."""
        async with _all_ending([self._feed(bench) for _ in range(self._slots)]):
            async for number, result, error in bench.replies():
                if number == READY:
                    bench.ready = True
                    self.ready += 1
                else:
                    bench.settle(number, result, error)

    async def _feed(self, bench: _Bench) -> None:
        while True:
            _, _, job = await self._queue.get()
            if not job.done.done():  # whoever asked may have gone
                bench.hand(job)
                await asyncio.wait([job.done])


class _Job:
    __slots__ = ("arguments", "done", "name", "number")

    def __init__(self, number: int, name: str, arguments: tuple[Any, ...], done: asyncio.Future[Any]) -> None:
        self.number, self.name, self.arguments, self.done = number, name, arguments, done


class _Bench:
    """The server's end of one worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.ready = False
        self._process = process
        self._jobs: dict[int, _Job] = {}

    def hand(self, job: _Job) -> None:
        assert self._process.stdin
        self._jobs[job.number] = job
        self._process.stdin.write(frames.pack((job.number, job.name, job.arguments)))

    def settle(self, number: int, result: Any, error: tuple[str, str] | None) -> None:
        job = self._jobs.pop(number)
        if job.done.done():
            return
        if error is None:
            job.done.set_result(result)
        else:
            kind, message = error
            job.done.set_exception(ValueError(message) if kind == "ValueError" else CraftError(message))

    async def replies(self) -> Any:
        """Each reply as it comes, until the process closes its end."""
        assert self._process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                (size,) = frames.LEAD.unpack(await self._process.stdout.readexactly(frames.LEAD.size))
                yield frames.unpack(await self._process.stdout.readexactly(size))

    async def close(self) -> None:
        """End the process; what it was doing fails."""
        for job in self._jobs.values():
            if not job.done.done():
                job.done.set_exception(CraftError("the worker died of this job"))
        self._jobs.clear()
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def _all_ending(works: list[Coroutine[Any, Any, None]]) -> Any:
    """Run coroutines beside the block; they end with it."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
