"""How fast a story is read: bedtime stories more slowly, and the more so the younger the child. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from storyloom.story.brief import Brief

USUAL = 1.0
"""The voice's own pace."""
BEDTIME: Mapping[int, float] = MappingProxyType({3: 0.84, 4: 0.86, 5: 0.88, 6: 0.9, 7: 0.92, 8: 0.93, 9: 0.94})
"""Of that pace, by age; nine stands for all who are older. ElevenLabs takes 0.7 to 1.2; below 0.8 a voice drawls."""


def speed_of(brief: Brief) -> float:
    """The speed that is asked of the voice, 1 being its own."""
    return BEDTIME[min(max(brief.age, 3), 9)] if brief.story_type == "bedtime" else USUAL
