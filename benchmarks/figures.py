"""What is measured and what it must reach: one row a figure, in the order of the table in README.md."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. ``must`` and ``aim`` are bounds: from above, or from below where ``more`` is better."""

    name: str
    what: str
    unit: str
    must: float | None = None
    aim: float | None = None
    more: bool = False

    def holds(self, value: float) -> bool:
        """Whether the value is within what it must reach."""
        if self.must is None:
            return True
        return value >= self.must if self.more else value <= self.must


FIGURES: tuple[Figure, ...] = (
    Figure("make_story_ready_s", "make story, warm: command to ready", "s", must=25),
    Figure("make_story_text_s", "  request to the first scene's text on screen", "s", must=2),
    Figure("make_story_cover_s", "  request to the cover", "s", must=6),
    Figure("make_story_request_s", "  command to the request (the start)", "s"),
    Figure("make_story_end_s", "  command to its end, everything stopped", "s"),
    Figure("make_story_cpu_s", "  CPU of all processes", "s"),
    Figure("make_story_cold_s", "make story, empty state folder: command to end", "s", must=120),
    Figure("realistic_ratio", "realistic latencies: whole story / critical path", "x", must=1.15),
    Figure("realistic_calls_ratio", "  whole story / critical path of provider calls", "x"),
    Figure("realistic_story_s", "  whole story, scaled back to the vendors' pace", "s", must=245),
    Figure("steps_per_second_ratio", "orchestration: steps/s against a bare loop", "x", must=0.8, aim=1.1, more=True),
    Figure("cpu_ratio", "  CPU per step against a bare loop", "x", must=1.3, aim=1.15),
    Figure("one_story_ms", "  one story in flight", "ms", must=60, aim=35),
    Figure("steps_per_second", "  steps/s", "/s", more=True),
    Figure("cpu_ms_per_step", "  CPU per step", "ms"),
    Figure("tracing_cpu_ratio", "  CPU of status and workers, one story in ten traced / none", "x", must=1.05),
    Figure("commit_to_bus_p50_ms", "  commit to the bus, 50 in flight, p50", "ms"),
    Figure("commit_to_bus_p99_ms", "  commit to the bus, 50 in flight, p99", "ms"),
    Figure("latency_p50_ms", "commit to SSE client, 50 stories in flight, p50", "ms", must=4),
    Figure("latency_p99_ms", "commit to SSE client, 50 stories in flight, p99", "ms", must=20),
    Figure("latency_full_p50_ms", "  as fast as they can be made, p50", "ms"),
    Figure("latency_full_p99_ms", "  as fast as they can be made, p99", "ms"),
    Figure("latency_crowd_p50_ms", "  200 readers of one story, p50", "ms"),
    Figure("latency_crowd_p99_ms", "  200 readers of one story, p99", "ms"),
    Figure("urgent_first_ratio", "urgent among 500 normal / alone: first thing there", "x", must=1.25),
    Figure("urgent_end_ratio", "  whole story", "x", must=1.25),
    Figure("urgent_first_s", "  request to the first thing, among 500 normal", "s"),
    Figure("urgent_end_s", "  request to the end, among 500 normal", "s"),
    Figure("normal_share", "normal's pace while urgent pours in / before", "x", must=0.5, aim=0.9, more=True),
    Figure("normal_gap_s", "  longest pause of normal work meanwhile", "s"),
    Figure("fair_ratio", "a story beside another tenant's 1000 / alone", "x", must=1.2),
    Figure("fair_beside_s", "  request to the end, beside them", "s"),
    Figure("post_p50_ms", "POST at 50 a second, p50", "ms", must=15),
    Figure("post_p99_ms", "  p99", "ms", must=60),
    Figure("post_max_ms", "  the slowest", "ms"),
    Figure("unknown_stories", "stories that another replica did not know at once", "", must=0),
    Figure("eta_first_held", "eta: first ranges within which the story ended", "", must=0.8, more=True),
    Figure("eta_held", "  all ranges that were told", "", must=0.8, more=True),
    Figure("eta_width", "  the first range's width / the whole story, median", ""),
    Figure("idle_kb", "5,000 idle streams on one status: memory a stream", "kB", must=15),
    Figure("idle_cpu", "  CPU of the process meanwhile", "%", must=5),
    Figure("watchers_p50_ms", "an event to 5,000 watchers of one story, p50", "ms"),
    Figure("watchers_p99_ms", "  p99", "ms", must=250),
    Figure("streams_p50_ms", "commit to SSE client, 1,000 streams, p50", "ms", must=4),
    Figure("streams_p99_ms", "  p99", "ms", must=25),
    Figure("worker_killed_over_s", "worker killed: jobs begun elsewhere, beyond ack_wait", "s", must=2),
    Figure("worker_killed_s", "  in all", "s"),
    Figure("nats_killed_s", "NATS killed: its return to the first job", "s", must=3),
    Figure("nats_killed_wrong", "  stories that ended wrong", "", must=0),
    Figure("wiped_wrong", "NATS wiped under 200 stories: ended wrong", "", must=0),
    Figure("wiped_moves_s", "  its return to the first job", "s"),
    Figure("wiped_end_s", "  its return to the last story's end", "s"),
    Figure("wiped_made_twice", "  assets that were made twice", ""),
    Figure("postgres_away_wrong", "Postgres down for 30 s: stories that ended wrong", "", must=0),
    Figure("postgres_away_moves_s", "  its return to the first update of a story", "s"),
    Figure("cancel_s", "cancel: request to the last sign of work, the slowest", "s", must=2),
    Figure("cancel_p50_s", "  median", "s"),
    Figure("cancel_late", "  signs of work later than 4 s", "", must=0),
    Figure("first_paint_ms", "reading page on Slow 4G: first paint", "ms", must=1000),
    Figure("first_words_ms", "  the first words of its book", "ms"),
    Figure("frame_p50_ms", "making page: event to frame, p50", "ms"),
    Figure("frame_worst_ms", "  the slowest", "ms", must=200),
    Figure("page_task_ms", "  the page's longest task meanwhile", "ms"),
    Figure("memory_idle_mb", "memory without the studio, idle (PSS)", "MB", must=300),
    Figure("memory_after_mb", "memory without the studio, after three stories", "MB", must=300),
    Figure("memory_studio_mb", "  the studio's own, after three stories", "MB"),
)


def table(found: Mapping[str, float]) -> str:
    """Every figure that was measured, one a line, with what it must reach and what we aim at."""
    known = {figure.name: figure for figure in FIGURES}
    lines = [f"{'figure':<52}{'value':>9} {'':<3}{'must':>7}{'aim':>7}"]
    for figure in [known.get(name) or Figure(name, name, "") for name in sorted(found, key=_place)]:
        verdict = "" if figure.holds(found[figure.name]) else "  falls short"
        bounds = f"{_bound(figure, figure.must):>7}{_bound(figure, figure.aim):>7}"
        lines.append(f"{figure.what:<52}{found[figure.name]:>9.2f} {figure.unit:<3}{bounds}{verdict}")
    return "\n".join(lines)


def report(found: Mapping[str, float]) -> None:
    """End a benchmark: the table, then one line for machines."""
    print("\n" + table(found))
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))
    sys.stdout.flush()


def _place(name: str) -> int:
    return next((place for place, figure in enumerate(FIGURES) if figure.name == name), len(FIGURES))


def _bound(figure: Figure, bound: float | None) -> str:
    return "" if bound is None else f"{'≥' if figure.more else '≤'} {bound:g}"
