"""Places with a sky of their own, or streets: under water, space, a town, a cave."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from studio.painting import nature
from studio.painting.sky import View
from studio.painting.svg import darker, lighter


def underwater(view: View) -> None:
    """Light from above, corals, weed, bubbles, a sandy bed."""
    sheet, chance, wide, line = view.sheet, view.sheet.chance, view.width, view.horizon
    sheet.box(0, 0, wide, view.height, sheet.down("#8fe0e6", "#3fa9c9", "#2779ab", "#1f5f94"), ink=False)
    for step in range(6):
        x = wide * (step / 6) + chance.uniform(0, 90)
        sheet.fill(f"M{x:.0f},-10h{60 + step * 8}L{x - 120:.0f},{view.height}h-170Z", "#e6ffff", 0.13)
    nature.hill(view, line + 30, 40, ("#3f8fb0", "#357fa3"))
    for _ in range(9):
        with sheet.at(
            chance.uniform(0, wide),
            chance.uniform(view.height * 0.12, line),
            chance.uniform(0.4, 0.8),
            flip=chance.random() < 0.5,
        ):
            colour = chance.choice(("#f6b04a", "#f28a7a", "#f3e06a", "#8fd0f4"))
            sheet.fill("M-30,0L-58,-20V20ZM-34,0C-16,-28 30,-28 46,0C30,28 -16,28 -34,0Z", colour)
            sheet.disc(28, -6, 4.6, "#20304a")
    nature.hill(view, line + 170, 22, ("#f0dca6", "#d0b27a"))
    for share in (0.03, 0.1, 0.17, 0.84, 0.9, 0.97):
        _weed(view, wide * share, line + chance.uniform(190, 290), chance.uniform(0.8, 1.4))
    for share, colour in ((0.06, "#f07f8f"), (0.94, "#f2a24a"), (0.24, "#b48ad8")):
        with sheet.at(wide * share, view.ground + chance.uniform(-30, 40), 1.15):
            sheet.tube(
                "M0,0V-60M0,-24Q-34,-30 -34,-66M0,-34Q34,-40 32,-84M-34,-50Q-52,-56 -50,-78M32,-60Q48,-64 50,-82",
                colour,
                14,
            )
    for _ in range(34):
        x, y, radius = chance.uniform(0, wide), chance.uniform(0, view.height), chance.uniform(4, 13)
        sheet.disc(x, y, radius, "#e8fdff", opacity=0.34)
        sheet.disc(x - radius * 0.3, y - radius * 0.3, radius * 0.3, "#ffffff", opacity=0.9)


def _weed(view: View, x: float, y: float, size: float) -> None:
    colour = view.sheet.chance.choice(("#3f9a6c", "#5bb07a", "#2f8a74"))
    with view.sheet.at(x, y, size):
        for lean in (-20, 0, 22):
            view.sheet.line(f"M{lean * 0.5},0Q{lean - 22},-70 {lean},-130T{lean + 6},-230", colour, 13)


def space(view: View) -> None:
    """Stars, planets, a nebula, the ground of a small moon."""
    sheet, chance, wide, line = view.sheet, view.sheet.chance, view.width, view.horizon
    sheet.box(0, 0, wide, view.height, sheet.down("#0f1238", "#2a2468", "#57408f", "#8a5aa5"), ink=False)
    for x, y, colour in ((0.25, 0.3, "#c86fb5"), (0.75, 0.2, "#5f8fe0"), (0.55, 0.42, "#e09ac0")):
        sheet.oval(wide * x, view.height * y, 330, 190, sheet.glow(colour, 0.5))
    for _ in range(int(130 * view.height / 1024)):
        sheet.disc(
            chance.uniform(0, wide),
            chance.uniform(0, view.height * 0.8),
            chance.uniform(1.2, 4),
            "#fff8dd",
            opacity=chance.uniform(0.5, 1),
        )
    with sheet.at(wide * 0.82, view.height * 0.17):
        sheet.disc(0, 0, 74, sheet.round("#ffe0a0", "#d98a52"))
        sheet.line("M-64,-18Q0,6 66,-22M-70,14Q0,40 70,10", "#b96f45", 8, 0.5)
        sheet.line("M-74,24C-150,60 -120,70 0,34C120,-6 150,-46 74,-22", "#f6e3b0", 9, 0.9)
    with sheet.at(wide * 0.16, view.height * 0.24):
        sheet.disc(0, 0, 46, sheet.round("#a9e0e6", "#4f8fb8"))
        sheet.disc(-12, -10, 10, "#7fbfcf")
    with sheet.at(wide * 0.48, view.height * 0.11, 0.9):
        sheet.line("M0,0L-120,-50", "#fff3c4", 5, 0.5)
        sheet.disc(0, 0, 8, "#fffbe0")
    nature.hill(view, line + 130, 26, ("#a79fc4", "#8178a6"))
    nature.hill(view, line + 210, 20, ("#cfc6e2", "#9a8fbd"))
    for x, y, size in (
        (0.1, 60, 1.0),
        (0.88, 90, 1.3),
        (0.3, 20, 0.6),
        (0.7, 10, 0.7),
        (0.16, 190, 1.2),
        (0.94, 210, 0.8),
    ):
        sheet.oval(wide * x, line + 210 + y, 58 * size, 15 * size, "#8178a6")
        sheet.oval(wide * x, line + 214 + y, 48 * size, 10 * size, "#6f6796")


def town(view: View) -> None:
    """A street of tall coloured houses with shops, lamps, a pavement."""
    sheet, chance, wide, line = view.sheet, view.sheet.chance, view.width, view.horizon
    base = line + 120
    for step in range(int(wide / 120) + 2):
        high = chance.uniform(240, 400)
        sheet.box(step * 120 - 40, base - high, 124, high, "#b8c4d6" if step % 2 else "#a8b6cc", ink=False)
    x, index = -30.0, chance.randrange(6)
    colours = ("#e8a58f", "#f2cf8a", "#9cc5b0", "#c3a8d1", "#8fb6d9", "#f0b8b8")
    while x < wide:
        broad = chance.uniform(150, 200)
        _front(
            view,
            x,
            base,
            (broad, chance.uniform(230, 340) * (1.25 if view.height > view.width else 1)),
            colours[index % 6],
        )
        x, index = x + broad + 4, index + 1
    sheet.box(-10, base, wide + 20, 46, view.snowy("#d9d2c8", 0.8), ink=False)
    sheet.box(
        -10,
        base + 42,
        wide + 20,
        view.height,
        sheet.down(view.snowy("#b9b4b4", 0.6), view.snowy("#8f8c96", 0.5)),
        ink=False,
    )
    for row in range(int((view.height - base) / 44) + 1):
        y = base + 66 + row * 44
        for step in range(14):
            sheet.line(f"M{step * 80 + (row % 2) * 40},{y:.0f}q14,-7 30,0", "#ffffff", 4, 0.28)
    for share in (0.08, 0.92):
        with sheet.at(wide * share, base + 60):
            sheet.tube("M0,0V-220", "#4a5068", 9)
            sheet.shape("M-20,-222L-14,-262H14L20,-222Z", "#fff3c4")
            sheet.shape("M-24,-262H24L0,-284Z", "#4a5068")
        if view.time in {"night", "dusk"}:
            sheet.disc(wide * share, base - 180, 150, sheet.glow("#ffdf9a", 0.6))
    for share in (0.03, 0.97):
        nature.bush(view, (wide * share, base + 110), 0.7)


def _front(view: View, x: float, base: float, size: tuple[float, float], colour: str) -> None:
    sheet, (wide, high) = view.sheet, size
    sheet.shape(f"M{x:.0f},{base:.0f}v{-high:.0f}h{wide:.0f}v{high:.0f}Z", sheet.down(lighter(colour, 0.15), colour))
    peak = f"M{x - 8:.0f},{base - high:.0f}l{wide / 2 + 8:.0f},-74l{wide / 2 + 8:.0f},74Z"
    sheet.shape(peak, view.snowy(darker(colour, 0.45), 0.7))
    for row in range(int((high - 90) // 84)):
        for share in (0.2, 0.62):
            nature.lamp(view, (x + wide * share, base - high + 26 + row * 84), 32, 46)
    sheet.box(x + wide * 0.58, base - 80, 44, 80, darker(colour, 0.5), corner=5)
    nature.lamp(view, (x + wide * 0.1, base - 66), 60, 44)
    awning = darker(colour, 0.2)
    sheet.shape(
        f"M{x + 6:.0f},{base - 74:.0f}L{x + 16:.0f},{base - 100:.0f}H{x + wide * 0.5:.0f}L{x + wide * 0.54:.0f},{base - 74:.0f}Z",
        awning,
    )
    for step in range(4):
        sheet.disc(x + 18 + step * wide * 0.125, base - 72, wide * 0.055, "#fff3dc" if step % 2 else awning)


def cave(view: View) -> None:
    """A cave with glowing crystals and a light at its mouth."""
    sheet, wide, line = view.sheet, view.width, view.horizon
    sheet.box(0, 0, wide, view.height, sheet.down("#3a3050", "#5a4a70", "#6f5a7c"), ink=False)
    sheet.oval(wide * 0.5, line - 60, 270, 250, "#cfe6ee" if not view.dark else "#3a4f8a")
    sheet.oval(wide * 0.5, line - 60, 420, 380, sheet.glow("#fff3d0", 0.5, 0.3))
    nature.hill(view, line + 110, 12, ("#83708c", "#5f4f6c"))
    for index in range(12):
        x = wide * index / 11
        long = 60 + abs(index - 5.5) * 34 + sheet.chance.uniform(0, 50)
        sheet.fill(
            f"M{x - 56:.0f},-10Q{x - 14:.0f},{long * 0.5:.0f} {x:.0f},{long:.0f}Q{x + 14:.0f},{long * 0.5:.0f} {x + 56:.0f},-10Z",
            "#2c2440",
        )
    for side in (-1, 1):
        with sheet.at(wide / 2, 0, flip=side < 0):
            edge = wide / 2
            sheet.fill(
                f"M{edge + 20},-20V{view.height}H{edge - 40}Q{edge - 150},{line + 40} {edge - 70},{line - 160}Q{edge - 160},100 {edge - 30},-20Z",
                "#372c4c",
            )
    for share, colour in ((0.1, "#7fe0d8"), (0.9, "#c79af0"), (0.2, "#8fb8ff")):
        with sheet.at(wide * share, view.ground - 20), sheet.lit(None):
            sheet.disc(0, -40, 120, sheet.glow(colour, 0.6))
            for turn, long in ((-28, 80), (0, 118), (26, 90)):
                with sheet.at(0, 0, turn=turn):
                    sheet.shape(
                        f"M-14,0V{-long * 0.7:.0f}L0,{-long}L14,{-long * 0.7:.0f}V0Z",
                        sheet.down(lighter(colour, 0.5), colour),
                    )
