"""The ports of the providers: what the services ask for, whoever fills it.

OpenAI fills StructuredModel, VisionModel and ImageGenerator (storyloom/providers/openai/client.py), ElevenLabs fills
Voice (storyloom/providers/elevenlabs/client.py); the studio stands behind both when there is no network. Every method
raises RetryableError, PermanentError or ProviderUnavailable (storyloom/story/errors.py), and every call stands in the
job's ProviderUsage.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import Moderated, ProviderCall

M = TypeVar("M", bound=ModelAnswer)

OnText = Callable[[str], Awaitable[None]]
"""Is given a streamed answer's text so far, again and again."""


@dataclass(frozen=True, slots=True)
class Moderation:
    """What moderation says: ``categories`` are OpenAI's names, such as ``violence/graphic``, sorted.

    ``model`` is the one that the provider says it was, ``texts`` how many it judged, ``looked_at`` how many categories
    it looked at, ``scores`` the highest of each category over the texts, 0 to 1, as far as they came.
    """

    flagged: bool
    categories: tuple[str, ...] = ()
    model: str = ""
    texts: int = 0
    looked_at: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)

    def after(self, earlier: "Moderation") -> "Moderation":
        """The judgement of texts that were judged before: of both scores the higher one stands."""
        scores = dict(earlier.scores)
        for category, score in self.scores.items():
            scores[category] = max(score, scores.get(category, 0.0))
        return replace(self, scores=scores)

    def record(self) -> Moderated | None:
        """What is kept of it beside texts that it lets pass; None where there was nothing to judge."""
        if not self.texts:
            return None
        category, score = max(sorted(self.scores.items()), key=lambda one: one[1], default=(None, None))
        score = None if score is None else round(score, 4)
        return Moderated(model=self.model, texts=self.texts, score=score, category=category, categories=self.looked_at)


class StructuredModel(Protocol):
    """Writes text in a given shape, and moderates text."""

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
        """An answer of the model's shape, by the schema ``name``; ``on_text`` is given its JSON as it is written.

        ``blocks`` are the prompt's data (docs/providers.md), ``purpose`` is what the call stands for in the usage.
        """
        ...

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        """What moderation says of the texts together. Fails closed: no judgement is a RetryableError."""
        ...


class VisionModel(Protocol):
    """Looks at pictures, and answers in a given shape."""

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
        """An answer of the model's shape about the images (PNG or JPEG bytes), by the schema ``name``."""
        ...


class ImageGenerator(Protocol):
    """Draws pictures: bytes as they came, PNG where the provider kept to what it was asked, else JPEG or WebP.

    ``size`` is OpenAI's, such as 1024x1536; what comes may have another.
    """

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw from words alone."""
        ...

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw whoever is on the reference (PNG or JPEG bytes)."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """What is to be read: one scene, and its neighbours' text (None where there is none) for the tone of voice.

    ``speed`` 1 is the voice's own pace, 0.7 to 1.2 is what can be asked.
    """

    text: str
    voice_id: str
    purpose: str
    previous: str | None = None
    next: str | None = None
    seed: int | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """Characters and their spans in seconds, three tuples of one length.

    A character is usually one, but a provider may give several at once, and may have normalised the text ("3" read
    as "three").
    """

    characters: tuple[str, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A passage read: MP3, its decoded length in seconds, when it is first and last heard, and what it cost.

    ``alignment`` is on the sound: its times are finite, never run back and do not go beyond ``seconds``. None if what
    the provider sent with the sound was of no use.
    """

    mp3: bytes
    seconds: float
    heard: tuple[float, float]
    alignment: Alignment | None
    call: ProviderCall


class Voice(Protocol):
    """Reads aloud."""

    async def read(self, passage: Passage) -> Reading:
        """Read a passage."""
        ...
