"""The one client of OpenAI, or of whatever speaks its protocol at OPENAI_BASE_URL.

One call is one request: the SDK's own retries are off, since the job is retried. Every call goes through OpenAI's gate
and has a hard end, every failure comes out as RetryableError, PermanentError or ProviderUnavailable with OpenAI's
request id, every call stands in the job's usage, and no message of the vendor's is passed on.
"""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from storyloom.providers.answers import read_answer
from storyloom.providers.errors import CallFailedError, Outcome, not_allowed
from storyloom.providers.openai.answers import (
    ModerationAnswer,
    PictureAnswer,
    PictureType,
    TextAnswer,
    failed,
    failed_in_body,
    media_type,
)
from storyloom.providers.openai.requests import first_limit, larger_limit, strict_schema, with_feedback, write_blocks
from storyloom.providers.ports import Moderation, OnText
from storyloom.providers.resilience.gate import Gate, gate_of
from storyloom.providers.usage import Call
from storyloom.runtime.settings import OpenAISettings
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import ProviderCall

if TYPE_CHECKING:
    from openai import AsyncOpenAI

M = TypeVar("M", bound=ModelAnswer)
_ANSWERS = ("status", "output", "data", "results")
"""What an answer of OpenAI has one of; an error with status 200 has none."""
A = TypeVar("A", TextAnswer, PictureAnswer, ModerationAnswer)

MAX_REQUESTS = 3
"""How often one question is asked in all when the answers do not fit its schema."""
MAX_FAULTS_TOLD = 5
"""How many places of a bad answer are named when it is asked for again."""

log = structlog.get_logger()


