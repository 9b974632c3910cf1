"""Parts of landscapes: hills, trees, plants, houses, rocks. Positions are in view units."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import math
from collections.abc import Callable, Sequence

from studio.painting.sky import View
from studio.painting.svg import Sheet, curve, darker, lighter, mix

LEAVES = ("#6bb04a", "#8cc152", "#5a9e5c", "#7fb64e")
AUTUMN = (*LEAVES, "#e3a23f")
PETALS = ("#ff8fa3", "#ffffff", "#b58cff", "#ffb347", "#7fd0ff", "#ffe066")


def hill(view: View, y: float, swell: float, colours: tuple[str, str], tufts: int = 0) -> Callable[[float], float]:
    """A hill across the view; the answer tells the height of its edge at an x."""
    sheet, chance = view.sheet, view.sheet.chance
    phase, waves = chance.uniform(0, 6), chance.uniform(2.0, 3.2)

    def edge(x: float) -> float:
        slow = math.sin(phase + x / view.width * waves * 2)
        return y + swell * slow + swell * 0.4 * math.sin(phase * 2 + x / view.width * waves * 5)

    points = [(float(x), edge(x)) for x in range(-60, int(view.width) + 100, 40)]
    colour, low = view.snowy(colours[0]), view.snowy(colours[1])
    top = curve(points, closed=False)
    right, left, end = view.width + 60, -60, view.height + 40
    band = min(end, y + swell * 1.4 + 190)
    # Gradients are dear by the pixel: the band below the edge has one, the rest is plain.
    sheet.fill(f"M{left},{band - 2:.0f}H{right:.0f}V{end:.0f}H{left}Z", low)
    sheet.fill(f"{top}L{right:.0f},{band:.0f}H{left}Z", sheet.down(colour, low))
    sheet.line(curve(points, closed=False), lighter(colour, 0.3), 4, 0.6)
    for _ in range(tufts):
        x = chance.uniform(0, view.width)
        down = chance.uniform(12, max(30, view.height - edge(x)))
        grass(sheet, (x, edge(x) + down), 0.7 + down / 300, chance.choice((darker(colour, 0.18), lighter(colour, 0.3))))
    return edge


def grass(sheet: Sheet, place: tuple[float, float], size: float, colour: str) -> None:
    x, y = place
    for lean in (-7, 0, 7):
        sheet.line(
            f"M{x + lean * 0.6:.0f},{y:.0f}q{lean * 0.3:.0f},{-11 * size:.0f} {lean * size:.0f},{-19 * size:.0f}",
            colour,
            3,
            0.75,
        )


def tree(view: View, place: tuple[float, float], size: float, leaves: Sequence[str] = LEAVES) -> None:
    """A round tree, its leaves dabbed on."""
    sheet, chance = view.sheet, view.sheet.chance
    colour = view.snowy(chance.choice(leaves), 0.6)
    bark = "#7f563a"
    with sheet.at(*place, size):
        sheet.fill(
            "M-24,4Q-9,-60 -14,-150H12Q8,-60 26,4Q0,-6 -24,4Z", sheet.down(lighter(bark, 0.15), darker(bark, 0.25))
        )
        sheet.line("M0,-92Q20,-120 46,-142M-4,-112Q-24,-132 -46,-146", bark, 10)
        balls = [
            (
                math.cos(turn) * 74 * chance.uniform(0.8, 1.1),
                math.sin(turn) * 62 * chance.uniform(0.8, 1.1) - 218,
                chance.uniform(40, 58),
            )
            for turn in (step / 10 * math.tau for step in range(10))
        ]
        for x, y, radius in [*balls, (0, -218, 78)]:
            sheet.disc(x, y + 10, radius, darker(colour, 0.24))
        for x, y, radius in [*balls, (0, -218, 78)]:
            sheet.disc(x - 6, y - 6, radius * 0.88, colour)
        for _ in range(26):
            turn, far = chance.uniform(0, math.tau), math.sqrt(chance.random()) * 108
            x, y = math.cos(turn) * far - 8, math.sin(turn) * far * 0.85 - 222
            dab = lighter(colour, 0.32) if y < -226 else darker(colour, 0.16)
            sheet.oval(
                x, y, chance.uniform(8, 15), chance.uniform(4, 8), dab, opacity=0.62, turn=chance.uniform(-40, 40)
            )


def pine(view: View, place: tuple[float, float], size: float, colour: str = "#4f8a5c") -> None:
    sheet = view.sheet
    green = view.snowy(colour, 0.55)
    with sheet.at(*place, size):
        sheet.box(-9, -50, 18, 54, mix("#7a5238", green, 0.5), ink=False)
        for step in range(4):
            wide, y = 96 - 20 * step, -34 - 48 * step
            sheet.fill(
                f"M{-wide},{y}Q{-wide * 0.36:.0f},{y - 34} 0,{y - 90}Q{wide * 0.36:.0f},{y - 34} {wide},{y}"
                f"Q{wide * 0.5:.0f},{y + 15} 0,{y + 6}Q{-wide * 0.5:.0f},{y + 15} {-wide},{y}Z",
                sheet.down(lighter(green, 0.18), darker(green, 0.2)),
            )


def flower(sheet: Sheet, place: tuple[float, float], size: float, colour: str) -> None:
    with sheet.at(*place, size):
        sheet.line("M0,0q-3,-14 0,-26", "#4f7a3a", 3)
        for step in range(5):
            with sheet.at(0, -28, turn=step * 72):
                sheet.oval(0, -8, 5, 8.6, colour)
        sheet.disc(0, -28, 4.6, "#ffd65a")


def flowers(view: View, count: int, top: float) -> None:
    """Flowers in the foreground, away from the middle where the figures stand."""
    chance = view.sheet.chance
    if view.weather == "snow":
        return
    for _ in range(count):
        x = chance.choice((chance.uniform(0, view.width * 0.26), chance.uniform(view.width * 0.74, view.width)))
        flower(view.sheet, (x, chance.uniform(top, view.height - 6)), chance.uniform(0.9, 1.6), chance.choice(PETALS))


def bush(view: View, place: tuple[float, float], size: float, colour: str = "#5f9e55") -> None:
    sheet = view.sheet
    green = view.snowy(colour, 0.6)
    with sheet.at(*place, size):
        for x, radius in ((-58, 36), (58, 36), (-20, 48), (26, 46)):
            sheet.disc(x, -radius * 0.7, radius, darker(green, 0.2))
        for x, radius in ((-58, 30), (58, 30), (-22, 42), (24, 40)):
            sheet.disc(x - 4, -radius * 0.86, radius, green)
        for x, y in ((-60, -38), (-30, -58), (10, -60), (40, -46), (66, -34), (-6, -30)):
            sheet.oval(x, y, 11, 6, lighter(green, 0.3), opacity=0.7, turn=-20)
        sheet.fill("M-96,0Q0,12 96,0Q90,-16 60,-14H-60Q-90,-16 -96,0Z", darker(green, 0.2))


def rock(view: View, place: tuple[float, float], size: float, colour: str = "#98a0aa") -> None:
    stone = view.snowy(colour, 0.4)
    with view.sheet.at(*place, size):
        view.sheet.fill(
            "M-60,2Q-66,-34 -34,-52Q6,-70 44,-40Q68,-18 58,2Z", view.sheet.down(lighter(stone, 0.2), darker(stone, 0.2))
        )
        view.sheet.fill("M-38,-42Q-6,-60 24,-46Q-6,-36 -20,-18Q-34,-22 -38,-42Z", lighter(stone, 0.45), 0.5)


def house(view: View, place: tuple[float, float], size: float, wall: str = "#fbe9cf", roof: str = "#c9573f") -> None:
    """A cottage; its windows are lit when it is dark."""
    sheet = view.sheet
    with sheet.at(*place, size):
        sheet.box(32, -142, 20, 50, "#a5735a")
        sheet.shape("M-62,6V-70H62V6Z", wall)
        sheet.shape("M-84,-64L0,-142L84,-64Z", view.snowy(roof, 0.7))
        sheet.line("M-58,-72h116M-38,-92h76M-17,-112h34", darker(roof, 0.2), 3, 0.7)
        sheet.shape("M-16,6V-30a16,16 0 0 1 32,0V6Z", "#7a4a32")
        for x in (-50, 27):
            lamp(view, (x, -48), 24, 24)


def lamp(view: View, place: tuple[float, float], width: float, height: float) -> None:
    """A window, lit at dusk and night whatever the light outside."""
    lit = view.time in {"night", "dusk"}
    with view.sheet.lit(None if lit else view.sheet.tone):
        view.sheet.box(*place, width, height, "#ffdf85" if lit else "#bfdcea", corner=3)
    x, y = place
    view.sheet.line(f"M{x + width / 2},{y}v{height}M{x},{y + height / 2}h{width}", "#6a4a3a", 2.4)


def path(view: View, top: float, colours: tuple[str, str] = ("#f0d9aa", "#d6b07a")) -> None:
    """A winding path from the horizon's side to the viewer."""
    sheet, (wide, high) = view.sheet, (view.width, view.height)
    mid = view.ground - (view.ground - top) * 0.45
    near, far = view.snowy(colours[0], 0.45), view.snowy(colours[1], 0.45)
    sheet.fill(
        f"M{wide * 0.47:.0f},{top:.0f}C{wide * 0.40:.0f},{mid - 30:.0f} {wide * 0.66:.0f},{mid:.0f} {wide * 0.54:.0f},{view.ground - 60:.0f}"
        f"C{wide * 0.42:.0f},{view.ground:.0f} {wide * 0.22:.0f},{high - 20:.0f} {wide * 0.12:.0f},{high + 40:.0f}L{wide * 0.86:.0f},{high + 40:.0f}"
        f"C{wide * 0.86:.0f},{high - 30:.0f} {wide * 0.80:.0f},{view.ground:.0f} {wide * 0.72:.0f},{view.ground - 40:.0f}"
        f"C{wide * 0.70:.0f},{mid:.0f} {wide * 0.48:.0f},{mid - 20:.0f} {wide * 0.50:.0f},{top:.0f}Z",
        sheet.down(near, far), 0.9,
    )  # fmt: skip


