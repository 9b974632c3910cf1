"""Aids worn or used: on the body, at the neck, on the head, in the hands."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from dataclasses import replace

from studio.painting import props
from studio.painting.figure import METAL, TUBING, Figure
from studio.painting.identity import Look
from studio.painting.rig import Limb, Posture
from studio.painting.svg import Point, darker, lighter, mix

# What keeps hands busy, and where it has them; the first that fits decides.
_HANDS: tuple[tuple[tuple[str, ...], Point, Point | None], ...] = (
    (("walker",), (0.30, 0.64), (0.30, 0.64)),
    (("crutches",), (0.40, 0.62), (0.40, 0.62)),
    (("white_cane",), (0.46, 0.60), None),
    (("signing",), (-0.12, 0.30), (0.30, -0.16)),
    (("inhaler", "fidget_toy"), (0.34, 0.46), None),
)


def fitted(look: Look, pose: Posture) -> Posture:
    """The posture, with hands where an aid needs them; a raised right hand keeps its gesture."""
    for keys, left, right in _HANDS:
        if look.wears(*keys):
            # A raised right hand keeps its gesture: one hand is enough for most aids.
            free = right is not None and (pose.right[1] >= 0 or keys == ("signing",))
            return replace(pose, left=left, right=right if free and right else pose.right)
    if look.wears("cerebral_palsy"):
        return replace(pose, left=(0.12, 0.34), knees_in=True)
    return pose


def draw_behind(figure: Figure) -> None:
    sheet, joints = figure.sheet, figure.joints
    if pack := figure.show("backpack"):
        sheet.box(-58, joints.shoulder_y + 6, 116, joints.build.torso * 0.8, pack.colour or "#c8743a", corner=24)
    if figure.show("iv_stand"):
        sheet.tube("M-112,0H-70M-91,4V-300M-112,-296H-70", METAL, 5)
        sheet.shape("M-124,-288h24v36q-12,16 -24,0Z", "#cdeaf5", 0.92)
        hand = figure.joints.left_arm.point(0.55)
        tube = f"M-112,-246C-116,-120 -96,{hand[1] + 60:.0f} {hand[0]:.0f},{hand[1]:.0f}"
        sheet.line(tube, darker(TUBING, 0.3), 5)
        sheet.line(tube, TUBING, 3)
    if figure.has("walker"):
        _walker_behind(figure)
    if figure.has("crutches"):
        figure.show("crutches")
        raised = joints.right_arm.end[1] < joints.shoulder_y + 20
        _crutch(figure, joints.left_arm, -1)
        if not raised:
            _crutch(figure, joints.right_arm, 1)


def _crutch(figure: Figure, arm: Limb, side: int) -> None:
    sheet = figure.sheet
    (hx, hy), (ex, ey) = arm.end, arm.point(0.55)
    foot = hx + side * 14
    sheet.tube(f"M{ex + side * 10:.0f},{ey - 4:.0f}L{hx + side * 2:.0f},{hy:.0f}L{foot:.0f},-2", "#5aa3d0", 7)
    sheet.tube(f"M{foot:.0f},-4v4", "#30344a", 10)
    sheet.oval(ex + side * 8, ey - 4, 18, 7, "#3d4460", ink=True)
    sheet.tube(f"M{hx - side * 12:.0f},{hy:.0f}H{hx + side * 5:.0f}", "#3d4460", 8)


def draw_on_body(figure: Figure) -> None:
    """Over the clothes, below the arms."""
    sheet, joints = figure.sheet, figure.joints
    x, low = joints.hip
    high, tall = joints.shoulder_y, joints.build.torso
    if figure.has("backpack"):
        for side in (-1, 1):
            sheet.line(
                f"M{x + side * 25},{high + 6:.0f}Q{x + side * 30},{high + tall * 0.4:.0f} {x + side * 38},{high + tall * 0.66:.0f}",
                "#8a5a34",
                9,
            )
    if figure.show("scoliosis_brace"):
        sheet.shape(
            f"M{x - 38},{high + tall * 0.34:.0f}Q{x},{high + tall * 0.46:.0f} {x + 38},{high + tall * 0.34:.0f}L{x + 42},{low + 6:.0f}"
            f"Q{x},{low + 22:.0f} {x - 42},{low + 6:.0f}Z", "#f4ead8", 0.96,
        )  # fmt: skip
        for share in (0.52, 0.72, 0.92):
            sheet.line(
                f"M{x - 40},{high + tall * share:.0f}Q{x},{high + tall * share + 12:.0f} {x + 40},{high + tall * share:.0f}",
                "#5f9ecb",
                7,
            )
            sheet.box(x - 8, high + tall * share + 1, 16, 11, "#dfe5ec", corner=3)
    if figure.show("port"):
        place = x - 18 if figure.moved("port") else x + 18
        sheet.disc(place, high + 34, 10, mix(figure.look.skin, "#ffffff", 0.35), ink=True)
        sheet.disc(place, high + 34, 4.5, "#a383c9")
    if figure.show("feeding_tube"):
        y = high + tall * 0.62
        tube = f"M{x + 6},{y:.0f}C{x + 34},{y - 8:.0f} {x + 16},{y + 44:.0f} {x + 48},{y + 34:.0f}"
        sheet.line(tube, darker(TUBING, 0.35), 7)
        sheet.line(tube, TUBING, 4.4)
        sheet.disc(x + 5, y, 9, "#fdf6ea", ink=True)
        sheet.disc(x + 5, y, 3.6, "#5aa3d0")
    if figure.show("insulin_pump"):
        y = low - tall * 0.14
        sheet.line(f"M{x - 6},{y - 24:.0f}C{x + 6},{y - 44:.0f} {x + 22},{y - 34:.0f} {x + 25},{y - 8:.0f}", TUBING, 4)
        sheet.disc(x - 7, y - 22, 7, "#fdf6ea", ink=True)
        sheet.box(x + 10, y - 12, 30, 25, "#3d4f7a", corner=6)
        sheet.box(x + 14, y - 8, 17, 11, "#9be0b5", corner=2, ink=False)
        sheet.disc(x + 35, y - 3, 2.2, "#f1c143")


def draw_round_neck(figure: Figure) -> None:
    sheet, joints = figure.sheet, figure.joints
    x, high = joints.hip[0] * 0.9, joints.shoulder_y
    if scarf := figure.show("scarf"):
        colour = scarf.colour or "#d8563f"
        sheet.shape(
            f"M{x + 10},{high + 4:.0f}L{x + 32},{high + 54:.0f}H{x + 8}L{x - 6},{high + 6:.0f}Z", darker(colour, 0.12)
        )
        sheet.shape(
            f"M{x - 38},{high - 8:.0f}Q{x},{high + 22:.0f} {x + 38},{high - 8:.0f}L{x + 34},{high + 14:.0f}Q{x},{high + 34:.0f} {x - 34},{high + 14:.0f}Z",
            colour,
        )
    if figure.show("tracheostomy"):
        sheet.line(f"M{x - 32},{high - 4:.0f}Q{x},{high + 14:.0f} {x + 32},{high - 4:.0f}", "#fdf6ea", 6)
        sheet.oval(x, high + 7, 13, 10, "#fdf6ea", ink=True)
        sheet.disc(x, high + 7, 5, "#5f7f9b")
    if figure.show("halo"):
        for side in (-1, 1):
            sheet.tube(
                f"M{x + side * 30},{high + 36:.0f}L{x + side * 62},{high - 10:.0f}V{joints.head[1] - 38:.0f}", METAL, 6
            )
        sheet.shape(
            f"M{x - 36},{high + 8:.0f}L{x - 30},{high + 46:.0f}Q{x},{high + 58:.0f} {x + 30},{high + 46:.0f}L{x + 36},{high + 8:.0f}Q{x},{high + 30:.0f} {x - 36},{high + 8:.0f}Z",
            "#f4ead8",
        )


def draw_on_head(figure: Figure) -> None:
    """Aids at ears and skull; they lie over the hair, so that they are seen."""
    sheet = figure.sheet
    if aids := figure.show("hearing_aids"):
        colour = aids.colour or "#3f8fd0"
        for side in (-1, 1):
            sheet.tube(f"M{side * 78},-6Q{side * 97},-14 {side * 97},10Q{side * 97},22 {side * 90},30", colour, 10)
            sheet.line(f"M{side * 80},-6Q{side * 68},2 {side * 74},18", TUBING, 4)
            sheet.disc(side * 75, 20, 6, lighter(colour, 0.4), ink=True)
    if implant := figure.show("cochlear_implant"):
        colour = implant.colour or "#7b5cc0"
        with sheet.at(0, 0, flip=figure.moved("cochlear_implant")):
            sheet.tube("M76,-4Q95,-12 95,10L90,28", colour, 10)
            sheet.line("M93,-4Q108,-30 88,-44", "#30344a", 4)
            sheet.disc(80, -50, 17, colour, ink=True)
            sheet.disc(80, -50, 7, lighter(colour, 0.5))
    if ears := figure.show("ear_defenders"):
        colour = ears.colour or "#e07f3a"
        sheet.tube("M-88,4C-98,-128 98,-128 88,4", darker(colour, 0.25), 10)
        for side in (-1, 1):
            sheet.oval(side * 88, 12, 19, 29, colour, ink=True)
            sheet.oval(side * 92, 12, 9, 19, lighter(colour, 0.3))
    if figure.show("halo"):
        sheet.tube("M-88,-36Q0,-10 88,-36", METAL, 8)
        for x in (-52, 52):
            sheet.line(f"M{x},-28V-18", "#5f6b7c", 5)


def draw_in_front(figure: Figure) -> None:
    """What hands hold and arms carry, and the walker before the legs."""
    sheet, joints = figure.sheet, figure.joints
    left, right = joints.left_arm, joints.right_arm
    if figure.show("walker"):
        _walker(figure)
    if figure.show("white_cane"):
        x, y = left.end
        sheet.tube(f"M{x:.0f},{y - 12:.0f}L{x - 52:.0f},2", "#fbfaf6", 6)
        sheet.tube(f"M{x - 42:.0f},{y * 0.2 - 2:.0f}L{x - 52:.0f},2", "#d8433b", 6)
        sheet.tube(f"M{x + 2:.0f},{y - 18:.0f}L{x - 4:.0f},{y + 12:.0f}", "#30344a", 8)
        sheet.oval(x, y + 1, 13, 11, figure.look.skin, ink=True)
    if figure.show("inhaler"):
        with sheet.at(*left.end, turn=-12):
            sheet.box(-9, -30, 18, 30, "#3f8fd0", corner=5)
            sheet.box(-6, -42, 12, 14, "#dfe5ec", corner=3)
            sheet.shape("M-9,-14L-26,-9V3H-9Z", "#3f8fd0")
            sheet.oval(0, 2, 14, 11, figure.look.skin, ink=True)
    if figure.show("fidget_toy"):
        # In the hand, or at the belt where the hand has the inhaler.
        place = joints.hip if figure.has("inhaler") else (left.end[0], left.end[1] - 8)
        with sheet.at(*place):
            for turn in (0, 120, 240):
                with sheet.at(0, 0, turn=turn):
                    sheet.disc(0, -13, 9, ("#e8533f", "#f1c143", "#5aa3d0")[turn // 120], ink=True)
            sheet.disc(0, 0, 6, "#fdf6ea", ink=True)
    if figure.show("dialysis"):
        arm = right if figure.moved("dialysis") else left
        with sheet.at(*arm.point(0.7), turn=arm.turn()):
            sheet.box(-15, -11, 30, 22, "#fdf6ea", corner=5)
            sheet.line("M-8,-2h16M-8,4h16", "#d8a0a0", 2.6)
    if figure.show("iv_line") or figure.has("iv_stand"):
        arm = right if figure.moved("iv_line") else left
        with sheet.at(*arm.point(0.5), turn=arm.turn()):
            sheet.line("M4,6C18,10 20,26 8,34", darker(TUBING, 0.3), 5)
            sheet.line("M4,6C18,10 20,26 8,34", TUBING, 3)
            sheet.box(-16, -10, 32, 19, "#7fc4b8", corner=6)
            sheet.line("M-10,-1h20", "#fdf6ea", 3)
    if figure.show("medical_alert"):
        arm = right if figure.moved("medical_alert") else left
        with sheet.at(*arm.point(0.86), turn=arm.turn()):
            sheet.box(-15, -5, 30, 10, "#dfe5ec", corner=5)
            sheet.disc(0, 0, 8, "#fdf6ea", ink=True)
            sheet.line("M0,-4.5V4.5M-4.5,0H4.5", "#d8433b", 3)
    if figure.held:
        with sheet.at(*right.end):
            props.draw_held(sheet, figure.held)
            sheet.oval(0, 2, 14, 12, figure.look.skin, ink=True)


def _walker_places(figure: Figure) -> tuple[float, float]:
    """How far out the posts of the walker stand, and the height of its grips."""
    left, right = figure.joints.left_arm.end, figure.joints.right_arm.end
    wide = max(58.0, abs(left[0]) + 6)
    if right[1] > figure.joints.shoulder_y + 20:
        wide = max(wide, right[0] + 6)
    return wide, left[1] + 4


def _walker_behind(figure: Figure) -> None:
    """The bars round the back, so that the way ahead is free."""
    wide, top = _walker_places(figure)
    for share in (0.18, 0.6):
        y, out = top + (-8 - top) * share, wide + 12 * share
        figure.sheet.tube(
            f"M{-out:.0f},{y:.0f}Q{-out + 6:.0f},{y - 12:.0f} {-out + 20:.0f},{y - 12:.0f}H{out - 20:.0f}Q{out - 6:.0f},{y - 12:.0f} {out:.0f},{y:.0f}",
            "#3f86ba",
            6,
        )


def _walker(figure: Figure) -> None:
    sheet = figure.sheet
    wide, top = _walker_places(figure)
    for side, hand in ((-1, figure.joints.left_arm.end), (1, figure.joints.right_arm.end)):
        sheet.tube(f"M{side * wide:.0f},{top:.0f}L{side * (wide + 12):.0f},-8", "#4f9bd0", 7)
        sheet.tube(f"M{side * (wide - 6):.0f},{top:.0f}h{side * 14}", "#30344a", 10)
        sheet.disc(side * (wide + 12), -6, 11, "#30344a", ink=True)
        sheet.disc(side * (wide + 12), -6, 4, "#dfe5ec")
        if hand[1] > figure.joints.shoulder_y + 20:
            sheet.oval(hand[0], hand[1], 13, 11, figure.look.skin, ink=True)
