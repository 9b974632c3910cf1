"""What a job has paid for is given again to its next attempt, word for word and in the same order."""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from storyloom.providers.paid_answers import (
    PAID_ANSWERS,
    PaidAnswers,
    PaidOnceImages,
    PaidOnceModel,
    PaidOnceVision,
    PaidOnceVoice,
)
from storyloom.providers.ports import Alignment, Moderation, OnText, Passage, Reading
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import ProviderCall

PASSAGE = Passage(text="Once upon a time", voice_id="v", purpose="narration_1", seed=4)


class Saying(ModelAnswer):
    longest: ClassVar = {"words": 100}

    words: str


class Provider:
    """Fills every port, numbers what it answers, and refuses when told to."""

    def __init__(self, *, refuses: str | None = None) -> None:
        self.asked = 0
        self.refuses = refuses
        self.last_image = b""

    def _call(self) -> ProviderCall:
        self.asked += 1
        if self.refuses:
            raise PermanentError("no", code=self.refuses, request_id="req_no", details={"categories": "hate"})
        return ProviderCall(provider="p", model="m", request_id=f"req_{self.asked}", seconds=1, cost_usd=0.1)

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        call = self._call()
        return f"{prompt}\n{size} {self.asked}".encode() + b"\x00\n\xff", call

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        call = self._call()
        return reference + str(self.asked).encode(), call

    async def parse(
        self,
        answer: Any,
        *,
        name: str,
        prompt: str,
        blocks: Mapping[str, Any],
        purpose: str,
        images: Sequence[bytes] = (),
        on_text: OnText | None = None,
    ) -> tuple[Any, ProviderCall]:
        call = self._call()
        found = answer(words=f"say {self.asked}")
        if on_text is not None:
            await on_text(found.model_dump_json()[:9])
            await on_text(found.model_dump_json())
        return found, call

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        self.asked += 1
        return Moderation(flagged=False)

    async def read(self, passage: Passage) -> Reading:
        alignment = Alignment(("a", "b"), (0.0, 0.5), (0.5, 1.0)) if self.asked else None
        return Reading(b"ID3\n\x00", 1.5, (0.1, 1.4), alignment, self._call())


@contextmanager
def attempt(earlier: dict[str, bytes]) -> Iterator[PaidAnswers]:
    """One attempt at a job: what it pays for is there for the next one."""
    answers = PaidAnswers(earlier)
    token = PAID_ANSWERS.set(answers)
    try:
        yield answers
    finally:
        PAID_ANSWERS.reset(token)
        earlier.update({name: write() for name, write in answers.new.items()})


def questions(provider: Provider) -> list[Any]:
    """One question for every port."""
    images, model = PaidOnceImages(provider), PaidOnceModel(provider)
    ask: dict[str, Any] = {"name": "saying", "prompt": "Say", "blocks": {"b": [1]}, "purpose": "p"}
    vision = PaidOnceVision(provider)
    return [
        lambda: images.draw("a fox", size="8x8", purpose="p"),
        lambda: images.redraw("a fox", size="8x8", reference=b"fox\n", purpose="p"),
        lambda: model.parse(Saying, **ask),
        lambda: vision.parse(Saying, **ask, images=(b"png",)),
        lambda: PaidOnceVoice(provider).read(PASSAGE),
    ]


async def test_every_paid_answer_is_given_again_to_the_next_attempt_and_paid_once() -> None:
    provider, kept = Provider(), dict[str, bytes]()
    with attempt(kept):
        first = [await ask() for ask in questions(provider)]
    with attempt(kept) as answers:
        second = [await ask() for ask in questions(provider)]
    assert second == first
    assert provider.asked == len(first)
    assert not answers.new, "nothing is to be stored again"


async def test_the_same_words_twice_are_two_questions() -> None:
    """A drawing that cannot be decoded is asked for with the same words: it must not come back as its own repeat."""
    provider, kept = Provider(), dict[str, bytes]()
    draw = questions(provider)[0]
    with attempt(kept):
        first = [await draw(), await draw()]
    with attempt(kept):
        assert [await draw(), await draw()] == first
        assert (await draw()) not in first
    assert provider.asked == 3


@pytest.mark.parametrize("code", ["content_refused", "bad_answer"])
async def test_a_refusal_is_an_answer_too_since_the_next_question_came_of_it(code: str) -> None:
    provider, kept = Provider(refuses=code), dict[str, bytes]()
    for _ in range(2):
        with attempt(kept), pytest.raises(PermanentError) as raised:
            await questions(provider)[0]()
        assert (raised.value.code, raised.value.request_id) == (code, "req_no")
        assert raised.value.details == {"categories": "hate"}
    assert provider.asked == 1


async def test_what_failed_otherwise_is_asked_again() -> None:
    kept: dict[str, bytes] = {}
    with attempt(kept), pytest.raises(PermanentError):
        await questions(Provider(refuses="bug"))[0]()
    busy = PaidAnswers()

    async def fail() -> None:
        raise RetryableError("busy")

    with pytest.raises(RetryableError):
        await busy.once(["q"], fail, None)  # type: ignore[arg-type]
    assert (kept, busy.new) == ({}, {})


@pytest.mark.parametrize("damage", [b"", b"{", b"[]\n", b"{}\nx", b'{"refused": {"why": 1}}\n'])
async def test_what_cannot_be_read_is_paid_for_again(damage: bytes) -> None:
    provider, kept = Provider(), dict[str, bytes]()
    asked = questions(provider)
    with attempt(kept):
        await asked[2]()
    kept = dict.fromkeys(kept, damage)
    with attempt(kept):
        await asked[2]()
    assert provider.asked == 2


async def test_a_listener_is_given_an_earlier_answer_whole_and_a_new_one_as_it_comes() -> None:
    provider, kept = Provider(), dict[str, bytes]()
    heard: list[str] = []

    async def listen(text: str) -> None:
        heard.append(text)

    def ask() -> Awaitable[Any]:
        model = PaidOnceModel(provider)
        return model.parse(Saying, name="s", prompt="p", blocks={}, purpose="p", on_text=listen)

    for expected in (['{"words":', '{"words":"say 1"}'], ['{"words":"say 1"}']):
        heard.clear()
        with attempt(kept):
            await ask()
        assert heard == expected


async def test_outside_of_jobs_every_question_is_asked() -> None:
    provider = Provider()
    for ask in questions(provider) * 2:
        await ask()
    assert provider.asked == 10


async def test_moderation_is_asked_every_time() -> None:
    provider, kept = Provider(), dict[str, bytes]()
    for _ in range(2):
        with attempt(kept):
            await PaidOnceModel(provider).moderate(["kind"])
    assert (provider.asked, kept) == (2, {})
