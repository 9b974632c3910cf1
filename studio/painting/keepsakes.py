"""The stencils of things that children lose, find and keep: instruments, jewels, a bicycle, a tooth."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from collections.abc import Mapping
from types import MappingProxyType

from studio.painting.stencils import Stroke, Thing, cut, dab, egg, pen

_GOLD, _WOOD, _PAPER, _STEEL, _DARK = "#efbe4a", "#8a5c3c", "#f7ecd2", "#b9c4d0", "#4a4250"


def _thing(pattern: str, tall: float, main: str, *strokes: Stroke, grip: str = "up") -> Thing:
    return Thing(pattern, grip, tall, main, strokes)


KEEPSAKES: Mapping[str, Thing] = MappingProxyType({
    "music box": _thing(r"music(?:al)? box", 66, "#8862c6", cut("M-40,-40H40V0H-40Z", "main"), cut("M-40,-40L-30,-70H50L40,-40Z", "main"), dab("M-28,-46L-22,-64H40L34,-46Z", "#f3dfe8"), pen("M40,-18H58V-32", _GOLD, 5), cut(egg(58, -34, 6), _GOLD), pen("M-18,-14V-28L0,-32V-18", _GOLD, 4), dab(egg(-22, -13, 6, 5) + egg(-4, -17, 6, 5), _GOLD)),
    "flute": _thing(r"flute|recorder|\bpipe\b", 92, "#c8743a", pen("M-20,4L22,-86", _DARK, 17), pen("M-20,4L22,-86", "main", 12), dab(egg(-10, -18, 4) + egg(-2, -36, 4) + egg(6, -53, 4) + egg(14, -70, 4), _DARK)),
    "violin": _thing(r"violin|fiddle|guitar|ukulele|cello", 104, "#b5652f", pen("M0,-50V-106", _DARK, 10), cut("M0,2C-34,2 -34,-26 -20,-32C-30,-40 -24,-62 0,-62C24,-62 30,-40 20,-32C34,-26 34,2 0,2Z", "main"), cut(egg(0, -34, 8), _DARK), pen("M-3,-10V-100M3,-10V-100", _PAPER, 2), pen("M-10,-10H10", _DARK, 5)),
    "trumpet": _thing(r"trumpet|\bhorn\b|trombone|bugle", 60, _GOLD, pen("M-52,-34H20", _DARK, 12), pen("M-52,-34H20", "main", 8), cut("M16,-40C34,-42 44,-54 56,-62V-4C44,-14 34,-26 16,-28Z", "main"), pen("M-24,-34V-12H2V-34M-18,-40V-52M-6,-40V-52M6,-40V-52", "main", 6)),
    "rocket": _thing(r"rocket|spaceship|space ship", 126, "#d8433b", dab("M-14,0Q0,40 14,0Z", "#f59a3a"), cut("M-26,-34L-48,4L-20,-6ZM26,-34L48,4L20,-6Z", "main"), cut("M-24,-6C-34,-60 -22,-104 0,-126C22,-104 34,-60 24,-6Z", "#eef2f6"), cut("M-16,-96C-10,-112 -6,-120 0,-126C6,-120 10,-112 16,-96Z", "main"), cut(egg(0, -64, 14), "#8fc5e0"), grip=""),
    "bicycle": _thing(r"bicycle|\bbikes?\b|tricycle|scooter", 84, "#d8433b", pen(egg(-44, -26, 27), _DARK, 6), pen(egg(46, -26, 27), _DARK, 6), pen("M-44,-26L-14,-62H30L0,-26ZM-14,-62L0,-26M46,-26L28,-76H44", "main", 7), pen("M-26,-66H-2", _DARK, 8), grip=""),
    "egg": _thing(r"\beggs?\b", 58, "#f4e6c8", cut("M0,0C-34,0 -34,-34 -20,-50Q0,-68 20,-50C34,-34 34,0 0,0Z", "main"), dab(egg(-12, -34, 4) + egg(10, -44, 5) + egg(6, -18, 5) + egg(-8, -14, 4), "#a9c4a0")),
    "ring": _thing(r"\brings?\b|bracelet", 60, _GOLD, pen(egg(0, -20, 20), _DARK, 11), pen(egg(0, -20, 20), "main", 7), cut("M-14,-46L0,-66L14,-46L0,-34Z", "#5aa3d0")),
    "mirror": _thing(r"mirror", 92, _GOLD, pen("M0,2V-36", "main", 12), cut(egg(0, -60, 32, 34), "main"), cut(egg(0, -60, 24, 26), "#dff0f8"), pen("M-12,-58L4,-78M-6,-46L14,-70", "#ffffff", 4)),
    "tooth": _thing(r"tooth|teeth", 48, "#fbf7ee", cut("M-26,-44Q-12,-54 0,-46Q12,-54 26,-44C34,-26 20,-18 18,0Q10,6 8,-14Q0,-20 -8,-14Q-10,6 -18,0C-20,-18 -34,-26 -26,-44Z", "main"), dab(egg(-12, -36, 5, 6), "#ffffff")),
    "necklace": _thing(r"necklace|pendant|locket|beads?\b|jewel", 56, "#5aa3d0", pen("M-34,-54Q-36,-18 0,-14Q36,-18 34,-54", _GOLD, 4), dab(egg(-31, -38, 5) + egg(-20, -22, 5) + egg(20, -22, 5) + egg(31, -38, 5), "main"), cut("M0,-20L12,-8L0,8L-12,-8Z", "main")),
    "glasses": _thing(r"(?<!hour)glasses|spectacles|goggles", 44, "#3f6fb0", cut(egg(-24, -24, 20), "#e6f3f9", 0.8), cut(egg(24, -24, 20), "#e6f3f9", 0.8), pen(egg(-24, -24, 20) + egg(24, -24, 20), "main", 6), pen("M-4,-26Q0,-32 4,-26M-44,-28L-56,-34M44,-28L56,-34", "main", 5)),
    "paintbrush": _thing(r"paint ?brush|\bpaints?\b", 92, "#5aa3d0", pen("M-10,4L10,-52", _WOOD, 8), pen("M10,-52L14,-64", _STEEL, 12), cut("M6,-64C2,-84 14,-90 26,-94C26,-80 26,-72 22,-62Z", "main")),
    "battery": _thing(r"batter(?:y|ies)", 54, "#6fae5b", cut("M-20,-46H20V0H-20Z", "main"), cut("M-8,-54H8V-46H-8Z", _STEEL), dab("M-20,-46H20V-32H-20Z", _DARK), pen("M-7,-18H7M0,-25V-11", "#ffffff", 4)),
    "picture": _thing(r"\bpainting\b|picture|portrait|\bphoto", 60, "#8fc5e0", cut("M-42,-62H42V0H-42Z", _GOLD), cut("M-32,-53H32V-9H-32Z", "main"), dab("M-32,-9V-22Q-10,-42 8,-24Q22,-34 32,-20V-9Z", "#6fae5b"), dab(egg(18, -42, 6), "#f7d05c")),
    "tin": _thing(r"\btin\b(?! \w)|\bcan\b", 52, "#c8743a", cut("M-30,-46V-4Q0,8 30,-4V-46Z", "main"), cut(egg(0, -46, 30, 9), _STEEL), dab("M-30,-32Q0,-20 30,-32V-16Q0,-4 -30,-16Z", _PAPER)),
    "switch": _thing(r"switch|lever", 60, _STEEL, cut("M-32,-34H32V0H-32Z", "main"), pen("M0,-20L18,-58", _DARK, 8), cut(egg(20, -60, 9), "#d8433b")),
    "boot": _thing(r"\bboots?\b|wellies", 62, "#d8433b", cut("M-22,-62H12V-26Q40,-24 42,-4V0H-22Z", "main"), pen("M-24,-2H44", _DARK, 6), pen("M-20,-54H10", "#fff3dc", 5)),
    "mitten": _thing(r"mittens?\b|gloves?\b", 58, "#d8573f", cut("M-20,-10V-44Q-18,-64 0,-62Q18,-62 18,-40V-34Q34,-46 36,-32Q34,-18 18,-12V-10Z", "main"), cut("M-24,-14H22V2H-24Z", "#fff3dc")),
    "sock": _thing(r"\bsocks?\b|stocking", 60, "#5aa3d0", cut("M-18,-60H12V-26Q38,-22 40,-8Q38,4 22,2H-6Q-20,0 -18,-22Z", "main"), dab("M-18,-60H12V-50H-18Z", "#fff3dc"), pen("M-18,-40H12M-18,-30H12", "#fff3dc", 4)),
    "sign": _thing(r"\bsign(?:post)?\b|notice", 104, "#c99a5b", pen("M0,2V-70", _WOOD, 9), cut("M-44,-104H36L52,-86L36,-68H-44Z", "main"), pen("M-30,-92H24M-30,-80H12", "#5a3f2a", 4), grip=""),
    "arrow": _thing(r"\barrows?\b", 50, "#d8433b", cut("M-46,-36H4V-54L46,-26L4,2V-16H-46Z", "main")),
    "flag": _thing(r"\bflags?\b|banner|pennant", 104, "#d8433b", pen("M-24,4V-104", _WOOD, 7), cut("M-22,-102C0,-112 20,-92 44,-100V-58C20,-50 0,-70 -22,-60Z", "main")),
    "moon": _thing(r"\bmoon\b", 84, "#f7e3a0", dab(egg(0, -42, 56), "#fff3c4", 0.4), cut("M14,-82A42,42 0 1 0 34,-14A34,34 0 1 1 14,-82Z", "main")),
    "drum": _thing(r"\bdrums?\b", 66, "#d8573f", cut("M-38,-48V-8Q0,12 38,-8V-48Z", "main"), pen("M-38,-40L-20,-2L0,-34L20,-2L38,-40", "#fdf3df", 4), cut(egg(0, -48, 38, 12), _PAPER), pen("M-46,-74L-8,-52M46,-74L8,-52", _WOOD, 5), grip=""),
    "doll": _thing(r"\bdolls?\b|puppet", 92, "#e0567a", cut("M-14,-46L-32,-4H32L14,-46Z", "main"), pen("M-14,-40L-32,-24M14,-40L32,-24", "#f0c8a4", 7), cut(egg(0, -66, 23, 22), "#f0c8a4"), cut("M-24,-66C-26,-98 26,-98 24,-66Q14,-82 -4,-80Q-18,-78 -24,-66Z", "#8a4f2a"), dab(egg(-8, -64, 3) + egg(8, -64, 3), _DARK), pen("M-5,-55Q0,-51 5,-55", _DARK, 2.4)),
    "suitcase": _thing(r"suitcase|trunk\b(?! of)", 70, "#d8573f", pen("M-14,-54V-68H14V-54", _WOOD, 6), cut("M-44,-54H44V0H-44Z", "main"), pen("M-24,-54V0M24,-54V0", "#8a3a28", 5), cut("M-6,-32H6V-22H-6Z", _GOLD)),
    "hourglass": _thing(r"hour ?glass|sand ?timer", 74, _WOOD, cut("M-24,-64H24L4,-36L24,-8H-24L-4,-36Z", "#e6f3f9", 0.9), dab("M-14,-50H14L0,-38ZM-18,-12Q0,-34 18,-12Z", "#e3b04a"), pen("M-30,-66H30M-30,-4H30", "main", 8)),
})  # fmt: skip
