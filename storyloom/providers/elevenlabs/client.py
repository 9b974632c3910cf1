"""The one client of ElevenLabs, or of whatever speaks its protocol at ELEVENLABS_BASE_URL.

One call is one request: the SDK's own retries are off, since the job is retried. Every call goes through ElevenLabs'
gate and has a hard end, every failure comes out as RetryableError, PermanentError or ProviderUnavailable with the
provider's request id, every call stands in the job's usage, and no message of the vendor's is passed on: it may quote
the text.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any

import structlog

from storyloom.providers.elevenlabs.alignment import fit, is_broken_off
from storyloom.providers.elevenlabs.answers import Speech, characters_paid, read_speech, request_id
from storyloom.providers.elevenlabs.mp3 import Sound, measure
from storyloom.providers.errors import not_allowed
from storyloom.providers.ports import Passage, Reading
from storyloom.providers.prices import USD_PER_CHARACTER
from storyloom.providers.resilience.gate import Gate, gate_of
from storyloom.providers.usage import Call
from storyloom.runtime.settings import ElevenLabsSettings
from storyloom.story.errors import RetryableError

log = structlog.get_logger()

if TYPE_CHECKING:
    import httpx
    from elevenlabs import AsyncElevenLabs

OUTPUT_FORMAT = "mp3_44100_128"
_calls: ContextVar[Call] = ContextVar("elevenlabs_call")
"""The call of the task: the SDK drops the headers of an answer that is cut or cannot be read."""


class ElevenLabs:
    """Reads aloud. Safe to share between the tasks of one event loop; ``close`` when done."""

    def __init__(self, settings: ElevenLabsSettings, gate: Gate | None = None) -> None:
        self._settings = settings
        self._gate = gate
        self._sdk: AsyncElevenLabs | None = None
        self._http: httpx.AsyncClient | None = None  # its own, since the SDK cannot close the one it makes
        self._opening = asyncio.Lock()

    async def read(self, passage: Passage) -> Reading:
        """Read a passage: MP3 (44.1 kHz, 128 kbit/s) and the times of its characters, fitted onto the sound.

        Times that are of no use are None: the sound is paid for and good without them. Raises RetryableError (busy,
        slow, broken, an answer that is not sound, or sound of only the text's beginning), PermanentError
        (``content_refused``, ``bad_request``) or ProviderUnavailable (no answer, our key is refused, or our allowance
        is used up).
        """
        call = Call("elevenlabs", "text_to_speech", self._settings.voice_model, passage.purpose)
        async with self._call(call) as sdk:
            reply = await sdk.text_to_speech.with_raw_response.convert_with_timestamps(
                passage.voice_id, **self._request(passage, call)
            )
            call.cost_usd = call.cost_usd or _price(len(passage.text))
            speech = read_speech(reply.headers, reply.data)
            sound = await self._check(speech, passage)
        alignments = (fit(raw, passage.text, sound) for raw in speech.alignments)
        return Reading(
            mp3=speech.mp3,
            seconds=sound.seconds,
            heard=(sound.first, sound.last),
            alignment=next(filter(None, alignments), None),
            call=call.entry(),
        )

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        self._sdk, http, self._http = None, self._http, None
        if http is not None:
            await http.aclose()

    def _request(self, passage: Passage, call: Call) -> dict[str, Any]:
        from elevenlabs import VoiceSettings  # noqa: PLC0415 - see _open

        request: dict[str, Any] = {
            "text": passage.text,
            "model_id": self._settings.voice_model,
            "output_format": OUTPUT_FORMAT,
            "voice_settings": VoiceSettings(stability=0.5, similarity_boost=0.75, style=0.4, speed=passage.speed),
            "request_options": {"max_retries": 0, "additional_headers": call.headers},
        }
        if passage.seed is not None:
            request["seed"] = passage.seed
        # The v3 models refuse neighbours with 400 unsupported_model ("not yet supported with the 'eleven_v3' model").
        if not self._settings.voice_model.startswith("eleven_v3"):
            request |= {"previous_text": passage.previous, "next_text": passage.next}
        return request

    async def _check(self, speech: Speech, passage: Passage) -> Sound:
        """The decoded sound, if it is all of the text."""
        try:
            sound = await measure(speech.mp3)
        except ValueError as error:
            raise RetryableError("ElevenLabs' sound cannot be decoded", request_id=speech.request_id) from error
        if any(is_broken_off(raw, passage.text, sound) for raw in speech.alignments[:1]):
            raise RetryableError("ElevenLabs read only part of the text", request_id=speech.request_id)
        return sound

    @asynccontextmanager
    async def _call(self, call: Call) -> AsyncIterator["AsyncElevenLabs"]:
        """One call through the gate that ends within ``voice_timeout``, its failures translated."""
        settings = self._settings
        sdk = self._sdk or await self._open()
        from storyloom.providers.elevenlabs.errors import TRANSLATOR  # noqa: PLC0415 - it imports the SDK: see _open

        gate = self._gate or gate_of(
            "elevenlabs",
            settings.elevenlabs_base_url,
            settings,
            calls=settings.elevenlabs_concurrency,
            most=settings.elevenlabs_max_concurrency,
        )
        token = _calls.set(call)
        try:
            async with gate.call(call, seconds=settings.voice_timeout, errors=TRANSLATOR):
                if sdk is None:
                    log.error("elevenlabs.no_key", set="ELEVENLABS_API_KEY")
                    raise not_allowed(None)
                yield sdk
        finally:
            _calls.reset(token)

    async def _open(self) -> "AsyncElevenLabs | None":
        """The SDK's client, made at the first call; None without a key."""
        if not self._settings.elevenlabs_api_key.get_secret_value():
            await asyncio.to_thread(import_module, "elevenlabs")
            return None
        async with self._opening:
            if self._sdk is None:
                # The SDK takes seconds to import; in a thread the heartbeats of running jobs go on.
                sdk, self._http = await asyncio.to_thread(_connect, self._settings)
                self._sdk = sdk
        return self._sdk


def _price(characters: int) -> float:
    return round(USD_PER_CHARACTER * characters, 6)


def _connect(settings: ElevenLabsSettings) -> tuple["AsyncElevenLabs", "httpx.AsyncClient"]:
    import httpx  # noqa: PLC0415 - see ElevenLabs._open
    from elevenlabs import AsyncElevenLabs  # noqa: PLC0415 - see ElevenLabs._open

    import storyloom.providers.elevenlabs.errors  # noqa: F401, PLC0415 - see ElevenLabs._open

    http = httpx.AsyncClient(event_hooks={"response": [_note_headers]})
    sdk = AsyncElevenLabs(
        api_key=settings.elevenlabs_api_key.get_secret_value(),
        base_url=settings.elevenlabs_base_url.rstrip("/"),
        timeout=settings.voice_timeout,
        httpx_client=http,
    )
    _ = sdk.text_to_speech  # imported at first touch, which is to happen in this thread too
    return sdk, http


async def _note_headers(response: "httpx.Response") -> None:
    """What the headers say is known even if the rest never comes."""
    call = _calls.get()
    call.request_id = request_id(response.headers) or ""
    if response.is_success:
        call.cost_usd = _price(characters_paid(response.headers))
