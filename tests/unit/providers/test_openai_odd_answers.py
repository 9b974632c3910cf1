"""The door to OpenAI, through the real SDK: answers as they really come, odd, broken off or hidden errors."""

import base64
import io
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from PIL import Image

from storyloom.providers.openai.answers import failed_in_body
from storyloom.providers.openai.client import OpenAI
from storyloom.providers.openai.requests import larger_limit
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from tests.unit.providers.openai_requests import JPEG, PNG, SCENE, TEXT, ask, billed, deaf, picture_body, stream_of
from tests.unit.providers.provider import Vendor, reply_body, say_json, say_raw, say_stream

NULL = '{"paragraphs": ["Zo\\u0000eb ran."], "alt_text": "A fox."}'


def message(*parts: Any, **changes: Any) -> dict[str, Any]:
    return {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": list(parts), **changes}


def said(text: str | None, **changes: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], **changes}


def broken_off(text: str = "", *, reasoning: int = 0, reason: Any = "max_output_tokens") -> dict[str, Any]:
    output = [message(said(text), status="incomplete")] if text else [{"type": "reasoning", "id": "rs", "summary": []}]
    usage = {"input_tokens": 1000, "output_tokens": 16000, "output_tokens_details": {"reasoning_tokens": reasoning}}
    details = {"reason": reason} if reason else None
    return reply_body("", status="incomplete", incomplete_details=details, output=output, usage=usage)


def limits(vendor: Vendor) -> list[int]:
    return [body["max_output_tokens"] for body in vendor.bodies]


def feedback(body: dict[str, Any]) -> list[str]:
    text = body["input"][0]["content"][0]["text"]
    found = json.loads(text.partition("<feedback>")[2].partition("</feedback>")[0] or "[]")
    return list(found)


# --- rejected text


@pytest.mark.parametrize(
    "text",
    [
        NULL,
        '{"paragraphs": ["The fox ran."], "alt_text": "\\u001b[1mA fox."}',
        '{"paragraphs": ["The fox <b>ran</b>."], "alt_text": "A fox."}',
        '{"paragraphs": ["The fox ran.", "' + "na " * 4000 + '"], "alt_text": "A fox."}',
        '{"paragraphs": ["Zo\\ud83d ran."], "alt_text": "A fox."}',
        '{"paragraphs": ["The fox \\u202eran."], "alt_text": "A fox."}',
        '{"paragraphs": ["Zo\\uffff ran."], "alt_text": "A fox."}',
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_text_that_cannot_be_kept_is_asked_for_again_and_told_why(
    vendor: Vendor, door: OpenAI, text: str, streamed: bool
) -> None:
    bad, good = (stream_of(one) if streamed else reply_body(one) for one in (text, TEXT))
    vendor.say(*(say_stream(*one) if isinstance(one, list) else say_json(one) for one in (bad, good)))
    with billed() as bill:
        answer, call = await ask(door, on_text=deaf if streamed else None)
    assert answer == SCENE
    assert [entry.error for entry in bill.calls] == ["bad_answer", None]
    assert call.cost_usd == pytest.approx(sum(entry.cost_usd for entry in bill.calls))
    assert feedback(vendor.bodies[0]) == []
    (told,) = feedback(vendor.bodies[1])
    assert told.startswith("Your last answer could not be used: ")


async def test_the_feedback_names_the_place_and_quotes_nothing(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(reply_body(NULL)), say_json(reply_body(TEXT)))
    await ask(door)
    (told,) = feedback(vendor.bodies[1])
    assert "paragraphs.0 holds a control character" in told
    assert "Zo" not in told


async def test_feedback_on_an_earlier_attempt_is_not_forgotten(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(reply_body(NULL)), say_json(reply_body(TEXT)))
    blocks = {"feedback": ["The text is too long."]}
    await door.parse(type(SCENE), name="scene_text", prompt="Write.", blocks=blocks, purpose="text_1")
    assert feedback(vendor.bodies[1])[0] == "The text is too long."
    assert len(feedback(vendor.bodies[1])) == 2


async def test_three_answers_that_cannot_be_kept_are_a_clear_failure_and_no_bug(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(reply_body(NULL)))
    with pytest.raises(PermanentError) as raised:
        await ask(door)
    assert (raised.value.code, raised.value.request_id, len(vendor.bodies)) == ("bad_answer", "req_42", 3)
    assert "Zo" not in raised.value.reason


# --- incomplete answers


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_broke_off_is_asked_for_again_with_more_tokens(
    vendor: Vendor, door: OpenAI, streamed: bool
) -> None:
    half = broken_off(TEXT[:30])
    first = say_stream({"type": "response.incomplete", "response": half}) if streamed else say_json(half)
    vendor.say(first, say_stream(*stream_of(TEXT)) if streamed else say_json(reply_body(TEXT)))
    assert (await ask(door, on_text=deaf if streamed else None))[0] == SCENE
    assert limits(vendor) == [16_000, 32_000]
    assert feedback(vendor.bodies[1]) == []


async def test_tokens_eaten_by_reasoning_are_told_as_such_and_the_limit_grows_to_an_end(
    vendor: Vendor, door: OpenAI
) -> None:
    vendor.say(say_json(broken_off(reasoning=16_000)))
    with pytest.raises(PermanentError, match="broke off at the 64000 tokens") as raised:
        await ask(door)
    assert raised.value.code == "bad_answer"
    assert limits(vendor) == [16_000, 32_000, 64_000]


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-4o-mini", [16_000]),
        ("gpt-4.1", [16_000, 32_000]),
        ("gpt-4-turbo", [4_096]),
        ("o4-mini", [16_000, 32_000, 64_000]),
    ],
)
async def test_no_model_is_asked_for_more_than_it_can_or_for_the_same_again(
    vendor: Vendor, model: str, asked: list[int]
) -> None:
    door = vendor.door(text_model=model)
    vendor.say(say_json(broken_off(reasoning=100)))
    with pytest.raises(PermanentError, match=f"broke off at the {asked[-1]} tokens"):
        await ask(door)
    assert limits(vendor) == asked
    await door.close()


