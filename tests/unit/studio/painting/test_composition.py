"""What stands on a picture, before it is rendered."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from studio.painting import acting
from studio.painting.features import features_in
from studio.painting.identity import look_of
from studio.painting.picture import Composition, compose
from studio.painting.prompt import TIMES, WEATHERS, HeroLines
from studio.painting.props import props_in
from studio.painting.scenery import PLACES, setting_in
from tests.unit.studio.painting.prompts import hero, scene
from tests.unit.studio.painting.test_features import ASKED

SPECIES = (
    "a human child",
    "a monster child",
    "a robot child",
    "an animal child, a young fox",
    "a fantasy child, a young fairy",
    "a dinosaur child",
    "an alien child",
    "a superhero child",
    "an elemental child made of fire",
)


def composed(
    prompt: str, seed: int = 1, known: dict[str, Any] | None = None, miss: tuple[str, ...] = ()
) -> Composition:
    return compose(prompt, (512, 768), seed, known or {}, miss)


def shapes(composition: Composition) -> list[str]:
    """The drawing's shapes alone, so that a difference is one of what is drawn."""
    return re.findall(r"<(?:path|circle|ellipse|rect) [^>]*>", composition.svg)


def test_every_place_is_drawn_and_no_two_are_alike() -> None:
    pictures = {name: composed(scene(setting=name)) for name in PLACES}
    assert {name: picture.drawn["setting"] for name, picture in pictures.items()} == {name: name for name in PLACES}
    assert len({picture.svg for picture in pictures.values()}) == len(PLACES) >= 8


@pytest.mark.parametrize("setting", ["meadow", "bedroom"])
def test_every_time_and_weather_shows_outside_and_through_a_window(setting: str) -> None:
    weathers = {composed(scene(setting=setting, weather=weather)).svg for weather in WEATHERS}
    times = {composed(scene(setting=setting, time=time)).svg for time in TIMES}
    assert (len(weathers), len(times)) == (len(WEATHERS), len(TIMES))


@pytest.mark.parametrize("key", ASKED)
def test_every_feature_is_drawn_told_and_left_out_when_missed(key: str) -> None:
    prompt = scene(hero(must_show=ASKED[key]))
    shown, missed = composed(prompt), composed(prompt, miss=(key,))
    (told,) = (one["features"] for one in shown.drawn["heroes"])
    assert list(features_in(told)) == [key]
    assert missed.drawn["heroes"][0]["features"] == []
    assert shapes(shown) != shapes(missed)


# What takes another's place (one hat, one hand, one chair) is asked for apart from the rest.
TURNS = {"manual_wheelchair", "hat", "headscarf", "bald", "fidget_toy", "leg_braces", "prosthetic_leg"}


@pytest.mark.parametrize("kind", SPECIES)
@pytest.mark.parametrize(
    "keys", [TURNS, ASKED.keys() - TURNS - {"power_wheelchair", "hijab"}], ids=["seated", "standing"]
)
def test_no_species_loses_a_device_even_in_bed(kind: str, keys: set[str]) -> None:
    prompt = scene(
        hero(kind, must_show="\nMust show: ".join(ASKED[key] for key in sorted(keys))),
        action="sleeping",
        setting="bedroom",
    )
    assert features_in(composed(prompt).drawn["heroes"][0]["features"]).keys() == keys


def test_a_fidget_toy_hangs_at_the_belt_of_whoever_holds_an_inhaler() -> None:
    for posture in ("standing", "sitting", "hugging"):
        both = composed(scene(hero(must_show=f"{ASKED['inhaler']}\nMust show: {ASKED['fidget_toy']}"), action=posture))
        assert {"inhaler", "fidget toy"} <= set(both.drawn["heroes"][0]["features"])


def test_species_have_bodies_of_their_own() -> None:
    assert len({composed(scene(hero(kind))).svg for kind in SPECIES}) == len(SPECIES)


@pytest.mark.parametrize(
    "action", ["waving", "reaching out", "walking", "sitting", "hugging", "pointing", "sleeping", "reading"]
)
def test_actions_become_postures(action: str) -> None:
    assert composed(scene(action=action)).drawn["action"] in {action, "reaching"}


def test_emotions_change_the_face() -> None:
    moods = ("happy", "worried", "sad", "brave", "surprised", "sleepy", "curious", "proud", "calm")
    pictures = [composed(scene(action="standing", emotion=mood)) for mood in moods]
    assert [picture.drawn["emotion"] for picture in pictures] == list(moods)
    assert len({picture.svg for picture in pictures}) == len(moods)


