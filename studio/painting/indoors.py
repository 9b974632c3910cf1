"""Rooms: a wall, a floor, a window that shows time and weather, and furniture."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import math

from studio.painting.sky import View
from studio.painting.svg import Sheet, darker, lighter, mix

_WOOD = "#b98452"
_TINTS = ("#b9d3ec", "#f3cfc0", "#cfe3c2", "#f4e0b0", "#d9c9ea", "#bfe0dc")


def _room(view: View, wall: tuple[str, str], floor: tuple[str, str], *, boards: bool = True) -> float:
    """Wall and floor; the answer is the floor's edge."""
    sheet, wide, edge = view.sheet, view.width, view.height * 0.68
    tint = view.home.choice(_TINTS)
    wall = (mix(wall[0], tint, 0.55), mix(wall[1], lighter(tint, 0.3), 0.55))
    floor = (mix(floor[0], "#b98a6a", view.home.uniform(0, 0.4)), floor[1])
    sheet.box(0, 0, wide, edge + 4, sheet.down(*wall), ink=False)
    sheet.box(0, edge, wide, view.height - edge, sheet.down(*floor), ink=False)
    if boards:
        for step in range(13):
            x = wide * step / 12
            sheet.line(
                f"M{x:.0f},{edge:.0f}L{wide / 2 + (x - wide / 2) * 1.7:.0f},{view.height:.0f}",
                darker(floor[1], 0.16),
                3,
                0.5,
            )
    sheet.box(0, edge - 16, wide, 20, lighter(wall[0], 0.55), ink=False)
    sheet.line(f"M0,{edge + 4:.0f}H{wide:.0f}", darker(floor[1], 0.35), 3, 0.5)
    if view.height > view.width * 1.25:
        _high_wall(view, edge)
    return edge


def _high_wall(view: View, edge: float) -> None:
    """What fills the wall of a tall picture: bunting, a hanging lamp, framed pictures."""
    sheet, wide = view.sheet, view.width
    sheet.line(f"M-10,40Q{wide * 0.25:.0f},120 {wide * 0.5:.0f},52T{wide + 10},46", "#8d6a5a", 4)
    for step in range(13):
        x = wide * (step + 0.5) / 13
        y = 62 + 22 * math.sin(step * 0.98)
        sheet.shape(f"M{x - 24:.0f},{y:.0f}h48l-24,46Z", ("#e0567a", "#f1c143", "#5aa3d0", "#6fae5b")[step % 4])
    x = wide * 0.5
    sheet.line(f"M{x:.0f},0V{edge * 0.1:.0f}", "#5a4a4a", 5)
    lit = view.time in {"night", "dusk"}
    with sheet.lit(None if lit else sheet.tone):
        sheet.disc(x, edge * 0.155, 250, sheet.glow("#ffdf9a", 0.6 if lit else 0.25))
        sheet.shape(
            f"M{x - 74:.0f},{edge * 0.155:.0f}Q{x - 60:.0f},{edge * 0.095:.0f} {x:.0f},{edge * 0.085:.0f}Q{x + 60:.0f},{edge * 0.095:.0f} {x + 74:.0f},{edge * 0.155:.0f}Z",
            "#e8a05f",
        )
    left, top = wide * 0.86, edge * 0.17
    sheet.box(left, top, 104, 128, _WOOD, corner=5)
    sheet.box(left + 11, top + 11, 82, 106, "#eef5f8", ink=False)
    sheet.fill(f"M{left + 11:.0f},{top + 117:.0f}v-30q40,-44 82,-8v38Z", "#a5d0a5")
    sheet.disc(left + 70, top + 38, 13, "#f7d05c")


