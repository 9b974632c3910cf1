"""POST /v1/text-to-speech/{voice_id}/with-timestamps: a text read aloud, with the time of every character.

Source: ElevenLabs' API reference, text to speech with timestamps; error bodies as its help pages show them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from aiohttp import web

from studio.calls import Call, draw_seed
from studio.desk import DESK, REQUEST_ID, Dialect, Visit
from studio.parts import Speech
from studio.prices import price_speech
from studio.schema import Problem, find_problems
from studio.validation import read_spec
from studio.vendor_errors import VendorError

_DEFAULT_MODEL = "eleven_multilingual_v2"
_SPOKEN_FORMAT = "mp3_44100_128"
_VOICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = {"eleven_v3": 5_000, "eleven_flash_v2_5": 40_000, "eleven_turbo_v2_5": 40_000}  # characters a request
_LONGEST_OTHERWISE = 10_000
_PYDANTIC_KIND = {
    "minimum": "greater_than_equal", "maximum": "less_than_equal", "min_length": "string_too_short",
    "max_items": "too_long", "value": "enum", "missing": "missing",
}  # fmt: skip


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


def _rate_limited(_call: Call, retry_after: float) -> VendorError:
    return elevenlabs_error(
        429, "too_many_concurrent_requests",
        "Too many concurrent requests. Your current subscription is associated with a maximum of 5 concurrent requests "
        "(running in parallel).", {"Retry-After": f"{max(0, round(retry_after + 0.499))}"},
    )  # fmt: skip


def _server_failed(_call: Call) -> VendorError:
    return elevenlabs_error(500, "internal_server_error", "An internal server error occurred. Please try again.")


_DIALECT = Dialect(_rate_limited, _server_failed)


async def create_speech(request: web.Request) -> web.StreamResponse:
    """Read a text aloud."""
    desk = request.app[DESK]
    body = await _read_body(request)
    voice_id, model = request.match_info["voice_id"], body.get("model_id") or _DEFAULT_MODEL
    _check_call(request, voice_id, model, body["text"])
    settings = {name: value for name, value in (body.get("voice_settings") or {}).items() if value is not None}
    near = [body.get("previous_text"), body.get("next_text")]
    own_seed = body.get("seed")
    call = Call(
        endpoint="text_to_speech",
        model=model,
        prompt=body["text"],
        seed=draw_seed(body["text"], voice_id, settings, near) if own_seed is None else int(own_seed),
        request_id=request[REQUEST_ID],
    )
    visit = await desk.open(request, call, _DIALECT)
    if visit.fault_name == "refuse":
        raise elevenlabs_error(
            400, "bad_prompt", "Your text appears to have violated our Terms of Service. Please try again with a "
            "different text.",
        )  # fmt: skip
    engine = desk.settings.voice
    try:
        speech = await desk.parts.speak(
            body["text"], voice_id=voice_id, settings=settings, engine=engine, seed=call.seed
        )
    except ValueError as error:
        raise elevenlabs_error(400, "invalid_text", f"The text cannot be read aloud: {error}") from error
    return await _send(visit, speech)


async def _send(visit: Visit, speech: Speech) -> web.StreamResponse:
    characters = len(visit.call.prompt)
    alignment = {
        "characters": speech.characters,
        "character_start_times_seconds": speech.starts,
        "character_end_times_seconds": speech.ends,
    }
    answer = {
        "audio_base64": base64.b64encode(speech.mp3).decode(),
        "alignment": alignment,
        "normalized_alignment": alignment,  # what is written is what is said: numbers are read, not rewritten
    }
    headers = {"character-cost": str(characters)}
    return await visit.send(answer, cost_usd=price_speech(visit.call.model, characters), headers=headers)


async def _read_body(request: web.Request) -> dict[str, Any]:
    """The request's body, valid. Raises 422 in the shape of FastAPI, which ElevenLabs' API is built with."""
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise _unprocessable(
            [{"type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}}]
        ) from error
    problems = find_problems(body, read_spec("elevenlabs")["request"])
    if problems:
        raise _unprocessable([_explain(problem) for problem in problems])
    valid: dict[str, Any] = body
    return valid


def _unprocessable(detail: list[dict[str, Any]]) -> VendorError:
    return VendorError(422, {"detail": detail})


def _explain(problem: Problem) -> dict[str, Any]:
    wanted = problem.limit if isinstance(problem.limit, list) else [problem.limit]
    match problem.kind:
        case "missing":
            message = "Field required"
        case "type":
            message = f"Input should be a valid {next(name for name in wanted if name != 'null')}"
        case "minimum":
            message = f"Input should be greater than or equal to {problem.limit}"
        case "maximum":
            message = f"Input should be less than or equal to {problem.limit}"
        case "value":
            message = f"Input should be {' or '.join(repr(value) for value in wanted)}"
        case "min_length":
            message = f"String should have at least {problem.limit} character"
        case _:
            message = f"Input should satisfy {problem.kind} {problem.limit}"
    kind = _PYDANTIC_KIND.get(problem.kind, f"{wanted[0]}_type" if problem.kind == "type" else problem.kind)
    return {"type": kind, "loc": ["body", *problem.path], "msg": message, "input": problem.value}


def _check_call(request: web.Request, voice_id: str, model: str, text: str) -> None:
    """Raises for a format, a voice or a model that is not there, and for a text that is too long."""
    spec = read_spec("elevenlabs")
    output_format = request.query.get("output_format", _SPOKEN_FORMAT)
    if output_format not in spec["formats"]:
        raise _unprocessable(
            [{"type": "enum", "loc": ["query", "output_format"], "input": output_format,
              "msg": f"Input should be {' or '.join(map(repr, spec['formats']))}"}]
        )  # fmt: skip
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
