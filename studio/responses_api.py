"""POST /v1/responses: words, by JSON schema or plain, at once or streamed; and a look at a picture."""

from __future__ import annotations

import base64
import binascii
import json
import random
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from studio.api_call import ApiCall, derive_seed
from studio.openai_api import ERRORS, estimate_tokens, new_id, openai_error, read_json
from studio.picture_check import check_picture
from studio.prices import price_text
from studio.prompt_blocks import UnanswerablePromptError
from studio.request_context import REQUEST_ID, STATE, AppState, RequestContext
from studio.response_body import Answer, build_response
from studio.response_stream import stream_response
from studio.schema import InvalidSchemaError, find_problems
from studio.schema_instances import generate_instance, generate_sentence
from studio.spoiling import spoil_text
from studio.validation import check_model, check_request, check_strict, write_path
from studio.versions import without_revision

REFUSAL = "I'm sorry, but I can't assist with that request."
# What one picture costs as input, in tokens (developers.openai.com, images and vision: 1024×1024).
_PICTURE_TOKENS = {"low": 85}
_PICTURE_TOKENS_FULL = 765


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request's words and pictures. `first_version` are the words that would have asked for the first version."""

    words: str
    first_version: str
    pictures: list[str]
    picture_tokens: int


async def create_response(request: web.Request) -> web.StreamResponse:
    """Answer one request of the Responses API."""
    state = request.app[STATE]
    body = await read_json(request)
    check_body(body)
    prompt = read_prompt(body)
    wanted = body.get("text", {}).get("format") or {"type": "text"}
    call = ApiCall(
        endpoint="responses",
        model=body["model"],
        prompt=prompt.words,
        seed=derive_seed(wanted, prompt.first_version, prompt.pictures),
        request_id=request[REQUEST_ID],
        schema=wanted.get("name"),
        max_output_tokens=body.get("max_output_tokens"),
    )
    context = await state.accept(request, call, ERRORS)
    text = "" if context.fault_name == "refuse" else await compose(state, call, wanted, prompt)
    if context.fault and context.fault_name == "dirty_text":
        text = spoil_text(text, context.fault.dirt, context.fault.field)
    answer = Answer(
        body=body,
        text=text,
        refusal=REFUSAL if context.fault_name == "refuse" else None,
        input_tokens=estimate_tokens(prompt.words) + prompt.picture_tokens,
        odd=context.fault_name == "odd_items",
    ).truncated(body.get("max_output_tokens"))
    if context.fault and context.fault_name == "incomplete":
        answer = answer.exhausted(body.get("max_output_tokens"), reasoning=context.fault.reasoning)
    return await _send(context, answer)


async def _send(context: RequestContext, answer: Answer) -> web.StreamResponse:
    cost = price_text(context.call.model, answer.input_tokens, answer.output_tokens)
    if answer.body.get("stream"):
        return await stream_response(context, answer, cost_usd=cost)
    return await context.send(build_response(answer, new_id("resp"), new_id("msg")), cost_usd=cost)


def check_body(body: dict[str, Any]) -> None:
    """Raises OpenAI's 400 or 404 for what the API, the model or the studio does not take."""
    check_request("responses", body)
    check_model("responses", body["model"])
    _check_model_parameters(body)
    if body.get("previous_response_id"):
        raise openai_error(
            400, f"Previous response with id '{body['previous_response_id']}' not found.",
            param="previous_response_id", code="previous_response_not_found",
        )  # fmt: skip
    for name in ("background", "conversation", "prompt"):
        if body.get(name):
            # The studio keeps nothing between calls; the real API would.
            raise openai_error(400, f"Unsupported parameter: '{name}'.", param=name, code="unsupported_parameter")
    wanted = body.get("text", {}).get("format", {})
    if wanted.get("type") == "json_schema" and wanted.get("strict"):
        check_strict(wanted["name"], wanted["schema"])


