"""What a figure wears on its body: garments, patterns, shoes."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studio.painting.figure import Figure
from studio.painting.svg import Point, brightness, darker, lighter, mix


@dataclass(frozen=True)
class Cut:
    """How far a garment goes: sleeves and legs in shares of the limb (0 = bare), and whether a skirt hangs."""

    sleeve: float
    leg: float
    skirt: float = 0


CUTS: Mapping[str, Cut] = MappingProxyType({
    "dress": Cut(0.40, 0, 0.46), "skirt": Cut(0.40, 0, 0.40), "gown": Cut(0.44, 0, 0.66),
    "t-shirt and trousers": Cut(0.42, 0.92), "shorts": Cut(0.42, 0.46), "dungarees": Cut(0.42, 0.92),
    "raincoat": Cut(0.88, 0.9, 0.34), "coat": Cut(0.9, 0.92, 0.26), "pyjamas": Cut(0.88, 0.96),
    "spacesuit": Cut(0.96, 0.97), "hoodie": Cut(0.9, 0.92), "jumper": Cut(0.9, 0.92), "suit": Cut(0.92, 0.96),
})  # fmt: skip


def cut_of(figure: Figure) -> Cut:
    """The garment's cut, shortened where it would hide what must be seen."""
    cut = CUTS[figure.look.garment]
    leg = min(cut.leg, 0.44) if figure.has("prosthetic_leg", "leg_braces") else cut.leg
    sleeve = min(cut.sleeve, 0.42) if figure.has(
        "prosthetic_arm", "limb_difference", "dialysis", "medical_alert", "iv_line") else cut.sleeve  # fmt: skip
    return Cut(sleeve, leg, cut.skirt)


def top_colour(figure: Figure) -> str:
    """The colour of the sleeves: a shirt's own under dungarees."""
    look = figure.look
    if look.garment == "dungarees":
        return look.second or "#f3e7cf"
    return look.colour


def leg_colour(figure: Figure) -> str:
    look = figure.look
    if look.garment in {"pyjamas", "spacesuit", "suit", "dungarees"}:
        return look.colour
    if look.second:
        return look.second
    return "#4f6591" if brightness(mix(look.colour, "#4f6591", 0.0)) > 0.42 else "#b79a6c"


def draw_torso(figure: Figure) -> None:
    """The garment's body: torso, skirt, pattern and trimmings."""
    look, sheet = figure.look, figure.sheet
    top = top_colour(figure)
    sheet.shape(_torso(figure), sheet.down(lighter(top, 0.14), darker(top, 0.10)))
    if look.garment == "skirt":
        _skirt(figure, look.second or darker(look.colour, 0.3))
    elif cut_of(figure).skirt:
        _skirt(figure, look.colour)
    if look.garment == "dungarees":
        _bib(figure)
    if look.pattern:
        _pattern(figure)
    _trim(figure)


def _torso(figure: Figure) -> str:
    joints = figure.joints
    x, low = joints.hip
    high, half, wide = joints.shoulder_y, joints.build.shoulder, joints.build.shoulder + 2
    mid = (high + low) / 2
    return (
        f"M{x - half + 3:.0f},{high + 8:.0f}Q{x:.0f},{high - 8:.0f} {x + half - 3:.0f},{high + 8:.0f}"
        f"C{x + half + 2:.0f},{mid - 8:.0f} {x + wide:.0f},{mid + 14:.0f} {x + wide:.0f},{low + 8:.0f}"
        f"Q{x:.0f},{low + 24:.0f} {x - wide:.0f},{low + 8:.0f}"
        f"C{x - wide:.0f},{mid + 14:.0f} {x - half - 2:.0f},{mid - 8:.0f} {x - half + 3:.0f},{high + 8:.0f}Z"
    )


