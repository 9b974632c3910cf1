"""The studio's own storyteller, painter and eye in this process, on small pictures, in the place of a provider."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from storyloom.providers.openai.requests import write_blocks
from storyloom.providers.ports import Moderation, OnText
from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import ProviderCall
from studio.backends import Backends, ImageRequest, Speech
from studio.moderation import classify
from studio.painting.picture import draw
from studio.picture_check import check_picture
from studio.prompt_blocks import read_blocks
from studio.storyteller.answers import answer_prompt
from studio.worker_tasks import describe_image

M = TypeVar("M", bound=ModelAnswer)
CALL = ProviderCall(provider="openai", model="studio", request_id="req_1", seconds=0)
SMALL = 16
"""So many times smaller than the product's are these pictures."""


class StudioInProcess:
    """The studio's own storyteller, painter and look at pictures, without its server."""

    def __init__(self) -> None:
        self.backends = Backends(self.generate_image, self.describe, self.answer, self.classify, self.speak)

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        return paint(prompt, size, None), CALL

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        return paint(prompt, size, reference), CALL

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        return Moderation(flagged=False)

    async def parse(
        self, answer: type[M], *, name: str, prompt: str, blocks: Mapping[str, Any], purpose: str,
        images: Sequence[bytes] = (), on_text: OnText | None = None,
    ) -> tuple[M, ProviderCall]:  # fmt: skip
        words = write_blocks(blocks)
        if name == "picture_check":
            return answer.model_validate(await check_picture(self.backends, words, images)), CALL
        return answer.model_validate(answer_prompt(name, read_blocks(words), seed=7)), CALL

    async def describe(self, picture: bytes) -> Mapping[str, Any] | None:
        return describe_image(picture)

    async def classify(self, text: str) -> Mapping[str, float]:
        return classify(text)

    async def generate_image(self, order: ImageRequest, reference: bytes | None) -> bytes:
        raise NotImplementedError

    async def answer(self, schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
        raise NotImplementedError

    async def speak(self, text: str, **_: Any) -> Speech:
        raise NotImplementedError


@cache
def paint(prompt: str, size: str, reference: bytes | None) -> bytes:
    wide, high = (int(side) // SMALL for side in size.split("x"))
    seed = int(hashlib.sha256(prompt.encode() + (reference or b"")).hexdigest()[:8], 16)
    return draw(prompt, size=(wide, high), seed=seed, reference=reference).png
