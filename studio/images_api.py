"""POST /v1/images/generations and /v1/images/edits: pictures, really drawn, of the gpt-image models."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

from aiohttp import web

from studio.calls import Call, Endpoint, draw_seed
from studio.desk import DESK, REQUEST_ID, Desk, Dialect, Visit
from studio.image_forms import Upload, read_edit
from studio.openai_api import estimate_tokens, openai_error, rate_limited, read_json, server_failed
from studio.parts import PictureOrder, violations
from studio.prices import price_pictures
from studio.validation import check_model, check_request
from studio.vendor_errors import VendorError
from studio.versions import first_picture

_DIALECT = Dialect(rate_limited, server_failed)
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
    desk = request.app[DESK]
    order = {**_DEFAULTS, **{name: value for name, value in body.items() if value is not None}}
    check_model(endpoint, order["model"])
    _check_support(order)
    call = Call(
        endpoint=endpoint,
        model=order["model"],
        prompt=order["prompt"],
        seed=draw_seed(first_picture(order["prompt"]), order["size"], [upload.digest for upload in uploads]),
        request_id=request[REQUEST_ID],
    )
    visit = await desk.open(request, call, _DIALECT)
    await _refuse_unsafe(desk, visit, order)
    pictures = await _draw_all(desk, visit, order, uploads[0].content if uploads else None)
    usage = count_tokens(order, len(uploads))
    details = usage["input_tokens_details"]
    cost = price_pictures(call.model, details["text_tokens"], details["image_tokens"], usage["output_tokens"])
    answer = {
        "created": int(time.time()),
        "background": "opaque",
        "data": [{"b64_json": base64.b64encode(picture).decode()} for picture in pictures],
        "output_format": order["output_format"],
        "quality": choose_quality(order),
        "size": choose_size(order),
        "usage": usage,
    }
    return await visit.send(answer, cost_usd=cost)


def _check_support(order: dict[str, Any]) -> None:
    """Raises 400 for what the real API can and the studio cannot: streamed and transparent pictures."""
    if order.get("stream"):
        raise openai_error(
            400, "Unsupported value: 'stream' does not support true.", param="stream", code="unsupported_value"
        )
    if order["background"] == "transparent":
        raise openai_error(
            400, "Transparent background is not supported for this model.", param="background", code="invalid_value"
        )


async def _refuse_unsafe(desk: Desk, visit: Visit, order: dict[str, Any]) -> None:
    """Raises the safety system's 400. Lines that say what must never be shown are no reason for it."""
    words = "\n".join(line for line in order["prompt"].splitlines() if not line.startswith("Never:"))
    flagged = violations(await desk.parts.classify(words), _THRESHOLD[order["moderation"]])
    if visit.fault_name == "refuse" and visit.fault:
        flagged = [visit.fault.category]
    if flagged:
        raise moderation_blocked(visit.call, list(flagged))


def moderation_blocked(call: Call, categories: list[str]) -> VendorError:
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


async def _draw_all(desk: Desk, visit: Visit, order: dict[str, Any], reference: bytes | None) -> list[bytes]:
    miss = visit.fault.miss if visit.fault and visit.fault_name == "miss_trait" else ()
    orders = [
        PictureOrder(
            prompt=order["prompt"],
            size=choose_size(order),
            seed=visit.call.seed + at,
            miss=miss,
            output_format=order["output_format"],
            compression=order["output_compression"],
        )
        for at in range(order["n"])
    ]
    return list(await asyncio.gather(*(desk.parts.draw(one, reference) for one in orders)))


def choose_size(order: dict[str, Any]) -> str:
    """The size asked for; left to the model, a square."""
    return "1024x1024" if order["size"] == "auto" else str(order["size"])


def choose_quality(order: dict[str, Any]) -> str:
    """The quality asked for; left to the model, medium."""
    return "medium" if order["quality"] == "auto" else str(order["quality"])


def count_tokens(order: dict[str, Any], references: int) -> dict[str, Any]:
    """The usage of one call, as gpt-image models count it."""
    text = estimate_tokens(order["prompt"])
    pictures = references * _REFERENCE[order.get("input_fidelity") or "low"]
    output = order["n"] * _TOKENS[choose_quality(order)][choose_size(order)]
    return {
        "input_tokens": text + pictures,
        "input_tokens_details": {"text_tokens": text, "image_tokens": pictures},
        "output_tokens": output,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": output},
        "total_tokens": text + pictures + output,
    }
