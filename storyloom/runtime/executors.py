"""Where heavy work runs: in threads, no more of it at once than there are cores, or in a process of its own.

A time-out cannot end a thread: what was given up goes on to its end beside the next attempt. Without a bound a machine
that is too slow for one attempt gets slower with each, and never out of it. A process can be killed, and gives its
memory back.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

import structlog

from storyloom.runtime.priority import PriorityLock
from storyloom.story.assets import Priority
from storyloom.story.errors import RetryableError

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()


async def run_in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work answers or raises. Cancelled before its turn came, it never begins."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(work, *args, **kwargs))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="heavy")


class ProcessExecutor:
    """One child process that answers requests over its pipes, one at a time, the urgent first, but never they alone.

    It is started when first needed, replaced when it hangs or dies, and retired after ``most`` requests or ``idle``
    seconds without one: its stdin is closed, upon which it must end by itself. ``close`` it when done; one that is not
    closed ends with this process.
    """

    def __init__(self, name: str, command: Sequence[str], *, timeout: float, most: int, idle: float) -> None:
        """``name`` stands in errors and log events; ``timeout`` is a request's hard end in seconds."""
        self.timeout = timeout
        self.process: Process | None = None
        """The child, None while there is none."""
        self._name = name
        self._command = command
        self._most = most
        self._idle = idle
        self._lock = PriorityLock()
        self._requests = 0
        self._closed = False
        self._retirement: asyncio.TimerHandle | None = None

    async def run(self, request: Callable[[Process], Awaitable[T]], priority: Priority = Priority.NORMAL) -> T:
        """Have ``request`` write to the child's stdin and read its answer from stdout.

        Raises RetryableError when the child died, took longer than ``timeout`` seconds or was closed (it has been ended
        by then), OSError when it cannot be started. Safe to cancel: the child is ended with the request.
        """
        async with self._lock.acquire(priority):
            if self._closed:
                raise RetryableError(f"{self._name}: the service is stopping")
            process = await self._start()
            try:
                async with asyncio.timeout(self.timeout):
                    answer = await request(process)
            except TimeoutError as error:
                await self._end()
                raise RetryableError(f"{self._name}: it took longer than {self.timeout:g} s") from error
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                await self._end()
                raise RetryableError(f"{self._name}: the process ended in the middle of a request") from error
            except BaseException:
                # Cancelled in the middle: what is still in the pipe would be the next request's answer.
                await self._end()
                raise
            await self._rest()
        return answer

    async def close(self) -> None:
        """End the child for good; requests under way or in the queue raise RetryableError. Safe to call twice."""
        self._closed = True
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        # Whoever waits for its answer sees the end first and cleans up; two must not read one pipe.
        async with self._lock.acquire(Priority.URGENT):
            await self._end()

    async def _start(self) -> Process:
        self._stay()
        if self.process is not None and self.process.returncode is not None:
            await self._end()
        if self.process is None:
            self._requests = 0
            # A session of its own: Ctrl-C in a terminal would else kill the work that a drain still waits for.
            self.process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
            )
            log.info("process.started", process=self._name, pid=self.process.pid)
        return self.process

    async def _rest(self) -> None:
        """After a request: retire the child when it has answered enough, else soon, unless another request comes."""
        self._requests += 1
        if self._requests >= self._most:
            await self._end()
        else:
            self._retirement = asyncio.get_running_loop().call_later(self._idle, self._retire)

    def _stay(self) -> None:
        if self._retirement:
            self._retirement.cancel()
            self._retirement = None

    def _retire(self) -> None:
        """Close its stdin: it ends by itself. The next request starts another."""
        process, self.process, self._retirement = self.process, None, None
        if process is not None and process.stdin is not None:
            process.stdin.close()

    async def _end(self) -> None:
        self._stay()
        process, self.process = self.process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        # communicate() also reads the pipes to their end, so that their transports are closed.
        await process.communicate()