class OpenAI:
    """Answers in words and pictures. Safe to share between the tasks of one event loop; ``close`` when done.

    Every method raises RetryableError (busy, slow, broken), PermanentError (``content_refused``, ``bad_request``,
    ``bad_answer``) or ProviderUnavailable (no answer, our key is refused, or our allowance is used up). ``gate`` is the
    process's own if left out.
    """

    def __init__(self, settings: OpenAISettings, gate: Gate | None = None) -> None:
        self._settings = settings
        self._gate = gate
        self._sdk: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    @property
    def shut(self) -> bool:
        """Whether OpenAI is known to be unavailable: a call now is a probe at best. Read it in the event loop."""
        return self._own_gate().shut is not None

    def warm_up(self) -> None:
        """Import the SDK in the background, so that the first call need not wait seconds for it."""
        threading.Thread(target=_import, name="openai-import", daemon=True).start()

    async def parse(
        self,
        answer: type[M],
        *,
        name: str,
        prompt: str,
        blocks: Mapping[str, Any],
        images: Sequence[bytes] = (),
        purpose: str,
        on_text: OnText | None = None,
    ) -> tuple[M, ProviderCall]:
        """Ask for a JSON answer of the model's shape, by the strict schema called ``name``.

        ``on_text`` is given the whole JSON text so far, again and again. An answer that misses the schema or holds text
        that cannot be kept (storyloom.story.model_text) is asked for again with what was wrong as a ``feedback`` block,
        one that ran out of tokens with more of them; the call that comes back carries the cost of all. ``images`` are
        PNG, JPEG or WebP bytes.
        """
        model = self._settings.vision_model if images else self._settings.text_model
        calls: list[ProviderCall] = []
        said, limit = dict(blocks), first_limit(model)
        for asked in range(1, MAX_REQUESTS + 1):
            request = {
                "model": model,
                "instructions": prompt,
                "input": [{"role": "user", "content": _content(said, images)}],
                "text": {"format": _format(answer, name)},
                "max_output_tokens": limit,
                "store": False,  # the vendor need not keep what is said about a child
            }
            call = Call("openai", "responses", model, purpose)
            async with self._call(call, self._settings.text_timeout) as sdk:
                reply = await (_stream(sdk, call, request, on_text) if on_text else _request(sdk, call, request))
                call.cost_usd = reply.cost(model)
                fitting, faults = _fit(answer, reply.texts(call.request_id))
                call.outcome = Outcome.OK if fitting is not None else Outcome.BAD_ANSWER
            calls.append(call.entry())
            if fitting is not None:
                return fitting, _sum(calls)
            why = {"schema": name, "asked": asked, "request_id": call.request_id}
            if reply.out_of_tokens:
                log.warning("openai.out_of_tokens", limit=limit, reasoning_tokens=reply.reasoning_tokens, **why)
                larger = larger_limit(model, limit)
                if larger is None:
                    break
                limit = larger
            else:
                log.warning("openai.bad_answer", status=reply.status, **why)
                said = with_feedback(blocks, faults)
        reason = f"OpenAI's answers do not fit {name}"
        if reply.out_of_tokens:
            reason = (
                f"OpenAI's answer to {name} broke off at the {request['max_output_tokens']} tokens that it may have"
            )
        raise PermanentError(reason, code="bad_answer", request_id=call.request_id)

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        """Judge texts. Fails closed: an answer that cannot be read, or lacks a text, is a RetryableError."""
        texts = [text for text in texts if text.strip()]
        if not texts:
            return Moderation(flagged=False)
        model = self._settings.moderation_model
        call = Call("openai", "moderations", model, "moderation")
        seconds = min(self._settings.moderation_timeout, self._settings.text_timeout)
        async with self._call(call, seconds) as sdk:
            reply = await sdk.moderations.create(model=model, input=texts, extra_headers=call.headers)
            answer = _read(ModerationAnswer, reply, call)
            if len(answer.results) != len(texts):
                raise RetryableError("OpenAI's moderation left texts out", request_id=call.request_id)
        return answer.judgement(model)

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw a picture: PNG bytes, or what came in their place. ``size`` is OpenAI's, such as 1024x1536."""
        call = Call("openai", "images.generate", self._settings.image_model, purpose)
        async with self._call(call, self._settings.image_timeout) as sdk:
            reply = await sdk.images.generate(**self._picture(prompt, size), extra_headers=call.headers)
            picture = _read_picture(reply, call)
        return picture, call.entry()

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw a picture of whoever is on the reference (PNG or JPEG bytes), kept as like as the model can."""
        kind = _media_type(reference)
        image = [(f"reference.{kind.removeprefix('image/')}", reference, kind)]
        call = Call("openai", "images.edit", self._settings.image_model, purpose)
        async with self._call(call, self._settings.image_timeout) as sdk:
            reply = await sdk.images.edit(
                image=image, input_fidelity="high", **self._picture(prompt, size), extra_headers=call.headers
            )
            picture = _read_picture(reply, call)
        return picture, call.entry()

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await sdk.close()

    def _picture(self, prompt: str, size: str) -> dict[str, Any]:
        settings = self._settings
        return {
            "model": settings.image_model,
            "prompt": prompt,
            "size": size,
            "quality": settings.image_quality,
            "n": 1,
            "output_format": "png",
        }

    @asynccontextmanager
    async def _call(self, call: Call, seconds: float) -> AsyncIterator["AsyncOpenAI"]:
        """One call through the gate, its failures translated; ``call`` is to learn what the answer says."""
        sdk = await self._open()
        from storyloom.providers.openai.errors import TRANSLATOR  # noqa: PLC0415 - it imports the SDK: see _connect

        async with self._own_gate().call(call, seconds=seconds, errors=TRANSLATOR):
            if sdk is None:
                log.error("openai.no_key", set="OPENAI_API_KEY")
                raise not_allowed(None)
            yield sdk

    def _own_gate(self) -> Gate:
        settings = self._settings
        return self._gate or gate_of(
            "openai",
            settings.openai_base_url,
            settings,
            calls=settings.openai_concurrency,
            most=settings.openai_max_concurrency,
        )

    async def _open(self) -> "AsyncOpenAI | None":
        """The SDK's client, made at the first call; None without a key."""
        if not self._settings.openai_api_key.get_secret_value():
            await asyncio.to_thread(_import)
            return None
        async with self._opening:
            if self._sdk is None:
                # In a thread the heartbeats of running jobs go on.
                self._sdk = await asyncio.to_thread(_connect, self._settings)
        return self._sdk


async def _request(sdk: "AsyncOpenAI", call: Call, request: dict[str, Any]) -> TextAnswer:
    # Not responses.parse: it names the schema after the class, and it drops request id and usage with a bad answer.
    return _read(TextAnswer, await sdk.responses.create(**request, extra_headers=call.headers), call)