def bough(view: View) -> None:
    """Branches that hang in from an upper corner and fill a high sky."""
    sheet, chance = view.sheet, view.sheet.chance
    left, green = chance.random() < 0.5, view.snowy(chance.choice(LEAVES), 0.6)
    with sheet.at(0 if left else view.width, 0, chance.uniform(1.1, 1.4), flip=not left):
        sheet.fill("M-20,96Q120,96 250,150Q350,190 470,176Q350,206 240,176Q110,124 -20,150Z", "#7f563a")
        sheet.line("M120,110Q160,170 168,246M270,158Q316,214 322,270M60,100Q70,40 130,10", "#7f563a", 9)
        tips = (
            (470, 176),
            (400, 186),
            (322, 270),
            (300, 220),
            (168, 246),
            (150, 180),
            (240, 158),
            (70, 110),
            (130, 20),
        )
        for x, y in tips:
            for _ in range(9):
                spot = (x + chance.uniform(-58, 58), y + chance.uniform(-34, 44))
                colour = chance.choice((green, darker(green, 0.16), lighter(green, 0.2)))
                size = chance.uniform(15, 25)
                sheet.oval(*spot, size, size * 0.5, colour, turn=chance.uniform(-50, 60))


def distant(view: View, count: int, y: float, swell: float, colours: tuple[str, str]) -> None:
    """Hazy ridges one behind another."""
    for step in range(count):
        share = step / max(1, count - 1)
        colour = mix(colours[0], colours[1], share)
        hill(view, y + step * 46, swell * (1 - share * 0.3), (lighter(colour, 0.12), colour))
