"""The port of whoever reads aloud, and what passes through it."""

from dataclasses import dataclass
from typing import Protocol

from storyloom.story.results import ProviderCall


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard when: characters and their spans in seconds, three tuples of one length.

    A character is usually one, but a provider may give several at once, and may have normalised the text ("3" heard
    as "three").
    """

    characters: tuple[str, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """What is to be read: one scene, and its neighbours' text (None where there is none) for the tone of voice."""

    text: str
    voice_id: str
    purpose: str
    previous: str | None = None
    next: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A passage read: MP3, its decoded length in seconds, what was heard when, and what it cost."""

    mp3: bytes
    seconds: float
    heard: Heard
    call: ProviderCall


class Voice(Protocol):
    """Whoever reads aloud: ElevenLabs, or the studio offline, through the same door."""

    async def read(self, passage: Passage) -> Reading:
        """Read it. Raises RetryableError or PermanentError."""
        ...
