"""The picture check says what was drawn, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from studio.backends import Backends, ImageRequest, Speech
from studio.painting.identity import look_of
from studio.painting.prompt import HeroLines
from studio.picture_check import check_picture, check_trait
from studio.prompt_blocks import UnanswerablePromptError
from studio.vendor_errors import VendorError

SEEN: dict[str, Any] = {
    "heroes": [
        {"species": "human child", "skin": "#8d5524", "hair": "curly black", "eyes": "brown",
         "clothing": "yellow dress", "features": ["manual wheelchair", "round blue glasses"]}
    ],
    "companion": "a fox", "helper": "owl", "cast_count": 3, "props": ["lantern"], "setting": "a foggy forest",
    "time": "night", "weather": "fog", "action": "reaching out a hand", "emotion": "worried", "camera": "wide",
    "style": "soft watercolour",
}  # fmt: skip


class Eye:
    """Sees what it is told to see; knows one word that is not for children."""

    def __init__(self, seen: Mapping[str, Any] | None) -> None:
        self.seen = seen

    async def describe_image(self, picture: bytes) -> Mapping[str, Any] | None:
        if picture != b"picture":
            raise ValueError("no picture")
        return self.seen

    async def classify_text(self, text: str) -> Mapping[str, float]:
        return {"violence": 0.9 if "dagger" in text else 0.1}

    async def generate_image(self, order: ImageRequest, reference: bytes | None) -> bytes:
        raise NotImplementedError

    async def answer_prompt(self, schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
        raise NotImplementedError

    async def synthesise_speech(self, text: str, **_: Any) -> Speech:
        raise NotImplementedError

    def backends(self) -> Backends:
        return Backends(
            generate_image=self.generate_image,
            describe_image=self.describe_image,
            answer_prompt=self.answer_prompt,
            classify_text=self.classify_text,
            synthesise_speech=self.synthesise_speech,
        )


def checklist(*items: tuple[str, str], cast: int = 3) -> str:
    must_show = [{"id": name, "what": what} for name, what in items]
    return f"<checklist>{json.dumps({'must_show': must_show, 'cast': cast, 'style': 'soft watercolour'})}</checklist>"


async def test_traits_are_visible_if_they_were_drawn() -> None:
    prompt = checklist(
        ("wheelchair_manual", "a manual wheelchair with large push-rim wheels and a seat the hero sits in"),
        ("hearing_aids", "a small hearing aid behind each ear"),
    )
    answer = await check_picture(Eye(SEEN).backends(), prompt, [b"reference", b"picture"])
    assert [(trait["id"], trait["visible"]) for trait in answer["traits"]] == [
        ("wheelchair_manual", "visible"), ("hearing_aids", "not_visible")
    ]  # fmt: skip
    assert "hearing aid" in answer["suggested_fix"]
    assert "wheelchair" not in answer["suggested_fix"]
    assert (answer["safe"], answer["cast_count"], answer["text_artefacts"], answer["style_ok"]) == (
        True,
        3,
        False,
        True,
    )


async def test_the_alt_text_is_one_sentence_of_what_was_drawn() -> None:
    answer = await check_picture(Eye(SEEN).backends(), checklist(), [b"picture"])
    for word in ("curly black", "yellow dress", "manual wheelchair", "fox", "owl", "foggy forest", "lantern", "night"):
        assert word in answer["alt_text"]
    assert answer["alt_text"].count(".") == 1
    assert answer["alt_text"][0].isupper()


async def test_a_foreign_picture_leaves_it_unsure() -> None:
    prompt = checklist(("wheelchair_manual", "a manual wheelchair"), cast=2)
    answer = await check_picture(Eye(None).backends(), prompt, [b"picture"])
    assert answer["traits"] == [{"id": "wheelchair_manual", "visible": "unsure", "confidence": 0.5}]
    assert (answer["safe"], answer["cast_count"]) == (True, 2)


async def test_a_picture_of_the_wrong_things_is_unsafe() -> None:
    answer = await check_picture(Eye({**SEEN, "props": ["a dagger"]}).backends(), checklist(), [b"picture"])
    assert answer["safe"] is False
    assert answer["reasons"] == ["The picture may be unsafe: violence."]


@pytest.mark.parametrize(
    ("what", "visible"),
    [
        ("the hero wears a yellow dress", "visible"),
        ("the hero wears a green coat", "not_visible"),
        ("skin of the colour #8d5524", "visible"),
        ("round blue glasses", "visible"),
        ("a power wheelchair with a joystick", "not_visible"),
        ("a fox beside the hero", "visible"),
    ],
)
def test_whatever_is_asked_is_judged_by_its_words(what: str, visible: str) -> None:
    assert check_trait({"id": "asked", "what": what}, SEEN)["visible"] == visible


HOLDS = (
    "a small round chest port bump below one collarbone. Side: the chest port is on the hero's own {} side: on the …"
)


@pytest.mark.parametrize(
    ("drawn", "asked", "visible"),
    [
        ("left chest port", "left", "visible"), ("left chest port", "right", "not_visible"),
        ("chest port", "right", "unsure"), ("cape", "right", "not_visible"),
    ],
)  # fmt: skip
def test_on_the_other_side_is_not_there(drawn: str, asked: str, visible: str) -> None:
    seen = {**SEEN, "heroes": [{**SEEN["heroes"][0], "features": [drawn]}]}
    assert check_trait({"id": "port_a_cath", "what": HOLDS.format(asked)}, seen)["visible"] == visible


ADA = {
    "role": "the hero",
    "kind": "a human child",
    "skin": "#8d5524",
    "hair": "curly black",
    "clothing": "yellow dress",
}
BEN = {
    "role": "the second hero",
    "kind": "a human child",
    "skin": "#8d5524",
    "hair": "short red",
    "clothing": "green coat",
}
FOX, OWL = {"role": "the companion", "kind": "a fox, small"}, {"role": "the helper", "kind": "an owl, round"}
MOMENT = {
    "scene": "the hero and the companion find a lantern", "setting": "a foggy forest", "time": "night",
    "weather": "fog", "props": "lantern", "action": "reaching out a hand", "wish": "more stars",
}  # fmt: skip


def as_drawn(*heroes: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """What the painter notes of heroes in these words."""
    looks = [
        look_of(HeroLines(one["kind"], worn={label: one[label] for label in ("skin", "hair", "clothing")}))
        for one in heroes
    ]
    noted = [
        {"species": look.species, "kind": look.kind, "skin": look.skin, **look.words, "features": []} for look in looks
    ]
    return {
        **SEEN, "heroes": noted, "companion": "fox", "helper": None, "setting": "forest", "action": "reaching", **more,
    }  # fmt: skip


async def seen_in(seen: dict[str, Any] | None, **asked: Any) -> dict[str, dict[str, str]]:
    """What is answered about each thing, by the question's part and the thing's id."""
    block = {"must_show": [], "cast": 2, "style": "soft", **asked}
    answer = await check_picture(Eye(seen).backends(), f"<checklist>{json.dumps(block)}</checklist>", [b"picture"])
    return {part: {one["id"]: one["visible"] for one in answer[part]} for part in ("traits", "characters", "moment")}


async def test_everybody_is_found_by_their_looks_and_nobody_twice() -> None:
    everybody = [ADA, BEN, FOX, OWL]
    found = await seen_in(as_drawn(ADA, BEN, helper="owl"), characters=everybody)
    assert set(found["characters"].values()) == {"visible"}
    found = await seen_in(as_drawn(BEN), characters=everybody)
    assert found["characters"] == {
        "the hero": "not_visible", "the second hero": "visible",
        "the companion": "visible", "the helper": "not_visible",
    }  # fmt: skip
    twin = {**ADA, "role": "the second hero"}
    alone = (await seen_in(as_drawn(ADA), characters=[ADA, twin]))["characters"]
    assert sorted(alone.values()) == ["not_visible", "visible"]
    assert (await seen_in(as_drawn(ADA, helper="fox", companion="owl"), characters=[FOX]))["characters"] == {
        "the companion": "visible"
    }


async def test_a_trait_is_looked_for_on_the_one_who_has_it() -> None:
    seen = as_drawn(ADA, BEN)
    seen["heroes"][1]["features"] = ["hearing aids"]
    aids = {"what": "small bright hearing aids"}
    must_show = [
        {**aids, "id": "hearing_aids", "who": "the hero"},
        {**aids, "id": "of the second", "who": "the second hero"},
    ]
    found = await seen_in(seen, must_show=must_show, characters=[ADA, BEN])
    assert found["traits"] == {"hearing_aids": "not_visible", "of the second": "visible"}
    found = await seen_in(as_drawn(BEN), must_show=must_show, characters=[ADA, BEN])
    assert found["traits"] == {"hearing_aids": "unsure", "of the second": "not_visible"}


@pytest.mark.parametrize(
    ("drawn", "part", "visible"),
    [
        ({}, "", ""), ({"setting": "beach"}, "setting", "not_visible"), ({"time": "day"}, "time", "not_visible"),
        ({"weather": "snow"}, "weather", "not_visible"), ({"props": ["gift"]}, "props", "not_visible"),
        ({"action": "sleeping"}, "action", "not_visible"),
        ({"setting": "kitchen", "weather": "clear"}, "weather", "unsure"),
    ],
)  # fmt: skip
async def test_a_moment_is_told_from_others_part_by_part(drawn: dict[str, Any], part: str, visible: str) -> None:
    found = (await seen_in(as_drawn(ADA, **drawn), moment=MOMENT))["moment"]
    assert list(found) == ["setting", "time", "weather", "props", "action"]
    if part:
        assert found[part] == visible
    else:
        assert set(found.values()) == {"visible"}


@pytest.mark.parametrize(
    ("action", "drawn", "visible"),
    [
        ("walking on", "standing", "visible"), ("waiting and hoping", "holding", "visible"),
        ("sitting down", "holding", "not_visible"),
    ],
)  # fmt: skip
async def test_what_a_seat_or_a_full_hand_makes_of_a_posture_is_that_posture(
    action: str, drawn: str, visible: str
) -> None:
    assert (await seen_in(as_drawn(ADA, action=drawn), moment={**MOMENT, "action": action}))["moment"][
        "action"
    ] == visible


async def test_of_a_foreign_picture_nobody_and_nothing_is_known() -> None:
    found = await seen_in(None, characters=[ADA, FOX], moment=MOMENT)
    assert set(found["characters"].values()) | set(found["moment"].values()) == {"unsure"}


def test_a_close_picture_cannot_lack_what_is_below_its_edge() -> None:
    close = {**SEEN, "camera": "close", "heroes": [{**SEEN["heroes"][0], "features": []}]}
    assert check_trait({"id": "wheelchair_manual", "what": "a manual wheelchair"}, close)["visible"] == "unsure"
    assert check_trait({"id": "glasses", "what": "glasses"}, close)["visible"] == "not_visible"


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "<checklist>[]</checklist>",
        '<checklist>{"must_show": [1], "cast": 1}</checklist>',
        '<checklist>{"must_show": [], "cast": 1, "characters": [{}]}</checklist>',
        '<checklist>{"must_show": [], "cast": 1, "moment": ["night"]}</checklist>',
    ],
)
async def test_without_a_checklist_there_is_no_answer(prompt: str) -> None:
    with pytest.raises(UnanswerablePromptError):
        await check_picture(Eye(SEEN).backends(), prompt, [b"picture"])


async def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(VendorError) as refused:
        await check_picture(Eye(SEEN).backends(), checklist(), [b"words"])
    assert refused.value.body["error"]["code"] == "invalid_image"
    with pytest.raises(UnanswerablePromptError):
        await check_picture(Eye(SEEN).backends(), checklist(), [])
