"""``top``: queues, stories, workers, providers and cost, drawn again and again until Ctrl-C."""

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from nats.errors import Error as NatsError
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.cli import Injected
from ops.connections import OK, open_connections
from ops.frames import Frame, Frames, Sample
from storyloom.db.errors import is_connection_error
from storyloom.messaging.connection import BusUnavailableError
from storyloom.messaging.lanes import Lane
from storyloom.operations.diagnosis import STATE_ORDER, STATE_STYLES, describe
from storyloom.operations.words import clock, counted, span
from storyloom.story.assets import Priority, Service

TWO_COLUMNS_WIDTH = 150
"""Columns from which panels stand side by side."""
ASSETS_SHOWN = 6
"""Assets of the oldest story that are shown."""
OUTCOMES = {"ready": "green", "partial": "yellow", "failed": "bold red", "cancelled": "dim"}
BREAKER = {0: ("closed", "green"), 1: ("half-open", "yellow"), 2: ("open", "bold red")}
"""A provider's circuit breaker, by its metric: closed lets calls through."""
NO_METRICS = "No metrics: name the services with --metrics URL."
LONG_WAIT_SECONDS = 60.0
"""Seconds from which a wait is highlighted."""


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
        Parameter(metavar="SECONDS", validator=_is_a_pause, help="Between two frames.", show_default=True),
    ] = 2.0,
    once: Annotated[bool, Parameter(help="One frame, without control codes.")] = False,
    metrics: Annotated[
        tuple[str, ...],
        Parameter(metavar="URL", validator=_are_addresses, help="A service's address, or its /metrics; repeatable."),
    ] = (),
    operator: Injected,
) -> int:
    """Draw until SIGINT or SIGTERM. Raises UnavailableError where bus or database cannot be reached to begin with."""
    console = operator.console
    async with open_connections(operator.settings) as connections:
        frames = Frames(connections, [_metrics_url(url) for url in metrics])
        view = View(await frames.take())
        if once or not console.is_terminal:
            console.print(view)
            return OK
        await _draw(frames, view, console, every=every)
    return OK


async def _draw(frames: Frames, view: "View", console: Console, *, every: float) -> None:
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
    console.print(view)  # the last frame stays when the terminal is restored


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether it happened within so many seconds."""
    with suppress(TimeoutError):
        return await asyncio.wait_for(event.wait(), seconds)
    return False


async def _next(frames: Frames, view: "View") -> "View":
    """The next frame, or the last one with an error: both connections come back by themselves."""
    try:
        return View(await frames.take())
    except (BusUnavailableError, NatsError) as error:
        return View(view.frame, f"NATS does not answer ({type(error).__name__}); this is the last frame.")
    except Exception as error:
        if not is_connection_error(error):
            raise
        return View(view.frame, f"Postgres does not answer ({type(error).__name__}); this is the last frame.")


class View:
    """A frame, and what went wrong since it was taken, if anything did."""

    def __init__(self, frame: Frame, wrong: str = "") -> None:
        self.frame = frame
        self.error = wrong

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for the console's width."""
        frame = self.frame
        yield _heading(frame, self.error)
        panels = [
            _panel("queues: waiting, for how long, ▸ in flight", _queues(frame)),
            _panel("providers", _providers(frame) if frame.metrics.reached else Text(NO_METRICS, style="dim")),
        ]
        below = [_panel("stories", _stories(frame)), _panel("oldest story", _oldest(frame))]
        if options.max_width >= TWO_COLUMNS_WIDTH:
            yield _two_columns(panels)
            yield _two_columns(below)
        else:
            yield from (*panels, *below)


def _heading(frame: Frame, wrong: str) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    running = sum(len(answer.held) for answer in frame.workers)
    left = Text.assemble(("storyloom", "bold"), f"  {counted(len(frame.workers), 'worker')}, {running} jobs in flight")
    line.add_row(left, Text(clock(frame.at, frame.at), style="dim"))
    return Group(line, Text(wrong, style="bold red")) if wrong else line


