"""POST /v1/text-to-speech/{voice_id}/with-timestamps: a text read aloud, with the time of every character.

Source: ElevenLabs' API reference, text to speech with timestamps; error bodies as its help pages show them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from studio.api_call import ApiCall, derive_seed
from studio.backends import Speech
from studio.odd_times import align, align_oddly
from studio.prices import price_speech
from studio.request_context import REQUEST_ID, STATE, RequestContext
from studio.validation import read_spec
from studio.vendor_errors import ErrorFactory, VendorError

_DEFAULT_MODEL = "eleven_multilingual_v2"
_SPOKEN_FORMAT = "mp3_44100_128"
_VOICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = {"eleven_v3": 5_000, "eleven_flash_v2_5": 40_000, "eleven_turbo_v2_5": 40_000}  # characters a request
_LONGEST_OTHERWISE = 10_000
_T = TypeVar("_T")
_Share = Annotated[float, Field(ge=0, le=1)]
_RequestIds = Annotated[list[str], Field(max_length=3)]


class VoiceSettings(BaseModel):
    """How to read; the bounds are those of ElevenLabs' guide."""

    stability: _Share | None = None
    use_speaker_boost: bool | None = None
    similarity_boost: _Share | None = None
    style: _Share | None = None
    speed: Annotated[float, Field(ge=0.7, le=1.2)] | None = None


class PronunciationDictionary(BaseModel):
    """Taken and not used: the studio knows no dictionaries."""

    pronunciation_dictionary_id: str
    version_id: str | None = None


class Normalization(StrEnum):
    """Whether numbers are spelled out; taken and not used."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class SpeechBody(BaseModel):
    """The request's body. pydantic validates it, as it does behind ElevenLabs' own API: its errors are the vendor's."""

    text: Annotated[str, Field(min_length=1)]
    model_id: str = _DEFAULT_MODEL
    language_code: str | None = None
    voice_settings: VoiceSettings | None = None
    pronunciation_dictionary_locators: Annotated[list[PronunciationDictionary], Field(max_length=3)] = []
    seed: Annotated[int, Field(ge=0, le=4_294_967_295)] | None = None
    previous_text: str | None = None
    next_text: str | None = None
    previous_request_ids: _RequestIds = []
    next_request_ids: _RequestIds = []
    apply_text_normalization: Normalization = Normalization.AUTO
    apply_language_text_normalization: bool = False


_BODY = TypeAdapter(SpeechBody)


@cache
def _formats() -> TypeAdapter[Any]:
    names = {name: name for name in read_spec("elevenlabs")["formats"]}
    formats: Any = StrEnum("OutputFormat", names)  # type: ignore[misc]  # mypy knows no enum that is made of data
    return TypeAdapter(formats)


def elevenlabs_error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> VendorError:
    """An error body as ElevenLabs sends it: {"detail": {"status", "message"}}."""
    return VendorError(status, {"detail": {"status": kind, "message": message}}, headers)


def check_key(request: web.Request, refused: AbstractSet[str]) -> None:
    """Raises 401 in ElevenLabs' words for a missing or a refused key."""
    key = request.headers.get("xi-api-key", "").strip()
    if not key:
        raise elevenlabs_error(
            401, "needs_authorization", "Neither authorization header nor xi-api-key received, please provide one."
        )
    if key in refused or key.startswith("wrong"):
        raise elevenlabs_error(401, "invalid_api_key", "Invalid API key")


def _rate_limited(_call: ApiCall, retry_after: float) -> VendorError:
    return elevenlabs_error(
        429, "too_many_concurrent_requests",
        "Too many concurrent requests. Your current subscription is associated with a maximum of 5 concurrent requests "
        "(running in parallel).", {"Retry-After": f"{max(0, round(retry_after + 0.499))}"},
    )  # fmt: skip


def _server_failed(_call: ApiCall) -> VendorError:
    return elevenlabs_error(500, "internal_server_error", "An internal server error occurred. Please try again.")


def _key_refused(status: int) -> VendorError:
    if status == 403:
        return elevenlabs_error(403, "missing_permissions", "The API key is missing the permission text_to_speech.")
    return elevenlabs_error(401, "invalid_api_key", "Invalid API key")


