"""A whole hero: which part is drawn before which, limbs and heads."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import random
import re
import zlib
from dataclasses import replace

from studio.painting import body, chairs, clothes, devices, faces, hair, nonhuman
from studio.painting.figure import Figure
from studio.painting.identity import Look, look_of
from studio.painting.prompt import HeroLines
from studio.painting.props import Prop
from studio.painting.rig import HEAD_RADIUS, POSTURES, Limb, build_of, joints_of
from studio.painting.svg import Sheet, darker, lighter, mix

_SKINS = ("#f5cba7", "#8d5a34", "#c08552", "#f1c9a8", "#5f3a24", "#d9a066")
_CLOTHES = ("teal", "purple", "mustard", "navy", "rose", "green")
_GARMENTS = r"dress|shirt|coat|jumper|apron|cardigan|robe|overalls|suit|uniform|jacket|gown"
_UNIFORMS = {
    r"nurse": "#6fb7b0 pyjamas", r"doctor|surgeon|scientist": "white coat and #4f6591 trousers",
    r"wizard|witch|astronomer": "starry purple gown", r"astronaut": "white spacesuit",
    r"gardener|farmer": "green dungarees", r"captain|sailor|fisher": "navy coat",
}  # fmt: skip


_WIDE_HAIR = {"afro", "curly", "long curly", "pigtails", "ponytail", "afro puffs", "wavy", "braids"}
# What is held above the head, not before it.
_HELD_HIGH = {"umbrella", "balloon", "kite", "wand", "star"}
# Whoever has anything else to show sleeps on a seat: a blanket would hide it.
_SEEN_IN_BED = {
    "glasses", "freckles", "bald", "hijab", "headscarf", "bow", "hat", "birthmark", "vitiligo", "albinism", "burn_scars",
    "cleft_lip", "down_syndrome", "facial_difference", "hearing_aids", "cochlear_implant", "oxygen_cannula",
}  # fmt: skip


_PARKED = {"manual_wheelchair", "power_wheelchair"}  # beside the bed, while its owner lies in it


def figure_of(sheet: Sheet, look: Look, posture: str, emotion: str, held: Prop | None = None) -> Figure:
    """A hero in a posture; a wheelchair is always sat in, and whoever sleeps or sits has something to sit on."""
    pose = POSTURES[posture]
    if held is not None and held.name in _HELD_HIGH:
        pose = replace(pose, right=(1.02, -0.46))
    if posture in {"sleeping", "in bed"} and not look.features.keys() - _SEEN_IN_BED - _PARKED:
        seat = "bed"
    elif look.wears(*_PARKED):
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
    chance = random.Random(zlib.crc32(words.encode("utf-8", "replace")))
    usual = chance.choice(_CLOTHES)
    for role, clothing in _UNIFORMS.items():
        usual = clothing if re.search(role, words.lower()) else usual
    worn = {
        "hair": f"{chance.choice(('bun', 'bob', 'long wavy')) if woman and not young else 'short'} "
        f"{'grey' if old else chance.choice(('brown', 'black', 'red', 'dark'))}",
        "clothing": words
        if re.search(_GARMENTS, words.lower())
        else f"{usual}{' dress' if woman and usual in _CLOTHES else ''}",
        "skin": words if re.search(r"skin|#", words.lower()) else chance.choice(_SKINS),
    }
    kind = f"a human, {8 if young else 40}-year-old"
    return figure_of(sheet, look_of(HeroLines(kind, worn=worn, features=[words])), "standing", "happy")


def height(figure: Figure) -> float:
    """From the ground to the top of head and hair."""
    return -figure.joints.head[1] + (HEAD_RADIUS + 34) * figure.joints.build.head


def width(figure: Figure) -> float:
    """The room a figure needs on the ground."""
    room = {"chair": 240.0, "bed": 310.0}.get(figure.seat, 205.0)
    if figure.seat == "bed" and figure.has(*_PARKED):
        room += 160
    if figure.look.hair_style in _WIDE_HAIR or figure.joints.right_arm.end[1] < figure.joints.shoulder_y:
        room += 28
    return room + (50 if figure.has("walker", "white_cane", "iv_stand") else 0)


def draw(figure: Figure) -> None:
    """The whole hero, from what lies farthest back to what is nearest."""
    sheet, joints = figure.sheet, figure.joints
    if figure.seat == "bed":
        _draw_abed(figure)
        return
    sheet.shadow(20 if figure.seat == "chair" else 4, 4, 135 if figure.seat == "chair" else 92)
    nonhuman.draw_behind(figure)
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
    if figure.seat == "stool":
        body.draw_lap(figure)
    devices.draw_on_body(figure)
    if figure.seat == "chair":
        chairs.draw_front(figure)
    raised = [
        side
        for side in (-1, 1)
        if _arm(figure, side).end[1] < joints.shoulder_y + 4 or (side > 0 and figure.held is not None)
    ]
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


def _draw_abed(figure: Figure) -> None:
    parked = figure.has(*_PARKED)
    if parked:
        _draw_parked(figure)
    with figure.sheet.at(-80 if parked else 0, 0):
        _draw_in_bed(figure)


def _draw_in_bed(figure: Figure) -> None:
    """Tucked in: the head on a pillow, hands on the blanket."""
    sheet, joints = figure.sheet, figure.joints
    chairs.draw_bed(figure)
    with sheet.at(*joints.head, joints.build.head, turn=joints.tilt):
        if figure.human:
            hair.draw_back(figure)
    clothes.draw_torso(figure)
    body.draw_neck(figure)
    with sheet.at(*joints.head, joints.build.head, turn=joints.tilt):
        draw_head(figure)
    chairs.draw_cover(figure)
    for side in (-1, 1):
        body.draw_arm(figure, side)


def _draw_parked(figure: Figure) -> None:
    """The empty wheelchair within reach of the bed."""
    chair = replace(figure, joints=joints_of(figure.joints.build, POSTURES["standing"], "chair"), seat="chair")
    with figure.sheet.at(122, -6):
        figure.sheet.shadow(10, 4, 120)
        chairs.draw_behind(chair)
        chairs.draw_front(chair)


def _arm(figure: Figure, side: int) -> Limb:
    return figure.joints.left_arm if side < 0 else figure.joints.right_arm


def draw_head(figure: Figure) -> None:
    """Head, face and hair round (0, 0)."""
    sheet, look = figure.sheet, figure.look
    figure.show("albinism")  # drawn by the palest skin, hair and lashes
    if not figure.human:
        nonhuman.draw_head(figure)
        faces.draw_face(figure)
        nonhuman.draw_over_face(figure)
        if not hair.draw_scarf(figure):
            figure.show("bald")  # no head of these has hair
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
    small = 0.62 if (side < 0) ^ figure.moved("facial_difference") and figure.has("facial_difference") else 1
    with sheet.at(side * 80, 14, small, flip=side < 0):
        if figure.look.species == "fantasy_being":
            sheet.shape("M-4,-20C20,-34 40,-50 52,-54C48,-28 30,10 2,18Z", skin)
            sheet.line("M8,-10Q24,-22 36,-38", darker(skin, 0.25), 3)
            return
        sheet.oval(0, 0, 14, 18, skin, ink=True)
        sheet.line("M1,-7q7,6 0,14", darker(skin, 0.3), 3)
