"""Small drawings kept as data: strokes of path data with a colour or the name of a colour role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.painting.svg import Sheet


@dataclass(frozen=True)
class Stroke:
    """One stroke. Without a width it is filled, with an outline or without; colour is #rrggbb or a role."""

    data: str
    colour: str
    width: float = 0
    ink: bool = False
    opacity: float = 1


@dataclass(frozen=True)
class Thing:
    """A prop: the words that mean it, how a hand holds it ("up", "hang" or "": too big), height, colour, strokes."""

    pattern: str
    grip: str
    tall: float
    main: str
    strokes: tuple[Stroke, ...]
    glows: bool = False


def cut(data: str, colour: str, opacity: float = 1) -> Stroke:
    """A filled shape with the outline."""
    return Stroke(data, colour, ink=True, opacity=opacity)


def dab(data: str, colour: str, opacity: float = 1) -> Stroke:
    """A filled shape without one."""
    return Stroke(data, colour, opacity=opacity)


def pen(data: str, colour: str, width: float = 4, opacity: float = 1) -> Stroke:
    """A line."""
    return Stroke(data, colour, width, opacity=opacity)


def egg(x: float, y: float, rx: float, ry: float | None = None) -> str:
    """Path data of an ellipse."""
    high = rx if ry is None else ry
    return f"M{x - rx},{y}a{rx},{high} 0 1 1 {rx * 2},0a{rx},{high} 0 1 1 {-rx * 2},0Z"


def press(sheet: Sheet, strokes: Sequence[Stroke], roles: Mapping[str, str] | None = None) -> None:
    """The strokes, in order, on the sheet."""
    for stroke in strokes:
        colour = (roles or {}).get(stroke.colour, stroke.colour)
        if stroke.width:
            sheet.line(stroke.data, colour, stroke.width, stroke.opacity)
        elif stroke.ink:
            sheet.shape(stroke.data, colour, stroke.opacity)
        else:
            sheet.fill(stroke.data, colour, stroke.opacity)