def _skirt(figure: Figure, colour: str) -> None:
    sheet, joints = figure.sheet, figure.joints
    x, y = joints.hip
    fill = sheet.down(lighter(colour, 0.10), darker(colour, 0.14))
    waist = y - joints.build.torso * 0.38
    if figure.seat == "chair":
        sheet.shape(
            f"M{x - 39},{waist:.0f}Q{x},{waist + 8:.0f} {x + 36},{waist:.0f}"
            f"Q{x + 44},{y - 20} {x + 62},{y - 22}C{x + 92},{y - 20} {x + 98},{y + 2} {x + 92},{y + 18}"
            f"Q{x + 64},{y + 30} {x + 30},{y + 26}L{x - 38},{y + 24}Q{x - 46},{y - 8} {x - 39},{waist:.0f}Z", fill,
        )  # fmt: skip
        sheet.line(f"M{x + 30},{y - 14}q16,10 20,32M{x + 58},{y - 14}q14,10 14,30", darker(colour, 0.2), 3, 0.6)
        return
    length = 0.5 if figure.seat else cut_of(figure).skirt
    hem = y + joints.build.leg * length if not figure.seat else y + 30
    wide = joints.build.shoulder + 22
    sheet.shape(
        f"M{x - 37:.0f},{waist:.0f}Q{x},{waist + 8:.0f} {x + 37:.0f},{waist:.0f}"
        f"C{x + 46:.0f},{(waist + hem) / 2:.0f} {x + wide:.0f},{hem - 16:.0f} {x + wide:.0f},{hem:.0f}"
        f"Q{x + wide * 0.62:.0f},{hem + 12:.0f} {x + wide * 0.33:.0f},{hem + 3:.0f}"
        f"T{x - wide * 0.33:.0f},{hem + 3:.0f}T{x - wide:.0f},{hem:.0f}"
        f"C{x - wide:.0f},{hem - 16:.0f} {x - 46:.0f},{(waist + hem) / 2:.0f} {x - 37:.0f},{waist:.0f}Z", fill,
    )  # fmt: skip
    for fold in (-0.45, 0.05, 0.5):
        line = f"M{x + wide * fold * 0.7:.0f},{y - 4:.0f}Q{x + wide * fold:.0f},{(y + hem) / 2:.0f} "
        sheet.line(f"{line}{x + wide * fold:.0f},{hem - 5:.0f}", darker(colour, 0.2), 2.6, 0.5)


def _bib(figure: Figure) -> None:
    sheet, joints, colour = figure.sheet, figure.joints, figure.look.colour
    x, low = joints.hip
    high, half = joints.shoulder_y, joints.build.shoulder
    mid = high + (low - high) * 0.38
    for side in (-1, 1):
        sheet.tube(f"M{x + side * (half - 10)},{high + 8:.0f}L{x + side * 20},{mid + 6:.0f}", colour, 9)
    sheet.shape(
        f"M{x - 25},{mid:.0f}H{x + 25}V{mid + 24:.0f}Q{x + half},{mid + 30:.0f} {x + half + 2},{low + 8:.0f}"
        f"Q{x},{low + 24:.0f} {x - half - 2},{low + 8:.0f}Q{x - half},{mid + 30:.0f} {x - 25},{mid + 24:.0f}Z",
        sheet.down(lighter(colour, 0.12), darker(colour, 0.12)),
    )
    sheet.box(x - 13, mid + 13, 26, 20, lighter(colour, 0.14), corner=5)
    for side in (-1, 1):
        sheet.disc(x + side * 20, mid + 6, 4.4, "#f1cf6a", ink=True)


