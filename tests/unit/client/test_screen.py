"""What a person sees of a story being made, from a recorded stream."""

import io

import pytest
from rich.console import Console

from client import StoryEvent
from client.progress import Progress
from client.screen import LineScreen, LiveScreen, open_screen

ASSETS = ("content", "cover", "scene_1", "audio", "pdf")


def snapshot(**statuses: str) -> StoryEvent:
    assets = {name: {"status": statuses.get(name, "pending"), "progress": 0} for name in ASSETS}
    return StoryEvent("snapshot", {"seq": 1, "assetGenerationStatus": {"overall": "generating", "assets": assets}}, 1)


RECORDED = [
    snapshot(),
    StoryEvent("asset", {"asset": "content", "status": "generating", "progress": 0}, 2),
    StoryEvent("outline", {"title": "The Fox's [Lantern]", "logline": "A fox looks for her light."}, 3),
    StoryEvent("progress", {"asset": "content", "progress": 10, "scene": 1, "text": "Once upon"}),
    StoryEvent("text", {"scene": 1, "text": "Once upon a time.\n\nThere was a fox :fox:."}, 4),
    StoryEvent("asset", {"asset": "cover", "status": "retrying", "progress": 0}, 5),
    StoryEvent("asset", {"asset": "cover", "status": "ready", "progress": 100, "url": "/x"}, 6),
    StoryEvent("something_new", {"of": "the future"}, 7),
    StoryEvent("story", {"overall": "ready"}, 8),
]


def test_a_file_gets_a_line_a_fact_and_no_control_codes() -> None:
    out = io.StringIO()
    with open_screen(Console(file=out, width=40), clock=lambda: 0.0) as screen:
        for event in RECORDED:
            screen.show(event)
    assert isinstance(screen, LineScreen)
    assert out.getvalue().splitlines() == [
        "   0.0 s  content: generating",
        "   0.0 s  title: The Fox's [Lantern]",
        "   0.0 s  logline: A fox looks for her light.",
        "   0.0 s  scene 1 text: Once upon a time. There was a fox :fox:.",
        "   0.0 s  cover: retrying",
        "   0.0 s  cover: ready",
        "   0.0 s  story: ready",
    ]


def test_what_is_so_for_now_has_a_line_of_its_own() -> None:
    out = io.StringIO()
    screen = LineScreen(Console(file=out, width=200), clock=lambda: 0.0)
    for event in (
        StoryEvent("queue", {"queuePosition": 3}),
        StoryEvent("eta", {"eta": {"from": "2026-01-01T12:00:00Z", "to": "2026-01-01T12:01:00Z"}, "progress": 10}),
        StoryEvent("eta", {"eta": None}),
        StoryEvent("approval", {"status": "awaited", "textVersion": "8f14"}, 4),
        StoryEvent("late", {"asset": "cover"}),
    ):
        screen.show(event)
    assert [line.removeprefix("   0.0 s  ") for line in out.getvalue().splitlines()] == [
        "queue: place 3",
        "eta: 2026-01-01T12:00:00Z to 2026-01-01T12:01:00Z",
        "eta: unknown",
        "approval: awaited",
        "late: cover",
    ]


def test_lines_say_how_long_it_has_been() -> None:
    out = io.StringIO()
    times = iter([0.0, 0.5, 61.25])
    screen = LineScreen(Console(file=out), clock=lambda: next(times))
    screen.show(StoryEvent("outline", {"title": "T"}, 1))
    assert out.getvalue() == "  61.2 s  title: T\n"


