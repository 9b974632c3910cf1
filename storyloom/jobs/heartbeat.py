"""The heartbeat of a job: timers that tell the bus that somebody is working on it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import structlog

log = structlog.get_logger()

Beat = Callable[[], Coroutine[Any, Any, bool]]
"""Tells the bus; answers whether that can have reached it."""
Whisper = Callable[[], Coroutine[Any, Any, None]]

START_TOLD_AFTER = 0.1
"""Seconds until a job's start is told: what is done by then, AssetCompleted tells."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It goes on while the machine is suspended, which the loop's clock does not on Linux."""


class Heartbeat:
    """While it beats the bus is told that a job is being worked on; once, early on, that it has started.

    A timer and not a task: a job that ends at once costs next to nothing, and nobody need hear that it began.

    Between two beats that reached the bus there must not be more than ``patience`` seconds: a process that was frozen
    (SIGSTOP, a suspended machine) or cut off for longer may share its job with somebody by now, and is ``doubtful``.

    A job that hangs must not be kept alive for ever: where ``limit`` gives it some seconds, the heart stops when they
    are over and calls ``too_late`` to end the job. ``late`` says so; ``unlimited`` lifts the limit.
    """

    def __init__(
        self,
        beat: Beat,
        begin: Whisper,
        *,
        every: float,
        patience: float,
        too_late: Callable[[], object],
    ) -> None:
        self._beat = beat
        self._begin = begin
        self._every = every
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._too_late = too_late
        self._end = inf
        self.late = False
        self._timer: asyncio.TimerHandle | None = None
        self._said: set[asyncio.Task[None]] = set()
        self._last = _now()
        self._missed = False

    @property
    def may_be_lost(self) -> bool:
        """Whether the bus may have given the job to somebody else meanwhile."""
        silent = _now() - self._last
        if silent > self._patience and not self._missed:
            self._missed = True
            log.warning("job.heart_stood_still", seconds=round(silent, 1))
        return self._missed or self.late

    def start(self) -> None:
        self._wait(min(START_TOLD_AFTER, self._every), self._first)

    def limit(self, seconds: float) -> None:
        """From now on the job has so many seconds."""
        self._end = self._loop.time() + seconds
        timer = self._timer
        if timer is not None and timer.when() > self._end:
            timer.cancel()
            self._timer = self._loop.call_at(self._end, self._next)

    def unlimited(self) -> None:
        """What took the time is done: from now on it beats until it is stopped."""
        self._end = inf

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _first(self) -> None:
        if not self._is_late():
            self._say(self._begin())
            self._next()

    def _next(self) -> None:
        if not self._is_late():
            self._say(self._once())
            self._wait(self._every, self._next)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = self._loop.call_at(min(self._loop.time() + seconds, self._end), then)

    def _is_late(self) -> bool:
        if self._loop.time() >= self._end and not self.late:
            self.late = True
            self._too_late()
        return self.late

    async def _once(self) -> None:
        began, _ = _now(), self.may_be_lost
        if await self._beat():
            self._last = began

    def _say(self, words: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(words)
        self._said.add(task)
        task.add_done_callback(self._said.discard)


def _now() -> float:
    return time.clock_gettime(_CLOCK)
