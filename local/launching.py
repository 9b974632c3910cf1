"""How a command runs: its logs in a file, Ctrl-C once to stop cleanly and twice at once, a UserError as a sentence."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from rich.console import Console

from local.settings import LocalSettings, load_settings
from local.stack import Stack, as_user_error
from local.state import State

INTERRUPTED = 130
"""The exit code of a command that was stopped: 128 and SIGINT's number, as shells count."""

Work = Callable[[LocalSettings, Stack, Console], Awaitable[int]]


def launch(work: Work) -> int:
    """Run a command with a stack that it may start; answer its exit code. Whatever it leaves running is stopped."""
    stderr = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        settings = load_settings()
        _log_to(State(settings.storyloom_home).logs / "local.log")
        return asyncio.run(_run(work, settings, stderr))
    except Exception as error:
        user_error = as_user_error(error)
        if user_error is None:
            raise
        stderr.print(str(user_error), markup=False)
        return 1


async def _run(work: Work, settings: LocalSettings, stderr: Console) -> int:
    stack = Stack(settings)
    task = asyncio.create_task(_finish(work, stack, settings))
    asked = 0

    def stop(number: signal.Signals) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            task.cancel()
            stderr.print(f"\nStopping … ({number.name}; again to stop at once)", style="dim", markup=False)
            return
        stack.kill()
        os._exit(INTERRUPTED)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED


async def _finish(work: Work, stack: Stack, settings: LocalSettings) -> int:
    try:
        return await work(settings, stack, Console(highlight=False))
    finally:
        # A task of its own: the second signal must find it running, the first one must not cut it short.
        await asyncio.shield(asyncio.create_task(stack.stop()))


def _log_to(path: Path) -> None:
    """The launcher's own log, so that the terminal stays clean."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(path.open("a", buffering=1)),
    )
