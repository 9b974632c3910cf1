"""A whole hero: which part is drawn before which, limbs and heads."""

import re

from studio.painting import body, chairs, clothes, devices, faces, hair, kinds
from studio.painting.figure import Figure
from studio.painting.identity import Look, look_of
from studio.painting.ink import Sheet, darker, lighter, mix
from studio.painting.prompt import HeroLines
from studio.painting.props import Prop
from studio.painting.rig import HEAD_RADIUS, POSTURES, Limb, build_of, joints_of


def figure_of(sheet: Sheet, look: Look, posture: str, emotion: str, held: Prop | None = None) -> Figure:
    """A hero in a posture; a wheelchair is always sat in, and whoever sleeps or sits has something to sit on."""
    pose = POSTURES[posture]
    if look.wears("manual_wheelchair", "power_wheelchair"):
        seat = "chair"
    else:
        seat = "stool" if pose.seated else ""
    if seat and posture == "walking":
        posture, pose = "standing", POSTURES["standing"]
    build = build_of(look.age, dwarfism=look.wears("dwarfism"))
    joints = joints_of(build, devices.fitted(look, pose), seat)
    figure = Figure(sheet, look, joints, posture, "asleep" if posture == "sleeping" else emotion, seat, held)
    figure.show("dwarfism")  # drawn by the proportions just taken
    figure.show("cerebral_palsy")  # drawn by the posture just fitted
    return figure


def grown_up(sheet: Sheet, words: str) -> Figure:
    """A person of the words, who is no hero: grown up unless they say a child."""
    young = re.search(r"boy|girl|child|brother|sister|friend", words.lower())
    old = re.search(r"grand|granny|nana|elder|\bold\b", words.lower())
    woman = re.search(
        r"granny|nana|grandm|mother|mum|mom|aunt|woman|lady|nurse|teacher|sister|girl|queen|princess|witch",
        words.lower(),
    )
    worn = {
        "hair": f"{'bun' if woman and not young else 'short'} {'grey' if old else 'brown'}",
        "clothing": words if woman is None else f"{words} dress", "skin": words,
    }  # fmt: skip
    kind = f"a human, {8 if young else 40}-year-old"
    return figure_of(sheet, look_of(HeroLines(kind, worn=worn, features=[words])), "standing", "happy")


def height(figure: Figure) -> float:
    """From the ground to the top of head and hair."""
    return -figure.joints.head[1] + (HEAD_RADIUS + 34) * figure.joints.build.head


def width(figure: Figure) -> float:
    """The room a figure needs on the ground."""
    room = 235.0 if figure.seat == "chair" else 205.0
    return room + (50 if figure.has("walker", "white_cane", "iv_line") else 0)


def draw(figure: Figure) -> None:
    """The whole hero, from what lies farthest back to what is nearest."""
    sheet, joints = figure.sheet, figure.joints
    sheet.shadow(20 if figure.seat == "chair" else 4, 4, 135 if figure.seat == "chair" else 92)
    kinds.draw_behind(figure)
    body.draw_cape(figure)
    if figure.seat == "chair":
        chairs.draw_behind(figure)
    elif figure.seat:
        chairs.draw_stool(figure)
    devices.draw_behind(figure)
    with sheet.at(*joints.head, joints.build.head, turn=joints.tilt):
        if figure.look.species in {"human", "superhero", "fantasy_being"}:
            hair.draw_back(figure)
    body.draw_legs(figure)
    clothes.draw_torso(figure)
    devices.draw_on_body(figure)
    if figure.seat == "chair":
        chairs.draw_front(figure)
    raised = [side for side in (-1, 1) if _arm(figure, side).end[1] < joints.shoulder_y + 4]
    for side in (-1, 1):
        if side not in raised:
            body.draw_arm(figure, side)
    body.draw_neck(figure)
    with sheet.at(*joints.head, joints.build.head, turn=joints.tilt):
        draw_head(figure)
    devices.draw_round_neck(figure)
    for side in raised:
        body.draw_arm(figure, side)
    devices.draw_in_front(figure)


def _arm(figure: Figure, side: int) -> Limb:
    return figure.joints.left_arm if side < 0 else figure.joints.right_arm


def draw_head(figure: Figure) -> None:
    """Head, face and hair round (0, 0)."""
    sheet, look = figure.sheet, figure.look
    if not figure.human:
        kinds.draw_head(figure)
        faces.draw_face(figure)
        kinds.draw_over_face(figure)
        hair.draw_worn(figure)
        devices.draw_on_head(figure)
        return
    for side in (-1, 1):
        _ear(figure, side)
    sheet.shape(
        "M-80,-6C-84,52 -44,82 0,82C44,82 84,52 80,-6C78,-78 -78,-78 -80,-6Z",
        sheet.round(lighter(look.skin, 0.2), mix(look.skin, darker(look.skin), 0.3)),
    )
    faces.draw_face(figure)
    hair.draw_front(figure)
    devices.draw_on_head(figure)


def _ear(figure: Figure, side: int) -> None:
    sheet, skin = figure.sheet, figure.look.skin
    if hair.covered(figure) and figure.has("hijab"):
        return
    with sheet.at(side * 80, 14, flip=side < 0):
        if figure.look.species == "fantasy_being":
            sheet.shape("M-4,-20C20,-34 40,-50 52,-54C48,-28 30,10 2,18Z", skin)
            sheet.line("M8,-10Q24,-22 36,-38", darker(skin, 0.25), 3)
            return
        sheet.oval(0, 0, 14, 18, skin, ink=True)
        sheet.line("M1,-7q7,6 0,14", darker(skin, 0.3), 3)
