"""``top``: queues, stories, workers, providers and money, drawn again and again until Ctrl-C."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

from cyclopts import Parameter
from nats.errors import Error as NatsError
from rich.console import Console
from rich.live import Live

from ops.cli import Injected
from ops.connections import FOUND, reaching
from ops.frames import Frames
from ops.screen import View
from storyloom.db.pool import is_away
from storyloom.messaging.connection import BusUnavailableError


def _is_a_pause(_type: Any, seconds: float) -> None:
    if not 0.2 <= seconds <= 3600:  # true of what is no number, too
        raise ValueError("0.2 to 3600 seconds are possible.")


def _are_addresses(_type: Any, urls: Sequence[str]) -> None:
    if wrong := [url for url in urls if not url.startswith(("http://", "https://"))]:
        raise ValueError(f"{wrong[0]!r} is no http or https address.")


def _metrics_url(url: str) -> str:
    """Where a service's metrics are: of its origin, or of its /metrics itself."""
    return url if url.rstrip("/").endswith("/metrics") else url.rstrip("/") + "/metrics"


async def top(
    *,
    every: Annotated[
        float,
        Parameter(metavar="SECONDS", validator=_is_a_pause, help="Between two pictures.", show_default=True),
    ] = 2.0,
    once: Annotated[bool, Parameter(help="One picture, without control codes.")] = False,
    metrics: Annotated[
        tuple[str, ...],
        Parameter(metavar="URL", validator=_are_addresses, help="A service's address, or its /metrics; repeatable."),
    ] = (),
    operator: Injected,
) -> int:
    """Draw until SIGINT or SIGTERM. Raises AwayError where bus or database cannot be reached to begin with."""
    console = operator.console
    async with reaching(operator.settings) as reach:
        frames = Frames(reach, [_metrics_url(url) for url in metrics])
        view = View(await frames.take())
        if once or not console.is_terminal:
            console.print(view)
            return FOUND
        await _draw(frames, view, console, every=every)
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
