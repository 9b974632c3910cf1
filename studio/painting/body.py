"""Limbs, hands, neck and cape."""

from studio.painting import nonhuman
from studio.painting.clothes import cut_of, leg_colour, shoe, top_colour
from studio.painting.figure import METAL, Figure
from studio.painting.rig import Limb
from studio.painting.svg import darker, lighter, mix


def draw_cape(figure: Figure) -> None:
    cape = figure.show("cape")
    if cape is None and figure.look.species != "superhero":
        return
    colour = (cape.colour if cape else None) or figure.look.second or "#c8403a"
    sheet, joints = figure.sheet, figure.joints
    x, top = joints.hip[0], joints.shoulder_y + 4
    low = min(-20.0, joints.hip[1] + joints.build.leg * 0.62)
    sheet.shape(
        f"M{x - 34},{top:.0f}C{x - 70},{(top + low) / 2:.0f} {x - 96},{low - 20:.0f} {x - 108},{low:.0f}"
        f"Q{x - 62},{low + 22:.0f} {x - 30},{low + 4:.0f}T{x + 42},{low + 6:.0f}T{x + 92},{low - 4:.0f}"
        f"C{x + 86},{low - 30:.0f} {x + 62},{(top + low) / 2:.0f} {x + 34},{top:.0f}Z",
        sheet.down(lighter(colour, 0.1), darker(colour, 0.2)),
    )


def draw_neck(figure: Figure) -> None:
    x, y = figure.joints.hip[0] * 0.9, figure.joints.shoulder_y
    figure.sheet.fill(
        f"M{x - 14},{y - 16:.0f}V{y + 5:.0f}Q{x},{y + 17:.0f} {x + 14},{y + 5:.0f}V{y - 16:.0f}Z", figure.shade
    )


def draw_legs(figure: Figure) -> None:
    """Far leg, near leg, with trousers and shoes or feet."""
    joints = figure.joints
    legs_matter = figure.has("prosthetic_leg", "leg_braces", "raised_shoe", "boots")
    if figure.look.species == "elemental" and not figure.seat and not legs_matter:
        nonhuman.draw_wisp(figure)
        return
    order = ((joints.right_leg, 1), (joints.left_leg, -1)) if figure.seat == "chair" else (
        (joints.left_leg, -1), (joints.right_leg, 1))  # fmt: skip
    for leg, side in order:
        _leg(figure, leg, side)


def draw_lap(figure: Figure) -> None:
    """The thighs of somebody who sits facing us, seen from the knees."""
    share = cut_of(figure)
    if share.skirt:
        return
    colour = darker(leg_colour(figure) if share.leg else figure.look.skin, 0.02)
    x, y = figure.joints.hip
    for side in (-1, 1):
        figure.sheet.oval(x + side * 29, y + 12, 23, 18, figure.sheet.round(lighter(colour, 0.15), colour), ink=True)


def _leg(figure: Figure, leg: Limb, side: int) -> None:
    sheet, look = figure.sheet, figure.look
    far = figure.seat == "chair" and side > 0
    share, width = cut_of(figure).leg, figure.joints.build.limb + 1
    cloth = darker(leg_colour(figure), 0.16 if far else 0.04)
    skin = darker(look.skin, 0.22 if far else 0.08)
    artificial = ((side > 0) ^ (figure.seat == "chair")) ^ figure.moved("prosthetic_leg")
    metal = artificial and figure.show("prosthetic_leg") is not None
    sheet.tube(leg.path(0, 0.56 if metal else 1), skin, width)
    if share:
        sheet.tube(leg.path(0, share), cloth, width + 6)
    outwards = side > 0 or figure.seat == "chair" or bool(figure.posture == "walking")
    if metal:
        _metal_leg(figure, leg)
    if look.species in nonhuman.BAREFOOT and not metal and not figure.has("raised_shoe", "boots"):
        nonhuman.draw_foot(figure, leg.end, outwards=outwards)
    else:
        raised = 9.0 if (side > 0) ^ figure.moved("raised_shoe") and figure.show("raised_shoe") else 0.0
        shoe(figure, (leg.end[0], leg.end[1] - raised), outwards=outwards, sole=raised)
    if figure.show("leg_braces"):
        _brace(figure, leg)