def live(*events: StoryEvent, height: int = 40, width: int = 100) -> str:
    """The live view after the events, as plain text."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    screen = LiveScreen(console, clock=lambda: 0.0)
    for event in events:
        screen.show(event)
    with console.capture() as capture:
        console.print(screen)
    return capture.get()


def test_a_terminal_shows_title_bars_text_and_state() -> None:
    screen = open_screen(Console(file=io.StringIO(), force_terminal=True, width=80), clock=lambda: 0.0)
    assert isinstance(screen, LiveScreen)
    view = live(*RECORDED)
    for shown in ("The Fox's [Lantern]", "A fox looks for her light.", "Picture 1", "Narration", "Scene 1", "ready"):
        assert shown in view
    assert "There was a fox :fox:." in view


def test_words_appear_while_they_are_written() -> None:
    assert "Once upon" in live(*RECORDED[:4])


def test_a_long_scene_shows_its_end_and_fits_the_terminal() -> None:
    words = " ".join(f"word{number}" for number in range(600))
    view = live(snapshot(), StoryEvent("text", {"scene": 2, "text": words}, 2), height=24)
    assert "word599" in view
    assert "word0 " not in view
    assert len(view.splitlines()) <= 24


def test_a_narrow_terminal_is_not_overrun() -> None:
    assert max(len(line) for line in live(*RECORDED, width=60).splitlines()) <= 60


def test_late_progress_never_moves_what_has_settled_or_shortens_a_text() -> None:
    progress = Progress()
    for event in RECORDED:
        progress.apply(event, 1.0)
    progress.apply(StoryEvent("progress", {"asset": "cover", "progress": 3}), 2.0)
    progress.apply(StoryEvent("progress", {"asset": "content", "progress": 3, "scene": 1, "text": "Once"}), 2.0)
    assert (progress.assets["cover"].progress, progress.assets["cover"].seconds) == (100, 1.0)
    assert progress.texts[1].startswith("Once upon a time.")


def test_a_second_snapshot_says_only_what_is_new() -> None:
    progress = Progress()
    progress.apply(snapshot(content="generating"), 0.0)
    assert progress.apply(snapshot(content="generating", cover="ready"), 1.0) == ["cover: ready"]


@pytest.mark.parametrize(
    "data",
    [{}, {"asset": 3}, {"asset": "cover", "progress": "x"}, {"scene": "1", "text": 5}, {"assetGenerationStatus": []}],
)
@pytest.mark.parametrize("name", ["snapshot", "outline", "asset", "text", "progress", "story", "deleted"])
def test_odd_data_never_breaks_the_view(name: str, data: dict[str, object]) -> None:
    live(snapshot(), StoryEvent(name, data, 9))


def test_a_cancelled_story_says_so_and_what_was_not_finished_stands_still() -> None:
    progress = Progress()
    for event in RECORDED[:7]:
        progress.apply(event, 1.0)
    events = [
        StoryEvent("asset", {"asset": "content", "status": "cancelled", "progress": 0}, 8),
        StoryEvent("story", {"overall": "cancelled"}, 9),
    ]
    facts = [fact for event in events for fact in progress.apply(event, 2.0)]
    assert facts == ["content: cancelled", "story: cancelled"]
    late = StoryEvent("progress", {"asset": "content", "progress": 50})
    progress.apply(late, 3.0)
    assert (progress.assets["content"].progress, progress.assets["content"].seconds) == (0, 2.0)
    assert "cancelled" in live(*RECORDED[:7], *events)


def test_a_deleted_story_says_so_and_nothing_of_it_moves_any_more() -> None:
    progress = Progress()
    for event in RECORDED[:4]:
        progress.apply(event, 1.0)
    assert progress.apply(StoryEvent("deleted", {}), 2.0) == ["story: deleted"]
    assert {asset.status for asset in progress.assets.values()} == {"cancelled"}
    assert "deleted" in live(*RECORDED[:4], StoryEvent("deleted", {}))


def test_a_story_that_begins_again_runs_its_clock_again() -> None:
    now = [0.0]
    console = Console(file=io.StringIO(), width=100, height=40, force_terminal=True, color_system=None)
    screen = LiveScreen(console, clock=lambda: now[0])
    shown = []
    for at, overall in ((5.0, "ready"), (7.0, "generating"), (9.0, "partial")):
        now[0] = at
        screen.show(StoryEvent("story", {"overall": overall}))
        now[0] = at + 1
        with console.capture() as capture:
            console.print(screen)
        shown.append(capture.get().splitlines()[0].split()[-3:-1])
    assert shown == [["ready", "5.0"], ["generating", "8.0"], ["partial", "9.0"]]


def test_a_text_that_is_written_anew_may_begin_shorter_than_the_old() -> None:
    """…but what comes late of the old one shortens nothing."""
    progress = Progress()
    progress.apply(snapshot(content="ready"), 0.0)
    progress.apply(StoryEvent("text", {"scene": 1, "text": "Once upon a time."}, 2), 1.0)
    early = StoryEvent("progress", {"asset": "content", "progress": 3, "scene": 1, "text": "A fox"})
    progress.apply(early, 2.0)
    assert progress.texts[1] == "Once upon a time."
    progress.apply(StoryEvent("asset", {"asset": "content", "status": "generating", "progress": 0}, 3), 3.0)
    progress.apply(early, 4.0)
    assert progress.texts[1] == "A fox"
    progress.apply(StoryEvent("text", {"scene": 1, "text": "A fox came."}, 4), 5.0)
    progress.apply(early, 6.0)
    assert progress.texts[1] == "A fox came."
