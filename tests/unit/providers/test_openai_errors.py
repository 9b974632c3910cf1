"""The door to OpenAI, through the real SDK, against a vendor that behaves as it likes."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from storyloom.providers.openai.client import OpenAI
from storyloom.runtime.settings import OpenAISettings
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from tests.unit.providers.openai_requests import (
    TEXT,
    ask,
    cut,
    deaf,
    stall,
    stall_in_mid_stream,
    stream_of,
)
from tests.unit.providers.provider import (
    Answer,
    Vendor,
    reply_body,
    say_error,
    say_json,
    say_raw,
    say_stream,
)


@pytest.mark.parametrize(
    ("events", "cut"),
    [(stream_of(TEXT)[:3], True), (stream_of(TEXT)[:3], False), ([], False)],
    ids=["connection lost", "ended without an end", "nothing at all"],
)
async def test_a_stream_that_breaks_off_is_tried_again(
    vendor: Vendor, door: OpenAI, events: list[dict[str, Any]], cut: bool
) -> None:
    vendor.say(say_stream(*events, cut=cut))
    with pytest.raises(RetryableError) as raised:
        await ask(door, on_text=deaf)
    assert raised.value.request_id == "req_42"


@pytest.mark.parametrize(
    "data",
    [
        "[]",
        '"text"',
        "7",
        "{}",
        "{",
        '{"type": "response.completed"}',
        '{"type": "response.completed", "response": {"output": 3}}',
        '{"type": "response.output_text.delta"}',
        '{"type": "error", "code": {}}',
        '{"error": {"message": "m", "code": "server_error"}}',
    ],
)
async def test_a_stream_of_nonsense_is_tried_again(vendor: Vendor, door: OpenAI, data: str) -> None:
    vendor.say(say_raw(f"data: {data}\n\n".encode(), "text/event-stream"))
    with pytest.raises(RetryableError):
        await ask(door, on_text=deaf)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("server_error", RetryableError), ("rate_limit_exceeded", RetryableError), ("invalid_prompt", PermanentError)],
)
async def test_a_failure_in_mid_stream_is_read_by_its_code(
    vendor: Vendor, door: OpenAI, code: str, kind: type[Exception]
) -> None:
    vendor.say(
        say_stream({"type": "error", "code": code, "message": "m", "param": None}),
        say_stream(*stream_of("", end="response.failed", status="failed", error={"code": code, "message": "m"})),
    )
    for _ in range(2):
        with pytest.raises(kind, match=code) as raised:
            await ask(door, on_text=deaf)
        assert getattr(raised.value, "request_id", None) == "req_42"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
async def test_what_may_pass_is_tried_again_by_the_bus_and_not_by_the_sdk(
    vendor: Vendor, door: OpenAI, status: int
) -> None:
    vendor.say(say_error(status))
    with pytest.raises(RetryableError) as raised:
        await ask(door)
    assert raised.value.request_id == "req_42"
    assert raised.value.after is None
    assert len(vendor.bodies) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "1e9"}, 3600),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    ],
)
async def test_a_busy_vendor_says_how_long_to_wait(
    vendor: Vendor, door: OpenAI, headers: dict[str, str], seconds: float | None
) -> None:
    vendor.say(say_error(429, "rate_limit_exceeded", headers))
    with pytest.raises(RetryableError) as raised:
        await ask(door)
    assert raised.value.after == seconds


async def test_a_wait_may_be_named_by_its_end(vendor: Vendor, door: OpenAI) -> None:
    end = datetime.now(UTC) + timedelta(minutes=10)
    vendor.say(say_error(503, None, {"retry-after": format_datetime(end, usegmt=True)}))
    with pytest.raises(RetryableError) as raised:
        await ask(door)
    assert raised.value.after is not None
    assert 60 < raised.value.after <= 600


@pytest.mark.parametrize(
    ("status", "code", "given"),
    [
        (400, "invalid_value", "bad_request"),
        (404, "model_not_found", "bad_request"),
        (422, None, "bad_request"),
        (400, "moderation_blocked", "content_refused"),
        (400, "content_policy_violation", "content_refused"),
    ],
)
async def test_what_will_never_work_is_given_up_without_the_vendors_words(
    vendor: Vendor, door: OpenAI, status: int, code: str | None, given: str
) -> None:
    vendor.say(say_error(status, code))
    with pytest.raises(PermanentError) as raised:
        await ask(door)
    assert (raised.value.code, raised.value.request_id) == (given, "req_42")
    assert "Mirabel" not in raised.value.reason


async def test_without_a_key_nobody_is_asked() -> None:
    door = OpenAI(OpenAISettings(openai_api_key=SecretStr(""), openai_base_url="http://127.0.0.1:9/v1"))
    with capture_logs() as lines, pytest.raises(ProviderUnavailable, match=r"^the provider is not available$"):
        await ask(door)
    assert ("openai.no_key", "OPENAI_API_KEY") in [(line["event"], line.get("set")) for line in lines]


@pytest.mark.parametrize(("status", "code"), [(401, "invalid_api_key"), (403, None), (429, "insufficient_quota")])
async def test_a_provider_that_does_not_let_us_in_is_away_and_says_no_more(
    vendor: Vendor, door: OpenAI, status: int, code: str | None
) -> None:
    """The job waits and spends no attempt; the reason names no vendor, no key, and none of its words."""
    vendor.say(say_error(status, code))
    for _ in range(3):
        with pytest.raises(ProviderUnavailable) as raised:
            await ask(door)
        assert str(raised.value) == "the provider is not available"
        assert raised.value.after <= 10
    assert len(vendor.paths) == 1


async def test_a_vendor_that_is_not_there_is_tried_again() -> None:
    door = OpenAI(OpenAISettings(openai_api_key=SecretStr("k"), openai_base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(RetryableError, match="connection"):
        await ask(door)
    await door.close()


@pytest.mark.parametrize(("answer", "on_text"), [(stall, None), (stall_in_mid_stream, deaf)])
async def test_a_stalled_call_has_an_end(vendor: Vendor, answer: Answer, on_text: Any) -> None:
    door = vendor.door(text_timeout=0.3)
    vendor.say(answer)
    with pytest.raises(RetryableError, match="in time"):
        await ask(door, on_text=on_text)
    await door.close()


async def test_a_connection_cut_in_mid_answer_is_tried_again(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(cut)
    with pytest.raises(RetryableError):
        await ask(door)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "resp_1", "output": [',
        b"[]",
        b'"hello"',
        b"null",
        b"7",
        b"{}",
        b'{"output": 5}',
        b"\xff\xfe{}",
        b"",
        json.dumps(reply_body(TEXT, output=[{"type": "message", "content": [{"text": 3}]}])).encode(),
    ],
)
async def test_an_answer_that_cannot_be_read_is_tried_again(vendor: Vendor, door: OpenAI, body: bytes) -> None:
    vendor.say(say_raw(body), say_raw(body, "text/html"))
    for _ in range(2):
        with pytest.raises(RetryableError):
            await ask(door)


def _message(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}]


@pytest.mark.parametrize(
    "changes",
    [
        {"output": _message({"type": "refusal", "refusal": "I cannot help with Mirabel."})},
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []},
        {"status": "failed", "error": {"code": "image_content_policy_violation", "message": "m"}, "output": []},
    ],
)
async def test_a_refusal_is_final_and_keeps_its_request_id(
    vendor: Vendor, door: OpenAI, changes: dict[str, Any]
) -> None:
    vendor.say(say_json(reply_body("", **changes)))
    with pytest.raises(PermanentError) as raised:
        await ask(door)
    assert (raised.value.code, raised.value.request_id) == ("content_refused", "req_42")
    assert "Mirabel" not in raised.value.reason
