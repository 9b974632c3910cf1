"""What an engine gives back, and what every engine is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from studio.voice.languages import ENGLISH
from studio.voice.segmentation import Span, Word

Samples = npt.NDArray[np.float32]
SILENT_WORD = 0.12  # seconds for a dash or an emoji


@dataclass(frozen=True)
class VoiceParameters:
    """How to say it. `speed` 1.0 is the voice's own pace; `stability` 0–1, higher is steadier."""

    voice_id: str
    speed: float
    stability: float
    seed: int
    language: str = ENGLISH
    """espeak-ng's name of the language's voice."""

    @classmethod
    def of(cls, voice_id: str, settings: Mapping[str, float], seed: int, language: str = ENGLISH) -> "VoiceParameters":
        """Read ElevenLabs' voice settings; ValueError names one that is out of its range."""
        speed, stability = float(settings.get("speed", 1.0)), float(settings.get("stability", 0.5))
        if not 0.7 <= speed <= 1.2:
            raise ValueError(f"speed must be between 0.7 and 1.2, not {speed}")
        if not 0.0 <= stability <= 1.0:
            raise ValueError(f"stability must be between 0 and 1, not {stability}")
        return cls(voice_id, speed, stability, seed, language)


@dataclass(frozen=True)
class Utterance:
    """A phrase said: mono samples in -1…1 at `rate` Hz, and each word's span in seconds."""

    samples: Samples
    rate: int
    spans: list[Span]


class Engine(Protocol):
    """Whoever makes sound: Piper, or espeak-ng in tests."""

    def synthesise(self, phrase: Sequence[Word], parameters: VoiceParameters) -> Utterance:
        """Say one phrase. A word that turns out to have no sound is SILENT_WORD seconds of silence."""
        ...
