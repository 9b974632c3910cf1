"""Bodies that are not human: heads, tails, wings, hands and feet, one anatomy a species."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from studio.painting.figure import Figure
from studio.painting.rig import Limb
from studio.painting.svg import curve, darker, lighter, mix, ring

BAREFOOT = {"animal", "monster", "dinosaur"}
_ROUND = "M-82,-4C-88,54 -46,82 0,82C46,82 88,54 82,-4C80,-78 -80,-78 -82,-4Z"


def draw_behind(figure: Figure) -> None:
    """Tails and wings."""
    sheet, look, joints = figure.sheet, figure.look, figure.joints
    x, low = joints.hip
    high = joints.shoulder_y
    match look.species:
        case "animal" if look.kind in {"fox", "squirrel", "cat", "dog", "lion", "tiger", "mouse", "otter"}:
            thick = 44 if look.kind in {"fox", "squirrel"} else 14
            sheet.tube(
                f"M{x + 24},{low + 2:.0f}C{x + 110},{low + 26:.0f} {x + 118},{low - 40:.0f} {x + 98},{low - 78:.0f}",
                darker(look.skin, 0.06),
                thick,
            )
            sheet.disc(
                x + 98,
                low - 80,
                thick * 0.5,
                lighter(look.skin, 0.75) if look.kind == "fox" else darker(look.skin, 0.2),
            )
        case "animal":
            sheet.disc(x + 46, low + 6, 20, lighter(look.skin, 0.35), ink=True)
        case "dinosaur":
            tail = f"M{x + 10},{low - 34:.0f}C{x + 70},{low - 10:.0f} {x + 104},{low + 26:.0f} {x + 134},{low - 26:.0f}C{x + 132},{low + 60:.0f} {x + 70},{low + 72:.0f} {x + 6},{low + 34:.0f}Z"
            sheet.shape(tail, darker(look.skin, 0.08))
            for dx, dy in ((62, -12), (86, 4), (108, 4)):
                sheet.shape(
                    f"M{x + dx},{low + dy:.0f}l12,-20l12,22Z",
                    lighter(mix(look.skin, "#e8a23a", 0.75), 0.1),
                )
        case "monster":
            sheet.tube(
                f"M{x + 24},{low:.0f}C{x + 80},{low + 30:.0f} {x + 100},{low:.0f} {x + 96},{low - 40:.0f}",
                darker(look.skin, 0.1),
                15,
            )
            sheet.shape(f"M{x + 96},{low - 74:.0f}l20,32q-20,12 -40,0Z", "#f1c143")
        case "fantasy_being":
            pale = mix("#d8eefb", look.colour, 0.2)
            for side in (-1, 1):
                with sheet.at(x, high + 30, flip=side < 0):
                    sheet.shape("M12,0C50,-96 138,-104 146,-62C150,-16 70,14 14,8Z", pale, 0.8)
                    sheet.shape("M12,8C60,4 118,34 106,68C90,92 40,52 12,20Z", lighter(pale, 0.3), 0.8)
                    sheet.line("M16,4Q70,-50 124,-66M16,12Q60,30 90,58", "#ffffff", 3, 0.8)
        case "elemental":
            sheet.oval(x, (high + low) / 2 - 20, 165, 190, sheet.glow(lighter(look.skin, 0.2), 0.55))
        case _:
            pass


def draw_head(figure: Figure) -> None:
    """The bare head round (0, 0), with what grows from it."""
    match figure.look.species:
        case "robot":
            _robot(figure)
        case "alien":
            _alien(figure)
        case "monster":
            _monster(figure)
        case "dinosaur":
            _dinosaur(figure)
        case "elemental":
            _elemental(figure)
        case _:
            _animal(figure)


def _ball(figure: Figure) -> str:
    skin = figure.look.skin
    return figure.sheet.round(lighter(skin, 0.22), darker(skin, 0.08))


def _robot(figure: Figure) -> None:
    sheet, skin = figure.sheet, figure.look.skin
    sheet.tube("M0,-70V-112", "#6b7687", 6)
    sheet.disc(0, -116, 12, "#f1a93c", ink=True)
    for side in (-1, 1):
        sheet.box(side * 88 - 13, -14, 26, 46, darker(skin, 0.22), corner=8)
    sheet.box(-84, -72, 168, 150, sheet.down(lighter(skin, 0.3), darker(skin, 0.08)), corner=36)
    sheet.box(-68, -42, 138, 106, lighter(skin, 0.62), corner=30)
    for x, y in ((-68, -56), (68, -56)):
        sheet.disc(x, y, 4.5, darker(skin, 0.35))


def _alien(figure: Figure) -> None:
    sheet, skin = figure.sheet, figure.look.skin
    for side in (-1, 1):
        sheet.tube(f"M{side * 30},-66Q{side * 40},-104 {side * 62},-116", skin, 7)
        sheet.disc(side * 64, -118, 12, "#f1c143", ink=True)
    sheet.shape(
        "M0,-96C-78,-98 -106,-36 -92,8C-78,54 -40,84 0,84C40,84 78,54 92,8C106,-36 78,-98 0,-96Z", _ball(figure)
    )
    sheet.oval(5, -46, 12, 14, "#fffaf2", ink=True)
    sheet.oval(6, -45, 7, 9, darker(figure.look.eyes, 0.4))
    sheet.disc(9, -49, 3, "#ffffff")
    for x, y, radius in ((-66, -30, 8), (-56, -54, 5), (68, -22, 7), (58, -48, 5)):
        sheet.disc(x, y, radius, darker(skin, 0.14), opacity=0.8)


def _monster(figure: Figure) -> None:
    sheet, skin = figure.sheet, figure.look.skin
    for side in (-1, 1):
        with sheet.at(side * 48, -62, flip=side < 0):
            sheet.shape("M-18,4C-10,-26 10,-44 34,-50C30,-22 24,0 12,16Z", "#f3e2bb")
            sheet.line("M-6,-8q12,4 18,12M6,-24q10,2 14,8", "#b99a66", 3, 0.8)
    tufts = [
        (x * (1.07 if index % 2 else 0.97), y * (1.07 if index % 2 else 0.97))
        for index, (x, y) in enumerate(ring(0, 4, 90, 82, 34))
    ]
    sheet.shape(curve(tufts), _ball(figure))
    sheet.fill("M-18,-82Q-6,-104 4,-84Q16,-106 22,-80Z", darker(skin, 0.12))


def _dinosaur(figure: Figure) -> None:
    sheet, skin = figure.sheet, figure.look.skin
    crest = lighter(mix(skin, "#e8a23a", 0.75), 0.1)
    for x, y, turn in ((-58, -44, -38), (-22, -64, -14), (20, -65, 10), (58, -46, 36)):
        with sheet.at(x, y, turn=turn):
            sheet.shape("M-20,16Q-6,-26 0,-32Q8,-24 20,16Z", crest)
    sheet.shape(_ROUND, _ball(figure))
    for x, y, radius in ((-58, -24, 9), (-44, -46, 6), (62, -22, 8), (46, -50, 6)):
        sheet.disc(x, y, radius, darker(skin, 0.16), opacity=0.8)
    sheet.oval(4, 48, 54, 34, lighter(skin, 0.34))


_FLAMES = {
    "fire": "M-82,6C-96,-30 -84,-62 -62,-82C-62,-62 -52,-56 -46,-60C-50,-96 -26,-120 0,-146C0,-112 20,-104 30,-84C36,-98 40,-104 52,-112C54,-84 92,-48 84,6C84,54 44,84 0,84C-44,84 -80,54 -82,6Z",
    "water": "M0,-148C14,-112 84,-66 84,8C84,54 44,84 0,84C-44,84 -84,54 -84,8C-84,-66 -14,-112 0,-148Z",
    "ice": "M-82,10L-92,-44L-62,-50L-54,-104L-22,-76L0,-132L24,-78L56,-108L62,-50L94,-46L82,10C84,54 44,84 0,84C-44,84 -84,54 -82,10Z",
    "air": "M-84,4C-104,-48 -60,-96 -8,-88C20,-120 74,-112 66,-84C58,-98 40,-92 44,-78C84,-64 92,-30 84,8C80,56 44,84 0,84C-44,84 -76,54 -84,4Z",
}  # fmt: skip


def _elemental(figure: Figure) -> None:
    sheet, look = figure.sheet, figure.look
    skin = look.skin
    if look.kind in {"earth", "leaf"}:
        sheet.shape(_ROUND, _ball(figure))
        green = "#6fae4f" if look.kind == "earth" else lighter(skin, 0.1)
        for x, y, turn in ((-62, -52, -50), (-30, -76, -24), (0, -86, 0), (30, -76, 24), (62, -52, 50)):
            with sheet.at(x, y, turn=turn):
                sheet.shape("M-16,14C-22,-14 -6,-34 0,-44C6,-34 22,-14 16,14Z", green)
                sheet.line("M0,10V-28", darker(green, 0.25), 2.4)
        return
    shape = _FLAMES.get(look.kind, _FLAMES["fire"])
    sheet.shape(shape, sheet.down(lighter(skin, 0.55), skin, darker(mix(skin, look.colour, 0.15), 0.04)))
    with sheet.at(0, 14, 0.78):
        sheet.fill(shape, lighter(skin, 0.4), 0.6)


_EARS = {
    "fox": "M-30,8L-16,-56Q-10,-62 -4,-56L26,4Z", "cat": "M-30,8L-18,-50Q-12,-56 -6,-50L26,4Z",
    "rabbit": "M-18,10C-34,-60 -22,-104 -4,-104C14,-104 20,-60 18,8Z", "dog": "M-10,-20C-52,-22 -60,40 -42,62C-24,66 -12,30 8,-6Z",
}  # fmt: skip


def _animal(figure: Figure) -> None:
    sheet, look = figure.sheet, figure.look
    dark = "#3a3440" if look.kind == "panda" else darker(look.skin, 0.14)
    _animal_ears(figure, dark)
    sheet.shape(_ROUND, _ball(figure))
    pale = lighter(look.skin, 0.72)
    if look.kind in {"fox", "squirrel"}:
        sheet.fill("M-81,6C-60,4 -30,14 4,34C38,14 62,4 82,6C82,54 44,81 0,81C-44,81 -82,54 -81,6Z", pale)
    else:
        sheet.oval(4, 46, 46, 33, pale)
    if look.kind == "panda":
        for x in (-26, 36):
            sheet.oval(x, 10, 24, 29, "#3a3440", turn=20 if x < 0 else -20)
    if look.kind == "tiger":
        sheet.line(
            "M0,-66V-40M-18,-64L-14,-42M18,-64L14,-42M-80,0L-58,2M-78,20L-58,18M80,0L60,2M78,20L60,18", "#4a3030", 7
        )
    if look.kind == "dog":
        for side in (-1, 1):
            with sheet.at(side * 66, -34, flip=side > 0):
                sheet.shape(_EARS["dog"], dark)


def _animal_ears(figure: Figure, dark: str) -> None:
    """Ears, or a mane, behind the head; a dog's hang over it and come later."""
    sheet, look = figure.sheet, figure.look
    shape = _EARS.get({"tiger": "cat", "squirrel": "cat"}.get(look.kind, look.kind))
    if look.kind == "hedgehog":
        spikes = [
            (x * (1.16 if i % 2 else 0.96), y * (1.16 if i % 2 else 0.96))
            for i, (x, y) in enumerate(ring(0, -8, 98, 92, 40))
        ]
        sheet.shape("M" + "L".join(f"{x:.0f},{y:.0f}" for x, y in spikes) + "Z", darker(look.skin, 0.42))
    if look.kind == "lion":
        sheet.shape(
            curve(
                [
                    (x * (1.1 if i % 2 else 0.98), y * (1.1 if i % 2 else 0.98))
                    for i, (x, y) in enumerate(ring(0, 2, 108, 104, 28))
                ]
            ),
            "#b0703a",
        )
    for side in (-1, 1):
        with sheet.at(side * 50, -56, flip=side > 0):
            if shape and look.kind != "dog":
                sheet.shape(shape, dark)
                with sheet.at(0, -4, 0.58):
                    sheet.fill(shape, lighter(mix(look.skin, "#f0a8a0", 0.6), 0.3))
            elif not shape:
                sheet.disc(-10, 2, 38 if look.kind == "mouse" else 27, dark, ink=True)
                sheet.disc(-10, 2, 24 if look.kind == "mouse" else 15, lighter(mix(look.skin, "#f0a8a0", 0.5), 0.25))


