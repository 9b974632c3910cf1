"""Hair, scarves, hats and helmets, round a head at (0, 0); `back` lies behind the body, `front` over the face."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from studio.painting.features import Feature
from studio.painting.figure import Figure
from studio.painting.svg import Point, Sheet, curve, darker, lighter, ring

_CAP = "M-86,18C-99,-70 -42,-103 4,-100C66,-102 99,-54 87,18C83,-10 70,-30 55,-42C24,-20 -30,-16 -54,-42C-70,-28 -80,-6 -86,18Z"
_PARTED = (
    "M-85,4C-97,-72 -44,-106 2,-103C64,-104 98,-62 86,4C82,-14 78,-24 71,-33C50,-30 16,-36 -8,-60"
    "C-20,-42 -48,-30 -70,-32C-78,-22 -83,-10 -85,4Z"
)
_HANGING = {
    "long straight": "M-80,-20C-112,40 -100,110 -84,142C-40,160 44,160 84,142C102,110 112,40 80,-20Z",
    "wavy": "M-80,-20C-118,20 -84,50 -108,86C-120,116 -90,140 -70,138C-30,154 34,154 70,138C94,140 120,116 106,86C84,50 118,20 80,-20Z",
    "bob": "M-84,-20C-104,30 -100,66 -84,84Q-60,96 -40,84H44Q62,96 84,84C100,66 104,30 84,-20Z",
    "ponytail": "M40,-66C120,-90 146,-10 116,66C112,82 100,86 96,70C104,20 92,-20 52,-34Z",
}
_CURLS = {
    "curly": (ring(0, -2, 84, 78, 14), 33),
    "long curly": (
        [
            *ring(0, 10, 88, 88, 15),
            (-82, 104),
            (-50, 124),
            (0, 130),
            (50, 124),
            (82, 104),
            (0, 90),
            (-96, 70),
            (96, 70),
        ],
        31,
    ),
}
_LONG = {"long straight", "wavy", "long curly"}


def covered(figure: Figure) -> bool:
    """Whether a scarf hides all hair."""
    return figure.has("hijab", "headscarf")


def draw_back(figure: Figure) -> None:
    """What hangs behind neck and shoulders."""
    sheet, look = figure.sheet, figure.look
    deep = darker(look.hair, 0.2)
    if covered(figure):
        if figure.has("hijab"):
            _drape(figure, 0.22)
        return
    if look.hair_style in _HANGING:
        sheet.shape(_HANGING[look.hair_style], deep)
    elif look.hair_style in _CURLS:
        places, radius = _CURLS[look.hair_style]
        _curls(sheet, deep, places, radius)
    elif look.hair_style == "afro puffs":
        _puff(figure, -1)
        _puff(figure, 1)
    elif look.hair_style == "afro":
        sheet.shape(curve(_uneven(ring(0, -20, 122, 112, 26))), deep)
    elif look.hair_style == "braids":
        _braid(figure, -1)
        _braid(figure, 1)
    elif look.hair_style == "locs":
        for x in range(-84, 85, 14):
            sheet.tube(f"M{x},-10Q{x * 1.14:.0f},50 {x * 1.1:.0f},{108 - abs(x) * 0.16:.0f}", deep, 11)


def _uneven(points: list[Point]) -> list[Point]:
    """Every second point a little farther out."""
    return [(x + (6 if i % 2 else -2) * (1 if x > 0 else -1), y) for i, (x, y) in enumerate(points)]


def _puff(figure: Figure, side: int) -> None:
    deep = darker(figure.look.hair, 0.2)
    figure.sheet.shape(curve(_uneven(ring(side * 82, -70, 46, 46, 16))), deep)
    figure.sheet.disc(side * 60, -50, 8, _tie(figure), ink=True)


def _braid(figure: Figure, side: int) -> None:
    sheet, colour = figure.sheet, figure.look.hair
    deep = darker(colour, 0.2)
    for step in range(5):
        sheet.oval(side * (84 + step * 3), 44 + step * 23, 17 - step * 1.4, 16, deep if step % 2 else colour, ink=True)
    sheet.disc(side * 97, 157, 8, _tie(figure), ink=True)
    sheet.shape(f"M{side * 97 - 9},160q9,30 18,0Z", deep)


def _tie(figure: Figure) -> str:
    bow = figure.look.features.get("bow")
    return (bow.colour if bow else None) or lighter(figure.look.colour, 0.1)


def _curls(sheet: Sheet, colour: str, places: list[tuple[float, float]], radius: float) -> None:
    for x, y in places:
        sheet.disc(x, y, radius, colour, ink=True)
    for x, y in places:
        sheet.disc(x * 0.93, y * 0.93, radius * 0.9, colour)


def draw_front(figure: Figure) -> None:
    """Fringe and crown, then whatever is worn on the head."""
    sheet, look = figure.sheet, figure.look
    if not draw_scarf(figure):
        if look.hair_style == "bald":
            figure.show("bald")
            sheet.line("M-42,-52Q-30,-66 -8,-69", lighter(look.skin, 0.6), 7, 0.6)
        else:
            _fringe(figure)
    draw_worn(figure)


def draw_scarf(figure: Figure) -> bool:
    """A hijab or headscarf, whatever the head; whether there is one. Below a headscarf nothing else is drawn."""
    if scarf := figure.show("hijab"):
        _hijab(figure, scarf)
    elif scarf := figure.show("headscarf"):
        figure.show("bald")
        _headscarf(figure, scarf)
    return covered(figure)


def _fringe(figure: Figure) -> None:
    sheet, look = figure.sheet, figure.look
    fill = sheet.down(lighter(look.hair, 0.2), look.hair, darker(look.hair, 0.12))
    light = lighter(look.hair, 0.38)
    match look.hair_style:
        case "curly" | "long curly" | "short curly":
            _fringe_of_curls(sheet, fill, light)
        case "afro":
            _crown_of_afro(sheet, look.hair, light)
        case "buzz":
            sheet.fill("M-80,-8C-86,-82 86,-82 80,-8C74,-34 40,-54 0,-54C-40,-54 -74,-34 -80,-8Z", look.hair, 0.82)
        case "spiky":
            sheet.shape(
                "M-86,14C-104,-40 -96,-60 -74,-74L-86,-104L-48,-92L-40,-126L-6,-98L22,-128L36,-94L76,-106L72,-74C98,-56 102,-30 86,14C80,-12 66,-30 56,-40L38,-22L26,-46L4,-22L-14,-46L-34,-22L-52,-44C-68,-30 -80,-10 -86,14Z",
                fill,
            )
        case "locs":
            for x in range(-62, 63, 21):
                sheet.tube(f"M0,-92Q{x * 1.2:.0f},-92 {x * 1.32:.0f},{-38 + abs(x) * 0.75:.0f}", look.hair, 15)
        case "bun":
            sheet.disc(6, -112, 34, fill, ink=True)
            sheet.line("M-14,-114Q4,-138 28,-116", light, 3, 0.7)
            sheet.shape(_CAP, fill)
            sheet.box(-15, -92, 40, 10, _tie(figure), corner=5)
        case "short":
            sheet.shape(_PARTED, fill)
            sheet.line("M-8,-60Q-4,-80 -18,-94M14,-52Q30,-62 34,-84M40,-42Q58,-52 62,-70", light, 3, 0.55)
            sheet.line("M-34,-44Q-44,-62 -40,-82M-60,-36Q-70,-50 -68,-64", light, 3, 0.55)
        case style:
            _straight(figure, style, fill, light)


def _crown_of_afro(sheet: Sheet, colour: str, light: str) -> None:
    edge = [
        (-84, 14),
        (-92, -30),
        (-70, -84),
        (-10, -104),
        (56, -92),
        (90, -40),
        (84, 14),
        (66, -34),
        (30, -50),
        (-10, -46),
        (-50, -44),
        (-70, -26),
    ]
    sheet.fill(curve(edge), darker(colour, 0.06))
    sheet.line("M-66,-30Q-50,-48 -10,-46Q34,-52 66,-32", lighter(colour, 0.2), 4, 0.5)
    for x, y in [*ring(0, -40, 96, 66, 11)[6:], (-30, -84), (34, -80), (0, -100)]:
        sheet.line(f"M{x - 8:.0f},{y:.0f}q8,-12 16,0", light, 3, 0.55)


def _fringe_of_curls(sheet: Sheet, fill: str, light: str) -> None:
    places = [*ring(0, -16, 76, 66, 16)[8:], (76, -16), (-42, -60), (-14, -66), (16, -66), (44, -58)]
    for x, y in places:
        sheet.disc(x, y, 25, fill, ink=True)
    for x, y in places[::2]:
        sheet.line(f"M{x - 10:.0f},{y + 2:.0f}q5,-15 18,-8", light, 3, 0.7)


def _straight(figure: Figure, style: str, fill: str, light: str) -> None:
    sheet = figure.sheet
    if style == "pigtails":
        for side in (-1, 1):
            with sheet.at(side * 84, -36, flip=side < 0):
                sheet.shape("M-2,-10C40,-34 66,10 40,60C34,70 24,64 24,54C30,20 14,10 -2,12Z", fill)
                sheet.disc(2, 0, 9, _tie(figure), ink=True)
    if style in _LONG | {"bob"}:
        end = 84 if style == "bob" else 122
        for side in (-1, 1):
            with sheet.at(0, 0, flip=side < 0):
                sheet.shape(f"M88,-14C104,30 100,{end - 40} 84,{end}C66,{end - 20} 80,40 58,-44Z", fill)
    sheet.shape(_CAP, fill)
    for step in range(6):
        x = -56 + step * 22
        sheet.line(f"M{x},{-66 - 12 * (1 - abs(step - 2.5) / 2.5):.0f}q{6 - step * 2},16 {step - 5},30", light, 3, 0.55)


def _hijab(figure: Figure, scarf: Feature) -> None:
    sheet, colour = figure.sheet, scarf.colour or "#5aa3a0"
    fill = sheet.down(lighter(colour, 0.2), darker(colour, 0.12))
    outside = "M0,-106C-70,-108 -102,-52 -98,14C-96,76 -60,112 0,114C60,112 96,76 98,14C102,-52 70,-108 0,-106Z"
    hole = "M2,-60C48,-60 73,-30 73,12C73,52 44,80 2,80C-42,80 -70,52 -70,12C-70,-30 -44,-60 2,-60Z"
    sheet.shape(outside + hole, fill)  # the inner path runs against the outer one: a hole for the face
    sheet.line("M-86,-28Q-60,-86 0,-88M88,20Q84,72 40,98M-80,52Q-50,96 0,100", darker(colour, 0.25), 3, 0.6)
    sheet.shape("M-50,88C-40,124 40,128 60,92Q20,112 -50,88Z", lighter(colour, 0.1))


def _drape(figure: Figure, shade: float) -> None:
    scarf = figure.look.features["hijab"]
    colour = scarf.colour or "#5aa3a0"
    figure.sheet.shape("M-86,30C-100,90 -88,128 -64,140Q0,160 64,140C88,128 100,90 86,30Z", darker(colour, shade))


def _headscarf(figure: Figure, scarf: Feature) -> None:
    sheet, colour = figure.sheet, scarf.colour or "#e0709a"
    sheet.shape("M76,-28C112,-20 118,14 104,42Q92,24 78,8Z", darker(colour, 0.15))
    sheet.shape(
        "M-85,-6C-98,-76 -44,-102 2,-101C58,-102 98,-66 86,-6Q50,-44 0,-44Q-52,-44 -85,-6Z",
        sheet.down(lighter(colour, 0.2), darker(colour, 0.1)),
    )
    for x, y in ((-52, -62), (-18, -80), (22, -78), (54, -56), (-2, -58), (-66, -34), (66, -32)):
        sheet.disc(x, y, 5, "#fff2da", opacity=0.9)


def draw_worn(figure: Figure) -> None:
    """Helmet, hat, crown, bow."""
    sheet = figure.sheet
    if helmet := figure.show("cranial_helmet"):
        colour = helmet.colour or "#6fb1d8"
        sheet.shape(
            "M-90,2C-104,-78 -48,-110 2,-110C58,-110 104,-78 90,2C84,-2 78,-22 62,-34Q0,-56 -60,-34C-76,-22 -84,0 -90,2Z",
            sheet.down(lighter(colour, 0.3), colour),
        )
        for x in (-46, 0, 46):
            sheet.oval(x, -74 + abs(x) * 0.14, 8, 13, darker(colour, 0.35))
        sheet.line("M-86,4Q-80,64 -30,84M86,4Q82,60 40,82", darker(colour, 0.3), 6)
    elif hat := figure.show("hat"):
        colour = hat.colour or "#d8563f"
        sheet.shape("M-82,-34C-84,-120 84,-120 82,-34Q0,-60 -82,-34Z", sheet.down(lighter(colour, 0.2), colour))
        sheet.shape("M-90,-30Q0,-68 90,-30Q92,-48 84,-52Q0,-86 -84,-52Q-92,-48 -90,-30Z", lighter(colour, 0.3))
        sheet.disc(0, -106, 15, "#fff3dc", ink=True)
    if crown := figure.show("crown"):
        sheet.shape(
            "M-44,-78L-52,-126L-24,-104L0,-136L24,-104L52,-126L44,-78Q0,-94 -44,-78Z", crown.colour or "#f1c143"
        )
    if bow := figure.show("bow"):
        with sheet.at(56, -72, turn=18):
            sheet.shape("M0,0C-30,-26 -36,20 0,4C36,20 30,-26 0,0Z", bow.colour or "#e0567a")
            sheet.disc(0, 1, 7, bow.colour or "#e0567a", ink=True)
