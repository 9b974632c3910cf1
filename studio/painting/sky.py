"""Light, sky and weather. A view is at least 1024 by 1024 units; feet stand on `ground`."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from studio.painting.svg import Sheet, mix

Tone = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """Of a time of day: sky from top to horizon, what it does to scenery and to figures, sun or moon."""

    sky: tuple[str, str, str]
    scenery: Tone
    figures: Tone
    orb: str


LIGHTS: Mapping[str, Light] = MappingProxyType({
    "day": Light(("#6bb8ea", "#aadcf3", "#fdf1d6"), (1, 1, 1), (1, 1, 1), "#fff1b0"),
    "dawn": Light(("#8fa9dc", "#f5c3b8", "#ffe3b0"), (1.0, 0.93, 0.88), (1.0, 0.97, 0.94), "#ffe2a0"),
    "dusk": Light(("#54479a", "#e07f8c", "#ffcf8e"), (0.84, 0.69, 0.74), (0.97, 0.89, 0.88), "#ffd88c"),
    "night": Light(("#10173f", "#26387a", "#5565ac"), (0.34, 0.43, 0.66), (0.80, 0.83, 0.97), "#fdf6d8"),
})  # fmt: skip


@dataclass
class View:
    """What is being looked at: the sheet, its size in units, and the weather and time on it."""

    sheet: Sheet
    width: float
    height: float
    time: str
    weather: str
    home: random.Random = field(default_factory=lambda: random.Random(0))
    """Chance that goes by the place alone: a room looks the same whenever the story comes back to it."""
    level: float = 0.56
    in_bed: bool = False
    """Whether somebody lies in a bed of their own, so that the room needs no other."""

    @property
    def tall(self) -> bool:
        return self.height > self.width * 1.25

    @property
    def light(self) -> Light:
        return LIGHTS[self.time]

    @property
    def horizon(self) -> float:
        return self.height * self.level

    @property
    def ground(self) -> float:
        """Where feet stand."""
        return self.height * 0.895

    @property
    def dark(self) -> bool:
        return self.time == "night"

    @property
    def grey(self) -> bool:
        return self.weather in {"cloudy", "rain", "fog", "snow"}

    def scenery_tone(self) -> Tone:
        red, green, blue = self.light.scenery
        dim = {"rain": 0.84, "cloudy": 0.93, "fog": 0.95}.get(self.weather, 1)
        return red * dim, green * dim, min(1.0, blue * dim * (1.04 if self.grey else 1))

    def snowy(self, colour: str, share: float = 0.86) -> str:
        """Ground and leaves, under snow when it snows."""
        return mix(colour, "#f3f6fb", share) if self.weather == "snow" else colour


def draw_sky(view: View) -> None:
    """The sky with sun or moon, stars and clouds."""
    sheet, chance, (width, height) = view.sheet, view.sheet.chance, (view.width, view.height)
    greyness = {"rain": 0.62, "cloudy": 0.4, "fog": 0.5, "snow": 0.36}.get(view.weather, 0)
    grey = "#8f9cae" if not view.dark else "#2b3352"
    top, middle, low = (mix(colour, grey, greyness) for colour in view.light.sky)
    below = view.horizon + 150
    sheet.box(0, 0, width, below, sheet.down(top, middle, low), ink=False)
    sheet.box(0, below - 2, width, height - below + 2, low, ink=False)
    if view.dark and greyness < 0.5:
        for _ in range(int(70 * (1 - greyness) * width / 1024)):
            x, y = chance.uniform(0, width), chance.uniform(0, view.horizon)
            sheet.disc(x, y, chance.uniform(1.2, 3.6), "#fff8d8", opacity=chance.uniform(0.45, 1))
        for _ in range(9 if view.tall else 4):
            with sheet.at(chance.uniform(0, width), chance.uniform(0, view.horizon * 0.8), chance.uniform(0.7, 1.5)):
                sheet.fill("M0,-14Q2,-2 14,0Q2,2 0,14Q-2,2 -14,0Q-2,-2 0,-14Z", "#fff8d8", 0.9)
    orb = (chance.choice([0.2, 0.8]) * width, height * chance.uniform(0.13, 0.19))
    if view.weather not in {"rain", "fog"} or (view.dark and view.weather == "fog"):
        _orb(view, *orb)
    count = {"clear": 3, "wind": 4, "cloudy": 8, "rain": 9, "snow": 6, "fog": 4}[view.weather]
    colour = {"night": "#7684c4", "dusk": "#f6c0c4", "dawn": "#ffe9e0"}.get(view.time, "#ffffff")
    for _ in range(count):
        place = (chance.uniform(0, width), chance.uniform(height * 0.05, height * 0.34))
        if view.weather in {"clear", "wind"} and abs(place[0] - orb[0]) < 250 and abs(place[1] - orb[1]) < 130:
            place = (width - place[0], place[1])
        cloud(view, place, chance.uniform(0.8, 1.7), mix(colour, grey, greyness * 0.7), 0.34 if view.dark else 0.9)


def _orb(view: View, x: float, y: float) -> None:
    sheet, colour = view.sheet, view.light.orb
    if view.time in {"dawn", "dusk"}:
        y = view.horizon - 70
    with sheet.at(x, y, 1.7 if view.tall and view.dark else 1):
        sheet.disc(0, 0, 230, sheet.glow(colour, 0.7 if not view.dark else 0.36))
        sheet.disc(0, 0, 62 if not view.dark else 54, colour)
        if view.dark:
            for dx, dy, radius in ((-16, -12, 12), (14, 10, 9), (8, -24, 6), (-18, 20, 7)):
                sheet.disc(dx, dy, radius, "#e5dcc0", opacity=0.7)


def cloud(view: View, place: tuple[float, float], size: float, colour: str, strength: float) -> None:
    """A cloud of soft balls with a flat, shaded belly."""
    sheet, (x, y) = view.sheet, place
    puffs = ((0, 0, 62), (-54, 14, 46), (54, 12, 50), (-98, 26, 30), (100, 26, 32), (22, -30, 46), (-26, -24, 40))
    soft = sheet.glow(colour, strength, 0.52)
    belly = sheet.glow(mix(colour, "#7f92b8", 0.4), strength * 0.6, 0.3)
    for dx, dy, radius in puffs:
        sheet.oval(x + dx * size, y + dy * size, radius * 1.2 * size, radius * 0.84 * size, soft)
    sheet.oval(x, y + 34 * size, 120 * size, 16 * size, belly)


def draw_far_weather(view: View) -> None:
    """Fog, and wind with its leaves, between scenery and figures: faces stay free."""
    sheet, chance = view.sheet, view.sheet.chance
    if view.weather == "wind":
        _swirls(view)
    if view.weather != "fog":
        return
    colour = "#dfe6ee" if not view.dark else "#8d9ac6"
    for step in range(7):
        y = view.horizon - 120 + step * (view.height - view.horizon + 60) / 7
        sheet.oval(chance.uniform(0, view.width), y, chance.uniform(380, 520), 70, sheet.glow(colour, 0.72, 0.1))
    sheet.box(0, 0, view.width, view.height, colour, ink=False, opacity=0.16)


def _swirls(view: View) -> None:
    sheet, chance = view.sheet, view.sheet.chance
    wide, high = view.width, view.height
    area = wide * high / 1024 / 1024
    for _ in range(int(7 * area)):
        x, y = chance.uniform(0, wide * 0.8), chance.uniform(high * 0.12, high * 0.72)
        sheet.line(f"M{x:.0f},{y:.0f}q70,-26 140,0t110,-8q34,-26 8,-40q-22,-6 -24,14", "#ffffff", 4, 0.62)
    for _ in range(int(22 * area)):
        x, y = chance.uniform(0, wide), chance.uniform(high * 0.2, high * 0.9)
        colour = chance.choice(("#e59a3c", "#c8643a", "#8fb04a"))
        with sheet.at(x, y, chance.uniform(0.7, 1.3), turn=chance.uniform(0, 360)):
            sheet.shape("M-11,0Q0,-11 13,0Q0,11 -11,0Z", colour)


def draw_near_weather(view: View) -> None:
    """Rain, snow and the last of the fog, over everything."""
    sheet = view.sheet
    if view.weather == "fog":
        _veil(view)
    painter = {"rain": _rain, "snow": _snow}.get(view.weather)
    if painter is None:
        return
    with sheet.far_layer():  # nobody stands so high that it would matter
        painter(view, 0, sheet.top)
    painter(view, sheet.top, view.height)


def _rain(view: View, top: float, high: float) -> None:
    sheet, chance, wide = view.sheet, view.sheet.chance, view.width
    area = wide * (high - top) / 1024 / 1024
    for _ in range(int(120 * area)):
        x, y, long = chance.uniform(-20, wide), chance.uniform(top, high), chance.uniform(18, 44)
        sheet.line(f"M{x:.0f},{y:.0f}l{-long * 0.22:.0f},{long:.0f}", "#e4f1fb", chance.uniform(1.8, 3.2), 0.6)
    for _ in range(int(14 * area) if high > view.ground else 0):
        x, y = chance.uniform(0, wide), chance.uniform(view.ground - 40, high)
        sheet.line(f"M{x - 16:.0f},{y:.0f}q16,-7 32,0", "#e4f1fb", 3, 0.6)


def _snow(view: View, top: float, high: float) -> None:
    sheet, chance, wide = view.sheet, view.sheet.chance, view.width
    area = wide * (high - top) / 1024 / 1024
    for _ in range(int(150 * area)):
        x, y, radius = chance.uniform(0, wide), chance.uniform(top, high), chance.uniform(2.5, 7)
        sheet.disc(x, y, radius, "#ffffff", opacity=chance.uniform(0.6, 0.98))


def _veil(view: View) -> None:
    sheet = view.sheet
    wide, high = view.width, view.height
    veil = sheet.glow("#e4eaf1" if not view.dark else "#8d9ac6", 0.5)
    for share in (0.1, 0.5, 0.9):
        sheet.oval(wide * share, high * 0.98, 380, 90, veil)
