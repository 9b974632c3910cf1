"""How each creature is drawn. All take the sheet, the colour and the kind's name; feet are at (0, 0)."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501
# Every creature takes the same three arguments, so that a table can call any of them.
# ruff: noqa: ARG001

from studio.painting.stencils import cut, dab, pen, press
from studio.painting.svg import Sheet, curve, darker, lighter, mix, ring

DARK = "#2b1d26"


def eyes(sheet: Sheet, y: float, apart: float, size: float = 8, x: float = 0) -> None:
    for side in (-1, 1):
        sheet.oval(x + side * apart, y, size, size * 1.24, DARK)
        sheet.disc(x + side * apart + size * 0.3, y - size * 0.45, size * 0.38, "#ffffff")
        sheet.disc(x + side * apart - size * 0.25, y + size * 0.5, size * 0.2, "#ffffff", opacity=0.8)


def blush(sheet: Sheet, y: float, apart: float) -> None:
    for side in (-1, 1):
        sheet.oval(side * apart, y, 14, 9, sheet.glow("#f4604f", 0.34))


def hedgehog(sheet: Sheet, colour: str, name: str) -> None:
    spikes = [
        (x * (1.13 if i % 2 else 0.94), -60 + (y + 60) * (1.13 if i % 2 else 0.94))
        for i, (x, y) in enumerate(ring(0, -62, 66, 66, 36))
    ]
    sheet.shape("M" + "L".join(f"{x:.0f},{min(0.0, y):.0f}" for x, y in spikes) + "Z", darker(colour, 0.38))
    for side in (-1, 1):
        sheet.oval(side * 24, -6, 17, 10, colour, ink=True)
    sheet.oval(0, -48, 46, 46, lighter(colour, 0.55), ink=True)
    for side in (-1, 1):
        sheet.disc(side * 40, -84, 12, colour, ink=True)
    eyes(sheet, -58, 18)
    blush(sheet, -42, 30)
    sheet.oval(0, -44, 8, 7, DARK)
    sheet.line("M-9,-32Q0,-24 9,-32", DARK, 3)


def owl(sheet: Sheet, colour: str, name: str) -> None:
    deep, pale = darker(colour, 0.2), lighter(colour, 0.6)
    for side in (-1, 1):
        with sheet.at(0, 0, flip=side < 0):
            sheet.shape(
                "M36,-98C72,-118 116,-102 122,-60C125,-46 114,-40 109,-47C108,-34 96,-29 91,-38C88,-25 75,-22 71,-32C66,-20 50,-22 44,-42Z",
                deep,
            )
            sheet.line("M56,-78Q86,-76 104,-60M56,-64Q76,-62 88,-48", lighter(deep, 0.25), 3, 0.8)
    sheet.shape(
        "M0,-146C-58,-146 -62,-96 -52,-52C-44,-14 -22,0 0,0C22,0 44,-14 52,-52C62,-96 58,-146 0,-146Z",
        sheet.round(lighter(colour, 0.18), colour),
    )
    sheet.fill("M-32,-62C-28,-20 -14,-6 0,-6C14,-6 28,-20 32,-62Q0,-80 -32,-62Z", pale)
    sheet.line("M-18,-46q6,8 12,0M6,-46q6,8 12,0M-10,-30q6,8 12,0", deep, 3, 0.8)
    sheet.shape("M-52,-118L-48,-158L-18,-138ZM52,-118L48,-158L18,-138Z", deep)
    for side in (-1, 1):
        sheet.disc(side * 23, -102, 25, pale, ink=True)
    eyes(sheet, -102, 22, 11)
    sheet.shape("M-9,-90Q0,-96 9,-90L0,-72Z", "#efa63a")
    sheet.line("M-16,-2l-5,9M-12,-2v10M12,-2v10M16,-2l5,9", "#efa63a", 5)


def bird(sheet: Sheet, colour: str, name: str) -> None:
    deep, pale = darker(colour, 0.18), lighter(colour, 0.68)
    sheet.shape("M-34,-40L-92,-28L-80,-44L-96,-54Z", deep)
    sheet.shape(
        "M-40,-42C-40,-86 20,-110 50,-82C74,-56 40,-10 0,-10C-26,-10 -40,-24 -40,-42Z",
        sheet.round(lighter(colour, 0.2), colour),
    )
    sheet.fill("M-10,-18C30,-14 52,-36 54,-58C30,-34 4,-34 -26,-32Z", pale)
    sheet.shape("M-16,-56C-40,-112 -84,-120 -96,-104C-84,-100 -86,-90 -78,-86C-72,-70 -40,-38 -8,-42Z", deep)
    if name == "bat":
        sheet.shape("M18,-92L20,-122L38,-96ZM44,-92L60,-116L62,-82Z", deep)
    sheet.shape("M60,-72L88,-62L60,-54Z", "#efa63a")
    eyes(sheet, -72, 10, 7, x=42)
    sheet.oval(34, -54, 10, 7, sheet.glow("#f4604f", 0.4))


def butterfly(sheet: Sheet, colour: str, name: str) -> None:
    for side in (-1, 1):
        with sheet.at(0, -60, flip=side < 0):
            sheet.shape("M6,0C30,-70 96,-66 92,-26C90,6 40,14 6,6Z", colour)
            sheet.shape("M6,6C44,6 74,30 60,56C42,72 14,40 6,14Z", lighter(colour, 0.3))
            sheet.disc(62, -26, 11, lighter(colour, 0.65))
            sheet.line("M4,-34Q10,-56 24,-62", DARK, 3)
    sheet.oval(0, -56, 9, 32, "#5a4258", ink=True)
    sheet.disc(0, -90, 15, "#7a5a72", ink=True)
    eyes(sheet, -91, 6, 4.4)


def dragon(sheet: Sheet, colour: str, name: str) -> None:
    deep, pale, crest = darker(colour, 0.16), lighter(colour, 0.7), "#efa63a"
    sheet.shape("M28,-30C84,-4 110,-22 108,-66L124,-58L112,-88L88,-74L102,-68C96,-44 64,-46 34,-58Z", deep)
    if name == "dinosaur":  # plates down the back and tail, where a dragon has wings and horns
        sheet.shape("M40,-66L60,-86L58,-56L80,-66L72,-40L98,-44L84,-22Q56,-28 36,-46Z", crest)
    for side in (-1, 1) if name != "dinosaur" else ():
        with sheet.at(side * 30, -74, flip=side < 0):
            sheet.shape(
                "M0,0C14,-52 52,-70 82,-66C72,-52 74,-42 80,-30C62,-34 58,-22 56,-12C42,-20 24,-8 6,12Z",
                mix(crest, colour, 0.3),
            )
    for side in (-1, 1):
        sheet.oval(side * 28, -10, 20, 13, deep, ink=True)
    sheet.shape(
        "M-36,-6C-46,-52 -24,-90 0,-90C24,-90 46,-52 36,-6Q0,6 -36,-6Z", sheet.round(lighter(colour, 0.2), colour)
    )
    sheet.fill("M-20,-8C-24,-44 -12,-64 0,-64C12,-64 24,-44 20,-8Z", pale)
    sheet.line("M-19,-24Q0,-16 19,-24M-19,-40Q0,-32 19,-40", deep, 3, 0.7)
    for x in (-26, 26) if name != "dinosaur" else ():
        sheet.shape(f"M{x - 9},-146Q{x},-182 {x * 1.5},-184Q{x + 12},-160 {x + 9},-142Z", crest)
    if name == "dinosaur":
        sheet.shape("M-24,-142L-12,-168L-2,-146L8,-172L18,-142Z", crest)
    sheet.shape(
        "M-54,-108C-54,-160 54,-160 54,-108C58,-80 34,-64 0,-64C-34,-64 -58,-80 -54,-108Z",
        sheet.round(lighter(colour, 0.22), colour),
    )
    sheet.oval(0, -86, 32, 19, pale)
    eyes(sheet, -116, 22, 9)
    sheet.line("M-8,-94v3M8,-94v3", deep, 4.4)
    sheet.line("M-14,-80Q0,-70 14,-80", darker(colour, 0.6), 3)
    blush(sheet, -96, 40)


def turtle(sheet: Sheet, colour: str, name: str) -> None:
    deep = darker(colour, 0.2)
    for x in (-44, 34):
        sheet.shape(f"M{x - 14},-24V-4Q{x},4 {x + 14},-4V-24Z", colour)
    sheet.shape("M-74,-22C-72,-86 40,-92 50,-22Q-10,-8 -74,-22Z", sheet.down("#a9834f", "#7d5a38"))
    sheet.line("M-44,-30L-34,-62L8,-62L20,-30M-34,-62L-46,-72M8,-62L18,-70M-12,-62V-26", "#5f4128", 3.4, 0.7)
    sheet.shape(
        "M36,-30C40,-52 38,-64 46,-80C62,-106 104,-92 98,-62C94,-42 70,-38 62,-16Q46,-10 36,-30Z",
        sheet.round(lighter(colour, 0.25), colour),
    )
    eyes(sheet, -70, 11, 6.4, x=74)
    sheet.line("M64,-54Q76,-46 88,-56", deep, 3)
    sheet.shape("M-72,-22L-90,-14L-70,-14Z", colour)


def frog(sheet: Sheet, colour: str, name: str) -> None:
    deep = darker(colour, 0.16)
    for side in (-1, 1):
        sheet.shape(
            f"M{side * 24},-46C{side * 74},-62 {side * 76},-8 {side * 42},0H{side * 62}Q{side * 30},6 {side * 22},-10Z",
            deep,
        )
    sheet.shape(
        "M-44,-4C-58,-60 -34,-86 0,-86C34,-86 58,-60 44,-4Q0,6 -44,-4Z", sheet.round(lighter(colour, 0.25), colour)
    )
    sheet.oval(0, -28, 28, 24, lighter(colour, 0.7))
    for side in (-1, 1):
        sheet.disc(side * 27, -92, 19, colour, ink=True)
        sheet.disc(side * 27, -93, 13, "#fffaf2")
        sheet.shape(f"M{side * 10},-26V-2H{side * 26}", colour)
    eyes(sheet, -93, 27, 6.4)
    sheet.line("M-28,-66Q0,-46 28,-66", darker(colour, 0.55), 4)
    blush(sheet, -62, 38)


def whale(sheet: Sheet, colour: str, name: str) -> None:
    press(sheet, (
        cut("M-92,-66C-112,-84 -128,-82 -134,-98C-112,-102 -98,-94 -90,-82C-86,-98 -78,-106 -60,-108C-62,-90 -70,-76 -78,-62Z", "main"),
        cut("M-88,-70C-60,-40 -40,-116 30,-108C88,-100 100,-44 78,-22C50,2 -60,2 -88,-70Z", "main"),
        dab("M-60,-36C-30,-2 50,4 78,-22C88,-34 90,-48 88,-58C50,-30 -20,-22 -60,-36Z", "pale"),
        cut("M0,-22C-6,4 -24,16 -36,14C-34,0 -30,-16 -18,-28Z", "main"),
        pen("M20,-114Q14,-136 0,-138M22,-114Q26,-136 42,-136", "#bfe3f5", 6), pen("M58,-40Q72,-34 82,-44", DARK, 3)),
        {"main": colour, "pale": lighter(colour, 0.7)})  # fmt: skip
    eyes(sheet, -60, 12, 6.4, x=50)


def fish(sheet: Sheet, colour: str, name: str) -> None:
    press(sheet, (
        cut("M-34,-50L-82,-84Q-72,-50 -82,-18Z", "deep"), cut("M-4,-80Q20,-116 44,-78Z", "deep"),
        cut("M-44,-50C-24,-96 58,-100 78,-50C58,-2 -24,-6 -44,-50Z", "main"), dab("M-30,-40C0,-10 50,-10 72,-40C40,-26 0,-26 -30,-40Z", "pale"),
        pen("M14,-82Q2,-50 14,-18M-10,-74Q-20,-50 -10,-26", "#fff6e6", 7, 0.85), cut("M10,-44Q-8,-30 -14,-34Q-10,-52 10,-56Z", "deep"), pen("M62,-40Q68,-36 74,-42", DARK, 3)),
        {"main": colour, "pale": lighter(colour, 0.5), "deep": darker(colour, 0.12)})  # fmt: skip
    eyes(sheet, -58, 9, 6.4, x=50)


def robot(sheet: Sheet, colour: str, name: str) -> None:
    deep = darker(colour, 0.25)
    sheet.tube("M0,-136V-152", deep, 5)
    sheet.disc(0, -156, 9, "#f1a93c", ink=True)
    for side in (-1, 1):
        sheet.tube(f"M{side * 34},-62Q{side * 58},-54 {side * 54},-30", deep, 9)
        sheet.disc(side * 54, -26, 10, colour, ink=True)
        sheet.disc(side * 20, -10, 13, deep, ink=True)
        sheet.disc(side * 20, -10, 5, "#dfe5ec")
    sheet.box(-38, -76, 76, 62, sheet.down(lighter(colour, 0.25), colour), corner=16)
    sheet.disc(0, -44, 12, "#f7d05c", ink=True)
    sheet.box(-50, -138, 100, 64, sheet.down(lighter(colour, 0.35), colour), corner=22)
    sheet.box(-38, -128, 76, 44, "#33415f", corner=16)
    for side in (-1, 1):
        sheet.oval(side * 17, -108, 7, 10, "#9be8d8")
    sheet.line("M-9,-93Q0,-87 9,-93", "#9be8d8", 3)


def firefly(sheet: Sheet, colour: str, name: str) -> None:
    sheet.disc(0, -34, 84, sheet.glow(colour, 0.75, 0.1))
    for side in (-1, 1):
        with sheet.at(0, -62, flip=side < 0):
            sheet.shape("M4,0C16,-40 66,-44 66,-18C62,4 24,10 4,6Z", "#e3f2fa", 0.85)
            sheet.line("M6,-26Q10,-42 22,-46", DARK, 3)
    sheet.shape("M-20,-36C-22,-4 -10,2 0,2C10,2 22,-4 20,-36Z", lighter(colour, 0.2))
    sheet.disc(0, -54, 27, "#6a4a58", ink=True)
    sheet.oval(0, -46, 19, 16, lighter("#c99a7a", 0.3))
    eyes(sheet, -52, 9, 5.4)
    sheet.line("M-5,-40Q0,-36 5,-40", DARK, 2.6)


def star(sheet: Sheet, colour: str, name: str) -> None:
    sheet.disc(0, -64, 110, sheet.glow(colour, 0.7, 0.1))
    points = [
        (x * size, -64 + (y + 64) * size)
        for i, (x, y) in enumerate(ring(0, -64, 66, 66, 10))
        for size in ((0.56,) if i % 2 else (1.0,))
    ]
    with sheet.at(0, -64, turn=-18), sheet.at(0, 64):
        sheet.shape(curve(points), sheet.round(lighter(colour, 0.6), colour))
    eyes(sheet, -68, 14, 6.4)
    sheet.line("M-8,-52Q0,-44 8,-52", DARK, 3)
    blush(sheet, -54, 24)


def cloud(sheet: Sheet, colour: str, name: str) -> None:
    sheet.shape(
        "M-62,-14C-96,-16 -92,-62 -60,-60C-56,-100 -4,-108 12,-80C40,-100 76,-76 66,-50C94,-44 90,-12 60,-12Z",
        sheet.down("#ffffff", colour),
    )
    eyes(sheet, -48, 17, 7)
    sheet.line("M-8,-34Q0,-26 8,-34", DARK, 3)
    blush(sheet, -34, 32)


def tree(sheet: Sheet, colour: str, name: str) -> None:
    sheet.shape("M-26,0Q-14,-40 -24,-78H24Q14,-40 28,0Q0,-8 -26,0Z", "#8d6242")
    sheet.shape(
        curve([(x * (1.08 if i % 2 else 0.95), y) for i, (x, y) in enumerate(ring(0, -140, 84, 72, 18))]),
        sheet.round(lighter(colour, 0.25), darker(colour, 0.1)),
    )
    eyes(sheet, -138, 24)
    sheet.line("M-12,-116Q0,-104 12,-116", DARK, 4)
    blush(sheet, -120, 42)


def elephant(sheet: Sheet, colour: str, name: str) -> None:
    deep, inner = darker(colour, 0.14), mix(colour, "#f0a8a0", 0.5)
    for side in (-1, 1):
        sheet.oval(side * 26, -10, 22, 14, deep, ink=True)
    sheet.shape("M-44,-4C-54,-56 -28,-90 0,-90C28,-90 54,-56 44,-4Q0,6 -44,-4Z", colour)
    for side in (-1, 1):
        sheet.oval(side * 64, -112, 34, 40, deep, ink=True)
        sheet.oval(side * 64, -110, 21, 27, inner)
    sheet.shape(
        "M-52,-112C-50,-160 50,-160 52,-112C54,-84 26,-72 0,-72C-26,-72 -54,-84 -52,-112Z",
        sheet.round(lighter(colour, 0.25), colour),
    )
    sheet.tube("M0,-98C-2,-66 -6,-44 22,-44Q36,-46 36,-58", colour, 19)
    eyes(sheet, -116, 25)
    blush(sheet, -96, 36)


def soft(sheet: Sheet, colour: str, name: str) -> None:
    """Whoever no one has drawn before: round, furry, with soft ears."""
    fur = [
        (x * (1.05 if i % 2 else 0.97), min(0.0, -66 + (y + 66) * (1.05 if i % 2 else 0.97)))
        for i, (x, y) in enumerate(ring(0, -66, 62, 66, 32))
    ]
    for side in (-1, 1):
        with sheet.at(side * 34, -120, flip=side < 0):
            sheet.shape("M-12,10C-12,-24 12,-46 24,-34C32,-14 22,6 12,16Z", darker(colour, 0.14))
        sheet.oval(side * 24, -5, 20, 11, darker(colour, 0.14), ink=True)
    sheet.shape(curve(fur), sheet.round(lighter(colour, 0.25), colour))
    sheet.oval(0, -40, 36, 34, lighter(colour, 0.5))
    eyes(sheet, -84, 20, 10)
    sheet.oval(0, -68, 8, 6, DARK)
    sheet.line("M-10,-58Q0,-48 10,-58", DARK, 3)
    blush(sheet, -66, 36)
