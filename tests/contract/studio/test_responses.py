"""The Responses API: against the vendor's file, and through the vendor's own client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
import jsonschema
import openai
import pytest
from pydantic import BaseModel, ConfigDict

Check = Callable[[str, Any], None]
MODEL = "gpt-4.1-mini"
PROMPT = '<brief>{"seed": 1}</brief><scene>{"scene": 1}</scene>'
SCENE_TEXT = {
    "type": "object",
    "properties": {"paragraphs": {"type": "array", "items": {"type": "string"}}, "alt_text": {"type": "string"}},
    "required": ["paragraphs", "alt_text"],
    "additionalProperties": False,
}


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["oak", "birch"]
    height: float
    twigs: list[Leaf] | None


def ask(name: str = "scene_text", schema: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A request body for an answer by schema."""
    shape = {"type": "json_schema", "name": name, "strict": True, "schema": schema or SCENE_TEXT}
    return {"model": MODEL, "input": PROMPT, "text": {"format": shape}, **more}


async def post(http: aiohttp.ClientSession, body: Any) -> tuple[int, Any, aiohttp.ClientResponse]:
    async with http.post("/v1/responses", json=body) as response:
        return response.status, await response.json(), response


async def test_an_answer_is_the_vendors_response_object(http: aiohttp.ClientSession, fits_openai: Check) -> None:
    status, body, response = await post(http, ask(instructions="Write.", metadata={"story": "1"}, temperature=0.5))
    assert status == 200
    fits_openai("Response", body)
    assert (body["id"][:5], body["output"][0]["id"][:4]) == ("resp_", "msg_")
    assert response.headers["x-request-id"].startswith("req_")
    assert body["temperature"] == 0.5
    assert body["instructions"] == "Write."
    said = json.loads(body["output"][0]["content"][0]["text"])
    jsonschema.validate(said, SCENE_TEXT)


async def test_usage_counts_both_sides(http: aiohttp.ClientSession) -> None:
    _, short, _ = await post(http, ask())
    _, long, _ = await post(http, ask(instructions="word " * 400))
    usage = long["usage"]
    assert usage["input_tokens"] > short["usage"]["input_tokens"] + 400
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens"] > 5


async def test_the_sdk_parses_an_answer(openai_client: openai.AsyncOpenAI) -> None:
    class Scene(BaseModel):
        paragraphs: list[str]
        alt_text: str

    # The SDK names a schema after its class; the storyteller knows `scene_text`, so this one is invented.
    response = await openai_client.responses.parse(model=MODEL, input="Say anything.", text_format=Scene)
    assert response.output_parsed is not None
    assert response.output_parsed.alt_text
    assert response._request_id is not None
    assert response._request_id.startswith("req_")
    assert response.usage is not None
    assert response.usage.total_tokens > 0


async def test_the_sdk_streams_the_same_answer(openai_client: openai.AsyncOpenAI) -> None:
    request = ask()
    whole = await openai_client.responses.create(model=MODEL, input=PROMPT, text=request["text"])
    text, kinds = "", []
    async with openai_client.responses.stream(model=MODEL, input=PROMPT, text=request["text"]) as stream:
        async for event in stream:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
                assert event.snapshot == text
        final = await stream.get_final_response()
    assert text == whole.output_text == final.output_text
    assert kinds.count("response.output_text.delta") > 5
    assert [kind for kind in kinds if kind != "response.output_text.delta"] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert final.usage == whole.usage


@pytest.mark.parametrize("fault", [None, "refuse"])
async def test_every_event_of_a_stream_is_the_vendors(
    http: aiohttp.ClientSession, fits_openai: Check, openai_spec: dict[str, Any], fault: str | None
) -> None:
    names = {
        schema["properties"]["type"]["enum"][0]: name
        for name, schema in openai_spec["components"]["schemas"].items()
        if name.endswith("Event") and "enum" in schema.get("properties", {}).get("type", {})
    }
    headers = {"x-studio-fault": fault} if fault else {}
    async with http.post("/v1/responses", json=ask(stream=True), headers=headers) as response:
        assert response.content_type == "text/event-stream"
        assert response.headers["x-request-id"].startswith("req_")
        frames = [frame.split("\n") for frame in (await response.text()).strip().split("\n\n")]
    events = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert [name.removeprefix("event: ") for name, _ in frames] == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        fits_openai(names[event["type"]], event)
    assert ("response.refusal.done" in {event["type"] for event in events}) == bool(fault)


async def test_a_stream_cut_at_its_tokens_ends_incomplete(http: aiohttp.ClientSession, fits_openai: Check) -> None:
    status, body, _ = await post(http, ask(max_output_tokens=16))
    assert status == 200
    fits_openai("Response", body)
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert body["usage"]["output_tokens"] <= 16
    async with http.post("/v1/responses", json=ask(max_output_tokens=16, stream=True)) as response:
        assert "event: response.incomplete" in await response.text()


async def test_a_schema_nobody_knows_gets_an_answer_that_fits_it(openai_client: openai.AsyncOpenAI) -> None:
    for number in range(20):
        response = await openai_client.responses.parse(model=MODEL, input=f"tree {number}", text_format=Leaf)
        assert response.output_parsed is not None
        assert response.output_parsed.kind in {"oak", "birch"}


async def test_an_answer_that_does_not_fit_is_never_sent(http: aiohttp.ClientSession, fits_openai: Check) -> None:
    status, body, _ = await post(http, ask("lie"))
    assert status == 500
    fits_openai("ErrorResponse", body)
    assert body["error"]["type"] == "server_error"