def _out_of_quota() -> VendorError:
    return elevenlabs_error(
        401, "quota_exceeded", "This request exceeds your quota. You have 0 credits remaining."
    )  # fmt: skip


_ERRORS = ErrorFactory(_rate_limited, _server_failed, _key_refused, _out_of_quota)


async def create_speech(request: web.Request) -> web.StreamResponse:
    """Read a text aloud."""
    state = request.app[STATE]
    body = await _read_body(request)
    voice_id, model = request.match_info["voice_id"], body.model_id or _DEFAULT_MODEL
    _check_call(request, voice_id, model, body.text)
    settings = body.voice_settings.model_dump(exclude_none=True) if body.voice_settings else {}
    near = [body.previous_text, body.next_text]
    call = ApiCall(
        endpoint="text_to_speech",
        model=model,
        prompt=body.text,
        seed=derive_seed(body.text, voice_id, settings, near) if body.seed is None else body.seed,
        request_id=request[REQUEST_ID],
    )
    context = await state.accept(request, call, _ERRORS)
    if context.fault_name == "refuse":
        raise elevenlabs_error(
            400, "bad_prompt", "Your text appears to have violated our Terms of Service. Please try again with a "
            "different text.",
        )  # fmt: skip
    engine = state.settings.voice
    try:
        speech = await state.backends.synthesise_speech(
            body.text, voice_id=voice_id, settings=settings, engine=engine, seed=call.seed
        )
    except ValueError as error:
        raise elevenlabs_error(400, "invalid_text", f"The text cannot be read aloud: {error}") from error
    return await _send(context, speech)


async def _send(context: RequestContext, speech: Speech) -> web.StreamResponse:
    characters = len(context.call.prompt)
    fault = context.fault
    if fault is not None and fault.fault == "odd_times":
        alignment, normalised = align_oddly(speech, fault.flaw, fault.share)
    else:
        alignment, normalised = align(speech)
    answer = {
        "audio_base64": base64.b64encode(speech.mp3).decode(),
        "alignment": alignment,
        "normalized_alignment": normalised,
    }
    headers = {"character-cost": str(characters)}
    return await context.send(answer, cost_usd=price_speech(context.call.model, characters), headers=headers)


async def _read_body(request: web.Request) -> SpeechBody:
    """The request's body. Raises 422 in the shape of FastAPI, which ElevenLabs' API is built with."""
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise _unprocessable(
            [{"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}}]
        ) from error
    return _validate(_BODY, body, "body")


def _validate(wanted: TypeAdapter[_T], value: Any, *where: str) -> _T:
    try:
        return wanted.validate_python(value)
    except ValidationError as error:
        found = json.loads(error.json(include_url=False))
        raise _unprocessable([{**each, "loc": [*where, *each["loc"]]} for each in found]) from error


def _unprocessable(detail: list[dict[str, Any]]) -> VendorError:
    return VendorError(422, {"detail": detail})


def _check_call(request: web.Request, voice_id: str, model: str, text: str) -> None:
    """Raises for a format, a voice or a model that is not there, and for a text that is too long."""
    spec = read_spec("elevenlabs")
    output_format = request.query.get("output_format", _SPOKEN_FORMAT)
    _validate(_formats(), output_format, "query", "output_format")
    if output_format != _SPOKEN_FORMAT:
        raise elevenlabs_error(
            403, "output_format_not_allowed", f"The requested output format {output_format} is not available here; "
            f"{_SPOKEN_FORMAT} is.",
        )  # fmt: skip
    if not _VOICE_ID.fullmatch(voice_id):
        raise elevenlabs_error(
            400, "invalid_uid", f"An invalid ID has been received: '{voice_id}'. Make sure to provide a correct one."
        )
    if voice_id.startswith("missing"):
        raise elevenlabs_error(404, "voice_not_found", f"A voice with the voice_id {voice_id} was not found.")
    if model not in spec["models"]:
        raise elevenlabs_error(404, "model_not_found", f"A model with the model_id {model} was not found.")
    longest = _LONGEST.get(model, _LONGEST_OTHERWISE)
    if len(text) > longest:
        raise elevenlabs_error(
            400, "max_character_limit_exceeded", f"This request's text has {len(text)} characters and exceeds the "
            f"character limit of {longest} characters.",
        )  # fmt: skip
