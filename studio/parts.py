"""The studio's makers, as the endpoints see them: awaitable, and where they really run is their own matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from studio.settings import Engine


class UnanswerableError(ValueError):
    """A prompt whose blocks do not say what its schema needs (docs/providers.md)."""


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """A picture to draw. `size` is like 1024x1536; `compression` is the quality of jpeg and webp, 0–100."""

    prompt: str
    size: str
    seed: int
    miss: tuple[str, ...] = ()
    output_format: str = "png"
    compression: int = 100


@dataclass(frozen=True, slots=True)
class Speech:
    """A text read aloud: mp3_44100_128 bytes, and for each character its start and end in seconds."""

    mp3: bytes
    characters: list[str]
    starts: list[float]
    ends: list[float]


class Draw(Protocol):
    async def __call__(self, order: PictureOrder, reference: bytes | None) -> bytes:
        """The encoded picture; what was drawn stands in its metadata."""


class Look(Protocol):
    async def __call__(self, picture: bytes) -> Mapping[str, Any] | None:
        """What a picture shows, if it was drawn here; None for a foreign one. Raises ValueError if it is no picture."""


class Tell(Protocol):
    async def __call__(self, schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
        """The answer to one of the product's prompts; None for a schema that is not one of them.

        Raises UnanswerableError if the prompt lacks what its schema needs.
        """


class Classify(Protocol):
    async def __call__(self, text: str) -> Mapping[str, float]:
        """A score from 0 to 1 for each of the 13 moderation categories."""


class Speak(Protocol):
    async def __call__(
        self, text: str, *, voice_id: str, settings: Mapping[str, Any], engine: Engine, seed: int
    ) -> Speech:
        """The text read aloud. Raises ValueError if there is nothing in it to say."""


@dataclass(frozen=True)
class Parts:
    """Who draws, looks, tells, judges and speaks. Tests give named fakes."""

    draw: Draw
    look: Look
    tell: Tell
    classify: Classify
    speak: Speak


def violations(scores: Mapping[str, float], threshold: float = 0.5) -> Sequence[str]:
    """The categories that a text is flagged for, in alphabetical order."""
    return sorted(category for category, score in scores.items() if score >= threshold)
