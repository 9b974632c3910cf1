"""Places under the sky. Each draws its landscape on a view; the sky is there already."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from dataclasses import replace

from studio.painting import nature
from studio.painting.sky import View
from studio.painting.svg import curve, darker, lighter, mix


def meadow(view: View) -> None:
    """Hills, a cottage, a path, flowers."""
    wide, line = view.width, view.horizon
    nature.distant(view, 2, line - 40, 44, ("#a5cdcb", "#86b8a8"))
    back = nature.hill(view, line + 50, 30, ("#8fc58a", "#6fae6e"))
    for step in range(7):
        x = 40 + step * wide / 7 + view.sheet.chance.uniform(-34, 34)
        nature.pine(view, (x, back(x) + 14), view.sheet.chance.uniform(0.34, 0.5), "#5f9d7a")
    edge = nature.hill(view, line + 120, 26, ("#a5cf74", "#77b45c"), 30)
    side = view.sheet.chance.choice((0.17, 0.83))
    nature.house(view, (wide * side, edge(wide * side) + 20), 1.15)
    for share, size in ((0.04, 1.15), (0.97, 1.3)):
        nature.tree(view, (wide * share, edge(wide * share) + 60), size, nature.AUTUMN)
    near = nature.hill(view, line + 210, 20, ("#86c257", "#4f9440"), 70)
    nature.path(view, near(wide * 0.48))
    nature.flowers(view, 24, view.ground - 20)


def snowfield(view: View) -> None:
    """Hills under snow, whether or not it snows just now."""
    meadow(replace(view, weather="snow"))


def forest(view: View) -> None:
    """Tall trunks, ferns, light between the trees."""
    wide, line, chance = view.width, view.horizon, view.sheet.chance
    sheet = view.sheet
    sheet.box(0, 0, wide, view.height, mix("#9ccba0", "#5c9a78", 0.3), ink=False, opacity=0.55)
    nature.hill(view, line - 20, 20, ("#7fb58a", "#5f9c72"))
    for step in range(12):
        nature.pine(view, (step * wide / 11 + chance.uniform(-30, 30), line + 30), chance.uniform(0.9, 1.6), "#6da57f")
    nature.hill(view, line + 40, 16, ("#77b067", "#4f8d4c"))
    for share in (0.02, 0.17, 0.35, 0.66, 0.84, 0.99):
        _trunk(view, wide * share + chance.uniform(-20, 20), line + chance.uniform(70, 130), chance.uniform(0.8, 1.25))
    for _ in range(5):
        x = chance.uniform(-60, wide)
        sheet.fill(
            f"M{x:.0f},0L{x + 70:.0f},0L{x - 130:.0f},{view.ground:.0f}H{x - 300:.0f}Z",
            "#fff6c8",
            0.05 if view.dark else 0.12,
        )
    sheet.fill(
        curve(
            [
                (-40, -60),
                (-40, view.height * 0.15),
                (wide * 0.2, view.height * 0.11),
                (wide * 0.4, view.height * 0.05),
                (wide * 0.6, view.height * 0.045),
                (wide * 0.8, view.height * 0.12),
                (wide + 40, view.height * 0.16),
                (wide + 40, -60),
            ]
        ),
        "#3f7d4c",
    )
    for _ in range(60):
        x = chance.uniform(0, wide)
        y = view.height * 0.015 + abs(x / wide - 0.5) * view.height * 0.22 * chance.random()
        sheet.oval(
            x,
            y,
            chance.uniform(20, 38),
            chance.uniform(11, 20),
            chance.choice(("#4f9357", "#6aae5c", "#3f7d4c")),
            opacity=0.9,
            turn=chance.uniform(-40, 40),
        )
    near = nature.hill(view, line + 150, 18, ("#86b85c", "#4a8544"), 60)
    nature.path(view, near(wide * 0.48), ("#d9bf8d", "#a98a5e"))
    for share, size in ((0.05, 0.9), (0.93, 1.1)):
        nature.bush(view, (wide * share, line + 210), size)
    for x, y in ((wide * 0.15, view.ground - 4), (wide * 0.88, view.ground + 22), (wide * 0.2, view.height - 24)):
        with sheet.at(x, y):
            sheet.shape("M-7,0V-24H7V0Z", "#f5ead2")
            sheet.shape("M-26,-20Q-22,-50 0,-50Q22,-50 26,-20Q0,-12 -26,-20Z", "#d8523f")
            sheet.disc(-8, -34, 4, "#fff3dc")
            sheet.disc(9, -30, 3.4, "#fff3dc")


def _trunk(view: View, x: float, y: float, size: float) -> None:
    bark = view.snowy(view.sheet.chance.choice(("#8a6248", "#77533c", "#95705a")), 0.12)
    wide = 34 * size
    view.sheet.fill(
        f"M{x - wide * 1.7:.0f},{y:.0f}Q{x - wide * 0.8:.0f},{y - 60:.0f} {x - wide * 0.7:.0f},-20H{x + wide * 0.7:.0f}"
        f"Q{x + wide * 0.8:.0f},{y - 60:.0f} {x + wide * 1.8:.0f},{y:.0f}Q{x:.0f},{y - 14:.0f} {x - wide * 1.7:.0f},{y:.0f}Z", bark,
    )  # fmt: skip
    view.sheet.fill(
        f"M{x + wide * 0.1:.0f},-20H{x + wide * 0.7:.0f}Q{x + wide * 0.8:.0f},{y - 60:.0f} {x + wide * 1.8:.0f},{y:.0f}Q{x + wide * 0.4:.0f},{y * 0.6:.0f} {x + wide * 0.1:.0f},-20Z",
        darker(bark, 0.22),
    )
    for step in range(5):
        high = y * (0.2 + step * 0.14)
        view.sheet.line(f"M{x - wide * 0.4:.0f},{high:.0f}q6,30 -2,56", darker(bark, 0.25), 4, 0.6)


def beach(view: View) -> None:
    """Sea with waves, sand, shells, a sail far out."""
    sheet, chance, wide, line = view.sheet, view.sheet.chance, view.width, view.horizon
    sheet.box(0, line - 30, wide, view.height, sheet.down("#3f9cc4", "#6cc4d6", "#a5e0dc"), ink=False)
    for step in range(26):
        y = line - 10 + step * 7
        x = chance.uniform(0, wide)
        sheet.line(f"M{x:.0f},{y:.0f}q30,-9 60,0t60,0", "#e6fbff", 3, 0.55)
    with sheet.at(wide * chance.choice((0.2, 0.76)), line - 16, 0.8):
        sheet.shape("M-44,-12H44Q36,10 22,10H-24Q-38,8 -44,-12Z", "#c8573f")
        sheet.shape("M3,-92Q44,-50 42,-18H3Z", "#fff7e6")
        sheet.line("M0,-12V-96", "#7a5238", 5)
    with sheet.at(wide * 0.93, line + 4):
        sheet.fill("M-190,6Q-150,-86 -60,-96Q20,-110 120,-60V20H-190Z", "#8fa592")
    edge = nature.hill(view, line + 150, 14, ("#f6e3b4", "#e2bf82"))
    points = [(x, edge(x) - 8) for x in range(-40, int(wide) + 60, 60)]
    sheet.line(curve(points, closed=False), "#ffffff", 13, 0.85)
    for _ in range(70):
        sheet.disc(
            chance.uniform(0, wide),
            chance.uniform(line + 190, view.height),
            chance.uniform(1.5, 3.5),
            "#c79f62",
            opacity=0.5,
        )
    for share, colour in ((0.1, "#f0a58f"), (0.9, "#f6d3c0"), (0.82, "#e58a7a")):
        with sheet.at(wide * share, view.height - chance.uniform(24, 70), 0.6, turn=chance.uniform(-30, 30)):
            sheet.shape(
                "M0,0C-16,-2 -46,-20 -42,-42C-30,-60 -14,-54 0,-58C14,-54 30,-60 42,-42C46,-20 16,-2 0,0Z", colour
            )
    with sheet.at(wide * 0.04, line + 200, 1.1):
        sheet.tube("M0,0Q10,-120 60,-220", "#9a7048", 20)
        for turn in (-150, -110, -60, -20, 20):
            with sheet.at(60, -222, turn=turn):
                sheet.shape("M0,0Q60,-50 130,-6Q60,-14 0,8Z", "#6cab58")


def lake(view: View) -> None:
    """Still water between hills, reeds at the shore."""
    sheet, chance, wide, line = view.sheet, view.sheet.chance, view.width, view.horizon
    nature.distant(view, 2, line - 70, 50, ("#a9c7d8", "#82b09a"))
    for step in range(9):
        nature.pine(view, (step * wide / 8 + chance.uniform(-30, 30), line + 20), chance.uniform(0.5, 0.8))
    sheet.box(0, line + 16, wide, view.height, sheet.down("#86c4dc", "#4f9cc0"), ink=False)
    for _ in range(24):
        x, y = chance.uniform(0, wide), chance.uniform(line + 30, line + 190)
        sheet.line(f"M{x:.0f},{y:.0f}h{chance.uniform(30, 90):.0f}", "#e8fbff", 3, 0.5)
    nature.hill(view, line + 200, 16, ("#93c864", "#579a48"), 60)
    for share in (0.04, 0.09, 0.9, 0.95, 0.99):
        x = wide * share
        sheet.line(f"M{x:.0f},{line + 250:.0f}q-4,-60 6,-120", "#5b8d4a", 6)
        sheet.tube(f"M{x + 6:.0f},{line + 132:.0f}v-30", "#8a5a3a", 11)
    nature.flowers(view, 16, view.ground)


def mountains(view: View) -> None:
    """Peaks with snow, pines, a stony meadow."""
    sheet, wide, line, chance = view.sheet, view.width, view.horizon, view.sheet.chance
    for share, high, colour in (
        (0.18, 300, "#9fb3cf"),
        (0.82, 340, "#93a9c8"),
        (0.5, 420, "#7f97ba"),
        (0.02, 220, "#8aa0bf"),
        (1.0, 240, "#869dbd"),
    ):
        x, base = wide * share, line + 70
        sheet.fill(
            f"M{x - high * 0.95:.0f},{base}L{x - high * 0.2:.0f},{base - high * 0.82:.0f}L{x:.0f},{base - high:.0f}L{x + high * 0.3:.0f},{base - high * 0.66:.0f}L{x + high:.0f},{base}Z",
            sheet.down(lighter(colour, 0.1), darker(colour, 0.1)),
        )
        sheet.fill(
            f"M{x:.0f},{base - high:.0f}L{x + high * 0.3:.0f},{base - high * 0.66:.0f}L{x + high:.0f},{base}H{x + high * 0.1:.0f}Z",
            darker(colour, 0.3),
            0.4,
        )
        sheet.fill(
            f"M{x:.0f},{base - high:.0f}L{x - high * 0.24:.0f},{base - high * 0.77:.0f}L{x - high * 0.13:.0f},{base - high * 0.72:.0f}L{x - high * 0.04:.0f},{base - high * 0.82:.0f}L{x + high * 0.09:.0f},{base - high * 0.68:.0f}L{x + high * 0.2:.0f},{base - high * 0.78:.0f}Z",
            "#fbfdff",
        )
    nature.hill(view, line + 50, 26, ("#8fb98a", "#6a9f74"))
    for step in range(8):
        nature.pine(
            view, (step * wide / 7 + chance.uniform(-30, 30), line + chance.uniform(60, 110)), chance.uniform(0.6, 0.95)
        )
    near = nature.hill(view, line + 140, 22, ("#9cc476", "#5f9550"), 60)
    nature.path(view, near(wide * 0.48), ("#ded2b8", "#b7a586"))
    for share, size in ((0.06, 1.0), (0.92, 1.3), (0.86, 0.6)):
        nature.rock(view, (wide * share, line + 250), size)


def desert(view: View) -> None:
    """Dunes, cactuses, red rocks."""
    sheet, wide, line = view.sheet, view.width, view.horizon
    for share, size in ((0.12, 1.7), (0.8, 2.2)):
        with sheet.at(wide * share, line + 20, size):
            sheet.fill("M-90,0L-70,-88H-40L-34,-110H44L52,-70H70L90,0Z", sheet.down("#d88f62", "#b8694a"))
            sheet.line("M-66,-60H60M-72,-34H74", "#a45a40", 3, 0.6)
    nature.hill(view, line + 20, 30, ("#f0cf94", "#e2b878"))
    nature.hill(view, line + 90, 40, ("#f3d69c", "#deb06e"))
    nature.hill(view, line + 190, 26, ("#f7dfac", "#e3bb7d"))
    for share, size in ((0.08, 1.3), (0.9, 1.6), (0.72, 0.6)):
        with sheet.at(wide * share, line + 120 + size * 80, size):
            sheet.tube("M0,0V-130M-2,-50Q-46,-46 -44,-92M2,-66Q44,-62 42,-104", "#6fa66a", 26)
            sheet.line("M-6,-4V-124M6,-4V-124", "#4f8352", 3, 0.7)
            sheet.disc(0, -144, 9, "#f08aa8", ink=True)
    for share in (0.2, 0.8):
        nature.rock(view, (wide * share, view.height - 40), 0.7, "#c8956a")


def dinosaur_valley(view: View) -> None:
    """A smoking volcano, ferns, giant palms."""
    sheet, wide, line = view.sheet, view.width, view.horizon
    with sheet.at(wide * 0.68, line + 60, 1.5):
        sheet.fill("M-210,0L-46,-210Q0,-196 46,-210L210,0Z", sheet.down("#a97f86", "#7d6478"))
        sheet.fill("M-46,-210Q0,-196 46,-210L54,-198Q30,-150 22,-196Q6,-120 -6,-190Q-30,-150 -54,-198Z", "#f2793d")
        for dx, dy, radius in ((0, -244, 32), (26, -278, 40), (-8, -312, 46)):
            sheet.disc(dx, dy, radius, sheet.glow("#d9d0da", 0.9, 0.4))
    nature.hill(view, line + 30, 26, ("#9fc68a", "#7aab6c"))
    with sheet.at(wide * 0.22, line + 70, 0.9):
        sheet.fill(
            "M-90,0V-50Q-80,-90 -20,-88Q30,-90 52,-150Q66,-200 110,-196Q136,-190 130,-172Q100,-170 92,-140Q76,-60 58,-40V0H34V-32H-50V0Z",
            "#6d9f86",
        )
        sheet.disc(112, -184, 4, "#26352e")
    nature.hill(view, line + 100, 22, ("#93c46c", "#639f4e"), 20)
    for share, size in ((0.03, 1.3), (0.96, 1.5)):
        with sheet.at(wide * share, line + 210, size):
            sheet.tube("M0,0Q6,-110 0,-210", "#9a7048", 22)
            for turn in (-170, -135, -90, -45, -10):
                with sheet.at(0, -212, turn=turn):
                    sheet.shape("M0,0Q60,-44 128,0Q60,-8 0,10Z", "#5fa352")
    near = nature.hill(view, line + 190, 18, ("#8bbf58", "#4f8d42"), 60)
    nature.path(view, near(wide * 0.48))
    for share in (0.1, 0.9):
        with sheet.at(wide * share, view.ground + 30):
            for turn in (-70, -40, -12, 18, 46, 74):
                with sheet.at(0, 0, turn=turn):
                    sheet.shape("M0,0Q-14,-50 0,-104Q14,-50 0,0Z", "#4f9650")
