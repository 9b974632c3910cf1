"""Weaves the brief's own wishes into a plot: what is loved, what is longed for, what somebody is shy of."""

from collections.abc import Iterator, Sequence

from studio.storyteller.language.rhythm import Weight
from studio.storyteller.plots.parser import Line
from studio.storyteller.tale import Tale


def add_premise_lines(tale: Tale, scene: int, lines: Sequence[Line]) -> list[Line]:
    """The lines with the brief's threads: begun after the first line of scene 1, tied before the last of scene 4."""
    added = list(_begun(tale) if scene == 1 else _tied(tale) if scene == 4 else ())
    at = 1 if scene == 1 else max(len(lines) - 1, 0)
    return [*lines[:at], *added, *lines[at:]]


def _begun(tale: Tale) -> Iterator[Line]:
    wishes = tale.wishes
    if wishes.loves:
        yield Line(Weight.MUST, ("{h} loved {loves}| more than pancakes| with a lake of syrup.",))
    if wishes.want:
        verb = "longed" if wishes.want.startswith("to ") else "dreamed of"
        yield Line(Weight.MUST, (f"{{h}} {verb} {{want}}| one day,| and one day could be today.",))
    if wishes.shy_of and tale.companion:
        yield Line(Weight.MUST, ("{C} was a little shy of {shyof},| and {che} had said so,| which was brave.",))


def _tied(tale: Tale) -> Iterator[Line]:
    wishes = tale.wishes
    if wishes.shy_of and tale.companion:
        yield Line(Weight.SHOULD, ("{C} was still a bit shy of {shyof},| and that was all right,| with friends near.",))
    if wishes.want:
        yield Line(Weight.MAY, ("Some longings start small| and grow| overnight, like mushrooms.",))
