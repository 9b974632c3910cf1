"""What a figure sits on: a manual or a power wheelchair turned to the right, or a cushioned stool."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import math

from studio.painting.figure import Figure
from studio.painting.svg import Point, darker, lighter

_WHEEL = (-20.0, -72.0)
_FRAME = "#3a4058"
_TYRE = "#2e3247"
_SEAT = "#4a5472"


def _colour(figure: Figure) -> str:
    chair = figure.look.features.get("power_wheelchair") or figure.look.features.get("manual_wheelchair")
    return (chair.colour if chair else None) or "#d8433b"


def draw_behind(figure: Figure) -> None:
    """Everything of the chair that lies behind the body."""
    if figure.show("power_wheelchair"):
        _power_behind(figure)
    else:
        figure.show("manual_wheelchair")
        _manual_behind(figure)


def draw_front(figure: Figure) -> None:
    """Wheels and armrest on the near side, over legs and clothes."""
    if figure.has("power_wheelchair"):
        _power_front(figure)
    else:
        _manual_front(figure)


def _back(figure: Figure, top: float) -> None:
    sheet, colour = figure.sheet, _colour(figure)
    sheet.tube(f"M-84,{top:.0f}Q-68,{top - 8:.0f} -62,{top + 6:.0f}L-50,-84", darker(colour, 0.1), 9)
    sheet.tube(f"M-90,{top + 2:.0f}L-74,{top - 3:.0f}", "#30344a", 12)
    sheet.shape(
        f"M-70,{top + 14:.0f}Q-20,{top + 2:.0f} 26,{top + 12:.0f}Q34,{top + 18:.0f} 34,{top + 30:.0f}L36,-92H-52Z",
        sheet.down(lighter(_SEAT, 0.12), darker(_SEAT, 0.2)),
    )


def _manual_behind(figure: Figure) -> None:
    sheet, colour = figure.sheet, _colour(figure)
    sheet.oval(38, -70, 44, 58, "none", ink=True)
    _rim(figure, (38, -70), (42, 57), darker(_TYRE, 0.1), 9)
    for turn in range(0, 360, 30):
        dx, dy = math.cos(math.radians(turn)) * 36, math.sin(math.radians(turn)) * 50
        sheet.line(f"M38,-70l{dx:.0f},{dy:.0f}", "#aab3c2", 1.8, 0.7)
    _back(figure, figure.joints.shoulder_y + 26)
    sheet.tube("M52,-88L84,-84L104,-28", darker(colour, 0.22), 7)
    sheet.shape("M84,-27L122,-30L126,-21L86,-17Z", "#565e78")
    sheet.shape("M-52,-96H50Q66,-96 66,-84Q66,-78 54,-78H-50Q-60,-86 -52,-96Z", _SEAT)


def _rim(figure: Figure, centre: Point, radii: Point, colour: str, width: float) -> None:
    (x, y), (rx, ry) = centre, radii
    data = f"M{x - rx},{y}a{rx},{ry} 0 1 1 {rx * 2},0a{rx},{ry} 0 1 1 {-rx * 2},0Z"
    figure.sheet.line(data, colour, width)


def _manual_front(figure: Figure) -> None:
    sheet, colour = figure.sheet, _colour(figure)
    x, y = _WHEEL
    sheet.tube("M40,-82L60,-40", colour, 7)
    sheet.tube("M46,-82L80,-80L98,-26", colour, 7)
    sheet.shape("M74,-25L112,-27L117,-17L76,-14Z", "#6a728c")
    sheet.disc(60, -20, 17, "#e9edf4")
    _rim(figure, (60, -20), (16, 16), _TYRE, 8)
    sheet.disc(60, -20, 5, colour, ink=True)
    sheet.disc(x, y, 56, "#eef3fa", opacity=0.16)
    for turn in range(0, 360, 24):
        dx, dy = math.cos(math.radians(turn)) * 58, math.sin(math.radians(turn)) * 58
        sheet.line(f"M{x},{y}l{dx:.0f},{dy:.0f}", "#dfe5ee", 2.6)
    _rim(figure, (x, y), (62, 62), _TYRE, 13)
    _rim(figure, (x, y), (66, 66), lighter(_TYRE, 0.25), 2)
    _rim(figure, (x, y), (51, 51), darker(colour, 0.3), 7)
    _rim(figure, (x, y), (51, 51), lighter(colour, 0.12), 4.4)
    sheet.disc(x, y, 12, colour, ink=True)
    sheet.disc(x - 3, y - 3, 4, lighter(colour, 0.6))


def _power_behind(figure: Figure) -> None:
    sheet, colour = figure.sheet, _colour(figure)
    top = figure.joints.shoulder_y + 4
    sheet.shape(
        f"M-72,{top:.0f}Q-22,{top - 16:.0f} 30,{top:.0f}Q40,{top + 8:.0f} 40,{top + 24:.0f}L40,-92H-58Z",
        sheet.down(lighter(_SEAT, 0.2), darker(_SEAT, 0.15)),
    )
    head = figure.joints.head[1]
    sheet.tube(f"M-58,{top + 4:.0f}L-64,{head + 50:.0f}", "#565e78", 9)
    sheet.box(-98, head + 6, 34, 52, _SEAT, corner=14)
    sheet.oval(56, -26, 22, 26, darker(_TYRE, 0.1), ink=True)
    sheet.shape("M-56,-98H52Q70,-98 70,-84Q70,-74 56,-74H-56Z", _SEAT)
    sheet.tube("M58,-82L92,-76L106,-30", "#565e78", 9)
    sheet.shape("M78,-30L126,-32L130,-20L80,-17Z", "#565e78")
    sheet.shape(
        "M-64,-76H54Q64,-74 62,-56L54,-26H-62Q-78,-50 -64,-76Z", sheet.down(lighter(colour, 0.15), darker(colour, 0.2))
    )


def _power_front(figure: Figure) -> None:
    sheet, colour = figure.sheet, _colour(figure)
    for x, radius in ((-42, 31), (44, 24)):
        sheet.disc(x, -radius, radius - 3, "#c9d1dc")
        _rim(figure, (x, -radius), (radius - 5, radius - 5), _TYRE, 11)
        for turn in range(0, 360, 60):
            dx, dy = math.cos(math.radians(turn)) * (radius - 12), math.sin(math.radians(turn)) * (radius - 12)
            sheet.line(f"M{x},{-radius}l{dx:.0f},{dy:.0f}", "#7d8798", 4)
        sheet.disc(x, -radius, 6, colour, ink=True)
    sheet.line("M-52,-62H40", lighter(colour, 0.5), 5, 0.8)
    sheet.tube("M-46,-86V-132", "#565e78", 8)
    sheet.box(-60, -142, 74, 14, "#3c435c", corner=7)
    sheet.tube("M4,-142L8,-160", "#30344a", 6)
    sheet.disc(9, -164, 8, "#e8533f", ink=True)
    sheet.disc(-12, -135, 3, "#7fe08a")


def draw_stool(figure: Figure) -> None:
    """A low round seat, seen from the front."""
    sheet = figure.sheet
    sheet.shape("M-52,-66H52L58,2Q0,14 -58,2Z", sheet.down("#b98452", "#8a5b38"))
    sheet.line("M-30,-60L-33,4M0,-58V8M30,-60L33,4", "#7a4f30", 3, 0.6)
    sheet.shape("M-60,-78Q0,-92 60,-78Q68,-66 58,-58Q0,-46 -58,-58Q-68,-66 -60,-78Z", "#6fa3c8")


def draw_bed(figure: Figure) -> None:
    """Headboard, mattress and pillow, seen from the foot."""
    sheet, top = figure.sheet, figure.joints.shoulder_y
    wood = "#b07a4a"
    sheet.shadow(0, 4, 180)
    sheet.shape(
        f"M-150,2V{top - 70:.0f}Q-150,{top - 110:.0f} -104,{top - 112:.0f}Q0,{top - 168:.0f} 104,{top - 112:.0f}"
        f"Q150,{top - 110:.0f} 150,{top - 70:.0f}V2H132V-20H-132V2Z",
        sheet.down(lighter(wood, 0.2), darker(wood, 0.1)),
    )
    sheet.shape(
        f"M-118,{top - 56:.0f}Q0,{top - 100:.0f} 118,{top - 56:.0f}Q136,{top - 6:.0f} 120,{top + 30:.0f}"
        f"Q0,{top + 52:.0f} -120,{top + 30:.0f}Q-136,{top - 6:.0f} -118,{top - 56:.0f}Z",
        "#fffaf0",
    )


def draw_cover(figure: Figure) -> None:
    """The blanket up to the chest, turned down at the edge."""
    sheet, top = figure.sheet, figure.joints.shoulder_y + 44
    blue = "#7f9ed6"
    sheet.shape(
        f"M-138,{top + 8:.0f}Q0,{top - 34:.0f} 138,{top + 8:.0f}Q158,-40 150,0Q0,16 -150,0Q-158,-40 -138,{top + 8:.0f}Z",
        sheet.down(lighter(blue, 0.2), darker(blue, 0.12)),
    )
    for x, y in ((-104, 0.7), (-58, 0.45), (-20, 0.78), (28, 0.5), (70, 0.8), (108, 0.5)):
        sheet.disc(x, top * (1 - y), 7, "#f7dd8a", opacity=0.9)
    if figure.lump:
        sheet.shape("M30,-8Q36,-58 74,-60Q112,-58 120,-8Q74,4 30,-8Z", sheet.round(lighter(blue, 0.34), blue))
        sheet.line("M46,-22Q50,-42 66,-48", lighter(blue, 0.5), 4, 0.8)
    sheet.shape(
        f"M-140,{top + 8:.0f}Q0,{top - 36:.0f} 140,{top + 8:.0f}L144,{top + 30:.0f}Q0,{top - 12:.0f} -144,{top + 30:.0f}Z",
        "#fdf3df",
    )
