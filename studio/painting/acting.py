"""From the prompt's words for action and emotion to postures and expressions that can be drawn."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from studio.painting.identity import Look
from studio.painting.props import Prop

_ACTIONS: Mapping[str, str] = MappingProxyType({
    "sleeping": r"sleep(?:s|ing)?\b|asleep|nap\b|napping|dream|doz|tuck|lying|lies down",
    "hugging": r"hug|cuddl|embrac|snuggl",
    "waving": r"wav(?:e|ing)|greet|hello|goodbye|farewell",
    "reading": r"\bread(?:s|ing)?\b|studying|looking at (?:a|the) (?:map|book|letter)",
    "pointing": r"point|showing|discover|spot(?:s|ting)",
    "cheering": r"cheer|celebrat|jump|danc|clap|hooray|throw|twirl|leap|arms (?:up|wide)",
    "reaching": r"reach|stretch|offer|giv(?:e|ing)|touch|petting|strok|hand(?:s|ing) over|help|plant|pull|push|open",
    "walking": r"walk|run|wander|explor|march|step|climb|follow|roll|travel|hurr|skip|set(?:s|ting)? (?:off|out)|ride|go(?:es|ing)\b|cross",
    "holding": r"hold|carr|lift|rais|clutch|grip|light(?:s|ing)",
    "sitting": r"\bsit|resting|perch|kneel|seated",
    "hands together": r"hop(?:e|ing)\b|wish|whisper|pray|hid(?:e|ing)|shiver|waiting",
    "hands on hips": r"stand(?:s|ing) (?:tall|firm|proud)|proud|brave",
    "wondering": r"think|wonder|listen|look|ponder|peer|watch|gaz|ask|search|notic",
})  # fmt: skip
_EMOTIONS: Mapping[str, str] = MappingProxyType({
    "worried": r"worr|nervous|anxious|afraid|scared|fright|uneas|shy|fear|unsure|hesita",
    "crying": r"\bcry|\btears?\b|tearful|weep|sob",
    "sad": r"\bsad|lonel|disappoint|grief|upset|homesick",
    "surprised": r"surpris|amaz|astonish|\bawe|shock|wonder(?!ing)|startl",
    "brave": r"brave|determin|courag|confiden|bold|strong|focus|angry|frustrat|resolute|stubborn",
    "sleepy": r"sleep|tired|drows|yawn|dreamy",
    "curious": r"curio|interest|puzzl|thought|wondering|intrigu|hopeful",
    "proud": r"proud|relie|grateful|love|content|satisf|triumph|warm",
    "happy": r"happ|joy|delight|excit|glad|cheer|laugh|giggl|merry|playful|smil",
    "calm": r"calm|peace|gentle|quiet|cosy|cozy|safe|serene",
})  # fmt: skip
_BY_EMOTION: Mapping[str, str] = MappingProxyType({
    "worried": "hands together", "brave": "hands on hips", "curious": "wondering", "surprised": "cheering", "happy": "waving",
})  # fmt: skip
_IN_BED = re.compile(r"\bin (?:an? |the )?(?:\w+ )?bed\b")
_FREE_HAND = {"standing", "holding", "walking", "wondering", "hands on hips", "hands together", "sitting"}


def emotion_in(*texts: str) -> str:
    """The expression of the first text that names one; calm otherwise."""
    return _first(_EMOTIONS, texts) or "calm"


def posture_in(action: str, scene: str, emotion: str) -> str:
    """The posture of the action's words, else of the scene's, else what the emotion suggests."""
    posture = _first(_ACTIONS, (action, scene)) or _BY_EMOTION.get(emotion, "standing")
    return "in bed" if posture != "sleeping" and _IN_BED.search(action.lower()) else posture


def is_acted(asked: str, drawn: str) -> bool:
    """Whether a drawn posture is the one asked for, or what a seat or a thing in the hand makes of it."""
    if asked == "walking" and drawn == "standing":
        return True  # whoever has a chair or a stool does not stride
    return asked == drawn or (drawn == "holding" and asked in _FREE_HAND - {"walking", "sitting"})


def _first(table: Mapping[str, str], texts: Sequence[str]) -> str:
    """Of the first text in which a pattern is found, the one found earliest."""
    for text in texts:
        low = text.lower()
        places = [
            (found.start(), name)
            for name, pattern in table.items()
            if (found := re.search(rf"(?:\b)(?:{pattern})", low))
        ]
        if places:
            return min(places)[1]
    return ""


def hold(look: Look, posture: str, action: str, props: Sequence[Prop]) -> tuple[str, Prop | None]:
    """The posture with a prop in the right hand, if the action puts it there and a hand is free for it.

    The action does by naming the thing, or by holding or carrying; what is merely seen stays on the ground.
    """
    if posture not in _FREE_HAND or look.wears("walker", "crutches", "signing", "power_wheelchair"):
        return posture, None
    low = action.lower()
    grips = [prop for prop in props if prop.grip]
    carried = grips if re.search(rf"\b(?:{_ACTIONS['holding']})", low) else ()
    prop = next((prop for prop in (*(one for one in grips if one.named_in(low)), *carried)), None)
    if prop is None:
        return posture, None
    return (posture if posture in {"walking", "sitting"} else "holding"), prop