def _queues(frame: Frame) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    table.add_column("", no_wrap=True)
    for priority in Priority:
        table.add_column(priority.value, justify="right", no_wrap=True)
    table.add_column("workers", justify="right", no_wrap=True)
    workers = Counter(answer.service for answer in frame.workers)
    lanes = {(lane.service, lane.priority): lane for lane in frame.lanes}
    for service in Service:
        cells = [_lane(lanes.get((service, priority)), frame.at) for priority in Priority]
        pulling = any(lanes[pair].pulls or lanes[pair].in_flight for pair in lanes if pair[0] is service)
        table.add_row(service.value, *cells, _workers(workers[service], pulling=pulling))
    return table


def _workers(count: int, *, pulling: bool) -> Text:
    """How many answered. One that is too busy to answer in time may be there: it has jobs, or pulls some."""
    if count:
        return Text(str(count))
    return Text("?", style="yellow") if pulling else Text("0", style="bold red")


def _lane(lane: Lane | None, now: datetime) -> Text:
    """How many wait, for how long the oldest, and how many are in flight."""
    if lane is None:
        return Text("?")
    cell = Text()
    if lane.queued:
        age = (now - lane.oldest).total_seconds() if lane.oldest else 0.0
        cell.append(f"{lane.queued:,} ", style="cyan").append(
            span(age), style="yellow" if age >= LONG_WAIT_SECONDS else ""
        )
    if lane.in_flight:
        cell.append(f" ▸{lane.in_flight:,}", style="green")
    return cell or Text("·", style="dim")


