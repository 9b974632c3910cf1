"""The labelled lines are read leniently, and the Cast line decides who is on stage."""

import pytest

from studio.painting.prompt import LONGEST_PROMPT, parse_prompt
from tests.unit.studio.painting.prompts import PORTRAIT, hero, scene


def test_every_hero_gathers_the_lines_that_follow_it() -> None:
    brief = parse_prompt(
        f"{hero(must_show='a white cane')}\n{hero('a robot child', order='Second', must_show='hearing aids')}"
    )
    assert [one.kind for one in brief.heroes] == ["a human child", "a robot child"]
    assert [one.features for one in brief.heroes] == [["a white cane"], ["hearing aids"]]
    assert brief.heroes[1].worn["hair"] == "short brown"


def test_only_those_whom_the_cast_names_are_on_stage() -> None:
    heroes = f"{hero()}\n{hero('a robot child', order='Second')}"
    brief = parse_prompt(
        scene(heroes, companion="a fox", helper="an owl", cast="exactly 2: the second hero, the companion")
    )
    assert [one.kind for one in brief.heroes] == ["a robot child"]
    assert (brief.companion, brief.helper) == ("a fox", "")


def test_siblings_may_be_on_stage_without_the_first_hero() -> None:
    heroes = f"{hero('a robot child', order='Second')}\n{hero('an alien child', order='Third')}"
    for brief in (
        parse_prompt(scene(heroes)),
        parse_prompt(scene(heroes, cast="exactly 2: the second hero, the third hero")),
    ):
        assert [(one.kind, one.place) for one in brief.heroes] == [("a robot child", 1), ("an alien child", 2)]
    assert [one.place for one in parse_prompt(scene(heroes, cast="exactly 1: the third hero")).heroes] == [2]


def test_without_a_cast_line_all_are_on_stage() -> None:
    brief = parse_prompt(scene(companion="a fox", helper="an owl"))
    assert (len(brief.heroes), brief.companion, brief.helper) == (1, "a fox", "an owl")


@pytest.mark.parametrize(
    ("words", "time"), [("night", "night"), ("early morning", "dawn"), ("at sunset", "dusk"), ("teatime", "day")]
)
def test_time_words_find_the_nearest_of_the_four_times(words: str, time: str) -> None:
    assert parse_prompt(scene(time=words)).time == time


@pytest.mark.parametrize(
    ("words", "weather"), [("a light drizzle", "rain"), ("misty", "fog"), ("gusty", "wind"), ("odd", "clear")]
)
def test_weather_words_find_the_nearest_of_the_six_weathers(words: str, weather: str) -> None:
    assert parse_prompt(scene(weather=words)).weather == weather


def test_a_framing_without_scene_or_setting_is_a_portrait_and_a_cover_is_not() -> None:
    assert parse_prompt(PORTRAIT).portrait
    assert not parse_prompt(scene(framing="square book cover")).portrait


def test_props_are_split_and_bounded() -> None:
    assert parse_prompt(scene(props="lantern; fallen log; ; key")).props == ("lantern", "fallen log", "key")
    assert len(parse_prompt(scene(props="; ".join(["key"] * 50))).props) == 8


def test_what_stands_beyond_the_longest_prompt_is_not_read() -> None:
    assert parse_prompt("x" * LONGEST_PROMPT + "\nTime: night").time == "day"
