"""Four-footed animals that sit and look at us, about 150 high: one body, many ears, tails and coats."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501
# One match with a case for each animal is a table; a function each would hide it.
# ruff: noqa: C901, PLR0912

from studio.painting.creature_bodies import DARK, blush, eyes
from studio.painting.svg import Sheet, curve, darker, lighter, mix, ring

_EARS = {
    "fox": "M-22,12L-14,-38Q-10,-44 -5,-38L20,4Z", "cat": "M-22,12L-15,-34Q-10,-40 -5,-34L20,4Z",
    "rabbit": "M-13,14C-26,-50 -16,-84 -2,-84C12,-84 16,-50 14,10Z", "deer": "M8,12C-30,14 -50,-10 -44,-22C-26,-28 0,-14 14,2Z",
    "wolf": "M-20,12L-15,-40Q-10,-48 -4,-40L20,4Z", "kangaroo": "M-11,14C-22,-40 -14,-66 -2,-66C10,-66 14,-38 12,10Z",
    "pony": "M-12,12L-12,-26Q-6,-36 0,-26L12,8Z", "zebra": "M-12,12L-12,-28Q-6,-38 0,-28L12,8Z", "unicorn": "M-12,12L-12,-24Q-6,-34 0,-24L12,8Z",
    "sheep": "M8,2C-22,-4 -38,10 -34,20C-20,28 -2,18 12,12Z", "goat": "M8,2C-26,-10 -46,6 -42,18C-24,24 -2,16 12,10Z",
    "cow": "M8,4C-26,-12 -48,2 -46,14C-28,24 -4,18 12,12Z", "pig": "M-18,12Q-30,-26 -16,-30Q-2,-24 14,4Z",
    "squirrel": "M-18,12L-14,-32Q-8,-40 -2,-32L18,4Z", "dog": "M6,-14C-30,-18 -44,26 -30,46C-14,50 -4,24 14,0Z",
}  # fmt: skip


def _tail(sheet: Sheet, colour: str, name: str) -> None:
    match name:
        case "fox":
            sheet.shape("M34,-18C92,-6 124,-52 98,-100C92,-60 62,-64 40,-46Z", colour)
            sheet.shape("M98,-100C110,-80 106,-62 96,-52C84,-62 88,-80 98,-100Z", "#fff3df")
        case "squirrel":
            sheet.shape("M26,-6C100,4 118,-70 92,-116C80,-142 44,-138 46,-108C70,-110 72,-60 30,-44Z", colour)
        case "cat" | "lion" | "dog" | "tiger" | "leopard" | "cow" | "zebra":
            sheet.tube("M30,-14C70,-8 84,-36 74,-66", colour, 11)
            if name in {"lion", "cow", "zebra"}:
                sheet.disc(74, -70, 12, "#9a5c30" if name == "lion" else "#4a3a3a", ink=True)
        case "wolf" | "raccoon":
            sheet.shape("M34,-18C92,-6 112,-44 92,-84C84,-56 60,-58 40,-46Z", colour)
            if name == "raccoon":
                sheet.line("M64,-28l10,-22M80,-36l2,-24M94,-50l-8,-16", "#4a4650", 9)
        case "monkey":
            sheet.tube("M30,-12C80,0 98,-44 76,-70C62,-82 50,-66 62,-58", colour, 9)
        case "otter" | "kangaroo":
            sheet.shape("M24,-24C60,-20 84,-4 112,-8C96,6 50,8 26,-2Z", colour)
        case "pony" | "unicorn":
            mane = _mane(colour, name)
            sheet.shape("M32,-40C72,-52 92,-24 84,-2C70,-8 62,-2 58,2C48,-10 38,-20 32,-28Z", mane)
        case "pig":
            sheet.line("M36,-30q16,-10 10,4t12,-2", colour, 6)
        case "mouse":
            sheet.tube("M30,-10C64,-2 78,-24 92,-14", mix(colour, "#f0a8a0", 0.6), 5)
        case _:
            sheet.disc(40, -20, 13, lighter(colour, 0.5), ink=True)


def sitting(sheet: Sheet, colour: str, name: str) -> None:
    """A four-footed animal that sits and looks at us: fox, cat, dog, rabbit, bear, deer, lion …"""
    pale, deep = lighter(colour, 0.74), darker(colour, 0.14)
    fill = sheet.round(lighter(colour, 0.18), darker(colour, 0.06))
    deep = "#4a3f46" if name == "panda" else deep
    _tail(sheet, deep if name != "fox" else colour, name)
    for side in (-1, 1):
        sheet.oval(side * 31, -15, 21, 17, deep, ink=True)
    sheet.shape("M-38,-4C-48,-52 -24,-88 0,-88C26,-88 48,-50 38,-4Q0,6 -38,-4Z", fill)
    if name == "sheep":
        sheet.shape(
            curve([(x * (1.1 if i % 2 else 0.95), min(-4.0, y)) for i, (x, y) in enumerate(ring(0, -44, 46, 46, 18))]),
            colour,
        )
    sheet.fill("M-19,-12C-24,-44 -12,-62 0,-62C14,-62 24,-42 19,-12Z", pale)
    for side in (-1, 1):
        sheet.shape(
            f"M{side * 5},-40C{side * 6},-20 {side * 5},-8 {side * 3},0H{side * 25}Q{side * 28},-10 {side * 22},-14L{side * 24},-40",
            fill,
        )
        sheet.line(f"M{side * 11},-1v-6M{side * 17},-1v-6", darker(colour, 0.4), 2.2)
    _sitting_head(sheet, colour, name)


def _mane(colour: str, name: str) -> str:
    """The mane's colour: a unicorn's is silver, a zebra's dark, a pony's darker than its coat."""
    return {"unicorn": "#b9c2dd", "zebra": "#4a4650"}.get(name, darker(colour, 0.42))


def _over_ears(sheet: Sheet, name: str) -> None:
    """What stands on the head: antlers, horns, a unicorn's one."""
    if name == "deer":
        for side in (-1, 1):
            with sheet.at(side * 16, -150, flip=side < 0):
                sheet.line("M0,0C4,-20 14,-26 16,-44M9,-22Q22,-24 26,-36", "#8d6234", 6)
    if name in {"goat", "cow"}:
        for side in (-1, 1):
            with sheet.at(side * 20, -144, flip=side < 0):
                sheet.shape("M-8,4Q-6,-34 18,-40Q12,-16 10,6Z", "#b9a98a" if name == "goat" else "#f0e4cc")
    if name == "unicorn":
        sheet.shape("M-11,-142L0,-204L11,-142Z", "#f1c765")
        sheet.line("M-8,-156L8,-164M-6,-172L6,-180", "#b98a2c", 3)


