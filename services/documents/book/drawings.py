"""The book's own drawings, as SVG in the story's colours: ornaments, endpapers, and a view where a picture is missing.

They are decoration: the stylesheet sets them as backgrounds, so that a screen reader passes them by.
"""

import random
import tomllib
from importlib.resources import files

from services.documents.book.colours import contrast, deep, luminance, mix

SHAPES: dict[str, str] = tomllib.loads(files(__package__).joinpath("templates/shapes.toml").read_text("utf-8"))
"""Outlines about 20 units wide, around the origin, by name."""

_WORDS = {
    "moon": ("moon", "night", "dream", "sleep", "bed", "pillow"),
    "sun": ("sun", "morning", "lantern", "lamp", "light", "glow", "firefl"),
    "bell": ("bell", "song", "music", "ring", "drum"),
    "leaf": ("leaf", "leaves", "forest", "wood", "tree", "acorn", "seed", "fox", "bear", "owl"),
    "drop": ("sea", "river", "rain", "water", "boat", "shell", "wave", "fish", "whale", "pond", "snow"),
    "flower": ("flower", "garden", "meadow", "bee", "petal", "bloom"),
    "heart": ("heart", "hug", "friend", "brave", "kind", "love"),
    "star": ("star", "sky", "space", "rocket", "comet", "planet"),
}


def shape_for(*texts: str) -> str:
    """The ornament that fits what the story is about; a star where nothing does."""
    words_said = " ".join(texts).lower()
    counts = {shape: sum(words_said.count(word) for word in words) for shape, words in _WORDS.items()}
    best = max(counts, key=lambda shape: counts[shape])
    return best if counts[best] else "star"


def _svg(width: float, height: float, body: str) -> bytes:
    box = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} preserveAspectRatio="xMidYMid slice">{body}</svg>'.encode()


def ornament(shape: str, colour: str, soft: str) -> bytes:
    """The shape between two hairlines, 180 × 24."""
    mark = f'<path transform="translate(90 12)" fill="{colour}" d="{SHAPES[shape]}"/>'
    sides = "".join(
        f'<path transform="translate({x} 12) scale(.38)" fill="{soft}" d="{SHAPES[shape]}"/>' for x in (66, 114)
    )
    lines = "".join(
        f'<path d="M{start} 12H{end}" stroke="{soft}" stroke-width="1.6" stroke-linecap="round"/>'
        for start, end in ((4, 54), (126, 176))
    )
    return _svg(180, 24, lines + sides + mark)


def endpaper(shape: str, ground: str, marks: tuple[str, ...], seed: int) -> bytes:
    """A page sown with the shape, 170 × 240: rows set off against one another, each mark turned and sized by chance."""
    dice = random.Random(seed)
    body = [f'<rect width="170" height="240" fill="{ground}"/>']
    for row in range(13):
        for column in range(8):
            x = column * 24 + (12 if row % 2 else 0) + dice.uniform(-2.5, 2.5)
            y = row * 20 + dice.uniform(-2.5, 2.5)
            turn, size = dice.uniform(-28, 28), dice.choice((0.24, 0.34, 0.46))
            body.append(
                f'<path transform="translate({x:.1f} {y:.1f}) rotate({turn:.0f}) scale({size})" '
                f'fill="{dice.choice(marks)}" d="{SHAPES[shape]}"/>'
            )
    return _svg(170, 240, "".join(body))