async def test_an_answer_that_just_fitted_in_is_taken(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(broken_off(TEXT)))
    assert (await ask(door))[0] == SCENE
    assert len(vendor.bodies) == 1


@pytest.mark.parametrize(("reason", "grows"), [("max_output_tokens", True), (None, True), ("new_reason", False)])
async def test_only_tokens_are_answered_with_tokens(vendor: Vendor, door: OpenAI, reason: Any, grows: bool) -> None:
    vendor.say(say_json(broken_off(TEXT[:30], reason=reason)), say_json(reply_body(TEXT)))
    assert (await ask(door))[0] == SCENE
    assert (limits(vendor)[1] > limits(vendor)[0]) == grows


def test_limits_end() -> None:
    limit, steps = 16_000, 0
    while (larger := larger_limit("gpt-5.1", limit)) is not None:
        assert larger >= 1.5 * limit
        limit, steps = larger, steps + 1
    assert (limit, steps) == (64_000, 2)


# --- odd items


ODD: list[Any] = [
    None,
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "content": None},
    {
        "type": "reasoning",
        "id": "rs_2",
        "content": [{"type": "reasoning_text", "text": "{}"}],
        "encrypted_content": "x",
    },
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
    {"type": "item_of_next_year", "content": "not a list"},
    {"type": "compaction", "content": {"a": 1}},
    message(),
    {"type": "message", "role": "assistant", "content": None},
    message(None, said(None), {"type": "part_of_next_year", "text": 7}, {"type": "output_audio", "data": "x"}),
    message(said("Let me think about foxes."), phase="commentary"),
]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str((odd or {}).get("type")))
async def test_items_and_parts_that_we_do_not_know_are_skipped(
    vendor: Vendor, door: OpenAI, odd: Any, before: bool
) -> None:
    good = message(said(TEXT))
    vendor.say(say_json(reply_body("", output=[odd, good] if before else [good, odd])))
    assert (await ask(door))[0] == SCENE
    assert len(vendor.bodies) == 1


async def test_they_are_skipped_at_the_end_of_a_stream_too(vendor: Vendor, door: OpenAI) -> None:
    events = stream_of(TEXT, output=[*ODD, message(None, said(TEXT))])
    vendor.say(say_stream({"type": "response.event_of_next_year", "item": None}, *events))
    assert (await ask(door, on_text=deaf))[0] == SCENE


@pytest.mark.parametrize(
    "output",
    [
        [message(said(TEXT[:20]), said(TEXT[20:]))],
        [message(said(TEXT[:20]), None, said(TEXT[20:]))],
        [message(said(TEXT)), message(said(TEXT))],
        [message(said("First I thought of this.")), message(said(TEXT))],
        [message(said(TEXT)), message(said(""))],
    ],
    ids=["in parts", "in parts with a null", "twice", "after a remark", "before nothing"],
)
async def test_an_answer_in_pieces_or_said_twice_is_the_answer(vendor: Vendor, door: OpenAI, output: Any) -> None:
    vendor.say(say_json(reply_body("", output=output)))
    assert (await ask(door))[0] == SCENE
    assert len(vendor.bodies) == 1


