"""Answers that a job has paid for, given again when it is interrupted: by a time-out, a drain, a crash, a store away.

A handler is run from its beginning at every attempt. A question that an earlier attempt asked, word for word, is
answered from what was kept, and not paid for again; so the handler comes to where the earlier one was, on whichever
worker it runs. The classes stand before the clients of the providers; storyloom.jobs.stored_answers keeps the answers
in the store. Outside of jobs they only pass on.
"""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import orjson
import structlog

from storyloom.providers.ports import (
    Alignment,
    ImageGenerator,
    Moderation,
    OnText,
    Passage,
    Reading,
    StructuredModel,
    VisionModel,
    Voice,
)
from storyloom.story.errors import PermanentError
from storyloom.story.fingerprint import fingerprint
from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import ProviderCall

T = TypeVar("T")
M = TypeVar("M", bound=ModelAnswer)

REFUSALS = frozenset({"content_refused", "bad_answer"})
"""Ends of a question that were answered, too: what the handler asked next came of them."""

log = structlog.get_logger()


def _ignore() -> None:
    """Nothing is to be done before a question."""


class PaidAnswers:
    """The answers of one attempt. ``earlier`` are those of attempts before it, by name.

    A name is that of a question, and how often this attempt has asked the very same before: the same words twice may
    be answered in two ways. ``before_asking`` is called before each question that is really asked.
    """

    def __init__(
        self, earlier: Mapping[str, bytes] | None = None, *, before_asking: Callable[[], object] = _ignore
    ) -> None:
        self._earlier = dict(earlier or {})
        self._before_asking = before_asking
        self._asked: Counter[str] = Counter()
        self.new: dict[str, Callable[[], bytes]] = {}
        """What this attempt paid for, by name; whoever stores an answer takes it out."""

    async def once(self, question: Sequence[Any], ask: Callable[[], Awaitable[T]], form: "Form[T]") -> T:
        """The answer that an earlier attempt was given, else that of ``ask``. Raises what was, or is, raised for it."""
        name = self._name(question)
        earlier = self._earlier.pop(name, None)
        if earlier is not None and (found := _read(earlier, form)) is not None:
            log.info("answer.paid_before", answer=name)
            if isinstance(found, PermanentError):
                raise found
            return found.answer
        self._before_asking()
        try:
            answer = await ask()
        except PermanentError as refusal:
            if refusal.code in REFUSALS:
                head = {"refused": asdict(refusal)}
                self.new[name] = lambda: orjson.dumps(head) + b"\n"
            raise
        self.new[name] = lambda: _write(answer, form)
        return answer

    def _name(self, question: Sequence[Any]) -> str:
        digest = fingerprint(*question)[:32]
        self._asked[digest] += 1
        return f"{digest}.{self._asked[digest]}"


PAID_ANSWERS: ContextVar[PaidAnswers | None] = ContextVar("paid_answers", default=None)
"""The answers of the job that runs in this task; None outside of jobs."""


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How an answer is kept: as plain JSON and bytes, and back. ``read`` raises ValueError, or KeyError, for others."""

    write: Callable[[T], tuple[dict[str, Any], bytes]]
    read: Callable[[dict[str, Any], bytes], T]


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    answer: T


def _write(answer: T, form: Form[T]) -> bytes:
    head, data = form.write(answer)
    return orjson.dumps(head) + b"\n" + data


def _read(kept: bytes, form: Form[T]) -> "_Found[T] | PermanentError | None":
    """None for what another version kept, or what is damaged: it is asked for again."""
    line, _, data = kept.partition(b"\n")
    try:
        head = orjson.loads(line)
        if "refused" in head:
            return PermanentError(**head["refused"])
        return _Found(form.read(head, data))
    except (ValueError, KeyError, TypeError) as error:
        log.warning("answer.unreadable", error=type(error).__name__)
        return None


async def once(question: Sequence[Any], ask: Callable[[], Awaitable[T]], form: Form[T]) -> T:
    """Ask, unless the job that runs in this task was given the answer in an earlier attempt."""
    answers = PAID_ANSWERS.get()
    return await ask() if answers is None else await answers.once(question, ask, form)


class PaidOnceModel:
    """A StructuredModel whose answers outlive their attempt. Moderation costs nothing, and is asked every time."""

    def __init__(self, model: StructuredModel) -> None:
        self._model = model

    async def parse(
        self,
        answer: type[M],
        *,
        name: str,
        prompt: str,
        blocks: Mapping[str, Any],
        purpose: str,
        on_text: OnText | None = None,
    ) -> tuple[M, ProviderCall]:
        """As StructuredModel's. ``on_text`` is given an earlier answer at once."""
        heard = False

        async def listen(text: str) -> None:
            nonlocal heard
            heard = True
            if on_text is not None:
                await on_text(text)

        async def ask() -> tuple[M, ProviderCall]:
            nonlocal heard
            heard = True
            listener = None if on_text is None else listen
            return await self._model.parse(
                answer, name=name, prompt=prompt, blocks=blocks, purpose=purpose, on_text=listener
            )

        found, call = await once(["parse", name, prompt, blocks], ask, _form_of(answer))
        if not heard and on_text is not None:
            await on_text(found.model_dump_json())
        return found, call

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        """As StructuredModel's."""
        return await self._model.moderate(texts)


