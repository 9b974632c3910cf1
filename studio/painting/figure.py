"""A figure being drawn: its sheet, look and joints, and the record of what has really been drawn of it."""

from dataclasses import dataclass, field

from studio.painting.features import Feature, is_moved
from studio.painting.identity import Look
from studio.painting.props import Prop
from studio.painting.rig import Joints
from studio.painting.svg import Sheet, darker

METAL = "#9aa6b4"
TUBING = "#dfeaf0"


@dataclass
class Figure:
    """Everything the pen needs to draw one hero; `shown` grows as drawing code runs."""

    sheet: Sheet
    look: Look
    joints: Joints
    posture: str
    emotion: str
    seat: str
    held: Prop | None = None
    lump: bool = False
    """Whether something lies hidden under the blanket."""
    mirrored: bool = False
    """Whether it stands the other way round in the picture."""
    shown: list[Feature] = field(default_factory=list)

    def show(self, key: str) -> Feature | None:
        """The feature if the hero has it, noted as drawn: call this only where it is drawn."""
        feature = self.look.features.get(key)
        if feature is not None and feature not in self.shown:
            self.shown.append(feature)
        return feature

    def moved(self, key: str) -> bool:
        """Whether a feature that one side has is drawn on the other one than usual."""
        feature = self.look.features.get(key)
        return feature is not None and is_moved(feature, mirrored=self.mirrored, in_chair=self.seat == "chair")

    def has(self, *keys: str) -> bool:
        return self.look.wears(*keys)

    @property
    def shade(self) -> str:
        """The skin in shadow."""
        return darker(self.look.skin, 0.16)

    @property
    def human(self) -> bool:
        return self.look.species in {"human", "superhero", "fantasy_being"}