def _metal_leg(figure: Figure, leg: Limb) -> None:
    sheet, accent = figure.sheet, "#3f8fd0"
    sheet.tube(leg.path(0.5, 0.66), accent, figure.joints.build.limb + 2)
    sheet.tube(leg.path(0.66, 1), METAL, 10)
    sheet.line(leg.path(0.68, 0.98), lighter(METAL, 0.7), 3)
    x, y = leg.point(0.52)
    sheet.disc(x, y, 5, "#f3f6fa", ink=True)


def _brace(figure: Figure, leg: Limb) -> None:
    feature = figure.look.features["leg_braces"]
    colour, sheet = feature.colour or "#7b5cc0", figure.sheet
    wide = figure.joints.build.limb / 2 + 2
    for share in (0.60, 0.86):
        x, y = leg.point(share)
        sheet.box(x - wide - 2, y - 6, wide * 2 + 4, 11, colour, corner=4)
        sheet.box(x - 4, y - 5, 8, 9, "#fff3dc", corner=2, ink=False)
    (ax, ay), (bx, by) = leg.point(0.56), leg.point(0.98)
    for edge in (-1, 1):
        sheet.line(f"M{ax + edge * wide:.0f},{ay:.0f}L{bx + edge * wide:.0f},{by:.0f}", darker(colour, 0.25), 4.5)


def draw_arm(figure: Figure, side: int) -> None:
    """Arm, sleeve and hand; what is held or built into the arm comes with it."""
    sheet, look = figure.sheet, figure.look
    arm = figure.joints.left_arm if side < 0 else figure.joints.right_arm
    width = figure.joints.build.limb - 1
    short = side < 0 and figure.show("limb_difference") is not None
    metal = (side < 0) ^ figure.moved("prosthetic_arm") and figure.show("prosthetic_arm") is not None
    end = 0.6 if short else 1.0
    sheet.tube(arm.path(0, end), look.skin, width)
    if look.species == "robot":
        for share in (0.5, 0.66, 0.82):
            x, y = arm.point(share * end)
            sheet.disc(x, y, width / 2 - 2, darker(look.skin, 0.25))
    sleeve = cut_of(figure).sleeve
    if sleeve:
        sheet.tube(
            arm.path(0, min(sleeve, end - 0.1)), mix(top_colour(figure), darker(top_colour(figure)), 0.12), width + 6
        )
    if metal:
        _metal_arm(figure, arm)
    elif not short:
        nonhuman.draw_hand(figure, arm, side)
    if (side < 0) ^ figure.moved("burn_scars") and figure.show("burn_scars"):
        sheet.line(arm.path(0.55, 0.85), mix(look.skin, "#f0a593", 0.6), width * 0.5, 0.9)
    if side > 0 and figure.show("vitiligo"):
        sheet.line(arm.path(0.6, 0.84), mix(look.skin, "#fff1e2", 0.72), width * 0.55, 0.95)


def _metal_arm(figure: Figure, arm: Limb) -> None:
    sheet, width = figure.sheet, figure.joints.build.limb
    sheet.tube(arm.path(0.46, 0.62), "#3f8fd0", width + 2)
    sheet.tube(arm.path(0.62, 0.96), "#c3ccd6", width - 8)
    for share in (0.7, 0.8):
        x, y = arm.point(share)
        sheet.disc(x, y, 5, "#3f8fd0", ink=True)
    with sheet.at(*arm.end, turn=arm.turn()):
        for dx in (-8, 0, 8):
            sheet.tube(f"M{dx * 0.6},0Q{dx * 1.4},10 {dx},19", "#c3ccd6", 5)
        sheet.disc(0, 0, 10, "#aeb9c6", ink=True)
