"""Whatever makes an answer, as the endpoints see it: awaitable, and where it really runs is its own matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

EngineName = Literal["piper", "espeak"]  # the voices


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A picture to draw. `size` is like 1024x1536; `compression` is the quality of jpeg and webp, 0–100."""

    prompt: str
    size: str
    seed: int
    miss: tuple[str, ...] = ()
    output_format: str = "png"
    compression: int = 100


@dataclass(frozen=True, slots=True)
class Speech:
    """A text read aloud: MP3 (44.1 kHz, 128 kbit/s, mono), and for each character its start and end in seconds.

    The times are those of the decoded sound: an MP3 decoder's delay is already in them.
    """

    mp3: bytes
    characters: list[str]
    starts: list[float]
    ends: list[float]


class GenerateImage(Protocol):
    async def __call__(self, order: ImageRequest, reference: bytes | None) -> bytes:
        """The encoded picture; what was drawn stands in its metadata."""


class DescribeImage(Protocol):
    async def __call__(self, picture: bytes) -> Mapping[str, Any] | None:
        """What a picture shows, if it was drawn here; None for a foreign one. Raises ValueError if it is no picture."""


class AnswerPrompt(Protocol):
    async def __call__(self, schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
        """The answer to one of the product's prompts; None for a schema that is not one of them.

        Raises UnanswerablePromptError if the prompt lacks what its schema needs.
        """


class ClassifyText(Protocol):
    async def __call__(self, text: str) -> Mapping[str, float]:
        """A score from 0 to 1 for each of the 13 moderation categories."""


class SynthesiseSpeech(Protocol):
    async def __call__(
        self, text: str, *, voice_id: str, settings: Mapping[str, Any], engine: EngineName, seed: int
    ) -> Speech:
        """The text read aloud. Raises ValueError if there is nothing in it to say."""


@dataclass(frozen=True)
class Backends:
    """Who draws, looks at pictures, writes, judges and speaks. Tests give named fakes."""

    generate_image: GenerateImage
    describe_image: DescribeImage
    answer_prompt: AnswerPrompt
    classify_text: ClassifyText
    synthesise_speech: SynthesiseSpeech


def flagged_categories(scores: Mapping[str, float], threshold: float = 0.5) -> Sequence[str]:
    """The categories that a text is flagged for, in alphabetical order."""
    return sorted(category for category, score in scores.items() if score >= threshold)