def test_as_many_figures_are_drawn_as_the_cast_has() -> None:
    heroes = "\n".join(hero(order=order) for order in ("", "Second", "Third"))
    told = composed(
        scene(
            heroes,
            companion="a fox",
            helper="a nurse",
            cast="exactly 5: the hero, the second hero, the third hero, the companion, the helper",
        )
    ).drawn
    assert (len(told["heroes"]), told["companion"], told["helper"], told["cast_count"]) == (3, "fox", "person", 5)
    alone = composed(scene(heroes, companion="a fox", cast="exactly 1: the third hero")).drawn
    assert (len(alone["heroes"]), alone["companion"], alone["cast_count"]) == (1, None, 1)


def test_a_sibling_keeps_its_own_place_in_the_reference() -> None:
    heroes = "\n".join(hero(order=order) for order in ("", "Second"))
    known = {"heroes": [{"hair": "curly black"}, {"hair": "bob red"}]}
    drawn = composed(scene(heroes, cast="exactly 1: the second hero"), known=known).drawn
    assert drawn["heroes"][0]["hair"] == "bob red"


def test_props_are_drawn_and_the_unknown_one_is_a_parcel() -> None:
    drawn = composed(scene(action="standing", props="lantern; fallen log; a quantum flugelhorn")).drawn
    assert drawn["props"] == ["lantern", "log", "parcel"]


def test_seeds_change_the_scenery_and_nothing_else_of_the_hero() -> None:
    one, other = (composed(scene(setting="a forest"), seed=seed) for seed in (1, 2))
    assert one.svg != other.svg
    assert one.drawn["heroes"] == other.drawn["heroes"]


@pytest.mark.parametrize(
    "text",
    [
        "", "\x00\ufffe", "Hero", "Cast: exactly 900: everybody", '"/><script>alert(1)</script>' * 50,
        "Hero: </svg>&<![CDATA[\nSkin: #zzz\nHair: <b>\nSetting: ]]>\nCompanion: &amp;\nProps: <;>;",
        "Features: " + "glasses " * 5000, "Hero: \ud800 lone\nSkin: #12345",
    ],
)  # fmt: skip
def test_hostile_words_neither_fail_nor_reach_the_drawing(text: str) -> None:
    picture = composed(text)
    root = ET.fromstring(picture.svg)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg", "defs", "g", "path", "circle", "ellipse", "rect", "stop", "linearGradient", "radialGradient"
    }  # fmt: skip
    assert "alert" not in picture.svg


@pytest.mark.parametrize(
    ("action", "place"),
    [("holding a lantern", "hand"), ("carrying something home", "hand"), ("going softly with a small lamp", "hand"),
     ("walking in the dark", "ground"), ("looking about", "ground")],
)  # fmt: skip
def test_a_thing_is_in_the_hand_only_when_the_action_puts_it_there(action: str, place: str) -> None:
    look = look_of(HeroLines())
    _, held = acting.hold(look, acting.posture_in(action, "", "calm"), action, props_in(["lantern"]))
    assert (held is not None) == (place == "hand")


def test_a_path_means_a_meadow_only_where_no_other_place_is_named() -> None:
    assert setting_in("the mossy path in the foggy forest") == "forest"
    assert setting_in("a winding path") == "meadow"
    assert setting_in("the tall grass in the meadow by the forest") == "meadow"


def test_what_the_place_draws_is_no_parcel() -> None:
    assert props_in(["moon", "tiny door", "high wall"]) == []


@pytest.mark.parametrize(("mood", "tears"), [("worried", False), ("sad", False), ("crying", True)])
def test_only_who_cries_has_a_tear(mood: str, tears: bool) -> None:
    assert ("M47,30q9,13" in composed(scene(action="standing", emotion=mood)).svg) == tears


def test_a_wheelchair_waits_beside_the_bed_of_its_owner() -> None:
    chair = hero(must_show="a manual wheelchair with large push-rim wheels")
    abed, up = (composed(scene(chair, action=action, setting="a bedroom")) for action in ("lying in bed", "sitting"))
    assert abed.drawn["heroes"][0]["features"] == up.drawn["heroes"][0]["features"] == ["manual wheelchair"]
    assert abed.drawn["action"] == "sleeping"


def test_the_layers_are_the_whole_and_nothing_near_stands_above_its_top() -> None:
    tall = compose(scene(setting="a meadow", weather="snow"), (1024, 1536), 1, {})
    far, near = tall.layers
    drawn = re.findall(r"<(?:path|circle|ellipse|rect) [^>]*>", far + near)
    assert drawn == shapes(tall)
    assert 0 < tall.top < 0.6