def draw_over_face(figure: Figure) -> None:
    """Noses, whiskers and teeth: over mouth and cheeks."""
    sheet, look = figure.sheet, figure.look
    match look.species:
        case "animal":
            sheet.shape("M-9,28Q4,22 17,28Q15,40 4,42Q-7,40 -9,28Z", "#3a2a30")
            sheet.oval(1, 31, 4, 2, "#ffffff", opacity=0.6)
            if look.kind in {"cat", "mouse", "rabbit", "tiger", "otter", "lion"}:
                sheet.line("M-38,42L-80,36M-38,50L-78,54M46,42L88,36M46,50L86,54", "#fff6e6", 2.4, 0.9)
        case "dinosaur":
            sheet.line("M-6,32v4M14,32v4", darker(look.skin, 0.45), 4.4)
        case "monster":
            sheet.shape("M-14,46L-7,62L0,47Z", "#fffaf0")
            sheet.shape("M12,47L19,61L25,46Z", "#fffaf0")
        case _:
            pass


def draw_wisp(figure: Figure) -> None:
    """An elemental's lower body: it floats on a swirl of its element."""
    sheet, skin, (x, y) = figure.sheet, figure.look.skin, figure.joints.hip
    sheet.shape(
        f"M{x - 44},{y - 8:.0f}C{x - 60},{y * 0.5:.0f} {x - 20},{y * 0.4:.0f} {x + 6},-6"
        f"C{x + 2},-34 {x + 40},-30 {x + 26},-56C{x + 62},{y * 0.6:.0f} {x + 52},{y * 0.9:.0f} {x + 44},{y - 8:.0f}Z",
        sheet.down(lighter(skin, 0.1), lighter(skin, 0.45)), 0.92,
    )  # fmt: skip


