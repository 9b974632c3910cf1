"""Small ones and storybook ones: bee, ladybird, caterpillar, snail, fairy, alien, monster, ghost. Feet are at (0, 0)."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501
# Every creature takes the same three arguments, so that a table can call any of them.
# ruff: noqa: ARG001

from studio.painting import creature_bodies
from studio.painting.creature_bodies import DARK, blush, eyes
from studio.painting.svg import Sheet, darker, lighter, mix

_SKIN = "#e8b98f"


def bee(sheet: Sheet, colour: str, name: str) -> None:
    """Round and striped, with clear wings."""
    for side in (-1, 1):
        with sheet.at(0, -84, flip=side < 0):
            sheet.shape("M6,0C14,-48 66,-54 70,-24C66,4 26,10 6,6Z", "#e3f2fa", 0.85)
            sheet.line("M6,-40Q12,-58 24,-62", DARK, 3.4)
    sheet.shape(
        "M-46,-46C-48,-10 -20,0 0,0C20,0 48,-10 46,-46C44,-66 -44,-66 -46,-46Z",
        sheet.round(lighter(colour, 0.3), colour),
    )
    for y in (-40, -20):
        sheet.line(f"M{-44 if y < -30 else -38},{y}Q0,{y + 12} {44 if y < -30 else 38},{y}", "#4a3a2a", 11)
    sheet.disc(0, -82, 38, sheet.round(lighter(colour, 0.4), colour), ink=True)
    eyes(sheet, -84, 15)
    sheet.line("M-10,-66Q0,-58 10,-66", DARK, 3.4)
    blush(sheet, -68, 25)


def ladybird(sheet: Sheet, colour: str, name: str) -> None:
    """A dome with dots and a dark head."""
    for x in (-44, -14, 16):
        sheet.line(f"M{x},-14l-6,14", DARK, 6)
    sheet.shape("M-80,-14C-78,-84 30,-92 40,-14Z", sheet.round(lighter(colour, 0.25), colour))
    sheet.line("M-20,-70V-14", DARK, 4)
    for x, y, size in ((-52, -34, 9), (-38, -56, 8), (4, -54, 8), (16, -32, 9), (-30, -26, 6), (-4, -28, 6)):
        sheet.disc(x, y, size, "#34242a")
    sheet.disc(60, -44, 34, "#4a3a44", ink=True)
    sheet.line("M52,-76Q50,-96 38,-102M68,-76Q74,-96 86,-100", DARK, 4)
    sheet.oval(64, -38, 24, 22, "#f3d9bd")
    eyes(sheet, -44, 10, 6, x=64)
    sheet.line("M56,-26Q64,-18 74,-26", DARK, 3)


def caterpillar(sheet: Sheet, colour: str, name: str) -> None:
    """Balls in a row, and a face at the front."""
    for index, (x, y) in enumerate(((-84, -26), (-56, -32), (-26, -30), (6, -34))):
        sheet.line(f"M{x - 6},-8V0M{x + 8},-8V0", DARK, 5)
        sheet.disc(x, y, 27, lighter(colour, 0.24) if index % 2 else colour, ink=True)
    sheet.line("M40,-92Q34,-116 24,-120M58,-92Q66,-116 76,-118", DARK, 4)
    sheet.disc(49, -58, 40, sheet.round(lighter(colour, 0.4), colour), ink=True)
    eyes(sheet, -62, 15, 8, x=50)
    sheet.line("M38,-42Q50,-32 62,-42", DARK, 3.4)
    sheet.oval(28, -46, 10, 7, sheet.glow("#f4604f", 0.4))


def snail(sheet: Sheet, colour: str, name: str) -> None:
    """A foot, a swirl, two stalks."""
    body = "#e8cfa0"
    sheet.tube("M56,-58Q52,-84 44,-96M72,-58Q78,-82 86,-92", darker(body, 0.14), 6)
    sheet.shape("M-92,0C-80,-22 -40,-22 20,-20C34,-30 34,-66 62,-68C92,-66 92,-24 72,-8Q64,0 50,0Z", body)
    sheet.disc(-16, -58, 50, sheet.round(lighter(colour, 0.3), colour), ink=True)
    sheet.line("M-16,-58m-32,0a32,32 0 1 1 32,32a24,24 0 1 1 24,-24a16,16 0 1 1 -16,-16", darker(colour, 0.35), 5)
    sheet.disc(44, -98, 7, "#fffaf2", ink=True)
    sheet.disc(86, -94, 7, "#fffaf2", ink=True)
    eyes(sheet, -46, 8, 5.4, x=66)
    sheet.line("M58,-30Q66,-22 76,-30", DARK, 3)


def fairy(sheet: Sheet, colour: str, name: str) -> None:
    """A tiny person in a petal dress, with wings."""
    for side in (-1, 1):
        with sheet.at(0, -66, flip=side < 0):
            sheet.shape("M8,0C26,-62 84,-60 84,-24C80,0 40,10 8,8Z", "#dff0f8", 0.9)
            sheet.shape("M8,8C40,10 62,32 50,50C32,56 12,34 8,16Z", "#eef7fb", 0.9)
        sheet.tube(f"M{side * 10},-16V-2", _SKIN, 8)
        sheet.tube(f"M{side * 18},-58Q{side * 36},-48 {side * 42},-66", _SKIN, 8)
    sheet.shape(
        "M-16,-66C-22,-40 -40,-24 -42,-10Q-28,-20 -14,-10Q0,-20 14,-10Q28,-20 42,-10C40,-24 22,-40 16,-66Z", colour
    )
    sheet.shape("M-46,-100C-50,-152 50,-152 46,-100Q30,-62 0,-60Q-30,-62 -46,-100Z", "#a9613a")
    sheet.disc(0, -98, 36, _SKIN, ink=True)
    sheet.shape("M-37,-104C-34,-146 34,-146 37,-104Q20,-124 -4,-124Q-24,-122 -37,-104Z", "#a9613a")
    eyes(sheet, -96, 14, 6.4)
    sheet.line("M-8,-80Q0,-73 8,-80", DARK, 3)
    blush(sheet, -84, 22)


def alien(sheet: Sheet, colour: str, name: str) -> None:
    """Three eyes and two feelers."""
    deep = darker(colour, 0.16)
    for side in (-1, 1):
        sheet.tube(f"M{side * 16},-136Q{side * 22},-160 {side * 36},-164", deep, 6)
        sheet.disc(side * 38, -166, 9, "#f1c143", ink=True)
        sheet.tube(f"M{side * 30},-52Q{side * 58},-50 {side * 60},-28", colour, 11)
        sheet.oval(side * 20, -6, 20, 10, deep, ink=True)
    sheet.shape(
        "M-34,-6C-40,-50 -24,-76 0,-76C24,-76 40,-50 34,-6Q0,4 -34,-6Z", sheet.round(lighter(colour, 0.2), colour)
    )
    sheet.shape(
        "M-60,-106C-60,-156 60,-156 60,-106C56,-70 26,-58 0,-58C-26,-58 -56,-70 -60,-106Z",
        sheet.round(lighter(colour, 0.3), colour),
    )
    for x, y in ((-32, -100), (0, -120), (32, -100)):
        sheet.disc(x, y, 15, "#fffaf2", ink=True)
        sheet.oval(x, y + 1, 7, 8.4, DARK)
        sheet.disc(x + 2, y - 3, 2.8, "#ffffff")
    sheet.line("M-16,-78Q0,-66 16,-78", DARK, 4)


def monster(sheet: Sheet, colour: str, name: str) -> None:
    """The soft creature with horns and two friendly teeth."""
    for side in (-1, 1):
        with sheet.at(side * 24, -122, flip=side < 0):
            sheet.shape("M-12,6Q-8,-30 14,-40Q16,-14 12,8Z", "#f3e2bb")
    creature_bodies.soft(sheet, colour, name)
    sheet.shape("M-9,-54l3,11l4,-10ZM9,-54l-3,11l-4,-10Z", "#fffaf2")


def ghost(sheet: Sheet, colour: str, name: str) -> None:
    """A sheet with a face, and nothing to be afraid of."""
    sheet.shape(
        "M-48,-78C-50,-150 50,-150 48,-78C48,-44 54,-20 58,-6Q40,-18 28,-4Q14,-18 0,-4Q-14,-18 -28,-4Q-40,-18 -58,-6C-54,-20 -48,-44 -48,-78Z",
        sheet.down("#ffffff", mix(colour, "#b8c6dc", 0.35)),
    )
    eyes(sheet, -96, 17, 9)
    sheet.oval(0, -74, 7, 9, "#6a5a6a")
    blush(sheet, -80, 32)
