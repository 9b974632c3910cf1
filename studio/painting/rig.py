"""Bones of a figure: proportions by age, postures, and where every joint is. Ground is y = 0, up is negative."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studio.painting.svg import Point

HEAD_RADIUS = 80


@dataclass(frozen=True)
class Build:
    """Proportions in sheet units; a five-year-old stands about 340 high."""

    head: float
    torso: float
    leg: float
    arm: float
    shoulder: float
    limb: float


@dataclass(frozen=True)
class Posture:
    """Where the hands are, from the shoulder, in arm lengths (x outwards), and what the body does."""

    left: Point
    right: Point
    stride: float = 0
    tilt: float = 0
    seated: bool = False
    knees_in: bool = False


POSTURES: Mapping[str, Posture] = MappingProxyType({
    "standing": Posture((0.30, 0.88), (0.30, 0.88)),
    "waving": Posture((0.32, 0.86), (1.0, -0.66), tilt=3),
    "reaching": Posture((0.30, 0.86), (1.10, -0.10), tilt=4),
    "pointing": Posture((0.22, 0.66), (1.14, -0.22)),
    "walking": Posture((0.52, 0.74), (0.40, 0.62), stride=30),
    "holding": Posture((0.34, 0.84), (0.66, 0.26)),
    "hugging": Posture((0.20, 0.56), (0.92, 0.56), tilt=8),
    "sitting": Posture((0.14, 0.80), (0.14, 0.80), seated=True),
    "cheering": Posture((1.00, -0.68), (1.00, -0.68)),
    "hands on hips": Posture((0.22, 0.74), (0.22, 0.74)),
    "hands together": Posture((-0.24, 0.46), (-0.24, 0.46)),
    "wondering": Posture((0.10, 0.62), (0.36, 0.04), tilt=-5),
    "reading": Posture((-0.10, 0.44), (-0.10, 0.44), tilt=2),
    "in bed": Posture((-0.20, 0.56), (-0.20, 0.56), seated=True),
    "sleeping": Posture((-0.20, 0.56), (-0.20, 0.56), tilt=10, seated=True),
})  # fmt: skip
# Between these ages the proportions are interpolated: head, torso, leg, arm, shoulder, limb.
_GROWTH: Mapping[int, tuple[float, ...]] = MappingProxyType({
    2: (1.0, 80, 50, 76, 35, 24), 5: (1.0, 94, 78, 90, 37, 24), 9: (0.97, 112, 120, 110, 40, 24),
    13: (0.92, 128, 152, 128, 44, 25), 20: (0.90, 146, 176, 146, 52, 28),
})  # fmt: skip


@dataclass(frozen=True)
class Limb:
    """Shoulder or hip, the bend, and hand or ankle."""

    root: Point
    bend: Point
    end: Point

    @property
    def control(self) -> Point:
        """Of the quadratic Bézier that goes near the bend: softer than bones, firmer than rubber."""
        middle = ((self.root[0] + self.end[0]) / 2, (self.root[1] + self.end[1]) / 2)
        return (self.bend[0] * 1.7 - middle[0] * 0.7, self.bend[1] * 1.7 - middle[1] * 0.7)

    def point(self, share: float) -> Point:
        """A point of the limb, share 0-1 from root to end."""
        (ax, ay), (bx, by), (cx, cy) = self.root, self.control, self.end
        rest = 1 - share
        return (
            rest * rest * ax + 2 * rest * share * bx + share * share * cx,
            rest * rest * ay + 2 * rest * share * by + share * share * cy,
        )

    def path(self, start: float = 0, end: float = 1) -> str:
        """Path data of a stretch of the limb."""
        points = [self.point(start + (end - start) * step / 8) for step in range(9)]
        return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)

    def turn(self) -> float:
        """The direction of the last stretch, degrees clockwise from straight down."""
        (ax, ay), (bx, by) = self.point(0.75), self.end
        return math.degrees(math.atan2(-(bx - ax), by - ay))


@dataclass(frozen=True)
class Joints:
    """A figure's joints. Left and right are the viewer's."""

    build: Build
    hip: Point
    shoulder_y: float
    head: Point
    tilt: float
    left_arm: Limb
    right_arm: Limb
    left_leg: Limb
    right_leg: Limb


def build_of(age: int, *, dwarfism: bool = False) -> Build:
    ages = sorted(_GROWTH)
    years = max(ages[0], min(ages[-1], age))
    older = next(step for step in ages if step >= years)
    younger = max((step for step in ages if step <= years), default=older)
    share = 0 if older == younger else (years - younger) / (older - younger)
    pairs = zip(_GROWTH[younger], _GROWTH[older], strict=True)
    head, torso, leg, arm, shoulder, limb = (a + (b - a) * share for a, b in pairs)
    if dwarfism:
        return Build(head * 1.04, torso * 1.02, leg * 0.62, arm * 0.74, shoulder * 1.08, limb * 1.12)
    return Build(head, torso, leg, arm, shoulder, limb)


def reach(root: Point, target: Point, length: float, side: float) -> Limb:
    """A limb of two equal bones that ends at the target, or as near as it gets; it bends to the side (-1, 1)."""
    dx, dy = target[0] - root[0], target[1] - root[1]
    far = max(1.0, math.hypot(dx, dy))
    near = min(far, length * 0.995)
    end = (root[0] + dx * near / far, root[1] + dy * near / far)
    height = math.sqrt(max(0.0, (length / 2) ** 2 - (near / 2) ** 2))
    middle = ((root[0] + end[0]) / 2, (root[1] + end[1]) / 2)
    return Limb(root, (middle[0] + side * dy / far * height, middle[1] - side * dx / far * height), end)


def joints_of(build: Build, posture: Posture, seat: str) -> Joints:
    """All joints. `seat` is "" (on the feet), "stool" (seen from the front) "bed" (tucked in) or "chair" (wheels, turned right)."""
    hip = {"": (0.0, -build.leg - 14), "stool": (0.0, -76.0), "bed": (0.0, -64.0), "chair": (-16.0, -110.0)}[seat]
    shoulder_y = hip[1] - build.torso
    left = _arm(build, hip, shoulder_y, posture.left, -1)
    right = _arm(build, hip, shoulder_y, posture.right, 1)
    if seat == "chair" and posture.left[1] >= 0:
        left = reach(left.root, (-46, -134), build.arm, -1)  # on the push rim
    legs = _legs(build, hip, posture, seat)
    head = (hip[0] * 0.8, shoulder_y - 76 * build.head)
    return Joints(build, hip, shoulder_y, head, posture.tilt, left, right, *legs)


def _arm(build: Build, hip: Point, shoulder_y: float, hand: Point, side: int) -> Limb:
    root = (hip[0] + side * (build.shoulder - 5), shoulder_y + 14)
    target = (root[0] + side * hand[0] * build.arm, root[1] + hand[1] * build.arm)
    # Elbows point out and down: which side of the line that is depends on where the hand is.
    return reach(root, target, build.arm, side if hand[1] > -0.05 else -side)


def _legs(build: Build, hip: Point, posture: Posture, seat: str) -> tuple[Limb, Limb]:
    x, y = hip
    if seat == "chair":
        far = Limb((x + 12, y - 2), (76, -116), (86, -46))
        return Limb((x + 8, y + 6), (62, -112), (70, -42)), far
    if seat == "stool":
        return (
            Limb((x - 19, y + 4), (x - 30, y + 12), (x - 30, -14)),
            Limb((x + 19, y + 4), (x + 30, y + 12), (x + 30, -14)),
        )
    if posture.stride:
        back, front = (x - posture.stride - 6, -18), (x + posture.stride + 2, -12)
        return reach((x - 14, y), back, build.leg * 1.04, -1), reach((x + 14, y), front, build.leg * 1.04, -1)
    slack = 8 if posture.knees_in else 2.4
    return (
        reach((x - 18, y), (x - 22, -12), build.leg + slack, 1),
        reach((x + 18, y), (x + 22, -12), build.leg + slack, -1),
    )
