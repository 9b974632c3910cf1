"""What a plan must be, and what it should be."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.content.outline import Plan, cut_title, find_faults, recognise
from tests.unit.content.fox_author import MIRABEL, a_brief, a_picture, a_plan

steadily = settings(max_examples=60, deadline=None, derandomize=True)


def faults(**changes: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return find_faults(Plan.model_validate(a_plan(**changes)), a_brief())


def on_stage(*names: str, scene: int = 1) -> dict[str, Any]:
    """A plan whose one scene has these on stage."""
    scenes = a_plan()["scenes"]
    scenes[scene - 1]["on_stage"] = list(names)
    return {"scenes": scenes}


def test_a_good_plan_has_no_faults() -> None:
    assert faults() == ((), ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (on_stage("Mirabel", "Grandma", scene=3), "Scene 3 has Grandma on stage; only Mirabel, Ember can be"),
        (on_stage("Mirabel", "Mirabel"), "Scene 1 names somebody twice"),
        (on_stage("Ember", scene=4), "Scene 4 has no hero on stage"),
        ({"cover": a_picture(on_stage=["Ember"])}, "The cover lacks Mirabel"),
        ({"companion": None}, "has Ember on stage"),
        ({"companion": {"name": "mirabel", "kind": "fox", "look": "small"}}, "names of their own"),
        ({"helper": {"name": "Ember", "kind": "owl", "look": "round"}}, "names of their own"),
        ({"scenes": [a_picture(beat="call")] * 4}, "they must be call, threshold, ordeal, return"),
    ],
)
def test_a_cast_that_does_not_hold_must_be_put_right(changes: dict[str, Any], said: str) -> None:
    must, _ = faults(**changes)
    assert any(said in fault for fault in must), must


def test_a_long_title_should_be_put_right() -> None:
    must, should = faults(title="How the Very Small Fox Found the Bell")
    assert must == ()
    assert should == ("The title has 8 words; at most 7 are wanted.",)


def test_two_heroes_of_one_name_are_no_clash() -> None:
    twins = a_brief(characters=(MIRABEL, MIRABEL))
    plan = recognise(Plan.model_validate(a_plan()), twins)
    assert find_faults(plan, twins) == ((), ())
    assert plan.cover.on_stage[:2] == twins.names


@pytest.mark.parametrize(
    ("typed", "said"), [("Zoe\u0308", "Zoë"), ("Zoë", "Zoe\u0308"), ("Anna  Maria", "Anna Maria"), ("Zo\u00adë", "Zoë")]
)
def test_a_hero_is_known_whichever_way_the_name_is_encoded(typed: str, said: str) -> None:
    brief = a_brief(characters=(MIRABEL.model_copy(update={"name": typed}),))
    scenes = [a_picture(beat=beat, on_stage=[said, "Ember"]) for beat in ("call", "threshold", "ordeal", "return")]
    plan = a_plan(cover=a_picture(on_stage=[said]), scenes=scenes)
    assert find_faults(Plan.model_validate(plan), brief) == ((), ())


def test_all_heroes_are_on_the_cover() -> None:
    two = a_brief(characters=(MIRABEL, MIRABEL.model_copy(update={"name": "Bo"})))
    must, _ = find_faults(Plan.model_validate(a_plan()), two)
    assert must == ("The cover lacks Bo: all heroes are on it.",)


@pytest.mark.parametrize(
    "changes",
    [
        {"palette": ["#102030"] * 4},
        {"palette": ["red"] * 5},
        {"title": "  "},
        {"motif": "x" * 601},
        {"motif": "a bell\u202e"},
        {"scenes": [a_picture(beat="call")] * 3},
        {"cover": a_picture(on_stage=[])},
        {"cover": a_picture(weather="hail")},
        {"cover": a_picture(props=[""])},
    ],
)
def test_what_no_picture_could_be_drawn_from_is_no_plan(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate(a_plan(**changes))


def test_colours_may_come_in_large_letters() -> None:
    assert Plan.model_validate(a_plan(palette=["#ABCDEF"] * 5)).palette == ("#abcdef",) * 5


@pytest.mark.parametrize(
    ("title", "cut"),
    [
        ("The Bell", "The Bell"),
        ("How the Very Small Fox Found the Bell", "How the Very Small Fox Found"),
        ("A Fox, a Girl, the Moon, and Them All", "A Fox, a Girl, the Moon"),
    ],
)
def test_a_title_is_cut_where_it_still_reads(title: str, cut: str) -> None:
    assert cut_title(title) == cut


@steadily
@given(st.lists(st.sampled_from(["the", "fox", "of", "a", "moon,", "and", "–"]), min_size=1, max_size=15))
def test_a_cut_title_is_a_beginning_of_at_most_seven_words(words: list[str]) -> None:
    cut = cut_title(" ".join(words))
    assert len(cut.split()) <= 7
    assert " ".join(words).startswith(cut)
    assert cut or words[0] == "–"