def _providers(frame: Frame) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    table.add_column(_over(frame), no_wrap=True)
    for title in ("calls", "429", "failed", "mean", "US$", "in flight"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("breaker", no_wrap=True)
    now = frame.metrics
    names = now.by("storyloom_provider_limit", "provider") | now.by("storyloom_provider_calls_total", "provider")
    for name in sorted(names):
        table.add_row(name, *_counts(frame.growth, name), _concurrency(now, name), _breaker(now, name))
    return table


def _counts(grown: Sample, name: str) -> tuple[RenderableType, ...]:
    """Calls, those that were rate-limited, those that failed otherwise, seconds a call, and what they cost."""
    outcomes = grown.by("storyloom_provider_calls_total", "outcome", provider=name)
    calls, limited = sum(outcomes.values()), outcomes.get("rate_limited", 0.0)
    failed = calls - limited - outcomes.get("ok", 0.0)
    count = grown.total("storyloom_provider_seconds_count", provider=name)
    seconds = grown.total("storyloom_provider_seconds_sum", provider=name)
    return (
        f"{calls:,.0f}",
        Text(f"{limited:,.0f}", style="yellow" if limited else "dim"),
        Text(f"{failed:,.0f}", style="red" if failed else "dim"),
        span(seconds / count) if count else "",
        f"{grown.total('storyloom_provider_cost_usd_total', provider=name):,.2f}",
    )


def _concurrency(now: Sample, name: str) -> Text:
    """Calls in flight of how many may be, and how many are queued."""
    running, limit = (now.total(f"storyloom_provider_{what}", provider=name) for what in ("in_flight", "limit"))
    waiting = now.total("storyloom_provider_waiting", provider=name)
    text = Text(f"{running:,.0f}/{limit:,.0f}")
    return text.append(f" +{waiting:,.0f}", style="yellow") if waiting else text


def _breaker(now: Sample, name: str) -> Text:
    # A sum over processes: one that is open, or two that are half-open, show as open.
    state, style = BREAKER[min(2, round(now.total("storyloom_provider_breaker_state", provider=name)))]
    return Text(state, style=style)


def _over(frame: Frame) -> str:
    return f"in {span(frame.window)}" if frame.window else "since start"


def _stories(frame: Frame) -> Group:
    since = frame.unfinished_since
    made = f"{frame.unfinished:,} in progress" + (f", for {span((frame.at - since).total_seconds())}" if since else "")
    ended = Text("ended within the last minute: ", style="dim")
    for outcome, style in OUTCOMES.items():
        count = frame.ended[outcome]
        ended.append(f"{count:,} {outcome}  ", style=style if count else "dim")
    return Group(Text(made, style="bold"), ended, _bus(frame), _webhooks(frame), _activity(frame))


def _bus(frame: Frame) -> Text:
    behind, dead, commands = frame.projector.behind, frame.dead_letters, frame.commands
    return Text.assemble(
        ("projector ", "dim"), (f"{behind:,} behind", "yellow" if behind > 1000 else ""), "   ",
        ("commands unhandled ", "dim"), (f"{commands:,}", "yellow" if commands else ""), "   ",
        ("dead letters ", "dim"), (f"{dead:,}", "yellow" if dead else ""),
    )  # fmt: skip


def _webhooks(frame: Frame) -> Text:
    backlog = frame.webhooks
    late = backlog.oldest is not None and (frame.at - backlog.oldest).total_seconds() >= LONG_WAIT_SECONDS
    text = Text.assemble(
        ("webhooks ", "dim"),
        (backlog.describe(frame.at) or "nothing pending", "yellow" if late or backlog.failing else ""),
    )
    sent = frame.growth.by("storyloom_webhook_attempts_total", "outcome")
    if frame.metrics.reached and sent:
        failed = sum(sent.values()) - sent.get("delivered", 0.0)
        text.append(f"   {_over(frame)}: ", style="dim").append(f"{sent.get('delivered', 0.0):,.0f} delivered")
        text.append(f", {failed:,.0f} attempts failed", style="yellow" if failed else "dim")
    return text


def _activity(frame: Frame) -> Text:
    if not frame.metrics.reached:
        return Text()
    actions = frame.growth.by("storyloom_reconciler_actions_total", "kind")
    done = ", ".join(f"{count:,.0f} {kind}" for kind, count in sorted(actions.items()) if count >= 1)
    ends = frame.growth.by("storyloom_jobs_total", "outcome")
    retries = frame.growth.total("storyloom_job_retries_total")
    text = Text.assemble(
        (f"{_over(frame)}: jobs ", "dim"), f"{ends.get('ready', 0):,.0f} done, {ends.get('failed', 0):,.0f} failed"
    )
    text.append(f", {retries:,.0f} attempts to be retried", style="yellow" if retries else "")
    text.append("   reconciler ", style="dim").append(done or "idle", style="yellow" if done else "green")
    missed = frame.metrics.missed
    return text.append(f"   no metrics from {', '.join(missed)}", style="red") if missed else text


def _oldest(frame: Frame) -> RenderableType:
    if frame.oldest is None:
        return Text("No story is in progress.", style="dim")
    story, standing = frame.oldest.story, frame.oldest.assets
    age = span((frame.at - story.started_at).total_seconds())
    head = Text.assemble((str(story.id), "bold"), f"  {story.priority.value}, for {age}")
    table = Table.grid(padding=(0, 2))
    ranked = sorted(standing, key=lambda one: STATE_ORDER.index(one.state))
    for one in ranked[:ASSETS_SHOWN]:
        # A frame is not confirmed by a second one, as doctor's findings are: the job may be on its way.
        where = "not seen on NATS just now" if one.state == "orphaned" else describe(one, frame.at)
        table.add_row(one.asset.value, Text(where, style=STATE_STYLES.get(one.state, "yellow")))
    more = len(ranked) - ASSETS_SHOWN
    return Group(head, table, *([Text(f"… and {more} more", style="dim")] if more > 0 else []))


def _panel(title: str, inside: RenderableType) -> Panel:
    return Panel(inside, title=Text(title, style="bold"), title_align="left", border_style="dim", padding=(0, 1))


def _two_columns(panels: Sequence[Panel]) -> Table:
    row = Table.grid(expand=True)
    for _ in panels:
        row.add_column(ratio=1)
    row.add_row(*panels)
    return row