async def test_a_refusal_among_odd_parts_is_a_refusal(vendor: Vendor, door: OpenAI) -> None:
    parts = (None, said(None), {"type": "refusal", "refusal": "No."})
    vendor.say(say_json(reply_body("", output=[None, message(*parts)])))
    with pytest.raises(PermanentError) as raised:
        await ask(door)
    assert raised.value.code == "content_refused"


@pytest.mark.parametrize("output", [None, []])
async def test_an_answer_without_any_output_is_asked_for_again(vendor: Vendor, door: OpenAI, output: Any) -> None:
    vendor.say(say_json(reply_body("", output=output)), say_json(reply_body(TEXT)))
    assert (await ask(door))[0] == SCENE


# --- errors with status 200


def error(code: Any = None, kind: Any = "server_error", text: str = "Something about Mirabel.") -> dict[str, Any]:
    return {"error": {"message": text, "type": kind, "param": None, "code": code}}


SAFETY = "Your request was rejected by the safety system. Include the request ID req_abcdef123456."
BODIES: list[tuple[dict[str, Any], type[Exception], str]] = [
    (error(), RetryableError, "server_error"),
    (error("rate_limit_exceeded", "requests"), RetryableError, "rate_limit_exceeded"),
    (error(None, "overloaded_error"), RetryableError, "overloaded_error"),
    (error(7, {}), RetryableError, "no code"),
    (error("a\0b"), RetryableError, "no code"),
    ({"error": "upstream connect error"}, RetryableError, "no code"),
    ({"error": ["odd"]}, RetryableError, "no code"),
    (error("insufficient_quota", "insufficient_quota"), ProviderUnavailable, "not available"),
    (error(None, "insufficient_quota"), ProviderUnavailable, "not available"),
    (error("invalid_value", "invalid_request_error"), PermanentError, "invalid_value"),
    (error("moderation_blocked", "image_generation_user_error"), PermanentError, "refuses"),
    (error(None, "invalid_request_error", SAFETY), PermanentError, "refuses"),
]


CALLS: dict[str, Callable[[OpenAI], Awaitable[Any]]] = {
    "ask": ask,
    "stream": partial(ask, on_text=deaf),
    "draw": lambda door: door.draw("Hero", size="1024x1024", purpose="portrait"),
    "redraw": lambda door: door.redraw("Hero", size="1024x1024", reference=PNG, purpose="cover"),
    "moderate": lambda door: door.moderate(["kind"]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize("told", BODIES)
async def test_an_error_with_status_200_is_an_error_with_its_request_id(
    vendor: Vendor, door: OpenAI, call: Any, told: tuple[dict[str, Any], type[Exception], str]
) -> None:
    body, kind, reason = told
    vendor.say(say_json(body))
    with billed() as bill, pytest.raises(kind, match=reason) as raised:
        await call(door)
    assert "Mirabel" not in str(raised.value)
    assert [entry.request_id for entry in bill.calls] == ["req_42"]
    assert getattr(raised.value, "request_id", "req_42") == "req_42"


def test_a_request_id_that_stands_in_the_words_alone_is_found_there() -> None:
    assert failed_in_body(error(None, None, SAFETY)["error"], None).request_id == "req_abcdef123456"


async def test_a_whole_answer_where_a_stream_was_asked_for_is_an_answer(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(reply_body(TEXT)))
    assert (await ask(door, on_text=deaf))[0] == SCENE


async def test_a_stream_that_is_json_and_broken_is_tried_again(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_raw(b'{"error": '))
    with pytest.raises(RetryableError):
        await ask(door, on_text=deaf)


# --- refusals without a code


@pytest.mark.parametrize(
    "text",
    [
        SAFETY,
        "Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed.",
        "This request has been blocked by our content filters.",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again.",
        "Your request was rejected by the safety system. safety_violations=[sexual].",
        "The response was filtered due to the prompt triggering the content management policy.",
    ],
)
async def test_a_400_of_the_safety_system_is_a_refusal_also_without_a_code(
    vendor: Vendor, door: OpenAI, text: str
) -> None:
    vendor.say(say_json(error(None, "invalid_request_error", text), 400))
    with pytest.raises(PermanentError) as raised:
        await door.draw("Hero", size="1024x1024", purpose="portrait")
    assert (raised.value.code, raised.value.request_id) == ("content_refused", "req_42")


async def test_what_a_prompt_was_refused_for_is_kept_by_its_category(vendor: Vendor, door: OpenAI) -> None:
    body = error("moderation_blocked")
    body["error"]["moderation_details"] = {"moderation_stage": "input", "categories": ["sexual/minors", "a\0b"]}
    vendor.say(say_json(body, 400))
    with pytest.raises(PermanentError) as raised:
        await door.draw("Hero", size="1024x1024", purpose="portrait")
    assert raised.value.details == {"categories": "sexual/minors, unnamed"}


@pytest.mark.parametrize("text", ["Invalid value: '12x12'.", "Unknown parameter: 'colour'.", ""])
async def test_another_400_is_no_refusal(vendor: Vendor, door: OpenAI, text: str) -> None:
    vendor.say(say_json(error(None, "invalid_request_error", text), 400))
    with pytest.raises(PermanentError) as raised:
        await door.draw("Hero", size="1024x1024", purpose="portrait")
    assert raised.value.code == "bad_request"


async def test_an_errors_code_is_repeated_only_if_it_is_one(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(error("Zo\0ë <b>", None), 422))
    with pytest.raises(PermanentError, match=r"422 UnprocessableEntityError") as raised:
        await ask(door)
    assert "Zo" not in raised.value.reason


# --- pictures in other clothes


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32), "#204080").save(out, form)
    return out.getvalue()


