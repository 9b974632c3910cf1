"""The book's colours: taken from the story's palette, bent as far as reading them demands (WCAG 2.2, 1.4.3)."""

import colorsys
from dataclasses import dataclass

READABLE = 4.5
"""The contrast that WCAG 2.2 AA asks of text."""
INK_CONTRAST = 11.0
"""What the story's own text gets: more than AAA's 7, since small children read it, at bedtime, by a lamp."""

DEFAULT_PALETTE = ("#2b3a67", "#e07a5f", "#f2cc8f", "#81b29a", "#6d597a")
"""For a book whose outline named no colours: night blue, fox red, lamp light, leaf, dusk."""

Rgb = tuple[float, float, float]


def rgb(colour: str) -> Rgb:
    """``#rrggbb`` as three numbers from 0 to 1."""
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def hexed(colour: Rgb) -> str:
    return "#" + "".join(f"{round(min(max(part, 0), 1) * 255):02x}" for part in colour)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """``share`` of the other colour in the one, 0 to 1."""
    first, second = rgb(one), rgb(other)
    return hexed(
        (
            first[0] + (second[0] - first[0]) * share,
            first[1] + (second[1] - first[1]) * share,
            first[2] + (second[2] - first[2]) * share,
        )
    )


def darkened(colour: str, ground: str, ratio: float = READABLE) -> str:
    """The colour, as dark as it must be to be read on a light ground. Black if even that is not enough."""
    steps = (mix(colour, "#000000", step / 40) for step in range(41))
    return next((step for step in steps if contrast(step, ground) >= ratio), "#000000")


def paper(colour: str) -> str:
    """A page tinted with the colour, light enough for every ink."""
    return mix("#fffdf8", _vivid(colour), 0.13)


def _vivid(colour: str) -> str:
    """The colour in its middle lightness: a nearly black or white one would tint a page grey or not at all."""
    hue, light, saturation = colorsys.rgb_to_hls(*rgb(colour))
    return hexed(colorsys.hls_to_rgb(hue, min(max(light, 0.45), 0.75), saturation))


@dataclass(frozen=True, slots=True)
class Tint:
    """The colours of one page. ``accent`` and ``ink`` can be read on ``paper``, ``paper`` on ``accent``."""

    base: str
    soft: str
    paper: str
    accent: str
    ink: str


def tint(colour: str) -> Tint:
    """A page in the key of one colour."""
    ground = paper(colour)
    return Tint(
        base=colour,
        soft=mix(ground, _vivid(colour), 0.35),
        paper=ground,
        accent=darkened(_vivid(colour), ground, 5.2),
        ink=darkened(mix(colour, "#1c1a24", 0.82), ground, INK_CONTRAST),
    )


def _saturation(colour: str) -> float:
    return colorsys.rgb_to_hsv(*rgb(colour))[1]


def deep(palette: tuple[str, ...]) -> str:
    """The dark and colourful one of the palette, dark enough for white letters: the cover's band."""
    return darkened(max(palette, key=_as_a_cover), "#ffffff", 8)


def _as_a_cover(colour: str) -> float:
    """How well a colour stands on a cover: rich, dark, and no brown where there is another."""
    hue = colorsys.rgb_to_hsv(*rgb(colour))[0]
    richness = _saturation(colour) * (0.6 if 0.03 < hue < 0.15 else 1)
    return 1.5 * richness - 1.2 * luminance(colour)


def bright(palette: tuple[str, ...], ground: str) -> str:
    """The most colourful of the palette, light enough for large letters on a dark ground."""
    colour = max(palette, key=lambda each: (luminance(each) > 0.25, _saturation(each)))
    steps = (mix(colour, "#ffffff", step / 40) for step in range(41))
    return next((step for step in steps if contrast(step, ground) >= READABLE), "#ffffff")
