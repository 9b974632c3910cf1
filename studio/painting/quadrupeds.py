"""Four-footed animals that sit and look at us, about 150 high: one body, many ears, tails and coats."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from studio.painting.creature_bodies import DARK, blush, eyes
from studio.painting.svg import Sheet, curve, darker, lighter, mix, ring

_EARS = {
    "fox": "M-22,12L-14,-38Q-10,-44 -5,-38L20,4Z", "cat": "M-22,12L-15,-34Q-10,-40 -5,-34L20,4Z",
    "rabbit": "M-13,14C-26,-50 -16,-84 -2,-84C12,-84 16,-50 14,10Z", "deer": "M8,12C-30,14 -50,-10 -44,-22C-26,-28 0,-14 14,2Z",
    "squirrel": "M-18,12L-14,-32Q-8,-40 -2,-32L18,4Z", "dog": "M6,-14C-30,-18 -44,26 -30,46C-14,50 -4,24 14,0Z",
}  # fmt: skip


def _tail(sheet: Sheet, colour: str, name: str) -> None:
    match name:
        case "fox":
            sheet.shape("M34,-18C92,-6 124,-52 98,-100C92,-60 62,-64 40,-46Z", colour)
            sheet.shape("M98,-100C110,-80 106,-62 96,-52C84,-62 88,-80 98,-100Z", "#fff3df")
        case "squirrel":
            sheet.shape("M26,-6C100,4 118,-70 92,-116C80,-142 44,-138 46,-108C70,-110 72,-60 30,-44Z", colour)
        case "cat" | "lion" | "dog":
            sheet.tube("M30,-14C70,-8 84,-36 74,-66", colour, 11)
            if name == "lion":
                sheet.disc(74, -70, 12, "#9a5c30", ink=True)
        case "mouse":
            sheet.tube("M30,-10C64,-2 78,-24 92,-14", mix(colour, "#f0a8a0", 0.6), 5)
        case _:
            sheet.disc(40, -20, 13, lighter(colour, 0.5), ink=True)


def sitting(sheet: Sheet, colour: str, name: str) -> None:
    """A four-footed animal that sits and looks at us: fox, cat, dog, rabbit, bear, deer, lion …"""
    pale, deep = lighter(colour, 0.74), darker(colour, 0.14)
    fill = sheet.round(lighter(colour, 0.18), darker(colour, 0.06))
    _tail(sheet, deep if name != "fox" else colour, name)
    for side in (-1, 1):
        sheet.oval(side * 31, -15, 21, 17, deep, ink=True)
    sheet.shape("M-38,-4C-48,-52 -24,-88 0,-88C26,-88 48,-50 38,-4Q0,6 -38,-4Z", fill)
    sheet.fill("M-19,-12C-24,-44 -12,-62 0,-62C14,-62 24,-42 19,-12Z", pale)
    for side in (-1, 1):
        sheet.shape(
            f"M{side * 5},-40C{side * 6},-20 {side * 5},-8 {side * 3},0H{side * 25}Q{side * 28},-10 {side * 22},-14L{side * 24},-40",
            fill,
        )
        sheet.line(f"M{side * 11},-1v-6M{side * 17},-1v-6", darker(colour, 0.4), 2.2)
    _sitting_head(sheet, colour, name)


def _ears(sheet: Sheet, colour: str, name: str) -> None:
    pale, deep = lighter(colour, 0.74), darker(colour, 0.14)
    ear = _EARS.get(name)
    for side in (-1, 1):
        with sheet.at(side * 36, -136, flip=side > 0):
            if ear and name != "dog":
                sheet.shape(ear, deep)
                with sheet.at(-1, -2, 0.56):
                    sheet.fill(ear, mix(pale, "#f0a8a0", 0.45))
            elif name != "dog":
                size = 25 if name == "mouse" else 16
                sheet.disc(-5, -2, size, deep, ink=True)
                sheet.disc(-5, -2, size * 0.58, mix(pale, "#f0a8a0", 0.45))


def _sitting_head(sheet: Sheet, colour: str, name: str) -> None:
    pale, deep = lighter(colour, 0.74), darker(colour, 0.14)
    if name == "lion":
        sheet.shape(
            curve([(x * (1.08 if i % 2 else 0.98), y) for i, (x, y) in enumerate(ring(0, -106, 70, 64, 22))]), "#a9693a"
        )
    _ears(sheet, colour, name)
    if name == "deer":
        for side in (-1, 1):
            with sheet.at(side * 16, -150, flip=side < 0):
                sheet.line("M0,0C4,-20 14,-26 16,-44M9,-22Q22,-24 26,-36", "#8d6234", 6)
    sheet.shape(
        "M-58,-108C-56,-158 56,-158 58,-108C62,-78 32,-60 0,-60C-32,-60 -62,-78 -58,-108Z",
        sheet.round(lighter(colour, 0.2), darker(colour, 0.05)),
    )
    if name in {"fox", "squirrel"}:
        sheet.fill(
            "M-57,-102C-40,-102 -20,-96 0,-78C20,-96 40,-102 57,-102C58,-78 28,-61.5 0,-61.5C-28,-61.5 -58,-78 -57,-102Z",
            pale,
        )
    else:
        sheet.oval(0, -83, 28, 20, pale)
    if name == "dog":
        for side in (-1, 1):
            with sheet.at(side * 48, -132, flip=side > 0):
                sheet.shape(_EARS["dog"], deep)
    eyes(sheet, -110, 24)
    blush(sheet, -90, 38)
    sheet.shape("M-9,-93Q0,-98 9,-93Q7,-84 0,-82Q-7,-84 -9,-93Z", DARK)
    sheet.line("M0,-82V-77M0,-77Q-8,-70 -14,-76M0,-77Q8,-70 14,-76", darker(colour, 0.6), 2.8)
    if name in {"cat", "mouse", "rabbit", "lion"}:
        sheet.line("M-26,-84L-54,-90M-26,-78L-53,-76M26,-84L54,-90M26,-78L53,-76", "#fff6e6", 2, 0.9)
