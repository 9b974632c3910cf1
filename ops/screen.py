"""``top``'s view: one picture laid out for the width that there is."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.cli import clock, counted, span
from ops.diagnosis import ORDER, STYLES, describe
from ops.frames import Frame
from ops.scraping import Sample
from storyloom.messaging.lanes import Lane
from storyloom.story.assets import Priority, Service

BESIDE = 150
"""Columns from which panels stand side by side."""
MOST = 6
"""Assets of the oldest story that are shown."""
OUTCOMES = {"ready": "green", "partial": "yellow", "failed": "bold red", "cancelled": "dim"}
BREAKER = {0: ("open", "green"), 1: ("tried", "yellow"), 2: ("shut", "bold red")}
"""Whether calls go through to a provider, by its breaker's state."""
UNREACHED = "No metrics: name the services with --metrics URL."
OLD = 60.0
"""Seconds from which a wait is shown as one to look at."""


class View:
    """A frame, and what went wrong since it was taken, if anything did."""

    def __init__(self, frame: Frame, wrong: str = "") -> None:
        self.frame = frame
        self.wrong = wrong

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for the console's width."""
        frame = self.frame
        yield _heading(frame, self.wrong)
        panels = [
            _panel("queues: waiting, for how long, ▸ in flight", _queues(frame)),
            _panel("providers", _providers(frame) if frame.metrics.reached else Text(UNREACHED, style="dim")),
        ]
        below = [_panel("stories", _stories(frame)), _panel("oldest story", _oldest(frame))]
        if options.max_width >= BESIDE:
            yield _beside(panels)
            yield _beside(below)
        else:
            yield from (*panels, *below)


def _heading(frame: Frame, wrong: str) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    running = sum(len(answer.held) for answer in frame.held)
    left = Text.assemble(("storyloom", "bold"), f"  {counted(len(frame.held), 'worker')}, {running} jobs in hand")
    line.add_row(left, Text(clock(frame.at, frame.at), style="dim"))
    return Group(line, Text(wrong, style="bold red")) if wrong else line


def _queues(frame: Frame) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    table.add_column("", no_wrap=True)
    for priority in Priority:
        table.add_column(priority.value, justify="right", no_wrap=True)
    table.add_column("workers", justify="right", no_wrap=True)
    workers = Counter(answer.service for answer in frame.held)
    lanes = {(lane.service, lane.priority): lane for lane in frame.lanes}
    for service in Service:
        cells = [_lane(lanes.get((service, priority)), frame.at) for priority in Priority]
        asking = any(lanes[pair].pulls or lanes[pair].in_flight for pair in lanes if pair[0] is service)
        table.add_row(service.value, *cells, _workers(workers[service], asking=asking))
    return table


def _workers(count: int, *, asking: bool) -> Text:
    """How many answered. One that is too busy to answer in time may be there: it has jobs, or asks for some."""
    if count:
        return Text(str(count))
    return Text("?", style="yellow") if asking else Text("0", style="bold red")


def _lane(lane: Lane | None, now: datetime) -> Text:
    """How many wait, for how long the oldest, and how many are in flight."""
    if lane is None:
        return Text("?")
    cell = Text()
    if lane.queued:
        age = (now - lane.oldest).total_seconds() if lane.oldest else 0.0
        cell.append(f"{lane.queued:,} ", style="cyan").append(span(age), style="yellow" if age >= OLD else "")
    if lane.in_flight:
        cell.append(f" ▸{lane.in_flight:,}", style="green")
    return cell or Text("·", style="dim")


