"""How a command runs: its logs in a file, Ctrl-C once to stop cleanly and twice at once, trouble in a sentence."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from rich.console import Console

from local.choices import Choices, choose
from local.stack import Stack, as_trouble
from local.state import State

INTERRUPTED = 130
"""The exit code of a command that was stopped: 128 and SIGINT's number, as shells count."""

Work = Callable[[Choices, Stack, Console], Awaitable[int]]


def launch(work: Work) -> int:
    """Run a command with a stack that it may start; answer its exit code. Whatever it leaves running is stopped."""
    words = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        choices = choose()
        _log_to(State(choices.storyloom_home).logs / "local.log")
        return asyncio.run(_run(work, choices, words))
    except Exception as error:
        trouble = as_trouble(error)
        if trouble is None:
            raise
        words.print(str(trouble), markup=False)
        return 1


async def _run(work: Work, choices: Choices, words: Console) -> int:
    stack = Stack(choices)
    task = asyncio.create_task(_finish(work, stack, choices))
    asked = 0

    def stop(number: signal.Signals) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            words.print(f"\nStopping … ({number.name}; again to stop at once)", style="dim", markup=False)
            task.cancel()
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


async def _finish(work: Work, stack: Stack, choices: Choices) -> int:
    try:
        return await work(choices, stack, Console(highlight=False))
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
