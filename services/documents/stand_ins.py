"""What an activity really uses: a toy that plays the marble is no marble, and a squirrel called Acorn is no acorn."""

import re
from typing import Any

from storyloom.story.brief import Brief
from storyloom.story.results import Activity, Outline

_ARTICLE = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_PLAYS = (
    r"\b(?:toys?|something|anything|stand-ins?|cushions?|blocks?|drawings?|pictures?)\b[^.;]*\b(?:for|to be|as|of)\s+"
)


def real(activity: Activity, brief: Brief, outline: Outline) -> Activity:
    """The activity with the story's names, and the things that others stand for, told as "it".

    A figure's name counts as one only as it is written (Acorn, not acorn), a place only if it has two words or more
    (Pebble Bay, not river), and the story's thing only if the materials name something harmless in its place.
    """
    figures = [figure.name for figure in (outline.companion, outline.helper) if figure]
    names = [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in [*figures, *(c.name for c in brief.characters)]]
    place = _ARTICLE.sub("", outline.elements.place)
    if " " in place:
        names.append(re.compile(rf"(?<!\w){re.escape(place)}(?!\w)", re.IGNORECASE))
    thing = _ARTICLE.sub("", outline.elements.object)
    played = re.compile(rf"{_PLAYS}(?:the\s+|a\s+|an\s+)?{re.escape(thing)}(?!\w)", re.IGNORECASE)
    if thing and any(played.search(text) for text in activity.materials):
        names.append(re.compile(rf"(?<!\w){re.escape(thing)}(?!\w)", re.IGNORECASE))
    return Activity.model_construct(**_told(dict(activity), names))


def _told(value: Any, names: list[re.Pattern[str]]) -> Any:
    if isinstance(value, str):
        for name in names:
            value = name.sub("it", value)
        return value
    if isinstance(value, tuple):
        return tuple(_told(each, names) for each in value)
    if isinstance(value, dict):
        return {key: _told(each, names) for key, each in value.items()}
    return type(value).model_construct(**_told(dict(value), names))