def _window(view: View, place: tuple[float, float], width: float, height: float, cloth: str) -> None:
    """A window on the sky outside, with curtains."""
    sheet, (x, y) = view.sheet, place
    top, middle, low = view.light.sky
    with sheet.lit(None):
        sheet.box(x, y, width, height, sheet.down(top, middle, low), corner=8)
        if view.dark:
            sheet.disc(x + width * 0.7, y + height * 0.28, 24, view.light.orb)
            for share, level in ((0.2, 0.2), (0.4, 0.42), (0.16, 0.62), (0.84, 0.62), (0.5, 0.14)):
                sheet.disc(x + width * share, y + height * level, 2.8, "#fff8d8")
        elif view.weather in {"clear", "wind"}:
            sheet.disc(x + width * 0.7, y + height * 0.3, 27, view.light.orb)
        if view.grey:
            sheet.box(x, y, width, height, "#8f9cae", corner=8, ink=False, opacity=0.5)
        hill = f"M{x + 3},{y + height - 3}v{-height * 0.2:.0f}Q{x + width * 0.4:.0f},{y + height * 0.6:.0f} {x + width - 3},{y + height * 0.8:.0f}v{height * 0.2 - 3:.0f}Z"
        sheet.fill(hill, "#2f5a5b" if view.dark else view.snowy("#7fb573"))
        _seen_outside(view, place, width, height)
    frame = "#fdf6e8"
    sheet.line(f"M{x + width / 2},{y}v{height}M{x},{y + height * 0.5:.0f}h{width}", frame, 8)
    sheet.line(f"M{x},{y}h{width}v{height}h{-width}Z", frame, 13)
    sheet.line(f"M{x - 24},{y + height + 8}h{width + 48}", lighter(_WOOD, 0.3), 14)
    for side, start in ((-1, x), (1, x + width)):
        sheet.shape(
            f"M{start - side * 30:.0f},{y - 16}Q{start - side * 6:.0f},{y + height * 0.6:.0f} {start + side * 12:.0f},{y + height + 12}H{start + side * 44:.0f}V{y - 16}Z",
            cloth,
        )
        sheet.line(
            f"M{start + side * 8:.0f},{y}Q{start + side * 16:.0f},{y + height * 0.5:.0f} {start + side * 24:.0f},{y + height}",
            darker(cloth, 0.2),
            3,
            0.6,
        )
    sheet.tube(f"M{x - 56},{y - 20}H{x + width + 56}", _WOOD, 7)


def _seen_outside(view: View, place: tuple[float, float], width: float, height: float) -> None:
    sheet, chance, (x, y) = view.sheet, view.sheet.chance, place
    for _ in range(26):
        dx, dy = chance.uniform(8, width - 12), chance.uniform(8, height - 30)
        match view.weather:
            case "rain":
                sheet.line(f"M{x + dx:.0f},{y + dy:.0f}l-4,20", "#e8f4fb", 3, 0.85)
            case "snow":
                sheet.disc(x + dx, y + dy, 4, "#ffffff")
            case "wind":
                sheet.oval(x + dx, y + dy, 6, 3, "#d98a3f", turn=dx)
            case "fog":
                sheet.oval(x + dx, y + dy, 10, 6, "#f2f4f6", opacity=0.35)
            case _:
                return


def _rug(view: View, colour: str) -> None:
    sheet, x, y = view.sheet, view.width / 2, view.ground + 4
    sheet.oval(x, y, view.width * 0.42, 88, colour)
    sheet.oval(x, y, view.width * 0.37, 72, lighter(colour, 0.3))
    sheet.oval(x, y, view.width * 0.32, 58, colour)


def _lamp(sheet: Sheet, x: float, y: float, *, lit: bool) -> None:
    """A small table lamp; lit, it glows by its own light."""
    with sheet.lit(None if lit else sheet.tone):
        if lit:
            sheet.disc(x, y - 60, 230, sheet.glow("#ffdf9a", 0.75))
        sheet.tube(f"M{x},{y}v-44", "#c2a36a", 7)
        sheet.shape(
            f"M{x - 36},{y - 40}L{x - 20},{y - 92}H{x + 20}L{x + 36},{y - 40}Z", "#ffe6a6" if lit else "#f2c4a0"
        )