async def test_no_format_means_plain_text(openai_client: openai.AsyncOpenAI) -> None:
    response = await openai_client.responses.create(model=MODEL, input="Tell me something.")
    assert response.output_text.endswith(".")
    assert not response.output_text.startswith("{")


async def test_the_same_request_gets_the_same_answer_and_another_another(http: aiohttp.ClientSession) -> None:
    def said(body: Any) -> str:
        text: str = body["output"][0]["content"][0]["text"]
        return text

    first, again, other = [
        said((await post(http, ask(instructions=words)))[1]) for words in ("A tale.", "A tale.", "Another tale.")
    ]
    assert first == again != other


async def test_a_refusal_is_a_refusal_item(
    http: aiohttp.ClientSession, openai_client: openai.AsyncOpenAI, fits_openai: Check
) -> None:
    await http.post("/studio/faults", json={"fault": "refuse", "match": {"schema": "scene_text"}, "times": 2})
    response = await openai_client.responses.create(model=MODEL, input=PROMPT, text=ask()["text"])
    message = response.output[0]
    assert message.type == "message"
    part = message.content[0]
    assert part.type == "refusal"
    assert part.refusal
    _, body, _ = await post(http, ask())
    fits_openai("Response", body)
    assert body["output"][0]["content"][0]["type"] == "refusal"


async def test_a_prompt_that_breaks_its_contract_is_told_so(http: aiohttp.ClientSession) -> None:
    status, body, _ = await post(http, ask(input="no blocks at all"))
    assert (status, body["error"]["code"]) == (400, "unanswerable_prompt")
    assert "<brief>" in body["error"]["message"]


def say(part: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [part]}]


def odd(schema: dict[str, Any]) -> dict[str, Any]:
    """A request for an answer by a schema that was not held to strict mode."""
    return {"model": MODEL, "input": "x", "text": {"format": {"type": "json_schema", "name": "odd", "schema": schema}}}


LOOSE = {**SCENE_TEXT, "additionalProperties": True}
OPTIONAL = {**SCENE_TEXT, "required": ["paragraphs"]}
PICTURE = {"type": "input_image", "detail": "auto", "image_url": "https://example.com/fox.png"}


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({"model": MODEL}, 400, "input", "missing_required_parameter"),
        ({"input": "x"}, 400, "model", "missing_required_parameter"),
        (ask(colour="red"), 400, "colour", "unknown_parameter"),
        (ask(input=7), 400, "input", "invalid_type"),
        (ask(temperature="hot"), 400, "temperature", "invalid_type"),
        (ask(temperature=2.5), 400, "temperature", "decimal_above_max_value"),
        (ask(max_output_tokens=1), 400, "max_output_tokens", "integer_below_min_value"),
        (ask(truncation="never"), 400, "truncation", "invalid_value"),
        (ask(input=[{"role": "wizard", "content": "x"}]), 400, "input[0].role", "invalid_value"),
        (ask(input=say({"type": "input_text"})), 400, "input[0].content[0].text", "missing_required_parameter"),
        (ask(input=say(PICTURE)), 400, "input[0].content[0].image_url", "invalid_value"),
        (ask("a scene"), 400, "text.format.name", "invalid_value"),
        (ask(schema=LOOSE), 400, "text.format.schema", "invalid_json_schema"),
        (ask(schema=OPTIONAL), 400, "text.format.schema", "invalid_json_schema"),
        (ask(schema={"$ref": "#"}), 400, "text.format.schema", "invalid_json_schema"),
        (odd({"$ref": "#/nowhere"}), 400, "text.format.schema", "invalid_json_schema"),
        (odd({"type": "integer", "minimum": 5, "maximum": 1}), 400, "text.format.schema", "invalid_json_schema"),
        (ask(model="gpt-9-imaginary"), 404, "model", "model_not_found"),
        (ask(model="gpt-5-mini", temperature=0.2), 400, "temperature", None),
        (ask(reasoning={"effort": "low"}), 400, "reasoning.effort", None),
        (ask(previous_response_id="resp_1"), 400, "previous_response_id", "previous_response_not_found"),
        (ask(background=True), 400, "background", "unsupported_parameter"),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_refused_by_the_name_of_its_parameter(
    http: aiohttp.ClientSession, fits_openai: Check, *, body: Any, status: int, param: str, code: str | None
) -> None:
    got, answer, response = await post(http, body)
    assert (got, answer["error"]["param"], answer["error"]["code"]) == (status, param, code)
    fits_openai("ErrorResponse", answer)
    assert answer["error"]["type"] == "invalid_request_error"
    assert response.headers["x-request-id"].startswith("req_")
    assert await (await http.get("/studio/ledger")).json() == []


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(
    http: aiohttp.ClientSession, fits_openai: Check, body: bytes
) -> None:
    async with http.post("/v1/responses", data=body) as response:
        assert response.status == 400
        fits_openai("ErrorResponse", await response.json())


async def test_the_sdk_raises_its_own_exceptions(openai_client: openai.AsyncOpenAI, studio_url: str) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await openai_client.responses.create(model="gpt-9-imaginary", input="x")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        await openai_client.responses.create(model=MODEL, input="x", temperature=3.0)
    assert wrong.value.param == "temperature"
    assert wrong.value.request_id is not None
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        await openai_client.models.list()


async def test_an_older_way_of_asking_is_no_address_here(http: aiohttp.ClientSession, fits_openai: Check) -> None:
    async with http.get("/v1/responses") as response:
        assert response.status == 405
        fits_openai("ErrorResponse", await response.json())
