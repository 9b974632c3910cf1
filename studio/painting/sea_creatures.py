"""Who lives in the sea: crab, seal, octopus, dolphin. Feet, or the lower edge, are at (0, 0)."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501
# Every creature takes the same three arguments, so that a table can call any of them.
# ruff: noqa: ARG001

from studio.painting.creature_bodies import DARK, blush, eyes
from studio.painting.stencils import cut, dab, pen, press
from studio.painting.svg import Sheet, darker, lighter


def crab(sheet: Sheet, colour: str, name: str) -> None:
    """Broad, with claws held up and eyes on stalks."""
    deep = darker(colour, 0.16)
    for side in (-1, 1):
        for x, y in ((44, -2), (60, -8), (70, -20)):
            sheet.tube(f"M{side * 36},-26Q{side * (x + 6)},-34 {side * x},{y}", deep, 7)
        sheet.tube(f"M{side * 44},-50Q{side * 78},-56 {side * 76},-84", colour, 11)
        with sheet.at(side * 76, -92, flip=side < 0):
            sheet.shape("M-14,8C-30,-20 -10,-44 4,-40L0,-16L22,-36C36,-20 24,10 4,14Z", colour)
        sheet.tube(f"M{side * 16},-68V-92", deep, 6)
        sheet.disc(side * 16, -98, 13, "#fffaf2", ink=True)
    sheet.shape("M-62,-40C-58,-84 58,-84 62,-40C56,-6 -56,-6 -62,-40Z", sheet.round(lighter(colour, 0.25), colour))
    eyes(sheet, -98, 16, 6)
    sheet.line("M-16,-40Q0,-26 16,-40", DARK, 4)
    blush(sheet, -44, 34)


def seal(sheet: Sheet, colour: str, name: str) -> None:
    """Lying with its head up, whiskers and all."""
    deep, pale = darker(colour, 0.14), lighter(colour, 0.62)
    sheet.shape("M58,-14C84,-36 100,-34 108,-46C112,-26 106,-18 112,-2C96,2 72,2 56,-4Z", deep)
    sheet.shape(
        "M-44,-70C-64,-20 -44,0 0,0H52C84,-4 78,-30 52,-42C30,-54 22,-70 18,-92Z",
        sheet.round(lighter(colour, 0.2), colour),
    )
    sheet.fill("M-40,-52C-50,-18 -30,-6 -4,-6C10,-20 6,-44 -4,-64Z", pale)
    sheet.shape("M8,-20C34,-30 48,-12 44,0H14Q2,-8 8,-20Z", deep)
    sheet.shape(
        "M-58,-96C-58,-142 34,-142 34,-96C34,-64 12,-56 -12,-56C-36,-56 -58,-64 -58,-96Z",
        sheet.round(lighter(colour, 0.25), colour),
    )
    for side in (-1, 1):
        sheet.oval(-12 + side * 13, -80, 16, 13, pale, ink=True)
    sheet.oval(-12, -92, 9, 7, DARK)
    eyes(sheet, -108, 20, 9, x=-12)
    sheet.line("M-30,-80L-58,-86M-30,-74L-56,-72M6,-80L34,-86M6,-74L32,-72", "#fff6e6", 2.2, 0.95)


def octopus(sheet: Sheet, colour: str, name: str) -> None:
    """A round head over eight arms that curl."""
    deep = darker(colour, 0.12)
    for index, x in enumerate((-64, -44, -26, -9, 9, 26, 44, 64)):
        side = -1 if x < 0 else 1
        lift = (0, 4, 10, 2)[index % 4]
        sheet.tube(
            f"M{x * 0.55:.0f},-44C{x * 0.8:.0f},-24 {x},-30 {x + side * 6},{-8 - lift}q{side * 8},-14 {side * 16},-4",
            deep if index % 2 else colour,
            15,
        )
    sheet.shape(
        "M-56,-88C-58,-156 58,-156 56,-88C54,-58 34,-38 0,-38C-34,-38 -54,-58 -56,-88Z",
        sheet.round(lighter(colour, 0.28), colour),
    )
    for x, y in ((-26, -132), (6, -140), (30, -126)):
        sheet.disc(x, y, 6, lighter(colour, 0.4), opacity=0.8)
    eyes(sheet, -92, 21, 10)
    sheet.line("M-14,-70Q0,-58 14,-70", DARK, 4)
    blush(sheet, -74, 36)


def dolphin(sheet: Sheet, colour: str, name: str) -> None:
    """Leaping: a slim body, a fin, a beak that smiles."""
    press(sheet, (
        cut("M-82,-30C-106,-30 -116,-12 -122,-18C-120,-38 -108,-48 -98,-50C-112,-62 -112,-76 -104,-86C-92,-74 -82,-58 -74,-46Z", "main"),
        cut("M-8,-96C-4,-122 -16,-134 -28,-140C-6,-142 22,-124 30,-98Z", "main"),
        cut("M-86,-38C-60,-92 0,-112 52,-92C70,-86 78,-78 104,-70C110,-64 106,-58 98,-58C70,-44 40,-30 -4,-30C-40,-28 -60,-24 -86,-38Z", "main"),
        dab("M-70,-36C-30,-48 40,-48 94,-60C70,-44 40,-32 -4,-32C-36,-30 -56,-28 -70,-36Z", "pale"),
        cut("M4,-44C6,-22 -6,-8 -20,-6C-20,-20 -22,-34 -12,-44Z", "main"),
        pen("M70,-62Q84,-56 100,-62", DARK, 3)),
        {"main": colour, "pale": lighter(colour, 0.7)})  # fmt: skip
    eyes(sheet, -78, 1, 5.4, x=56)