def draw_foot(figure: Figure, at: tuple[float, float], *, outwards: bool) -> None:
    """A paw, claw or furry foot."""
    sheet, skin = figure.sheet, figure.look.skin
    with sheet.at(*at, flip=not outwards):
        sheet.shape("M-17,-8Q-20,13 -12,14H28Q38,12 32,0Q20,-12 -17,-8Z", darker(skin, 0.06))
        if figure.look.species == "animal":
            sheet.line("M14,13V4M24,13V5", darker(skin, 0.4), 3)
        else:
            for x in (10, 20, 30):
                sheet.shape(f"M{x - 4},14q4,-13 8,0Z", "#fbf0d8")


def draw_hand(figure: Figure, arm: Limb, side: int) -> None:
    """A hand or paw at the end of an arm, by what the posture does with it."""
    sheet, look = figure.sheet, figure.look
    lifted = (side > 0 and figure.posture in {"waving", "reaching", "cheering"}) or (
        side < 0 and figure.posture == "cheering"
    )
    pointing = side > 0 and figure.posture == "pointing"
    signing = figure.has("signing")
    colour = darker(look.skin, 0.2) if look.species == "robot" else look.skin
    with sheet.at(*arm.end, turn=arm.turn(), flip=side < 0):
        if signing:
            figure.show("signing")
            sheet.tube("M-9,8V27M10,8V24M-14,0L-25,6", colour, 7)
        elif lifted:
            for dx, dy, tip in ((-10, 6, 20), (-3, 10, 25), (5, 10, 24), (11, 6, 19)):
                sheet.tube(f"M{dx},{dy}L{dx * 1.35:.0f},{tip}", colour, 6.4)
            sheet.tube("M-10,0L-20,-2", colour, 7)
        elif pointing:
            sheet.tube("M0,8V30", colour, 7.4)
        sheet.oval(0, 3, 14, 14, colour, ink=True)
        if lifted or signing:
            sheet.oval(0, 5, 11, 9, colour)
        elif look.species in BAREFOOT:
            sheet.line("M-5,16V8M4,16V8", darker(colour, 0.4), 2.6)
        else:
            sheet.line("M-7,-4q-7,6 -3,11", darker(colour, 0.35), 2.6)
