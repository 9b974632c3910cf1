"""The doctor's page and ``top``'s picture: they say what there is, and fit the width that there is."""

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from ops.doctor import ROWS_SHOWN, render
from ops.top import View
from storyloom.operations.diagnosis import Finding, diagnose
from storyloom.operations.snapshot import Snapshot
from storyloom.story.assets import Asset
from tests.unit.ops.sample_frames import HALFWAY, NOW, STORY, busy, moment


def drawn(what: RenderableType, width: int) -> str:
    out = Console(file=io.StringIO(), width=width, highlight=False)
    out.print(what)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def flat(text: str) -> str:
    """Words without frames and line breaks."""
    return " ".join(word for word in text.split() if word not in "│╭╮╰╯─")


@pytest.mark.parametrize("width", [80, 100, 160, 220])
def test_a_picture_fits_and_leaves_nothing_out(width: int) -> None:
    text = drawn(View(busy()), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text.replace("… and 11 more", "")
    for said in ("1,204 5 min ▸16", "31/64 +12", "21.37", "dead letters 14", "31 ready", str(STORY), " open "):
        assert said in text
    assert "attempt 3" in flat(text)


def test_on_a_wide_terminal_panels_stand_side_by_side() -> None:
    narrow, wide = drawn(View(busy()), 100), drawn(View(busy()), 160)
    assert len(wide.splitlines()) < len(narrow.splitlines())


def test_a_service_without_workers_is_a_zero() -> None:
    """…and one whose workers are too busy to answer a question mark."""
    frame = replace(busy(), workers=[])
    last = {line.split()[1]: line.split()[-2] for line in drawn(View(frame), 100).splitlines()[3:7]}
    assert last == {"content": "?", "images": "?", "audio": "?", "documents": "0"}


def test_what_is_unreachable_is_said_above_the_last_picture() -> None:
    text = drawn(View(busy(), "NATS does not answer (TimeoutError); this is the last frame."), 100)
    assert text.splitlines()[1].startswith("NATS does not answer")


def test_without_metrics_the_picture_says_how_to_name_them() -> None:
    silent = replace(busy(), metrics=replace(busy().metrics, reached=0))
    assert "--metrics URL" in drawn(View(silent), 100)


def test_an_asset_that_is_not_seen_is_no_alarm_in_a_picture() -> None:
    """No fence was waited for: it may be on its way."""
    frame = busy()
    assert frame.oldest is not None
    standing, _ = diagnose(HALFWAY, moment(HALFWAY, absent=(Asset.COVER,)))
    text = drawn(View(replace(frame, oldest=replace(frame.oldest, assets=standing))), 160)
    assert "not seen on NATS just now" in text
    assert "orphaned" not in text


def look(stories: int = 1) -> Snapshot:
    standing, findings = diagnose(HALFWAY, moment(HALFWAY, held=(Asset.COVER,)))
    return Snapshot(NOW, stories, standing * stories, findings, ["images-42@0badcafe"], caught_up=True, projector_lag=0)


def test_a_healthy_report_says_so_and_where_each_asset_stands() -> None:
    text = drawn(render(look(), [], []), 160)
    assert text.startswith("✓ Healthy. 1 story in progress")
    assert "in flight for 9.0 s" in text
    assert "retrying: attempt" in text
    assert "text_4       waits for text_3\n" in "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def test_findings_come_first_with_what_they_are_about() -> None:
    text = drawn(render(look(), look().findings, ["Something else."]), 160)
    assert text.startswith(f"✗ {len(look().findings)} findings.")
    assert text.index("asset_not_dispatched") < text.index("state")
    assert f"{STORY} scene_3" in text
    assert "Something else." in text


def test_a_long_report_is_cut_unless_all_is_asked_for() -> None:
    many = look(100)
    findings = [Finding("asset_orphaned", f"{n}", "nobody") for n in range(100)]
    short, full = drawn(render(many, findings, []), 160), drawn(render(many, findings, [], everything=True), 160)
    assert f"… and {len(many.assets) - ROWS_SHOWN:,} more" in short
    assert "… and 70 more" in short
    assert "more" not in full
    assert len(full.splitlines()) > len(many.assets) + 100
