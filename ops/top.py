"""``top``: queues, stories, workers, providers and money, drawn again and again until Ctrl-C."""

import argparse
import asyncio
import signal
from contextlib import suppress

from nats.errors import Error as NatsError
from rich.console import Console
from rich.live import Live

from ops.connections import FOUND, reaching
from ops.frames import Frames
from ops.screen import View
from storyloom.db.pool import is_away
from storyloom.messaging.connection import BusUnavailableError
from storyloom.runtime.settings import Settings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be asked."""
    parser.add_argument("--every", type=_seconds, default=2.0, metavar="SECONDS", help="between two pictures (2)")
    parser.add_argument("--once", action="store_true", help="one picture, without control codes")
    parser.add_argument(
        "--metrics", action="append", default=[], metavar="URL", type=_address, help="a service's /metrics; repeatable"
    )


async def run(asked: argparse.Namespace, settings: Settings, console: Console) -> int:
    """Draw until SIGINT or SIGTERM. Raises AwayError where bus or database cannot be reached to begin with."""
    async with reaching(settings) as reach:
        frames = Frames(reach, asked.metrics)
        view = View(await frames.take())
        if asked.once or not console.is_terminal:
            console.print(view)
            return FOUND
        await _draw(frames, view, console, every=asked.every)
    return FOUND


async def _draw(frames: Frames, view: View, console: Console, *, every: float) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        with Live(view, console=console, screen=True, auto_refresh=False) as live:
            while not await _within(stop, every):
                view = await _next(frames, view)
                live.update(view, refresh=True)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    console.print(view)  # the last picture stays when the screen is given back


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether it happened within so many seconds."""
    with suppress(TimeoutError):
        return await asyncio.wait_for(event.wait(), seconds)
    return False


async def _next(frames: Frames, view: View) -> View:
    """The next picture, or the last one with what is away: both come back by themselves."""
    try:
        return View(await frames.take())
    except (BusUnavailableError, NatsError) as error:
        return View(view.frame, f"The bus does not answer ({type(error).__name__}); this is how it was.")
    except Exception as error:
        if not is_away(error):
            raise
        return View(view.frame, f"Postgres does not answer ({type(error).__name__}); this is how it was.")


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.2 <= found <= 3600:
        raise argparse.ArgumentTypeError("0.2 to 3600 seconds")
    return found


def _address(text: str) -> str:
    """A service's origin or its /metrics."""
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError("an http or https address")
    return text if text.rstrip("/").endswith("/metrics") else text.rstrip("/") + "/metrics"
