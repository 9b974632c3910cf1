"""How long the vendors take: not at all (instant), or as long as they really do (realistic), seeded by the call.

Ranges in seconds are what a story of four scenes was seen to take: 30–60 for its words in all, 30–45 for a
picture, 45–90 for its narration in all.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from studio.api_call import ApiCall
from studio.settings import LatencyProfile

_WORDS: Mapping[str, tuple[float, float]] = {
    "outline": (8.0, 14.0),
    "scene_text": (5.0, 10.0),
    "story_check": (3.0, 6.0),
    "activities": (6.0, 12.0),
    "picture_check": (2.0, 4.0),
}
_OTHERS: Mapping[str, tuple[float, float]] = {
    "responses": (3.0, 6.0),
    "images.generate": (30.0, 45.0),
    "images.edit": (30.0, 45.0),
    "text_to_speech": (45.0 / 4, 90.0 / 4),
    "moderations": (0.2, 0.6),
}


@dataclass(frozen=True, slots=True)
class Latency:
    """A profile and the factor on all its times."""

    profile: LatencyProfile = "instant"
    scale: float = 1.0

    def seconds(self, call: ApiCall) -> float:
        """How long the whole answer takes, making it included. The same call always takes the same time."""
        if self.profile == "instant":
            return 0.0
        least, most = _WORDS.get(call.schema or "", _OTHERS[call.endpoint])
        return random.Random(f"latency {call.seed}").uniform(least, most) * self.scale
