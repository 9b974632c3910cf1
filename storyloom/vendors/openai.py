"""The one door to OpenAI, or to whatever speaks its protocol at OPENAI_BASE_URL.

One call is one request: the SDK's own retries are off, since the bus retries. Every call has a hard end, every failure
comes out as TryAgain or GiveUp with OpenAI's request id, and no message of the vendor's is passed on.
"""

import asyncio
import base64
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from storyloom.settings import OpenAISettings
from storyloom.story.errors import GiveUp, TryAgain
from storyloom.story.results import ProviderCall
from storyloom.vendors.answers import ModerationAnswer, PictureAnswer, TextAnswer, failed, media_type
from storyloom.vendors.blocks import write_blocks
from storyloom.vendors.schema import strict_schema

if TYPE_CHECKING:
    from openai import AsyncOpenAI

M = TypeVar("M", bound=BaseModel)
A = TypeVar("A", TextAnswer, PictureAnswer, ModerationAnswer)
OnText = Callable[[str], Awaitable[None]]

ASKED = 3
"""How often one question is asked in all when the answers do not fit its schema."""
LONGEST_ANSWER = 16_000
"""Tokens; an outline takes about a thousand."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Call:
    """One call under way, and its request id as soon as it is known."""

    sdk: "AsyncOpenAI"
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Moderation:
    """What moderation says: ``categories`` are OpenAI's names, such as ``violence/graphic``, sorted."""

    flagged: bool
    categories: tuple[str, ...] = ()