def _marks(sheet: Sheet, colour: str, name: str) -> None:
    """Coats and faces: patches, stripes, spots, a mask."""
    ink = "#4a3f46"
    match name:
        case "panda":
            for side in (-1, 1):
                sheet.oval(side * 25, -108, 17, 20, ink, turn=side * 20)
        case "badger":
            sheet.fill("M-46,-70C-52,-110 -36,-140 -18,-142C-14,-116 -16,-84 -24,-66Z", ink)
            sheet.fill("M46,-70C52,-110 36,-140 18,-142C14,-116 16,-84 24,-66Z", ink)
            sheet.fill("M-13,-144Q0,-148 13,-144L10,-80H-10Z", "#f7f2e8")
        case "raccoon":
            sheet.fill(
                "M-57,-108C-40,-128 -14,-122 0,-108C14,-122 40,-128 57,-108C44,-88 20,-92 0,-100C-20,-92 -44,-88 -57,-108Z",
                ink,
            )
        case "tiger" | "zebra":
            sheet.line(
                "M0,-146V-128M-16,-144L-12,-130M16,-144L12,-130M-57,-112L-40,-108M-56,-98L-42,-97M57,-112L40,-108M56,-98L42,-97",
                ink,
                6,
            )
            sheet.line("M-40,-50l14,4M-42,-32l14,2M40,-50l-14,4M42,-32l-14,2", ink, 6)
        case "leopard":
            for x, y in (
                (-34, -136),
                (0, -142),
                (34, -136),
                (-48, -92),
                (48, -92),
                (-34, -46),
                (34, -46),
                (-36, -24),
                (36, -24),
            ):
                sheet.disc(x, y, 6, "#8a5a2a")
        case "cow":
            sheet.fill("M14,-150C44,-146 62,-124 57,-100C40,-92 18,-104 10,-122Z", ink)
            sheet.fill("M-42,-36C-34,-56 -20,-50 -22,-32C-26,-18 -38,-18 -42,-36Z", ink)
        case "monkey":
            sheet.fill(
                "M0,-132C-26,-140 -46,-124 -40,-104C-52,-84 -30,-64 0,-64C30,-64 52,-84 40,-104C46,-124 26,-140 0,-132Z",
                "#f0cfa4",
            )
        case "pony" | "unicorn" | "zebra":
            sheet.shape(
                "M-26,-148C-10,-160 24,-156 30,-142C22,-128 16,-124 4,-120C2,-132 -12,-132 -20,-124C-24,-132 -28,-140 -26,-148Z",
                _mane(colour, name),
            )
        case "sheep":
            sheet.shape(
                curve([(x * (1.12 if i % 2 else 0.96), y) for i, (x, y) in enumerate(ring(0, -138, 40, 18, 14))]),
                "#fffaf0",
            )
        case "kangaroo":
            sheet.shape("M-20,-34Q0,-24 20,-34Q22,-8 0,-6Q-22,-8 -20,-34Z", lighter(colour, 0.4))
        case "wolf":
            sheet.fill(
                "M-57,-102C-40,-106 -20,-96 0,-80C20,-96 40,-106 57,-102C58,-78 28,-61.5 0,-61.5C-28,-61.5 -58,-78 -57,-102Z",
                lighter(colour, 0.72),
            )
        case _:
            pass