class PaidOnceVision:
    """A VisionModel whose answers outlive their attempt."""

    def __init__(self, model: VisionModel) -> None:
        self._model = model

    async def parse(
        self,
        answer: type[M],
        *,
        name: str,
        prompt: str,
        blocks: Mapping[str, Any],
        images: Sequence[bytes],
        purpose: str,
    ) -> tuple[M, ProviderCall]:
        """As VisionModel's."""

        async def ask() -> tuple[M, ProviderCall]:
            return await self._model.parse(
                answer, name=name, prompt=prompt, blocks=blocks, images=images, purpose=purpose
            )

        seen = [_digest(image) for image in images]
        return await once(["look", name, prompt, blocks, seen], ask, _form_of(answer))


class PaidOnceImages:
    """An ImageGenerator whose drawings outlive their attempt."""

    def __init__(self, generator: ImageGenerator) -> None:
        self._generator = generator

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        """As ImageGenerator's."""
        question = ["draw", prompt, size]
        return await once(question, lambda: self._generator.draw(prompt, size=size, purpose=purpose), _DRAWING)

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        """As ImageGenerator's."""

        async def ask() -> tuple[bytes, ProviderCall]:
            return await self._generator.redraw(prompt, size=size, reference=reference, purpose=purpose)

        return await once(["redraw", prompt, size, _digest(reference)], ask, _DRAWING)


class PaidOnceVoice:
    """A Voice whose readings outlive their attempt."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    async def read(self, passage: Passage) -> Reading:
        """As Voice's."""
        asked = asdict(passage)
        if passage.speed == 1:  # as it was asked before there was a speed: what was paid for then is known by it
            del asked["speed"]
        return await once(["read", asked], lambda: self._voice.read(passage), _READING)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _form_of(answer: type[M]) -> Form[tuple[M, ProviderCall]]:
    return Form(
        write=lambda found: ({"call": found[1].model_dump()}, found[0].model_dump_json().encode()),
        read=lambda head, data: (answer.model_validate_json(data), ProviderCall.model_validate(head["call"])),
    )


_DRAWING: Form[tuple[bytes, ProviderCall]] = Form(
    write=lambda drawn: ({"call": drawn[1].model_dump()}, drawn[0]),
    read=lambda head, data: (data, ProviderCall.model_validate(head["call"])),
)


def _write_reading(reading: Reading) -> tuple[dict[str, Any], bytes]:
    alignment = None if reading.alignment is None else asdict(reading.alignment)
    head = {"seconds": reading.seconds, "heard": reading.heard, "alignment": alignment}
    return {**head, "call": reading.call.model_dump()}, reading.mp3


def _read_reading(head: dict[str, Any], data: bytes) -> Reading:
    first, last = head["heard"]
    raw = head["alignment"]
    alignment = None if raw is None else Alignment(**{name: tuple(values) for name, values in raw.items()})
    return Reading(data, head["seconds"], (first, last), alignment, ProviderCall.model_validate(head["call"]))


_READING = Form(write=_write_reading, read=_read_reading)
