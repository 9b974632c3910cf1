"""Colours, path data, and the sheet that shapes are put on."""

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

Point = tuple[float, float]
NIGHT_INK = "#2a1a3a"
INK = "#3b2530"


def channels(colour: str) -> tuple[int, int, int]:
    """The three channels, 0-255, of #rrggbb."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(one: str, other: str, share: float) -> str:
    """One colour with a share (0-1) of the other."""
    pairs = zip(channels(one), channels(other), strict=True)
    return "#" + "".join(f"{max(0, min(255, round(a * (1 - share) + b * share))):02x}" for a, b in pairs)


def darker(colour: str, share: float = 0.25) -> str:
    return mix(colour, NIGHT_INK, share)


def lighter(colour: str, share: float = 0.25) -> str:
    return mix(colour, "#fff6e0", share)


def brightness(colour: str) -> float:
    """Perceived brightness, 0-1 (ITU-R BT.601 weights)."""
    red, green, blue = channels(colour)
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def curve(points: Sequence[Point], *, closed: bool = True) -> str:
    """Path data of a smooth line through the points (Catmull-Rom as cubic Béziers)."""
    count = len(points)

    def point(index: int) -> Point:
        return points[index % count] if closed else points[max(0, min(count - 1, index))]

    data = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for index in range(count if closed else count - 1):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = (point(index + step) for step in (-1, 0, 1, 2))
        data.append(
            f"C{bx + (cx - ax) / 6:.1f},{by + (cy - ay) / 6:.1f}"
            f" {cx - (dx - bx) / 6:.1f},{cy - (dy - by) / 6:.1f} {cx:.1f},{cy:.1f}"
        )
    return "".join(data) + ("Z" if closed else "")


def ring(x: float, y: float, rx: float, ry: float, count: int) -> list[Point]:
    """Points evenly round an ellipse, from the right, clockwise."""
    turns = [index * math.tau / count for index in range(count)]
    return [(x + rx * math.cos(turn), y + ry * math.sin(turn)) for turn in turns]


class Sheet:
    """A growing SVG drawing. Colours are ours (#rrggbb or a gradient of this sheet), never a prompt's text."""

    def __init__(self, seed: int, ink: str = INK) -> None:
        self.chance = random.Random(seed)
        self.ink = ink
        self.tone: tuple[float, float, float] | None = None
        self._marks: list[str] = []
        self._near = 0
        self.top: float = 0
        self._gradients: dict[str, str] = {}

    def begin_near_layer(self, top: float) -> None:
        """What is drawn from here on stands near, none of it above `top`: it is of the second layer."""
        self._near, self.top = len(self._marks), top

    @contextmanager
    def far_layer(self) -> Iterator[None]:
        """What is drawn inside belongs to what is far, whenever it is drawn."""
        marks, self._marks = self._marks, []
        yield
        self._marks = [*marks[: self._near], *self._marks, *marks[self._near :]]
        self._near += len(self._marks) - len(marks)

    def layers(self, width: float, height: float) -> tuple[str, str]:
        """What is far, whole, and what is near, from `top` downwards, each a drawing of its own."""
        far, near = self._marks[: self._near], self._marks[self._near :]
        return self._drawing(far, width, height), self._drawing(near, width, height, self.top)

    def svg(self, width: float, height: float) -> str:
        """The whole drawing, in a view box of width x height."""
        return self._drawing(self._marks, width, height)

    def _drawing(self, marks: Sequence[str], width: float, height: float, top: float = 0) -> str:
        gradients = "".join(f"{text}" for text in self._gradients.values())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {top:.0f} {width:.0f} {height - top:.0f}">'
            f'<defs>{gradients}</defs><g stroke-linejoin="round" stroke-linecap="round">'
            f"{''.join(marks)}</g></svg>"
        )

    @contextmanager
    def at(self, x: float, y: float, scale: float = 1, *, turn: float = 0, flip: bool = False) -> Iterator[None]:
        """What is drawn inside stands at x, y, scaled, turned by degrees, mirrored."""
        side = -scale if flip else scale
        self._marks.append(
            f'<g transform="translate({x:.1f},{y:.1f}) rotate({turn:.1f}) scale({side:.3f},{scale:.3f})">'
        )
        yield
        self._marks.append("</g>")

    @contextmanager
    def lit(self, tone: tuple[float, float, float] | None) -> Iterator[None]:
        """What is drawn inside stands in this light: every colour's channels are multiplied by it."""
        before, self.tone = self.tone, tone
        yield
        self.tone = before

    def _seen(self, colour: str) -> str:
        if self.tone is None or not colour.startswith("#"):
            return colour
        parts = zip(channels(colour), self.tone, strict=True)
        return "#" + "".join(f"{min(255, round(value * light)):02x}" for value, light in parts)

    def _mark(self, shape: str, fill: str, ink: bool, opacity: float) -> None:
        # Opacity of fill and line, not of the element: that would cost the renderer a layer each time.
        line = f' stroke="{self.ink}" stroke-opacity="{0.78 * opacity:.2f}" stroke-width="3.2"' if ink else ""
        seen = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
        self._marks.append(f'<{shape} fill="{self._seen(fill)}"{line}{seen}/>')

    def fill(self, data: str, colour: str, opacity: float = 1) -> None:
        """A shape without an outline."""
        self._mark(f'path d="{data}"', colour, ink=False, opacity=opacity)

    def shape(self, data: str, colour: str, opacity: float = 1) -> None:
        """A shape with the hand-drawn outline."""
        self._mark(f'path d="{data}"', colour, ink=True, opacity=opacity)

    def line(self, data: str, colour: str, width: float, opacity: float = 1) -> None:
        seen = f' stroke-opacity="{opacity:.2f}"' if opacity < 1 else ""
        self._marks.append(
            f'<path d="{data}" fill="none" stroke="{self._seen(colour)}" stroke-width="{width:.1f}"{seen}/>'
        )

    def tube(self, data: str, colour: str, width: float) -> None:
        """A thick line with an outline: limbs, frames, hoses."""
        self.line(data, mix(self.ink, colour, 0.22), width + 5)
        self.line(data, colour, width)

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: str,
        *, ink: bool = False, opacity: float = 1, turn: float = 0,
    ) -> None:  # fmt: skip
        turned = f' transform="rotate({turn:.0f} {x:.1f} {y:.1f})"' if turn else ""
        self._mark(f'ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}"{turned}', colour, ink, opacity)

    def disc(self, x: float, y: float, radius: float, colour: str, *, ink: bool = False, opacity: float = 1) -> None:
        self._mark(f'circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"', colour, ink, opacity)

    def box(
        self, x: float, y: float, width: float, height: float, colour: str,
        *, corner: float = 0, ink: bool = True, opacity: float = 1,
    ) -> None:  # fmt: skip
        size = f'width="{width:.1f}" height="{height:.1f}" rx="{corner:.1f}"'
        self._mark(f'rect x="{x:.1f}" y="{y:.1f}" {size}', colour, ink, opacity)

    def down(self, *colours: str) -> str:
        """A gradient from the first colour at the top to the last below, evenly."""
        steps = max(1, len(colours) - 1)
        stops = "".join(
            f'<stop offset="{index / steps:.3f}" stop-color="{self._seen(colour)}"/>'
            for index, colour in enumerate(colours)
        )
        return self._gradient(f'linearGradient id="{{}}" x1="0" y1="0" x2="0" y2="1">{stops}</linearGradient>')

    def round(self, inner: str, outer: str) -> str:
        """A soft ball of light: inner colour up left, outer at the rim."""
        stops = (
            f'<stop offset="0" stop-color="{self._seen(inner)}"/><stop offset="1" stop-color="{self._seen(outer)}"/>'
        )
        return self._gradient(f'radialGradient id="{{}}" cx=".42" cy=".36" r=".7">{stops}</radialGradient>')

    def glow(self, colour: str, strength: float = 1, hold: float = 0) -> str:
        """A gradient that fades to nothing; `hold` is the share of the radius that keeps its strength."""
        stops = (
            f'<stop offset="{hold:.2f}" stop-color="{colour}" stop-opacity="{strength:.2f}"/>'
            f'<stop offset="1" stop-color="{colour}" stop-opacity="0"/>'
        )
        return self._gradient(f'radialGradient id="{{}}">{stops}</radialGradient>')

    def _gradient(self, form: str) -> str:
        if form not in self._gradients:
            self._gradients[form] = "<" + form.replace("{}", f"g{len(self._gradients)}", 1)
        name = list(self._gradients).index(form)
        return f"url(#g{name})"

    def shadow(self, x: float, y: float, width: float) -> None:
        """The soft shadow that makes a thing stand on the ground."""
        self.oval(x, y, width, width * 0.16, self.glow("#1d2440", 0.42, 0.2))