PICTURES = {form: picture(form) for form in ("PNG", "JPEG", "WEBP")}
B64 = {form: base64.b64encode(data).decode() for form, data in PICTURES.items()}
URL_SAFE = base64.urlsafe_b64encode(JPEG + bytes(range(256))).decode()


@pytest.mark.parametrize(
    ("item", "data"),
    [
        ({"b64_json": B64["WEBP"]}, PICTURES["WEBP"]),
        ({"b64_json": B64["JPEG"]}, PICTURES["JPEG"]),
        ({"b64_json": f"data:image/webp;base64,{B64['WEBP']}"}, PICTURES["WEBP"]),
        ({"b64_json": f"data:image/png;charset=utf-8;base64, {B64['PNG']}"}, PICTURES["PNG"]),
        ({"url": f"data:image/png;base64,{B64['PNG']}"}, PICTURES["PNG"]),
        ({"b64_json": None, "url": f"data:image/jpeg;base64,{B64['JPEG']}"}, PICTURES["JPEG"]),
        ({"b64_json": "\n".join(B64["PNG"][at : at + 76] for at in range(0, len(B64["PNG"]), 76))}, PICTURES["PNG"]),
        ({"b64_json": "\r\n  ".join(B64["PNG"])}, PICTURES["PNG"]),
        ({"b64_json": B64["PNG"].rstrip("=")}, PICTURES["PNG"]),
        ({"b64_json": B64["PNG"] + "=="}, PICTURES["PNG"]),
        ({"b64_json": URL_SAFE}, JPEG + bytes(range(256))),
        ({"b64_json": base64.b64encode(PNG[:-1]).decode()[:-1]}, None),
    ],
)
async def test_a_picture_is_found_however_it_is_wrapped_and_paid_once(
    vendor: Vendor, door: OpenAI, item: dict[str, Any], data: bytes | None
) -> None:
    vendor.say(say_json({**picture_body(PNG), "data": [None, item]}))
    drawn, call = await door.draw("Hero", size="1024x1024", purpose="portrait")
    assert drawn == data or (data is None and PNG.startswith(drawn))
    assert len(vendor.bodies) == 1
    assert call.cost_usd > 0


@pytest.mark.parametrize("item", [{"b64_json": ""}, {"b64_json": "data:image/png;base64,"}, {"b64_json": "é" * 8}, {}])
async def test_what_holds_no_picture_is_tried_again_with_its_request_id(
    vendor: Vendor, door: OpenAI, item: dict[str, Any]
) -> None:
    vendor.say(say_json({**picture_body(PNG), "data": [item]}))
    with pytest.raises(RetryableError) as raised:
        await door.draw("Hero", size="1024x1024", purpose="portrait")
    assert raised.value.request_id == "req_42"


async def test_the_names_of_categories_are_words(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json({"results": [{"flagged": True, "categories": {"violence": True, "a\0<b>": True}}]}))
    assert (await door.moderate(["odd"])).categories == ("unnamed", "violence")