def _providers(frame: Frame) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    table.add_column(_over(frame), no_wrap=True)
    for title in ("calls", "429", "failed", "mean", "US$", "at once"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("gate", no_wrap=True)
    now = frame.metrics
    names = now.by("storyloom_provider_limit", "provider") | now.by("storyloom_provider_calls_total", "provider")
    for name in sorted(names):
        table.add_row(name, *_counts(frame.grown, name), _at_once(now, name), _gate(now, name))
    return table


def _counts(grown: Sample, name: str) -> tuple[RenderableType, ...]:
    """Calls, those that were limited, those that failed otherwise, seconds a call, and what they cost."""
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


def _at_once(now: Sample, name: str) -> Text:
    """Calls under way of how many may be, and how many wait for their turn."""
    running, limit = (now.total(f"storyloom_provider_{what}", provider=name) for what in ("in_flight", "limit"))
    waiting = now.total("storyloom_provider_waiting", provider=name)
    text = Text(f"{running:,.0f}/{limit:,.0f}")
    return text.append(f" +{waiting:,.0f}", style="yellow") if waiting else text


def _gate(now: Sample, name: str) -> Text:
    # A sum over processes: one that is away, or two that are tried, show as away.
    state, style = BREAKER[min(2, round(now.total("storyloom_provider_breaker_state", provider=name)))]
    return Text(state, style=style)


def _over(frame: Frame) -> str:
    return f"in {span(frame.window)}" if frame.window else "since start"


def _stories(frame: Frame) -> Group:
    since = frame.unfinished_since
    made = f"{frame.unfinished:,} being made" + (f", for {span((frame.at - since).total_seconds())}" if since else "")
    ended = Text("ended within the last minute: ", style="dim")
    for outcome, style in OUTCOMES.items():
        count = frame.ended[outcome]
        ended.append(f"{count:,} {outcome}  ", style=style if count else "dim")
    return Group(Text(made, style="bold"), ended, _bus(frame), _mended(frame))


def _bus(frame: Frame) -> Text:
    behind, dead, commands = frame.projector.behind, frame.dead, frame.commands
    return Text.assemble(
        ("projector ", "dim"), (f"{behind:,} behind", "yellow" if behind > 1000 else ""), "   ",
        ("commands unhandled ", "dim"), (f"{commands:,}", "yellow" if commands else ""), "   ",
        ("dead letters ", "dim"), (f"{dead:,}", "yellow" if dead else ""),
    )  # fmt: skip


def _mended(frame: Frame) -> Text:
    if not frame.metrics.reached:
        return Text()
    actions = frame.grown.by("storyloom_reconciler_actions_total", "kind")
    done = ", ".join(f"{count:,.0f} {kind}" for kind, count in sorted(actions.items()) if count >= 1)
    ends = frame.grown.by("storyloom_jobs_total", "outcome")
    retries = frame.grown.total("storyloom_job_retries_total")
    text = Text.assemble(
        (f"{_over(frame)}: jobs ", "dim"), f"{ends.get('ready', 0):,.0f} done, {ends.get('failed', 0):,.0f} failed"
    )
    text.append(f", {retries:,.0f} attempts to be made again", style="yellow" if retries else "")
    text.append("   reconciler ", style="dim").append(
        done or "had nothing to mend", style="yellow" if done else "green"
    )
    missed = frame.metrics.missed
    return text.append(f"   no metrics from {', '.join(missed)}", style="red") if missed else text


def _oldest(frame: Frame) -> RenderableType:
    if frame.oldest is None:
        return Text("No story is being made.", style="dim")
    story, standing = frame.oldest.story, frame.oldest.standing
    age = span((frame.at - story.started_at).total_seconds())
    head = Text.assemble((str(story.id), "bold"), f"  {story.priority.value}, for {age}")
    table = Table.grid(padding=(0, 2))
    ranked = sorted(standing, key=lambda one: ORDER.index(one.state))
    for one in ranked[:MOST]:
        # A picture is not taken with the doctor's care: what is not seen may be on its way.
        where = "not seen on the bus just now" if one.state == "lost" else describe(one, frame.at)
        table.add_row(one.asset.value, Text(where, style=STYLES.get(one.state, "yellow")))
    more = len(ranked) - MOST
    return Group(head, table, *([Text(f"… and {more} more", style="dim")] if more > 0 else []))


def _panel(title: str, inside: RenderableType) -> Panel:
    return Panel(inside, title=Text(title, style="bold"), title_align="left", border_style="dim", padding=(0, 1))


def _beside(panels: Sequence[Panel]) -> Table:
    row = Table.grid(expand=True)
    for _ in panels:
        row.add_column(ratio=1)
    row.add_row(*panels)
    return row
