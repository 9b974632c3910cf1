"""The heartbeat of a job: timers that send JetStream ``in progress`` (``+WPI``) while its handler runs."""

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import structlog

from storyloom.runtime.clocks import seconds_awake_or_not

log = structlog.get_logger()

SendInProgress = Callable[[], Coroutine[Any, Any, bool]]
"""Acknowledges progress; whether that can have reached the server."""
PublishStarted = Callable[[], Coroutine[Any, Any, None]]

STARTED_EVENT_AFTER_SECONDS = 0.1
"""Seconds until AssetStarted is published: a job that is done by then needs none."""


class Heartbeat:
    """Sends ``in progress`` for one delivery every ``interval`` seconds, and publishes AssetStarted once, early on.

    A timer and not a task: a job that ends at once costs next to nothing, and its start is never published.

    Between two heartbeats that reached the server there must not be more than ``max_silence`` seconds: after a process
    was frozen (SIGSTOP, a suspended machine) or cut off for longer, the job may have been delivered to another worker,
    and ``may_be_lost`` says so.

    A handler that hangs must not be kept alive for ever: once the seconds of ``set_deadline`` are over, the heartbeats
    stop, ``deadline_passed`` is set and ``on_deadline`` is called to cancel the job. ``clear_deadline`` lifts it.
    """

    def __init__(
        self,
        send_in_progress: SendInProgress,
        publish_started: PublishStarted,
        *,
        interval: float,
        max_silence: float,
        on_deadline: Callable[[], object],
    ) -> None:
        self._send_in_progress = send_in_progress
        self._publish_started = publish_started
        self._interval = interval
        self._max_silence = max_silence
        self._loop = asyncio.get_running_loop()
        self._on_deadline = on_deadline
        self._deadline = inf
        self.deadline_passed = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_sent_at = seconds_awake_or_not()
        self._was_silent = False

    @property
    def may_be_lost(self) -> bool:
        """Whether the server may have delivered the job to another worker meanwhile."""
        silent = seconds_awake_or_not() - self._last_sent_at
        if silent > self._max_silence and not self._was_silent:
            self._was_silent = True
            log.warning("job.heartbeat_silent", seconds=round(silent, 1))
        return self._was_silent or self.deadline_passed

    def start(self) -> None:
        self._schedule(min(STARTED_EVENT_AFTER_SECONDS, self._interval), self._send_first)

    def set_deadline(self, seconds: float) -> None:
        """Give the handler so many seconds from now."""
        self._deadline = self._loop.time() + seconds
        timer = self._timer
        if timer is not None and timer.when() > self._deadline:
            timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._send_next)

    def clear_deadline(self) -> None:
        """The handler is done: heartbeats go on until ``stop``, however long it takes to publish."""
        self._deadline = inf

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _send_first(self) -> None:
        if not self._check_deadline():
            self._run_soon(self._publish_started())
            self._send_next()

    def _send_next(self) -> None:
        if not self._check_deadline():
            self._run_soon(self._send())
            self._schedule(self._interval, self._send_next)

    def _schedule(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = self._loop.call_at(min(self._loop.time() + seconds, self._deadline), then)

    def _check_deadline(self) -> bool:
        if self._loop.time() >= self._deadline and not self.deadline_passed:
            self.deadline_passed = True
            self._on_deadline()
        return self.deadline_passed

    async def _send(self) -> None:
        sent_at, _ = seconds_awake_or_not(), self.may_be_lost
        if await self._send_in_progress():
            self._last_sent_at = sent_at

    def _run_soon(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
