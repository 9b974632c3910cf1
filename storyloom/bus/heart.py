"""The heartbeat of a job: timers that tell the bus that somebody is working on it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Whisper = Callable[[], Coroutine[Any, Any, None]]

START_TOLD_AFTER = 0.1
"""Seconds until a job's start is told: what is done by then, AssetCompleted tells."""


class Heart:
    """While it beats the bus is told that a job is being worked on; once, early on, that it has started.

    A timer and not a task: a job that ends at once costs next to nothing, and nobody need hear that it began.
    """

    def __init__(self, beat: Whisper, begin: Whisper, *, every: float) -> None:
        self._beat = beat
        self._begin = begin
        self._every = every
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._said: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._timer = self._loop.call_later(min(START_TOLD_AFTER, self._every), self._first)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _first(self) -> None:
        self._say(self._begin)
        self._next()

    def _next(self) -> None:
        self._say(self._beat)
        self._timer = self._loop.call_later(self._every, self._next)

    def _say(self, whisper: Whisper) -> None:
        task = self._loop.create_task(whisper())
        self._said.add(task)
        task.add_done_callback(self._said.discard)