def _nose(sheet: Sheet, name: str) -> None:
    """A nose of its own kind: a pig's snout, a koala's large one, a mole's pink point."""
    match name:
        case "pig":
            sheet.oval(0, -86, 20, 15, "#e88a9c", ink=True)
            sheet.line("M-7,-88v5M7,-88v5", DARK, 5)
        case "koala":
            sheet.oval(0, -94, 13, 19, "#3d3540", ink=True)
        case "mole":
            sheet.shape("M-24,-82Q-10,-106 0,-108Q10,-106 24,-82Q0,-70 -24,-82Z", "#d8a0a0")
            sheet.disc(0, -104, 10, "#ee82a6", ink=True)
        case "cow" | "pony" | "zebra" | "unicorn":
            sheet.oval(0, -82, 30, 19, "#f0b8ac" if name == "cow" else "#d9c3b4", ink=True)
            sheet.line("M-11,-86v4M11,-86v4", DARK, 5)
        case _:
            sheet.shape("M-9,-93Q0,-98 9,-93Q7,-84 0,-82Q-7,-84 -9,-93Z", DARK)


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
                size = {"mouse": 25, "koala": 29, "monkey": 21, "mole": 8, "otter": 11}.get(name, 16)
                deep = "#4a3f46" if name == "panda" else deep
                sheet.disc(-5, -2, size, deep, ink=True)
                sheet.disc(-5, -2, size * 0.58, mix(pale, "#f0a8a0", 0.45))


def _sitting_head(sheet: Sheet, colour: str, name: str) -> None:
    pale, deep = lighter(colour, 0.74), darker(colour, 0.14)
    if name == "lion":
        sheet.shape(
            curve([(x * (1.08 if i % 2 else 0.98), y) for i, (x, y) in enumerate(ring(0, -106, 70, 64, 22))]), "#a9693a"
        )
    _ears(sheet, colour, name)
    _over_ears(sheet, name)
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
    _marks(sheet, colour, name)
    eyes(sheet, -110, 24, 5 if name == "mole" else 8)
    blush(sheet, -90, 38)
    _nose(sheet, name)
    sheet.line("M0,-82V-77M0,-77Q-8,-70 -14,-76M0,-77Q8,-70 14,-76", darker(colour, 0.6), 2.8)
    if name == "goat":
        sheet.shape("M-10,-64Q0,-30 10,-64Z", "#f7f2e8")
    if name in {"cat", "mouse", "rabbit", "lion", "tiger", "leopard", "otter"}:
        sheet.line("M-26,-84L-54,-90M-26,-78L-53,-76M26,-84L54,-90M26,-78L53,-76", "#fff6e6", 2, 0.9)
