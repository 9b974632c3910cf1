"""The terminal view of a story being made: a live picture on a terminal, plain lines anywhere else."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .progress import LABELS, AssetProgress, Progress
from .stream import StoryEvent

Clock = Callable[[], float]

# The sixteen colours of the terminal's own theme: they are readable on its background, dark or light.
STYLES = {
    "pending": "dim",
    "generating": "cyan",
    "retrying": "yellow",
    "ready": "green",
    "failed": "bold red",
    "partial": "bold yellow",
    "cancelled": "dim",
    "deleted": "bold red",
}
BAR_WIDTH = 28
MIN_TEXT_LINES = 3


class Screen(Protocol):
    """Whoever shows a story being made: the live view or plain lines. Enter it, show events, leave it."""

    def show(self, event: StoryEvent) -> None:
        """Show what the event says."""

    def note(self, text: str) -> None:
        """Show a line of our own, above whatever moves."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_screen(console: Console, *, clock: Clock = time.monotonic) -> "LiveScreen | LineScreen":
    """The screen that fits the console. Its clock starts now."""
    lively = console.is_terminal and not console.is_dumb_terminal
    return LiveScreen(console, clock=clock) if lively else LineScreen(console, clock=clock)


class LineScreen:
    """A line a fact, without control codes: for files, pipes and screen readers."""

    def __init__(self, console: Console, *, clock: Clock = time.monotonic) -> None:
        self.progress = Progress()
        self._console = console
        self._clock = clock
        self._began = clock()

    def show(self, event: StoryEvent) -> None:
        for fact in self.progress.apply(event, self._clock() - self._began):
            self.note(fact)

    def note(self, text: str) -> None:
        stamp = f"{self._clock() - self._began:6.1f} s"
        self._console.print(f"{stamp}  {text}", markup=False, highlight=False, emoji=False, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class LiveScreen:
    """Title, a bar for every asset, the text as it is written, the time. Redraws in place; the last view stays."""

    def __init__(self, console: Console, *, clock: Clock = time.monotonic) -> None:
        self.progress = Progress()
        self._console = console
        self._clock = clock
        self._began = clock()
        self._ended: float | None = None
        self._live = Live(self, console=console, refresh_per_second=12, vertical_overflow="crop")

    def show(self, event: StoryEvent) -> None:
        self.progress.apply(event, self._elapsed())
        if self.progress.overall == "generating":
            self._ended = None  # it may begin again, by a command
        elif self._ended is None:
            self._ended = self._clock()

    def note(self, text: str) -> None:
        self._live.console.print(Text(text, style="dim"))

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the view as it is now; rich calls it twelve times a second."""
        bars = self._bars()
        lines_left = options.size.height - len(self.progress.assets) - 9
        yield Group(self._heading(), Padding(bars, (1, 0, 1, 1)), self._writing(console, options, lines_left))

    def _elapsed(self) -> float:
        return (self._ended or self._clock()) - self._began

    def _heading(self) -> Table:
        heading = Table.grid(expand=True)
        heading.add_column(ratio=1)
        heading.add_column(justify="right", no_wrap=True)
        overall = self.progress.overall
        state = Text.assemble((overall, STYLES.get(overall, "")), f"  {self._elapsed():.1f} s")
        heading.add_row(Text(self.progress.title or "A story begins …", style="bold"), state)
        if self.progress.logline:
            heading.add_row(Text(self.progress.logline, style="italic"))
        return heading

    def _bars(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, asset in self.progress.assets.items():
            table.add_row(LABELS.get(name, name), self._bar(asset), *_words(asset))
        return table

    def _bar(self, asset: AssetProgress) -> ProgressBar:
        style = STYLES.get(asset.status, "")
        waiting = asset.status in ("generating", "retrying") and asset.progress == 0
        return ProgressBar(
            total=100,
            completed=asset.progress,
            width=BAR_WIDTH,
            pulse=waiting,
            animation_time=self._clock(),
            style="bright_black",
            complete_style=style,
            finished_style=style,
            pulse_style=style,
        )

    def _writing(self, console: Console, options: ConsoleOptions, lines_left: int) -> Panel | Text:
        scene = self.progress.newest
        if not scene:
            return Text("")
        lines = Text(self.progress.texts[scene]).wrap(console, max(20, min(options.max_width, 100) - 6))
        shown = Text("\n").join(lines[-max(MIN_TEXT_LINES, lines_left) :])
        title = Text(f"Scene {scene}", style="bold")
        return Panel(shown, title=title, title_align="left", border_style="dim", padding=(0, 2), width=100)


def _words(asset: AssetProgress) -> tuple[Text, Text]:
    state = Text(asset.status, style=STYLES.get(asset.status, ""))
    seconds = "" if asset.seconds is None else f"{asset.seconds:5.1f} s"
    return state, Text(seconds, style="dim")
