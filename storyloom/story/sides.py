"""Which side of a hero a one-sided trait is on. It is decided once, and never changes from picture to picture. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Side = Literal["left", "right"]
"""The hero's own."""


@dataclass(frozen=True, slots=True)
class _Sided:
    """``what`` is on one side; ``part`` is how a brief may name it; ``usual`` where the brief leaves it open."""

    what: str
    part: str
    usual: Side


_ARM, _FACE = "arm|hand|forearm|elbow|wrist|limb", "cheek|face|temple|jaw|ear"
SIDED: Mapping[str, _Sided] = MappingProxyType(
    {
        "prosthetic_leg": _Sided("the prosthetic leg", "leg|foot|knee|limb", "left"),
        "prosthetic_arm": _Sided("the prosthetic arm", _ARM, "right"),
        "limb_difference_arm_missing": _Sided("the shorter arm", _ARM, "right"),
        "limb_length_discrepancy": _Sided("the shorter leg with the thicker sole", "leg|foot|shoe|sole|limb", "left"),
        "facial_differences": _Sided("the smaller cheek and ear", _FACE, "left"),
        "cochlear_implant_external": _Sided("the cochlear implant", f"{_FACE}|implant|processor", "left"),
        "birthmark_large": _Sided("the birthmark", f"{_FACE}|birthmark|mark", "left"),
        "burn_scars": _Sided("the scarred cheek and forearm", f"{_FACE}|{_ARM}|neck|scars?", "right"),
        "port_a_cath": _Sided("the chest port", "chest|collarbone|port", "right"),
        "iv_picc_line": _Sided("the arm with the soft band", f"{_ARM}|line", "right"),
        "dialysis_access": _Sided("the forearm with the wrap", f"{_ARM}|access", "left"),
        "medical_alert_symbol": _Sided("the bracelet", f"{_ARM}|bracelet", "right"),
    }
)
"""By trait. Devices held in a hand may change hands, and are not among them."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A one-sided trait, on the side that it stays on."""

    trait: str
    what: str
    side: Side

    def describe(self, role: str) -> str:
        """As an illustrator is told, and whoever checks: in pictures the hero's left is not always our left."""
        other = "right" if self.side == "left" else "left"
        return (
            f"{self.what} is on {role}'s own {self.side} side: on the {other} of the picture where {role} faces us, on "
            f"the {self.side} where {role} is seen from behind; never mirrored"
        )


def place(traits: Iterable[str], features: Iterable[str]) -> tuple[Placed, ...]:
    """The one-sided among a hero's traits. The side is what the hero's features say ("left leg"), or the usual."""
    said = " ; ".join(features).casefold()
    return tuple(
        Placed(trait, SIDED[trait].what, _find(said, SIDED[trait])) for trait in dict.fromkeys(traits) if trait in SIDED
    )


def _find(said: str, sided: _Sided) -> Side:
    part = rf"\b(?:{sided.part})\b"
    found = re.search(rf"\b(left|right)\b[^;]{{0,24}}?{part}|{part}[^;]{{0,24}}?\b(left|right)\b", said)
    if found is None:
        return sided.usual
    return "left" if "left" in found.groups() else "right"
