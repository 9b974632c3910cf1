"""The fraction that readers are told of an asset: of all of it, and never less than a moment ago."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.status.hub import _Topic
from storyloom.story.assets import NARRATIONS, TEXTS, Asset


def status(name: str, percent: int, kind: str = "generating") -> dict[str, Any]:
    return {"event": "asset", "data": {"asset": name, "status": kind, "progress": percent}}


def test_a_texts_progress_is_a_fifth_of_the_contents() -> None:
    topic = _Topic()
    assert topic.percent(Asset.TEXT_1, 50) == 10
    topic.apply(status("content", 20))
    assert topic.percent(Asset.TEXT_2, 10) == 22
    assert topic.percent(Asset.TEXT_2, 80) == 36


def test_a_result_that_is_asked_for_again_takes_nothing_back() -> None:
    """A worker asks again within its job: its percentages begin anew, and its readers' do not."""
    topic = _Topic()
    assert topic.percent(Asset.COVER, 70) == 70
    assert topic.percent(Asset.COVER, 10) == 70


def test_the_next_attempt_begins_anew() -> None:
    topic = _Topic()
    topic.percent(Asset.COVER, 70)
    topic.apply(status("cover", 0, "retrying"))
    assert topic.percent(Asset.COVER, 10) == 10


def test_nothing_is_all_there_before_its_status_says_so() -> None:
    assert _Topic().percent(Asset.COVER, 100) == 99


def test_a_reader_that_joins_begins_with_what_the_row_says() -> None:
    topic = _Topic()
    topic.apply({"event": "snapshot", "data": {"assetGenerationStatus": {"assets": {"audio": {"progress": 60}}}}})
    assert topic.percent(Asset.NARRATION_4, 50) == 70


@given(st.data())
def test_an_assets_percentages_only_grow_while_its_parts_are_made_in_any_order(data: st.DataObject) -> None:
    """Told live and by its status, together, whatever the parts report."""
    for name, parts in (("audio", NARRATIONS), ("content", TEXTS)):
        topic, told, left = _Topic(), [0], [*parts]
        while left:
            part = data.draw(st.sampled_from(left))
            if data.draw(st.booleans()):
                told.append(topic.percent(part, data.draw(st.integers(0, 100))))
            else:
                left.remove(part)
                told.append(100 * (len(parts) - len(left)) // (len(parts) + 1))
                topic.apply(status(name, told[-1]))
        assert told == sorted(told)
        assert told[-1] <= 80