class OpenAI:
    """Answers in words and pictures. Safe to share between the tasks of one event loop; ``close`` when done.

    Every method raises TryAgain (busy, slow, broken) or GiveUp (``not_allowed``, ``content_refused``, ``bad_request``,
    ``bad_answer``).
    """

    def __init__(self, settings: OpenAISettings) -> None:
        self._settings = settings
        self._sdk: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

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

        ``on_text`` is given the whole JSON text so far, again and again. An answer that misses the schema is asked for
        again; the call that comes back carries the cost of all. ``images`` are PNG or JPEG bytes.
        """
        model = self._settings.vision_model if images else self._settings.text_model
        request = {
            "model": model,
            "instructions": prompt,
            "input": [{"role": "user", "content": _content(blocks, images)}],
            "text": {"format": {"type": "json_schema", "name": name, "strict": True, "schema": strict_schema(answer)}},
            "max_output_tokens": LONGEST_ANSWER,
            "store": False,  # the vendor need not keep what is said about a child
        }
        call = ProviderCall(provider="openai", model=model, request_id="", seconds=0, purpose=purpose)
        for asked in range(1, ASKED + 1):
            started = time.monotonic()
            reply, request_id = await (self._listen(request, on_text) if on_text else self._ask(request))
            call = _add(call, request_id, started, reply.cost(model))
            try:
                return answer.model_validate_json(reply.text(request_id)), call
            except ValidationError:
                log.warning("openai.bad_answer", schema=name, asked=asked, request_id=request_id)
        raise GiveUp(f"OpenAI's answers do not fit {name}", code="bad_answer", request_id=call.request_id)

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        """Judge texts. Fails closed: an answer that cannot be read, or lacks a text, is a TryAgain."""
        texts = [text for text in texts if text.strip()]
        if not texts:
            return Moderation(flagged=False)
        async with self._calling(self._settings.text_timeout) as call:
            reply = await call.sdk.moderations.create(model=self._settings.moderation_model, input=texts)
            answer, request_id = _read(ModerationAnswer, reply)
        if len(answer.results) != len(texts):
            raise TryAgain("OpenAI's moderation left texts out", request_id=request_id)
        categories = answer.categories()
        return Moderation(flagged=bool(categories), categories=categories)

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw a picture: PNG bytes. ``size`` is OpenAI's, such as 1024x1536."""
        started = time.monotonic()
        async with self._calling(self._settings.image_timeout) as call:
            reply = await call.sdk.images.generate(**self._picture(prompt, size))
            answer, request_id = _read(PictureAnswer, reply)
        return self._drawn(answer, request_id, started, purpose)

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw a picture of whoever is on the reference (PNG or JPEG bytes), kept as like as the model can."""
        kind = _media_type(reference)
        image = [(f"reference.{kind.removeprefix('image/')}", reference, kind)]
        started = time.monotonic()
        async with self._calling(self._settings.image_timeout) as call:
            reply = await call.sdk.images.edit(image=image, input_fidelity="high", **self._picture(prompt, size))
            answer, request_id = _read(PictureAnswer, reply)
        return self._drawn(answer, request_id, started, purpose)

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            await sdk.close()

    async def _ask(self, request: dict[str, Any]) -> tuple[TextAnswer, str]:
        # Not responses.parse: it names the schema after the class, and it drops request id and usage with a bad answer.
        async with self._calling(self._settings.text_timeout) as call:
            return _read(TextAnswer, await call.sdk.responses.create(**request))

    async def _listen(self, request: dict[str, Any], on_text: OnText) -> tuple[TextAnswer, str]:
        text = ""
        async with self._calling(self._settings.text_timeout) as call:
            stream = await call.sdk.responses.create(**request, stream=True)
            call.request_id = stream.response.headers.get("x-request-id", "")
            async with stream:
                async for event in stream:
                    # The SDK passes on whatever came: an event may lack what its type promises, or be none at all.
                    match getattr(event, "type", None):
                        case "response.output_text.delta":
                            text += str(getattr(event, "delta", ""))
                            await on_text(text)
                        case "response.completed" | "response.incomplete" | "response.failed":
                            return _read(TextAnswer, getattr(event, "response", None), call.request_id)
                        case "error":
                            raise failed(getattr(event, "code", None), call.request_id)
        raise TryAgain("OpenAI's stream ended too soon", request_id=call.request_id)

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

    def _drawn(
        self, answer: PictureAnswer, request_id: str, started: float, purpose: str
    ) -> tuple[bytes, ProviderCall]:
        model = self._settings.image_model
        call = ProviderCall(provider="openai", model=model, request_id=request_id, seconds=0, purpose=purpose)
        return answer.png(request_id), _add(call, request_id, started, answer.cost(model))

    @asynccontextmanager
    async def _calling(self, seconds: float) -> AsyncIterator[_Call]:
        """One call that ends within ``seconds``, its failures translated."""
        sdk = self._sdk or await self._open()
        from storyloom.vendors.failures import FAILURES, translate  # noqa: PLC0415 - it imports the SDK: see _open

        call = _Call(sdk)
        try:
            async with asyncio.timeout(seconds):
                yield call
        except FAILURES as error:
            raise translate(error, call.request_id or None) from error

    async def _open(self) -> "AsyncOpenAI":
        if not self._settings.openai_api_key.get_secret_value():
            raise GiveUp("there is no OpenAI key: set OPENAI_API_KEY", code="not_allowed")
        async with self._opening:
            if self._sdk is None:
                # The SDK takes seconds to import; in a thread the heartbeats of running jobs go on.
                self._sdk = await asyncio.to_thread(_connect, self._settings)
        return self._sdk


def _import() -> None:
    # The SDK imports its resources at first touch: whoever pulls them in here spares a running job the pause.
    import openai.resources.images  # noqa: PLC0415 - see OpenAI._open
    import openai.resources.moderations  # noqa: PLC0415
    import openai.resources.responses  # noqa: F401, PLC0415

    import storyloom.vendors.failures  # noqa: F401, PLC0415


def _connect(settings: OpenAISettings) -> "AsyncOpenAI":
    _import()
    from openai import AsyncOpenAI, Timeout  # noqa: PLC0415 - see OpenAI._open

    return AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        max_retries=0,
        timeout=Timeout(max(settings.text_timeout, settings.image_timeout), connect=10.0),
    )


def _content(blocks: Mapping[str, Any], images: Sequence[bytes]) -> list[dict[str, str]]:
    pictures = [{"type": "input_image", "detail": "auto", "image_url": _data_url(image)} for image in images]
    return [{"type": "input_text", "text": write_blocks(blocks)}, *pictures]


def _data_url(image: bytes) -> str:
    return f"data:{_media_type(image)};base64,{base64.b64encode(image).decode()}"


def _media_type(image: bytes) -> str:
    kind = media_type(image)
    if kind is None:
        raise GiveUp("a picture for OpenAI is neither PNG nor JPEG", code="bug")
    return kind


def _read(kind: type[A], reply: Any, request_id: str = "") -> tuple[A, str]:
    """The checked answer and its request id. The SDK may answer with anything, even with text: see answers.py."""
    request_id = request_id or getattr(reply, "_request_id", None) or ""
    plain = reply.to_dict(warnings=False) if isinstance(reply, BaseModel) and hasattr(reply, "to_dict") else reply
    try:
        return kind.model_validate(plain), request_id
    except ValidationError as error:
        raise TryAgain("OpenAI's answer could not be read", request_id=request_id or None) from error


def _add(call: ProviderCall, request_id: str, started: float, cost: float) -> ProviderCall:
    return call.model_copy(
        update={
            "request_id": request_id,
            "seconds": call.seconds + time.monotonic() - started,
            "cost_usd": call.cost_usd + cost,
        }
    )
