"""The body of /v1/images/edits: a form with files, or JSON with data URLs."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from studio.openai_api import openai_error, read_json
from studio.schema import types_of
from studio.validation import check_request, read_spec

_MAX_BYTES = 50 * 1024 * 1024  # a picture's size limit (OpenAI, images/edits)
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
    try:
        form = await request.post()
    except ValueError as error:
        raise openai_error(400, "Could not parse multipart form.", code="invalid_multipart_form_data") from error
    files = [value for name in ("image", "image[]") for value in form.getall(name, [])]
    body: dict[str, Any] = {
        name: _read_value(name, value)
        for name, value in form.items()
        if name not in {"image", "image[]"} and isinstance(value, str)
    }
    if files:
        body["image"] = files
    check_request("images.edit", body)
    return body, [_read_file(field, at) for at, field in enumerate(files)]


def _read_value(name: str, text: str) -> Any:
    """A form knows only text: read it as what the parameter should be; nonsense stays text and is refused as such."""
    properties: Mapping[str, Any] = read_spec("openai")["requests"]["images.edit"]["properties"]
    types = types_of(properties.get(name, {}))
    if "integer" in types and text.lstrip("-").isdecimal():
        return int(text)
    if "boolean" in types and text in {"true", "false"}:
        return text == "true"
    return text


def _read_file(field: object, at: int) -> Upload:
    if not isinstance(field, web.FileField):
        raise openai_error(
            400, "Invalid type for 'image': expected a file, but got a string instead.", param="image",
            code="invalid_type",
        )  # fmt: skip
    return _check_upload(field.file.read(), at)


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