def _check_model_parameters(body: dict[str, Any]) -> None:
    """Reasoning models take no sampling parameters, the others no reasoning."""
    model = body["model"]
    # From gpt-5.1 on, sampling is allowed while there is no reasoning effort, which is the default.
    reasons = model.startswith(("o1", "o3", "o4", "gpt-5-")) or model == "gpt-5"
    never = {"temperature", "top_p"} if reasons and "chat" not in model else set()
    given = {name for name in never if body.get(name) is not None}
    if model.startswith(("gpt-4", "gpt-3", "chatgpt")) and (body.get("reasoning") or {}).get("effort"):
        given.add("reasoning.effort")
    for name in sorted(given):
        raise openai_error(400, f"Unsupported parameter: '{name}' is not supported with this model.", param=name)


def read_prompt(body: dict[str, Any]) -> Prompt:
    """Instructions and all parts of the input, in order. Raises 400 for a picture that is no data URL."""
    words: list[str] = []
    pictures: list[str] = []
    tokens = 0
    messages = [{"content": body["input"]}] if isinstance(body["input"], str) else body["input"]
    for at, message in enumerate(messages):
        content = message["content"]
        parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
        for part_at, part in enumerate(parts):
            if part["type"] == "input_image":
                pictures.append(_read_url(part, f"input[{at}].content[{part_at}].image_url"))
                tokens += _PICTURE_TOKENS.get(part["detail"], _PICTURE_TOKENS_FULL)
            else:
                words.append(part.get("text") or part.get("refusal", ""))
    asked = body.get("instructions") or "", "\n".join(words)
    whole, first_version = ("\n".join(filter(None, parts)) for parts in (asked, without_revision(*asked)))
    return Prompt(whole, first_version, pictures, tokens)


def _read_url(part: dict[str, Any], where: str) -> str:
    url = part.get("image_url") or ""
    if not url.startswith("data:image/") or ";base64," not in url:
        raise openai_error(
            400, f"Invalid '{where}'. Expected a base64-encoded data URL with an image MIME type (e.g. "
            "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got a value without the 'data:' prefix.",
            param=where, code="invalid_value",
        )  # fmt: skip
    return str(url)


async def compose(state: AppState, call: ApiCall, wanted: dict[str, Any], prompt: Prompt) -> str:
    """The answer's text. An answer to a schema fits that schema, or this raises: the studio never sends a wrong one."""
    match wanted["type"]:
        case "text":
            rng = random.Random(call.seed)
            return " ".join(generate_sentence(rng) for _ in range(3))
        case "json_object":
            return json.dumps({"answer": generate_sentence(random.Random(call.seed))})
    schema = wanted["schema"]
    try:
        if call.schema == "picture_check":
            value: Any = await check_picture(state.backends, prompt.words, [_decode(url) for url in prompt.pictures])
        else:
            value = await state.backends.answer_prompt(wanted["name"], prompt.words, call.seed)
    except UnanswerablePromptError as error:
        # The real model would make something up; here it is more useful to say what the prompt lacks.
        raise openai_error(
            400, f"The prompt does not follow docs/providers.md: {error}", param="input", code="unanswerable_prompt"
        ) from error
    try:
        value = generate_instance(schema, call.seed) if value is None else _as_asked(value, schema)
        problems = find_problems(value, schema)
    except InvalidSchemaError as error:
        raise openai_error(
            400, f"Invalid schema for response_format '{wanted['name']}': {error}", param="text.format.schema",
            code="invalid_json_schema",
        ) from error  # fmt: skip
    if problems:
        # Where and what, but not the values: they are the story's words, and this goes into a log.
        where = [f"{write_path(problem.path)}: {problem.kind}" for problem in problems[:5]]
        raise RuntimeError(f"the answer to {call.schema} does not fit its schema: {', '.join(where)}")
    return json.dumps(value, ensure_ascii=False)


def _as_asked(value: Any, schema: dict[str, Any]) -> Any:
    """The answer without what a schema of an earlier release does not know yet."""
    known = schema.get("properties")
    if not isinstance(value, dict) or not isinstance(known, dict) or schema.get("additionalProperties") is not False:
        return value
    return {key: part for key, part in value.items() if key in known}


def _decode(url: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise openai_error(
            400, "The image data you provided does not represent a valid image. Please check your input and try again "
            "with one of the following image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'].",
            code="invalid_image",
        ) from error  # fmt: skip