def _books(sheet: Sheet, place: tuple[float, float], width: float) -> None:
    x, y = place
    end = x + width - 18
    while x < end:
        thick, high = sheet.chance.uniform(12, 22), sheet.chance.uniform(44, 66)
        colour = sheet.chance.choice(("#d8573f", "#4a79b8", "#e7b84a", "#6aa66a", "#8a6bb0", "#e58fa5", "#4f9a98"))
        sheet.box(x, y - high, thick, high, colour, corner=2)
        sheet.line(f"M{x + 3:.0f},{y - high + 12:.0f}h{thick - 6:.0f}", "#fff3dc", 3)
        x += thick + 1


def _shelf(view: View, x: float, base: float, width: float, rows: int) -> None:
    sheet = view.sheet
    high = rows * 84 + 14
    sheet.box(x, base - high, width, high, darker(_WOOD, 0.2), corner=6)
    for row in range(rows):
        y = base - 8 - row * 84
        sheet.box(x + 10, y - 72, width - 20, 72, darker(_WOOD, 0.5), ink=False)
        _books(sheet, (x + 13, y), width - 26)
        sheet.box(x, y, width, 9, lighter(_WOOD, 0.12))


def bedroom(view: View) -> None:
    """A bed, a night lamp, a window, a mobile of stars, a rug."""
    sheet, wide = view.sheet, view.width
    edge = _room(view, ("#b9d3ec", "#dbe6f4"), ("#dcb185", "#b98858"))
    for step in range(int(wide / 90) + 1):
        for row in range(int(edge / 100)):
            sheet.disc(step * 90 + (row % 2) * 45, 50 + row * 100, 4, "#ffffff", opacity=0.7)
    _window(view, (wide * 0.56, edge * 0.21), 250, edge * 0.37, "#f2b8c2")
    if not view.in_bed:
        _bed(view, edge)
    sheet.box(wide * 0.86, edge - 70, 120, 130, _WOOD, corner=8)
    _lamp(sheet, wide * 0.92, edge - 72, lit=view.time in {"night", "dusk"})
    for index, (dx, long) in enumerate(((-60, 90), (0, 130), (60, 100))):
        sheet.line(f"M{wide * 0.38 + dx},0v{long}", "#8d6a5a", 2.4)
        sheet.disc(wide * 0.38 + dx, long + 14, 15, ("#f7d05c", "#f2a3b3", "#a5d0a5")[index], ink=True)
    _rug(view, view.home.choice(("#e79a8f", "#8fb0d8", "#9cc28f", "#c9a0cf")))


def _bed(view: View, edge: float) -> None:
    sheet = view.sheet
    with sheet.at(view.width * 0.17, edge + 70, 1.15):
        sheet.box(-180, -236, 340, 170, _WOOD, corner=36)
        sheet.box(-160, -216, 300, 130, lighter(_WOOD, 0.2), corner=26)
        sheet.box(-150, -150, 130, 70, "#fffaf0", corner=26)
        sheet.box(0, -150, 130, 70, "#fffaf0", corner=26)
        sheet.shape("M-190,-96Q-10,-122 168,-96L180,10H-200Z", sheet.down("#7f9ed6", "#5f7fbd"))
        sheet.shape("M-192,-100Q-10,-126 170,-100L172,-64Q-10,-88 -194,-64Z", "#fdf3df")
        for x, y in ((-130, -30), (-60, -46), (10, -30), (80, -46), (130, -20), (-20, -6)):
            sheet.disc(x, y, 8, "#f7dd8a")


