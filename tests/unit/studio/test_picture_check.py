"""The picture check says what was drawn, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from studio.backends import Backends, ImageRequest, Speech
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


def test_a_close_picture_cannot_lack_what_is_below_its_edge() -> None:
    close = {**SEEN, "camera": "close", "heroes": [{**SEEN["heroes"][0], "features": []}]}
    assert check_trait({"id": "wheelchair_manual", "what": "a manual wheelchair"}, close)["visible"] == "unsure"
    assert check_trait({"id": "glasses", "what": "glasses"}, close)["visible"] == "not_visible"


@pytest.mark.parametrize(
    "prompt", ["", "<checklist>[]</checklist>", '<checklist>{"must_show": [1], "cast": 1}</checklist>']
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