async def _stream(sdk: "AsyncOpenAI", call: Call, request: dict[str, Any], on_text: OnText) -> TextAnswer:
    text = ""
    stream = await sdk.responses.create(**request, stream=True, extra_headers=call.headers)
    call.request_id = stream.response.headers.get("x-request-id", "")
    async with stream:
        if stream.response.headers.get("content-type", "").startswith("application/json"):
            # No stream: an error with status 200, or whatever stands between us and OpenAI does not stream.
            return _read(TextAnswer, json.loads(await stream.response.aread()), call)
        async for event in stream:
            # The SDK passes on whatever came: an event may lack what its type promises, or be none at all.
            match getattr(event, "type", None):
                case "response.output_text.delta":
                    text += str(getattr(event, "delta", ""))
                    await on_text(text)
                case "response.completed" | "response.incomplete" | "response.failed":
                    return _read(TextAnswer, getattr(event, "response", None), call)
                case "error":
                    raise failed(getattr(event, "code", None), call.request_id)
    raise CallFailedError(Outcome.CUT, RetryableError("OpenAI's stream ended too soon", request_id=call.request_id))


def _content(blocks: Mapping[str, Any], images: Sequence[bytes]) -> list[dict[str, str]]:
    pictures = [{"type": "input_image", "detail": "auto", "image_url": _data_url(image)} for image in images]
    return [{"type": "input_text", "text": write_blocks(blocks)}, *pictures]


def _data_url(image: bytes) -> str:
    return f"data:{_media_type(image)};base64,{base64.b64encode(image).decode()}"


def _media_type(image: bytes) -> PictureType:
    kind = media_type(image)
    if kind is None:
        raise PermanentError("a picture for OpenAI is neither PNG, JPEG nor WebP", code="bug")
    return kind


def _read(kind: type[A], reply: Any, call: Call) -> A:
    """The checked answer; the call learns its request id. The SDK may answer with anything: see answers.py."""
    call.request_id = call.request_id or getattr(reply, "_request_id", None) or ""
    plain = reply.to_dict(warnings=False) if isinstance(reply, BaseModel) and hasattr(reply, "to_dict") else reply
    if isinstance(plain, dict) and plain.get("error") and not any(plain.get(key) for key in _ANSWERS):
        raise failed_in_body(plain["error"], call.request_id or None)
    answer = read_answer(kind, plain, provider="OpenAI", request_id=call.request_id or None)
    call.answered_by = getattr(answer, "model", None) or ""
    return answer


def _read_picture(reply: Any, call: Call) -> bytes:
    answer = _read(PictureAnswer, reply, call)
    call.cost_usd = answer.cost(call.model)
    return answer.picture(call.request_id)


def _format(answer: type[ModelAnswer], name: str) -> dict[str, Any]:
    return {"type": "json_schema", "name": name, "strict": True, "schema": strict_schema(answer)}


def _fit(kind: type[M], texts: Sequence[str]) -> tuple[M | None, list[str]]:
    """The first of the texts that is what was asked for; else what is wrong with the first, by place, unquoted."""
    faults: list[str] = []
    for text in texts:
        try:
            return kind.model_validate_json(text), []
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS_TOLD]
            faults = faults or [_say(one["loc"], one["msg"]) for one in found]
    return None, faults or ["it was empty"]


def _say(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, place))}: {message}" if place else message


def _sum(calls: Sequence[ProviderCall]) -> ProviderCall:
    """The last call, with the time and the cost of all."""
    seconds, cost = sum(call.seconds for call in calls), sum(call.cost_usd for call in calls)
    return calls[-1].model_copy(update={"seconds": seconds, "cost_usd": cost})


def _import() -> None:
    # The SDK takes seconds to import, and imports its resources at first touch: whoever pulls them in here spares a
    # running job the pause.
    import openai.resources.images  # noqa: PLC0415
    import openai.resources.moderations  # noqa: PLC0415
    import openai.resources.responses  # noqa: F401, PLC0415

    import storyloom.providers.openai.errors  # noqa: F401, PLC0415 - it imports the SDK


def _connect(settings: OpenAISettings) -> "AsyncOpenAI":
    """A client that asks once: the job is retried, not the request."""
    _import()
    from openai import AsyncOpenAI, Timeout  # noqa: PLC0415 - see _import

    return AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=Timeout(max(settings.text_timeout, settings.image_timeout), connect=10.0),
    )