def _pattern(figure: Figure) -> None:
    """Stripes, spots, stars, flowers or checks, kept inside the torso's middle."""
    sheet, joints, look = figure.sheet, figure.joints, figure.look
    x, low = joints.hip
    high, half = joints.shoulder_y + 24, joints.build.shoulder - 5
    bright = lighter(look.second or look.colour, 0.75) if not look.second else look.second
    if look.pattern in {"striped", "checked"}:
        for step in range(int((low - high) // 20) + 1):
            y = high + 4 + step * 20
            sheet.line(f"M{x - half},{y:.0f}Q{x},{y + 8:.0f} {x + half},{y:.0f}", bright, 6, 0.85)
        if look.pattern == "checked":
            for dx in (-18, 0, 18):
                sheet.line(f"M{x + dx},{high:.0f}V{low:.0f}", bright, 5, 0.5)
        return
    rows = [
        (dx + (row % 2) * 11, high + row * 19) for row in range(int((low + 14 - high) // 19)) for dx in (-24, -2, 16)
    ]
    for dx, y in rows:
        if look.pattern == "flowery":
            for step in range(4):
                with sheet.at(x + dx, y, turn=step * 90):
                    sheet.disc(0, -4, 3.2, bright)
            sheet.disc(x + dx, y, 2.6, "#f1b93c")
        elif look.pattern == "starry":
            sheet.fill(star((x + dx, y), 6.4), "#fbe08a")
        else:
            sheet.disc(x + dx, y, 4.3, bright, opacity=0.9)


def star(centre: Point, radius: float, points: int = 5, inner: float = 0.45) -> str:
    """Path data of a star."""
    from math import cos, pi, sin  # noqa: PLC0415

    steps = [
        (index * pi / points - pi / 2, radius if index % 2 == 0 else radius * inner) for index in range(points * 2)
    ]
    return (
        "M"
        + "L".join(f"{centre[0] + cos(turn) * far:.1f},{centre[1] + sin(turn) * far:.1f}" for turn, far in steps)
        + "Z"
    )


def _trim(figure: Figure) -> None:
    sheet, joints, look = figure.sheet, figure.joints, figure.look
    x, low = joints.hip
    high, tall = joints.shoulder_y, joints.build.torso
    pale = lighter(look.colour, 0.7)
    match look.garment:
        case "dress" | "gown" | "skirt":
            sheet.shape(
                f"M{x - 28},{high + 4:.0f}Q{x},{high + 30:.0f} {x + 28},{high + 4:.0f}Q{x},{high - 8:.0f} {x - 28},{high + 4:.0f}Z",
                pale,
            )
        case "raincoat" | "coat" | "pyjamas":
            sheet.line(f"M{x},{high + 14:.0f}V{low + 12:.0f}", darker(look.colour, 0.35), 2.6, 0.7)
            for step in (0.28, 0.52, 0.76):
                sheet.disc(x + 7, high + tall * step, 4, pale, ink=True)
            sheet.shape(
                f"M{x - 27},{high + 5:.0f}L{x},{high + 26:.0f}L{x + 27},{high + 5:.0f}Q{x},{high - 8:.0f} {x - 27},{high + 5:.0f}Z",
                lighter(look.colour, 0.25),
            )
        case "hoodie":
            sheet.shape(
                f"M{x - 24},{low - 20:.0f}L{x - 16},{low - 38:.0f}H{x + 16}L{x + 24},{low - 20:.0f}V{low:.0f}H{x - 24}Z",
                darker(look.colour, 0.12),
            )
            sheet.line(f"M{x - 8},{high + 12:.0f}v26M{x + 8},{high + 12:.0f}v22", pale, 3.4)
        case "spacesuit":
            sheet.box(x - 20, high + tall * 0.32, 40, 26, "#dfe5ec", corner=6)
            for dx, lamp in ((-11, "#e0564e"), (0, "#f1c143"), (11, "#5aa9d8")):
                sheet.disc(x + dx, high + tall * 0.32 + 13, 4, lamp)
            sheet.oval(x, high + 4, 32, 11, "#cfd8e2", ink=True)
        case "suit":
            sheet.box(x - 38, low - 9, 76, 14, look.second or "#f1c143", corner=6)
        case "jumper":
            sheet.line(
                f"M{x - 33},{low + 8:.0f}Q{x},{low + 22:.0f} {x + 33},{low + 8:.0f}", darker(look.colour, 0.2), 9, 0.6
            )
            sheet.oval(x, high + 4, 25, 9, darker(look.colour, 0.14), ink=True)
        case _:
            if look.garment != "dungarees":
                sheet.line(
                    f"M{x - 22},{high + 5:.0f}Q{x},{high + 20:.0f} {x + 22},{high + 5:.0f}",
                    darker(look.colour, 0.25),
                    4,
                    0.7,
                )


def shoe(figure: Figure, at: Point, *, outwards: bool, sole: float = 0) -> None:
    """A shoe at the ankle; `sole` is an extra height below it."""
    look, sheet = figure.look, figure.sheet
    boots = figure.show("boots")
    colour = boots.colour or "#d8433b" if boots else ("#e7b83a" if look.garment == "raincoat" else "#b4483e")
    if look.garment == "spacesuit":
        colour = "#cfd8e2"
    if brightness(colour) > 0.8 or colour == look.colour:
        colour = "#5b6fa8"
    tall = 26 if boots or look.garment == "raincoat" else 7
    with sheet.at(*at, flip=not outwards):
        sheet.shape(
            f"M-14,{-tall}H13V-4C24,-3 33,2 33,13H-15Q-17,0 -14,{-tall}Z",
            sheet.down(lighter(colour, 0.15), darker(colour, 0.2)),
        )
        sheet.fill("M-15,9H33V14H-15Z", "#fbf2e2")
        if sole:
            sheet.shape(f"M-15,13H33V{13 + sole}H-15Z", darker(colour, 0.45))
        if tall < 10:
            sheet.line("M0,-3l10,3M-3,2l10,3", "#fbf2e2", 2.4)
