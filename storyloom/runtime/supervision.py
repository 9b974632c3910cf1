"""A running service, and how one runs as a process of its own until it is asked to stop."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog
from nats.errors import Error as NatsError

from storyloom.messaging.publisher import BusUnavailableError
from storyloom.runtime.crashes import Crashes
from storyloom.runtime.logs import log_loop_error, set_up
from storyloom.runtime.settings import InvalidSettingError, LogSettings, Settings, load_settings
from storyloom.web.prerequisites import Prerequisite, wait_for_prerequisites

log = structlog.get_logger()

OUTAGE_QUIET_SECONDS = 30.0
"""Seconds after which a loop that waits for a server is mentioned again, if it came to run meanwhile."""


class Running(Protocol):
    """A service that has started."""

    @property
    def name(self) -> str:
        """Which service it is."""

    @property
    def url(self) -> str:
        """Where clients reach it: an origin such as ``http://127.0.0.1:8080``. A worker's is its internal one."""

    @property
    def internal_url(self) -> str:
        """Where probes and operators reach it: health, metrics and the AsyncAPI document."""

    async def stop(self) -> None:
        """Drain and end. Safe to call twice."""


Serve = Callable[[Settings], Awaitable[Running]]


def run(name: str, serve: Serve, needs: Mapping[str, Prerequisite] | None = None) -> None:
    """Run one service until SIGINT or SIGTERM; one that cannot start says why in a sentence, with exit code 1.

    ``needs``: what must be there before it starts, by what readiness calls it. It waits for that.
    """
    import uvloop  # noqa: PLC0415 - whoever composes services into a loop of their own need not have it

    try:
        settings = load_settings()
    except InvalidSettingError as error:
        set_up(LogSettings.model_construct(), name)  # by the defaults: what is set wrong may be how to log
        log.error("service.cannot_start", error=str(error))  # noqa: TRY400 - a sentence for people, not a traceback
        sys.exit(1)
    set_up(settings, name)
    try:
        uvloop.run(_until_stopped(name, serve, settings, needs or {}))
    except Exception as error:
        why = why_it_cannot_start(error)
        if why is None:
            raise
        log.error("service.cannot_start", error=why)  # noqa: TRY400 - a sentence for people, not a traceback
        sys.exit(1)


def why_it_cannot_start(error: Exception) -> str | None:
    """A sentence about what is unavailable or set wrong, without a password; None for a bug."""
    if isinstance(error, BusUnavailableError | InvalidSettingError | OSError):
        return str(error) or "a server did not answer in time"
    # By what Postgres calls it (SQLSTATE): workers need not have its client.
    state = str(getattr(error, "sqlstate", ""))
    return REFUSALS.get(state) or _NOT_NOW.get(state)


REFUSALS: Mapping[str, str] = {
    "28P01": "Postgres refuses the password in DATABASE_URL.",
    "28000": "Postgres refuses the user in DATABASE_URL, or this machine.",
    "3D000": "The database in DATABASE_URL does not exist.",
}
"""What is set wrong, by Postgres's SQLSTATE, in a sentence."""
_NOT_NOW: Mapping[str, str] = {
    "53300": "Postgres in DATABASE_URL has no connection left: raise its max_connections, or lower DATABASE_POOL.",
    "57P03": "Postgres in DATABASE_URL takes no connections now: it is starting, stopping or recovering.",
}
"""What passes, or is too small; the same."""


async def _until_stopped(
    name: str, serve: Serve, settings: Settings, needs: Mapping[str, Prerequisite] | None = None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if needs and not await _may_start(needs, settings, stop):
        log.info("service.stopped", name=name)
        return
    running = await serve(settings)
    settle()
    log.info("service.started", name=name, url=running.url, internal_url=running.internal_url, pid=os.getpid())
    await stop.wait()
    log.info("service.stopping", name=name)
    await running.stop()
    log.info("service.stopped", name=name)


async def _may_start(needs: Mapping[str, Prerequisite], settings: Settings, stop: asyncio.Event) -> bool:
    """Wait for what it needs; False if it was asked to stop before that was there."""
    waiting = asyncio.create_task(wait_for_prerequisites(needs, settings))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not waiting.done():
        waiting.cancel()
        await asyncio.wait({waiting})
    if waiting.cancelled():
        return False
    waiting.result()
    return True


def settle() -> None:
    """Call once everything is imported and started: objects that live as long as the process are not searched for
    garbage any more.

    The collector took an eighth of a busy projector's time, most of it walking through modules and schemas.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def is_outage(error: BaseException) -> bool:
    """Whether a loop ended since a server is away, which it waits for."""
    return isinstance(error, BusUnavailableError | NatsError | OSError | TimeoutError)


async def supervise(
    name: str,
    loop: Callable[[], Awaitable[None]],
    crashes: Crashes,
    *,
    outage: Callable[[BaseException], bool] = is_outage,
    pause: float = 0.5,
) -> None:
    """Run an endless loop for ever: one that dies is logged and restarted. Cancel it to end it.

    ``outage`` tells the errors of a server that is away: the loop is to wait for it, however long that takes. That is
    said once, and is no crash.
    """
    clock = asyncio.get_running_loop().time
    quiet_until = float("-inf")
    while True:
        try:
            await loop()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if outage(error):
                say = log.debug if clock() < quiet_until else log.warning
                say("loop.waiting", loop=name, error=type(error).__name__)
                quiet_until = clock() + OUTAGE_QUIET_SECONDS
            else:
                log.exception("loop.died", loop=name)
                crashes.note(name, error)
        await asyncio.sleep(pause)


async def cancel_and_wait(*tasks: "asyncio.Task[None]", retry_after: float = 5.0) -> None:
    """Cancel tasks and wait until they have ended, whatever they ended with.

    Asked again and again: a cancellation that arrives just when what a task waits for is there can be swallowed (by
    ``asyncio.wait_for`` before Python 3.12, by drivers that shield their last round trip), and is needed once more.
    ``retry_after``: after so many seconds; more than what any task takes to tidy up.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=retry_after)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that nothing is said of it when the task is collected