def library(view: View) -> None:
    """Bookshelves to the ceiling, a ladder, a reading lamp."""
    sheet, wide = view.sheet, view.width
    edge = _room(view, ("#efdcb8", "#f6ead0"), ("#c99a68", "#a3744a"))
    rows = int((edge - 40) // 84)
    _shelf(view, -20, edge, wide * 0.36, rows)
    _shelf(view, wide * 0.70, edge, wide * 0.34, rows)
    _window(view, (wide * 0.41, edge * 0.19), wide * 0.22, edge * 0.40, "#8fb98a")
    sheet.tube(
        f"M{wide * 0.28:.0f},{edge + 10:.0f}L{wide * 0.25:.0f},60M{wide * 0.34:.0f},{edge + 10:.0f}L{wide * 0.31:.0f},60",
        "#8a5c3c",
        8,
    )
    for step in range(int(edge // 70) - 1):
        share = step * 70 / edge
        sheet.line(f"M{wide * (0.28 - 0.03 * share):.0f},{edge - 40 - step * 70:.0f}h{wide * 0.06:.0f}", "#8a5c3c", 7)
    sheet.box(wide * 0.46, edge - 64, wide * 0.14, 64, _WOOD, corner=6)
    _lamp(sheet, wide * 0.53, edge - 66, lit=view.time in {"night", "dusk"})
    _rug(view, "#7fa8a0")


def school(view: View) -> None:
    """A classroom: a board with drawings, a globe, desks, bunting."""
    sheet, wide = view.sheet, view.width
    edge = _room(view, ("#f4e4b8", "#fbf2d8"), ("#d6ab78", "#b58654"))
    high = view.height * 0.16
    sheet.box(wide * 0.30, high, wide * 0.44, edge - high - 170, "#3f6f5c", corner=8)
    sheet.line(f"M{wide * 0.30:.0f},{edge - 168:.0f}h{wide * 0.44:.0f}", _WOOD, 14)
    with sheet.at(wide * 0.52, high + (edge - high) * 0.34):
        sheet.line("M-150,30h80v-60l-40,-34l-40,34Z", "#f4f0e0", 5, 0.9)
        sheet.line("M-20,30q20,-90 40,0M60,-20a30,30 0 1 1 0.1,0M60,-72v-16M100,-44h16M20,-44h-12", "#f7dd8a", 5, 0.9)
        sheet.line("M110,40q20,-40 40,0t40,0", "#8fd0f4", 5, 0.9)
    _window(view, (wide * 0.06, edge * 0.24), 170, edge * 0.33, "#e8a05f")
    _shelf(view, wide * 0.80, edge, wide * 0.22, 3)
    with sheet.at(wide * 0.9, edge - 268):
        sheet.disc(0, -42, 44, sheet.round("#8fd0f0", "#3f8fc4"), ink=True)
        sheet.fill("M-30,-60Q-6,-70 -4,-50Q-10,-30 -24,-36ZM6,-50Q30,-60 34,-34Q20,-12 8,-26Z", "#7cb65a")
        sheet.tube("M0,4V14M-22,16H22", _WOOD, 7)
    for step in range(0 if view.height > view.width * 1.25 else 9):
        x = wide * step / 8
        sheet.shape(
            f"M{x - 26:.0f},{24 + (step % 2) * 8}h52l-26,48Z", ("#e0567a", "#f1c143", "#5aa3d0", "#6fae5b")[step % 4]
        )
    for share in (0.08, 0.92):
        sheet.box(wide * share - 90, edge + 60, 180, 20, lighter(_WOOD, 0.2), corner=5)
        sheet.tube(
            f"M{wide * share - 74:.0f},{edge + 84:.0f}v90M{wide * share + 74:.0f},{edge + 84:.0f}v90", "#6a7a94", 8
        )


def hospital(view: View) -> None:
    """A friendly ward: a bed with rails, a monitor, pictures, balloons."""
    sheet, wide = view.sheet, view.width
    edge = _room(view, ("#bfe3dd", "#e2f3ee"), ("#cfd9df", "#a9bac6"), boards=False)
    sheet.box(0, edge - 150, wide, 14, "#f7c96a", ink=False)
    _window(view, (wide * 0.52, edge * 0.19), 230, edge * 0.34, "#8fc5e0")
    with sheet.at(wide * 0.20, edge + 64, 1.15):
        sheet.tube("M-170,-30V-190M170,-30V-130", "#c3ccd6", 12)
        sheet.box(-166, -120, 130, 56, "#ffffff", corner=22)
        sheet.shape("M-176,-84Q-10,-110 172,-84L176,-30H-180Z", sheet.down("#a8d5e8", "#7fb8d6"))
        sheet.tube("M-176,-28H176", "#c3ccd6", 10)
        sheet.line("M-40,-118H120M-40,-118V-82M14,-118V-90M66,-118V-90M120,-118V-84", "#dfe5ec", 7)
        for wheel in (-150, 150):
            sheet.tube(f"M{wheel},-24V0", "#c3ccd6", 8)
            sheet.disc(wheel, 8, 13, "#4a5068", ink=True)
    with sheet.at(wide * 0.42, edge - 190):
        sheet.box(-56, -44, 112, 84, "#dfe5ec", corner=10)
        sheet.box(-44, -34, 88, 58, "#24405a", corner=5)
        sheet.line("M-40,-4h22l8,-20l12,36l8,-16h26", "#7fe0a0", 4)
        sheet.tube("M0,42V200", "#c3ccd6", 7)
    for x, colour in ((0.88, "#e0567a"), (0.93, "#f1c143"), (0.905, "#5aa3d0")):
        level = view.height * 0.3 + (80 if colour == "#5aa3d0" else 0)
        sheet.line(
            f"M{wide * x:.0f},{level:.0f}Q{wide * 0.91:.0f},{level + 160:.0f} {wide * 0.91:.0f},{edge:.0f}",
            "#8d8d98",
            2.4,
        )
        sheet.oval(wide * x, level, 36, 44, colour, ink=True)
        sheet.oval(wide * x - 12, level - 16, 7, 12, "#ffffff", opacity=0.6)
    for x, y, colour in ((0.06, 0.14, "#f7d05c"), (0.2, 0.18, "#f2a3b3"), (0.33, 0.13, "#a5d0a5")):
        sheet.box(wide * x, view.height * y, 90, 76, "#fffaf0", corner=4)
        sheet.disc(wide * x + 45, view.height * y + 38, 22, colour)
    _rug(view, "#f0d69a")


def kitchen(view: View) -> None:
    """A home: counter, stove, window, hanging pans, a checked floor."""
    sheet, wide = view.sheet, view.width
    edge = _room(view, ("#f6d9a8", "#fbeccd"), ("#e3d2c2", "#c7ab95"), boards=False)
    for row in range(4):
        for step in range(14):
            if (row + step) % 2:
                y = edge + 6 + row * 80
                sheet.fill(f"M{step * 90 - 60 - row * 12},{y:.0f}h90l10,80h-96Z", "#b98d72", 0.35)
    _window(view, (wide * 0.38, edge * 0.22), 240, edge * 0.36, "#7fb08a")
    top = edge - 150
    sheet.box(-20, top, wide * 0.30, 170, "#7fa9a5", corner=6)
    sheet.box(wide * 0.72, top, wide * 0.3, 170, "#7fa9a5", corner=6)
    for x in (0.02, 0.15, 0.75, 0.88):
        sheet.box(wide * x, top + 34, wide * 0.11, 116, lighter("#7fa9a5", 0.2), corner=6)
        sheet.disc(wide * x + 18, top + 84, 6, "#e7b84a", ink=True)
    for x in (-30, wide * 0.71):
        sheet.box(x, top - 18, wide * 0.32, 24, _WOOD, corner=5)
    sheet.tube(f"M{wide * 0.74:.0f},{top - 190:.0f}H{wide:.0f}", "#8d6a5a", 7)
    for x, colour in ((0.78, "#c8573f"), (0.86, "#e7b84a"), (0.94, "#4f7fa8")):
        sheet.line(f"M{wide * x:.0f},{top - 186:.0f}v40", "#5a4a4a", 5)
        sheet.shape(f"M{wide * x - 34:.0f},{top - 148:.0f}h68q-4,50 -34,50t-34,-50Z", colour)
    with sheet.at(wide * 0.11, top - 18):
        sheet.shape("M-40,0Q-50,-60 0,-62Q50,-60 40,0Z", "#d8573f")
        sheet.line("M40,-40q24,-4 30,-24M-16,-64q16,-18 32,0", "#8d3a30", 7)
    with sheet.at(wide * 0.23, top - 18):
        sheet.shape("M-22,0L-30,-40H30L22,0Z", "#e9eef4")
        for dx in (-14, 0, 14):
            sheet.line(f"M{dx},-40q{dx},-30 {dx * 0.5},-54", "#6aa65a", 6)
    _rug(view, "#c98a6f")
