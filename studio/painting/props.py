"""Props: which of the prompt's things are known, and drawing them in a hand or on the ground."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from studio.painting.colours import PLAIN, word_in
from studio.painting.stencils import press
from studio.painting.svg import Sheet
from studio.painting.things import THINGS


@dataclass(frozen=True)
class Prop:
    """A thing of the prompt: its stencil's name, and its colour if the words name one."""

    name: str
    colour: str

    @property
    def grip(self) -> str:
        return THINGS[self.name].grip

    def named_in(self, words: str) -> bool:
        return re.search(THINGS[self.name].pattern, words) is not None

    @property
    def wide(self) -> float:
        """The room it takes on the ground."""
        return 104 if self.grip else 176

    @property
    def glows(self) -> bool:
        return THINGS[self.name].glows


# These the place draws, or nobody needs to see: a parcel in their stead would be a thing that the story lacks.
_SCENERY = re.compile(
    r"^(?:moon|(?:\w+[ -])*(?:sun|sky|doors?|walls?|gates?|beds?|trees?|windows?|stairs?|tables?|"
    r"machine|paper|lump|yawn|goodnight|knocks?|tune|giggle|sneeze|hiccups?|words?|password|rule|line|mark|circle|sweets|stickers?))$"
)


def props_in(words: Sequence[str], miss: Sequence[str] = ()) -> list[Prop]:
    """The props of the words, each thing once; what is unknown becomes a small wrapped parcel."""
    found: dict[str, Prop] = {}
    for low in map(str.lower, words):
        if _SCENERY.search(low):
            continue
        name = next((name for name, thing in THINGS.items() if re.search(thing.pattern, low)), "parcel")
        word = word_in(low)
        if not any(part and (part in name or part in low) for part in map(str.lower, miss)):
            found.setdefault(name, Prop(name, PLAIN[word] if word else THINGS[name].main))
    return list(found.values())


def draw_standing(sheet: Sheet, prop: Prop) -> None:
    """The prop on the ground at (0, 0)."""
    sheet.shadow(0, 2, 62 if not prop.grip else 44)
    _shine(sheet, prop)
    press(sheet, THINGS[prop.name].strokes, {"main": prop.colour})


def draw_held(sheet: Sheet, prop: Prop) -> None:
    """The prop in a hand at (0, 0)."""
    thing = THINGS[prop.name]
    with sheet.at(0, thing.tall * 0.82 if thing.grip == "hang" else -2, 0.85):
        _shine(sheet, prop)
        press(sheet, thing.strokes, {"main": prop.colour})


def _shine(sheet: Sheet, prop: Prop) -> None:
    """Light round what glows, when the light is low."""
    if prop.glows and sheet.tone is not None and sheet.tone[0] < 0.99:
        sheet.disc(0, -40, 170, sheet.glow("#ffdf8a", 0.62, 0.05))
