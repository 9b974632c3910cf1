"""What a hero has on one side is drawn on it, and noted on the side where it is."""

import pytest

from studio.painting.features import features_in
from studio.painting.picture import compose
from tests.unit.studio.painting.prompts import hero
from tests.unit.studio.painting.test_features import ASKED


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("prosthetic_leg", "the prosthetic leg"), ("prosthetic_arm", "the prosthetic arm"),
        ("limb_difference", "the shorter arm"), ("raised_shoe", "the shorter leg with the thicker sole"),
        ("facial_difference", "the smaller cheek and ear"), ("cochlear_implant", "the cochlear implant"),
        ("birthmark", "the birthmark"), ("burn_scars", "the scarred cheek and forearm"), ("port", "the chest port"),
        ("iv_line", "the arm with the soft band"), ("dialysis", "the forearm with the wrap"),
        ("medical_alert", "the bracelet"),
    ],
)  # fmt: skip
def test_a_line_about_a_side_moves_what_it_names_and_is_noted(key: str, line: str) -> None:
    asked = ASKED[key]
    noted = set()
    for side, other in (("left", "right"), ("right", "left")):
        words = f"{line} is on the hero's own {side} side: on the {other} of the picture where the hero faces us"
        drawn = compose(f"{hero(must_show=asked)}\nSide: {words}\nCamera: wide", (512, 768), 1, {}).drawn
        (label,) = [one for one in drawn["heroes"][0]["features"] if features_in([one]).keys() == {key}]
        assert features_in([label])[key].side == side
        noted.add(label)
    assert len(noted) == 2


def test_two_features_on_two_sides_are_each_drawn_where_they_belong() -> None:
    """A hero is turned but one way; what would come to stand on the wrong side is drawn on the other one."""
    pictures = set()
    for leg, mark in (("left", "left"), ("left", "right"), ("right", "left"), ("right", "right")):
        asked = f"a prosthetic {leg} leg\nMust show: a large birthmark on the {mark} cheek"
        picture = compose(f"{hero(must_show=asked)}\nFraming: full-body portrait", (512, 768), 1, {})
        assert picture.drawn["heroes"][0]["features"] == [f"{leg} prosthetic leg", f"{mark} large birthmark"]
        pictures.add(picture.svg)
    assert len(pictures) == 4


def test_what_cannot_be_drawn_on_its_side_is_noted_where_it_is() -> None:
    asked = "one left arm ending at the elbow\nMust show: vitiligo on the left hand"
    drawn = compose(f"{hero(must_show=asked)}\nFraming: full-body portrait", (512, 768), 1, {}).drawn
    told = features_in(drawn["heroes"][0]["features"])
    assert {told["limb_difference"].side, told["vitiligo"].side} == {"left"}
    asked = "one left arm ending at the elbow\nMust show: vitiligo on the right hand"
    drawn = compose(f"{hero(must_show=asked)}\nFraming: full-body portrait", (512, 768), 1, {}).drawn
    assert features_in(drawn["heroes"][0]["features"])["vitiligo"].side == "left"
