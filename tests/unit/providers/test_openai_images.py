"""The door to OpenAI, through the real SDK: pictures and judgements."""

from typing import Any

import pytest

from storyloom.providers.openai.client import OpenAI
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.results import Moderated
from tests.unit.providers.openai_requests import JPEG, PNG, check_against_spec, moderation, picture_body
from tests.unit.providers.provider import (
    Vendor,
    say_error,
    say_json,
)


async def test_moderation_names_what_it_finds_in_any_text(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(moderation({"hate": False, "violence": False}, {"violence/graphic": True, "violence": True})))
    verdict = await door.moderate(["kind", "cruel", "  "])
    check_against_spec(vendor.bodies[0], "CreateModerationRequest")
    assert vendor.bodies[0]["input"] == ["kind", "cruel"]
    assert (verdict.flagged, verdict.categories) == (True, ("violence", "violence/graphic"))


async def test_moderation_lets_kind_texts_pass(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(moderation({"hate": False, "illicit": False})))
    verdict = await door.moderate(["kind"])
    assert (verdict.flagged, verdict.categories) == (False, ())


async def test_moderation_keeps_who_judged_how_much_and_the_highest_score(vendor: Vendor, door: OpenAI) -> None:
    """Of two texts each category's higher score; of a category that was not looked at nothing is known."""
    looked = {"hate": False, "illicit": None, "violence": False}
    results = [
        {"flagged": False, "categories": looked, "category_scores": {"hate": 0.001, "violence": score}}
        for score in (0.0213456, 0.003)
    ]
    answer = {"id": "modr_1", "model": "omni-moderation-2024-09-26", "results": results}
    vendor.say(say_json(answer))
    verdict = await door.moderate(["kind", "kinder", ""])
    assert verdict.scores == {"hate": 0.001, "violence": 0.0213456}
    assert verdict.record() == Moderated(
        model="omni-moderation-2024-09-26", texts=2, score=0.0213, category="violence", categories=2
    )


async def test_without_a_name_the_model_is_the_one_that_was_asked_and_blank_texts_have_no_record(
    vendor: Vendor, door: OpenAI
) -> None:
    vendor.say(say_json({"results": [{"flagged": False, "categories": {"hate": False}}]}))
    record = (await door.moderate(["kind"])).record()
    assert record == Moderated(model="omni-moderation-latest", texts=1, categories=1)
    assert (await door.moderate(["  "])).record() is None


@pytest.mark.parametrize(
    "scores", [None, [], "0.2", {"violence": None}, {"violence": "high"}, {"violence": -0.1}, {"violence": 7}]
)
async def test_an_odd_score_is_none_and_the_judgement_counts(vendor: Vendor, door: OpenAI, scores: Any) -> None:
    result = {"flagged": True, "categories": {"violence": True}, "category_scores": scores}
    vendor.say(say_json({"model": "omni-moderation-latest", "results": [result]}))
    verdict = await door.moderate(["cruel"])
    assert (verdict.flagged, verdict.categories, verdict.scores) == (True, ("violence",), {})


async def test_a_category_without_a_plain_name_is_unnamed_on_record(vendor: Vendor, door: OpenAI) -> None:
    result = {"flagged": False, "categories": {"hate": False}, "category_scores": {"a\0<b>": 0.3, "hate": 0.2}}
    vendor.say(say_json({"results": [result]}))
    record = (await door.moderate(["odd"])).record()
    assert record is not None
    assert (record.score, record.category) == (0.3, "unnamed")


async def test_a_flag_without_a_name_is_a_flag(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json({"results": [{"flagged": True, "categories": {}}]}))
    assert (await door.moderate(["odd"])).flagged


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"results": []},
        {"results": [{"flagged": False, "categories": {}}]},
        {"results": [{"flagged": "no", "categories": {}}, {"flagged": False, "categories": {}}]},
        {"results": [{"categories": {}}, {"flagged": False, "categories": {}}]},
        {"results": [{"flagged": False}, {"flagged": False, "categories": {}}]},
        "fine",
    ],
)
async def test_moderation_fails_closed(vendor: Vendor, door: OpenAI, body: Any) -> None:
    vendor.say(say_json(body))
    with pytest.raises(RetryableError):
        await door.moderate(["one", "two"])


async def test_a_picture_is_drawn(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(picture_body(PNG)))
    data, call = await door.draw("Hero: a robot child", size="1024x1024", purpose="portrait")
    check_against_spec(vendor.bodies[0], "CreateImageRequest")
    assert data == PNG
    assert call.cost_usd == pytest.approx(200 * 5e-6 + 100 * 8e-6 + 4000 * 32e-6)
    assert (call.model, call.request_id, call.purpose) == ("gpt-image-1.5", "req_42", "portrait")


async def test_a_picture_is_drawn_after_its_reference(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(picture_body(PNG)))
    await door.redraw("Hero: a robot child", size="1024x1536", reference=JPEG, purpose="cover")
    (form,) = vendor.bodies
    assert vendor.paths == ["/v1/images/edits"]
    assert form.pop("image[]") == ("reference.jpeg", "image/jpeg", JPEG)
    assert form == {
        "model": "gpt-image-1.5",
        "prompt": "Hero: a robot child",
        "size": "1024x1536",
        "quality": "high",
        "n": "1",
        "output_format": "png",
        "input_fidelity": "high",
    }


@pytest.mark.parametrize(
    "body",
    [picture_body(b"GIF89a"), {"data": []}, {"data": [{"b64_json": "%%%"}]}, {"data": [{"url": "http://x"}]}, []],
)
async def test_what_is_no_picture_is_tried_again(vendor: Vendor, door: OpenAI, body: Any) -> None:
    vendor.say(say_json(body))
    with pytest.raises(RetryableError):
        await door.draw("Hero", size="1024x1024", purpose="portrait")


async def test_a_refused_picture_is_final(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_error(400, "moderation_blocked"))
    with pytest.raises(PermanentError) as raised:
        await door.redraw("Hero", size="1024x1536", reference=PNG, purpose="scene_1")
    assert (raised.value.code, raised.value.request_id) == ("content_refused", "req_42")
