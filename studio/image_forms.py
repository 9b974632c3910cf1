"""The body of /v1/images/edits: a form with files, or JSON with data URLs."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web

from studio.openai_api import openai_error, read_json
from studio.schema import types_of
from studio.validation import check_request, read_spec

_MAX_BYTES = 50 * 1024 * 1024  # a picture's size limit (OpenAI, images/edits)
_MOST_BYTES = 256 * 1024 * 1024  # all parts of a form together
_MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


@dataclass(frozen=True, slots=True)
class Upload:
    """One reference picture, as it was sent."""

    content: bytes
    digest: str


async def read_edit(request: web.Request) -> tuple[dict[str, Any], list[Upload]]:
    """Parameters and reference pictures, validated. Raises 400 in OpenAI's words."""
    if request.content_type == "application/json":
        body = await read_json(request)
        check_request("images.edit.json", body)
        return body, [_read_reference(image, at) for at, image in enumerate(body["images"])]
    if request.content_type != "multipart/form-data":
        raise openai_error(
            400, f"Unsupported content type: '{request.content_type}'. This API method only accepts "
            "'multipart/form-data' or 'application/json' requests, but you specified another one.",
            code="unsupported_content_type",
        )  # fmt: skip
    return await _read_form(request)


async def _read_form(request: web.Request) -> tuple[dict[str, Any], list[Upload]]:
    body: dict[str, Any] = {}
    files: list[bytes | str] = []
    room = _MOST_BYTES
    try:
        async for part in await request.multipart():
            name, content = await _read_part(part, room)
            room -= len(content)
            if name == "image":
                files.append(content)
            else:
                body[name] = content if isinstance(content, bytes) else _read_value(name, content)
    except ValueError as error:  # not a form, or not text where text belongs
        raise openai_error(400, "Could not parse multipart form.", code="invalid_multipart_form_data") from error
    if files:
        body["image"] = files
    check_request("images.edit", body)
    return body, [_read_file(content, at) for at, content in enumerate(files)]


async def _read_part(part: MultipartReader | BodyPartReader | None, room: int) -> tuple[str, bytes | str]:
    """A part's name, and its bytes or, of a part that is no file, its text. Raises 413 beyond what there is room for.

    Kept in memory: pictures are a few megabytes. Raises ValueError for a part that is none of a form's.
    """
    if not isinstance(part, BodyPartReader) or not part.name:
        raise ValueError("a part without a name")
    content = bytearray()
    while chunk := await part.read_chunk(1 << 20):
        content += chunk
        if len(content) > room:
            raise web.HTTPRequestEntityTooLarge(max_size=_MOST_BYTES, actual_size=len(content))
    name = part.name.removesuffix("[]")
    return name, bytes(content) if part.filename else content.decode()


def _read_value(name: str, text: str) -> Any:
    """A form knows only text: read it as what the parameter should be; nonsense stays text and is refused as such."""
    properties: Mapping[str, Any] = read_spec("openai")["requests"]["images.edit"]["properties"]
    types = types_of(properties.get(name, {}))
    if "integer" in types and text.lstrip("-").isdecimal():
        return int(text)
    if "boolean" in types and text in {"true", "false"}:
        return text == "true"
    return text


def _read_file(content: bytes | str, at: int) -> Upload:
    if isinstance(content, str):
        raise openai_error(
            400, "Invalid type for 'image': expected a file, but got a string instead.", param="image",
            code="invalid_type",
        )  # fmt: skip
    return _check_upload(content, at)


def _read_reference(image: Mapping[str, str], at: int) -> Upload:
    head, _, data = image.get("image_url", "").partition(",")
    if not head.startswith("data:image/"):
        raise openai_error(
            400, f"Invalid 'images[{at}]': expected a base64-encoded data URL in 'image_url'.",
            param=f"images[{at}].image_url", code="invalid_value",
        )  # fmt: skip
    try:
        return _check_upload(base64.b64decode(data, validate=True), at)
    except binascii.Error as error:
        raise openai_error(
            400, "Invalid base64 image_url.", param=f"images[{at}].image_url", code="invalid_base64"
        ) from error


def _check_upload(content: bytes, at: int) -> Upload:
    if not any(content.startswith(magic) for magic in _MAGIC):
        raise openai_error(
            400, f"Invalid image file or mode for image {at + 1}, please check your image file.", param="image",
            code="invalid_image_file",
        )  # fmt: skip
    if len(content) > _MAX_BYTES:
        raise openai_error(
            400,
            f"Invalid image {at + 1}: file too large. Expected at most 50 MB.",
            param="image",
            code="image_too_large",
        )
    return Upload(content, hashlib.sha256(content).hexdigest())
