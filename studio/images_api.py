"""POST /v1/images/generations and /v1/images/edits: pictures, really drawn, of the gpt-image models."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from studio.api_call import ApiCall, Endpoint, derive_seed
from studio.backends import ImageRequest, flagged_categories
from studio.image_forms import Upload, read_edit
from studio.openai_api import ERRORS, estimate_tokens, openai_error, read_json
from studio.prices import price_pictures
from studio.request_context import REQUEST_ID, STATE, AppState, RequestContext
from studio.response_body import name_model
from studio.spoiling import encode_picture, other_size, spoil_picture
from studio.validation import check_model, check_request
from studio.vendor_errors import VendorError
from studio.versions import without_version_line

_DEFAULTS = {
    "model": "gpt-image-1.5", "size": "auto", "quality": "auto", "output_format": "png", "output_compression": 100,
    "n": 1, "background": "auto", "moderation": "auto",
}  # fmt: skip
_THRESHOLD = {"auto": 0.5, "low": 0.8}
# Output tokens of a picture, by quality and size (developers.openai.com, image generation, cost and latency).
_TOKENS = {
    "low": {"1024x1024": 272, "1024x1536": 408, "1536x1024": 400},
    "medium": {"1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568},
    "high": {"1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208},
}
# Input tokens of a reference picture: 65 a 512-pixel tile and the base, and what high fidelity adds to it.
_REFERENCE = {"low": 323, "high": 323 + 4160}


async def generate_image(request: web.Request) -> web.StreamResponse:
    """Draw from words alone."""
    body = await read_json(request)
    check_request("images.generate", body)
    return await _draw(request, "images.generate", body, [])


async def edit_image(request: web.Request) -> web.StreamResponse:
    """Draw from words and reference pictures."""
    body, uploads = await read_edit(request)
    return await _draw(request, "images.edit", body, uploads)


async def _draw(
    request: web.Request, endpoint: Endpoint, body: dict[str, Any], uploads: list[Upload]
) -> web.StreamResponse:
    state = request.app[STATE]
    parameters = {**_DEFAULTS, **{name: value for name, value in body.items() if value is not None}}
    check_model(endpoint, parameters["model"])
    _check_support(parameters)
    call = ApiCall(
        endpoint=endpoint,
        model=parameters["model"],
        prompt=parameters["prompt"],
        seed=derive_seed(
            without_version_line(parameters["prompt"]), parameters["size"], [upload.digest for upload in uploads]
        ),
        request_id=request[REQUEST_ID],
    )
    context = await state.accept(request, call, ERRORS)
    await _refuse_unsafe(state, context, parameters)
    form = context.fault.form if context.fault and context.fault_name == "odd_picture" else None
    pictures = await _draw_all(state, context, parameters, uploads[0].content if uploads else None)
    if form:
        pictures = [await asyncio.to_thread(spoil_picture, picture, form) for picture in pictures]
    usage = count_tokens(parameters, len(uploads))
    details = usage["input_tokens_details"]
    cost = price_pictures(call.model, details["text_tokens"], details["image_tokens"], usage["output_tokens"])
    answer = {
        "created": int(time.time()),
        "model": name_model(call.model),  # OpenAI does not say it; who stands in for it does
        "background": "opaque",
        "data": [{"b64_json": encode_picture(picture, form)} for picture in pictures],
        "output_format": parameters["output_format"],
        "quality": choose_quality(parameters),
        "size": choose_size(parameters),
        "usage": usage,
    }
    return await context.send(answer, cost_usd=cost)


def _check_support(parameters: dict[str, Any]) -> None:
    """Raises 400 for what the real API can and the studio cannot: streamed and transparent pictures."""
    if parameters.get("stream"):
        raise openai_error(
            400, "Unsupported value: 'stream' does not support true.", param="stream", code="unsupported_value"
        )
    if parameters["background"] == "transparent":
        raise openai_error(
            400, "Transparent background is not supported for this model.", param="background", code="invalid_value"
        )


async def _refuse_unsafe(state: AppState, context: RequestContext, parameters: dict[str, Any]) -> None:
    """Raises the safety system's 400. Lines that say what must never be shown are no reason for it."""
    words = "\n".join(line for line in parameters["prompt"].splitlines() if not line.startswith("Never:"))
    flagged = flagged_categories(await state.backends.classify_text(words), _THRESHOLD[parameters["moderation"]])
    if context.fault_name == "refuse" and context.fault:
        flagged = [context.fault.category]
    if context.fault_name == "refuse_uncoded":
        raise _rejected_uncoded(context.call)
    if flagged:
        raise moderation_blocked(context.call, list(flagged))


def moderation_blocked(call: ApiCall, categories: list[str]) -> VendorError:
    """What the image API answers to a prompt that its safety system rejects."""
    return openai_error(
        400,
        "Your request was rejected by the safety system. If you believe this is an error, contact us at "
        f"help.openai.com and include the request ID {call.request_id}. "
        f"safety_violations=[{', '.join(categories)}].",
        kind="image_generation_user_error",
        code="moderation_blocked",
        moderation_details={"moderation_stage": "input", "categories": categories},
    )


def _rejected_uncoded(call: ApiCall) -> VendorError:
    """The same as it is said at times: in words alone, without a code."""
    return openai_error(
        400,
        "Your request was rejected as a result of our safety system. If you believe this is an error, contact us at "
        f"help.openai.com and include the request ID {call.request_id}.",
    )


async def _draw_all(
    state: AppState, context: RequestContext, parameters: dict[str, Any], reference: bytes | None
) -> list[bytes]:
    miss = context.fault.miss if context.fault and context.fault_name == "miss_trait" else ()
    form = context.fault.form if context.fault and context.fault_name == "odd_picture" else None
    size = choose_size(parameters)
    requests = [
        ImageRequest(
            prompt=parameters["prompt"],
            size=other_size(size) if form == "other_size" else size,
            seed=context.call.seed + at,
            miss=miss,
            output_format=form if form in {"jpeg", "webp"} else parameters["output_format"],
            compression=parameters["output_compression"],
        )
        for at in range(parameters["n"])
    ]
    return list(await asyncio.gather(*(state.backends.generate_image(one, reference) for one in requests)))


def choose_size(parameters: dict[str, Any]) -> str:
    """The size asked for; left to the model, a square."""
    return "1024x1024" if parameters["size"] == "auto" else str(parameters["size"])


def choose_quality(parameters: dict[str, Any]) -> str:
    """The quality asked for; left to the model, medium."""
    return "medium" if parameters["quality"] == "auto" else str(parameters["quality"])


def count_tokens(parameters: dict[str, Any], references: int) -> dict[str, Any]:
    """The usage of one call, as gpt-image models count it."""
    text = estimate_tokens(parameters["prompt"])
    pictures = references * _REFERENCE[parameters.get("input_fidelity") or "low"]
    output = parameters["n"] * _TOKENS[choose_quality(parameters)][choose_size(parameters)]
    return {
        "input_tokens": text + pictures,
        "input_tokens_details": {"text_tokens": text, "image_tokens": pictures},
        "output_tokens": output,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": output},
        "total_tokens": text + pictures + output,
    }