def meadow(shape: str, ground: str, soft: str, seed: int, *, rising: bool = True) -> bytes:
    """The foot of a text page, 170 × 70: two slow hills in its own colours, and the shape ``rising`` over them."""
    dice = random.Random(seed)
    far, near = mix(ground, soft, 0.42), mix(ground, soft, 0.85)
    up, down = dice.uniform(-7, 7), dice.uniform(-7, 7)
    rear = f"M0 {44 + up:.0f}C34 {28 + up:.0f} 58 {30 - up:.0f} 92 {42 - up:.0f}S146 {50 + up:.0f} 170 {34 + up:.0f}"
    front = f"M0 {58 + down:.0f}C30 {66 + down:.0f} 66 {44 - down:.0f} 104 {52 - down:.0f}S150 {62 + down:.0f} 170 54"
    hills = f'<path d="{rear}V70H0Z" fill="{far}"/><path d="{front}V70H0Z" fill="{near}"/>'
    marks = "".join(
        f'<path transform="translate({17 + k * 27 + dice.uniform(-8, 8):.0f} {dice.uniform(6, 24):.0f}) '
        f'rotate({dice.uniform(-20, 20):.0f}) scale({dice.choice((0.16, 0.22, 0.3))})" '
        f'fill="{soft}" d="{SHAPES[shape]}"/>'
        for k in range(6 if rising else 0)
    )
    return _svg(170, 70, marks + hills)


def band(colour: str, line: str) -> bytes:
    """The cover's title band, 170 × 90, its lower edge a slow wave with a line of light along it."""
    edge = "C34 92 60 66 92 72S146 88 170 74"
    return _svg(
        170,
        90,
        f'<path d="M0 0H170V72.5C146 86.5 124 76 92 70.5S34 90.5 0 76Z" fill="{colour}"/>'
        f'<path d="M0 78{edge}" fill="none" stroke="{line}" stroke-width="1.1" stroke-linecap="round"/>',
    )


def view(palette: tuple[str, ...], *, night: bool, seed: int, width: int = 170, height: int = 240) -> bytes:
    """A land of hills under a sky, in the story's colours: it stands where a picture could not be made."""
    dice = random.Random(seed)
    colours = sorted(palette, key=luminance)
    top, low = (
        (deep(palette), mix(colours[1], colours[2], 0.4)) if night else (mix(colours[2], "#ffffff", 0.55), "#fff6e3")
    )
    glow = "#fdf3d0" if night else mix(colours[3], "#fff3c4", 0.5)
    sky = (
        f'<defs><linearGradient id="s" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{top}"/>'
        f'<stop offset=".8" stop-color="{low}"/></linearGradient></defs>'
        f'<rect width="{width}" height="{height}" fill="url(#s)"/>'
    )
    x, y = dice.uniform(0.25, 0.75) * width, dice.uniform(0.17, 0.26) * height
    lights = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="25" fill="{glow}" opacity=".25"/>'
    lights += f'<circle cx="{x:.0f}" cy="{y:.0f}" r="17" fill="{glow}"/>'
    if night:
        lights += "".join(
            f'<path transform="translate({dice.uniform(4, width - 4):.0f} {dice.uniform(4, height * 0.5):.0f}) '
            f'scale({dice.uniform(0.07, 0.2):.2f})" fill="{glow}" d="{SHAPES["star"]}"/>'
            for _ in range(34)
        )
    hills = "".join(
        _hill(dice, height * (0.55 + 0.115 * k), _earth(colours, k, low, night=night), width, height) for k in range(4)
    )
    return _svg(width, height, sky + lights + hills)


def _earth(colours: list[str], k: int, air: str, *, night: bool) -> str:
    """The colour of the k-th range of hills, 0 farthest: the farther, the more of the air's colour."""
    base = colours[(3 - k) % 5] if night else colours[(2 + k) % 5]
    fill = mix(mix(base, "#000000", 0.12 + 0.11 * k if night else 0.04 * k), air, 0.55 - 0.17 * k)
    return mix(fill, "#000000", 0.15) if contrast(fill, air) < 1.12 else fill


def _hill(dice: random.Random, y: float, fill: str, width: int, height: int) -> str:
    one, two, three = (y + dice.uniform(-13, 13) for _ in range(3))
    return (
        f'<path d="M0 {one:.0f}C{width * 0.25:.0f} {one - 22:.0f} {width * 0.35:.0f} {two + 16:.0f} {width * 0.55:.0f} '
        f'{two:.0f}S{width * 0.85:.0f} {three - 14:.0f} {width} {three:.0f}V{height}H0Z" fill="{fill}"/>'
    )
