"""A pool of worker processes, so that the event loop never waits for a picture or a voice, and both cores are used.

Plain child processes on pipes rather than a process pool of the standard library: its children import the program that
started them (in one process with everything else, that is the whole product), one dead child breaks the pool for good,
and jobs have no priority. Pebble and loky outlive a dead child, but know neither priorities nor several jobs a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from studio import framing
from studio.worker import READY, Kind

_IMPORT_ROOT = str(Path(__file__).resolve().parent.parent)
_STOP_TIMEOUT = 1.0  # seconds for a worker to exit by itself once its pipe is closed
_RESTART_DELAY = 0.2  # seconds: a worker that cannot start must not be restarted in a tight loop


class WorkerError(RuntimeError):
    """A worker failed at its job, or died of it. The message holds what it said."""


class WorkerPool:
    """`processes` workers of one kind, each doing up to `concurrency` jobs at once. One that dies is replaced."""

    def __init__(self, kind: Kind, *, processes: int, concurrency: int = 1) -> None:
        self.kind = kind
        self.ready = 0
        self._processes, self._concurrency = processes, concurrency
        self._queue: asyncio.PriorityQueue[tuple[int, int, _Job]] = asyncio.PriorityQueue()
        self._numbers = itertools.count(READY + 1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the processes; they load what they need while the server already answers."""
        self._tasks = {asyncio.create_task(self._keep_running()) for _ in range(self._processes)}

    async def stop(self) -> None:
        """Stop the processes, whatever they are doing. Safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = set()

    async def run(self, function: str, *arguments: Any, priority: int = 1) -> Any:
        """Have a job done; a lower priority goes before a higher. Raises ValueError as the job does, or WorkerError."""
        number = next(self._numbers)
        job = _Job(number, function, arguments, asyncio.get_running_loop().create_future())
        self._queue.put_nowait((priority, number, job))
        return await job.result

    async def _keep_running(self) -> None:
        """One worker after another, each started when the last has ended."""
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "studio.worker", self.kind, str(self._concurrency),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # ^C in a terminal is for the server, which then closes the pipes
                env={**os.environ, "PYTHONPATH": os.pathsep.join([_IMPORT_ROOT, os.environ.get("PYTHONPATH", "")])},
            )  # fmt: skip
            worker = _WorkerConnection(process)
            try:
                await self._serve(worker)
            finally:
                self.ready -= worker.ready
                await worker.close()
            await asyncio.sleep(_RESTART_DELAY)

    async def _serve(self, worker: _WorkerConnection) -> None:
        """Send jobs to a worker, and their results to whoever waits, until its process ends."""
        async with _cancelled_at_exit([self._send_jobs(worker) for _ in range(self._concurrency)]):
            async for number, result, error in worker.replies():
                if number == READY:
                    worker.ready = True
                    self.ready += 1
                else:
                    worker.finish(number, result, error)

    async def _send_jobs(self, worker: _WorkerConnection) -> None:
        while True:
            _, _, job = await self._queue.get()
            if not job.result.done():  # whoever asked may have gone
                worker.send(job)
                await asyncio.wait([job.result])


class _Job:
    __slots__ = ("arguments", "function", "number", "result")

    def __init__(self, number: int, function: str, arguments: tuple[Any, ...], result: asyncio.Future[Any]) -> None:
        self.number, self.function, self.arguments, self.result = number, function, arguments, result


class _WorkerConnection:
    """The server's end of one worker process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.ready = False
        self._process = process
        self._jobs: dict[int, _Job] = {}

    def send(self, job: _Job) -> None:
        assert self._process.stdin
        self._jobs[job.number] = job
        self._process.stdin.write(framing.encode((job.number, job.function, job.arguments)))

    def finish(self, number: int, result: Any, error: tuple[str, str] | None) -> None:
        job = self._jobs.pop(number)
        if job.result.done():
            return
        if error is None:
            job.result.set_result(result)
        else:
            kind, message = error
            job.result.set_exception(ValueError(message) if kind == "ValueError" else WorkerError(message))

    async def replies(self) -> AsyncIterator[tuple[int, Any, tuple[str, str] | None]]:
        """Each reply as it comes, until the process closes its end."""
        assert self._process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                (size,) = framing.PREFIX.unpack(await self._process.stdout.readexactly(framing.PREFIX.size))
                yield framing.decode(await self._process.stdout.readexactly(size))

    async def close(self) -> None:
        """End the process; what it was doing fails."""
        for job in self._jobs.values():
            if not job.result.done():
                job.result.set_exception(WorkerError("the worker died of this job"))
        self._jobs.clear()
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def _cancelled_at_exit(coroutines: list[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run coroutines beside the block; they end with it."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
