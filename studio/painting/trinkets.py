"""The stencils of small things that stories plant: what is pocketed, worn, written with, or eaten."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from collections.abc import Mapping
from types import MappingProxyType

from studio.painting.stencils import Stroke, Thing, cut, dab, egg, pen

_GOLD, _WOOD, _PAPER, _STEEL, _DARK = "#efbe4a", "#8a5c3c", "#f7ecd2", "#b9c4d0", "#4a4250"


def _thing(pattern: str, tall: float, main: str, *strokes: Stroke, grip: str = "up") -> Thing:
    return Thing(pattern, grip, tall, main, strokes)


TRINKETS: Mapping[str, Thing] = MappingProxyType({
    "yarn": _thing(r"\bstring\b|\bwool\b|yarn|thread|\bcord\b|\brope\b", 54, "#d8533f",
        pen("M24,-4Q60,6 84,-8T118,-2", "main", 5), cut(egg(0, -28, 29), "main"), pen("M-24,-36Q0,-56 24,-36M-27,-22Q0,-42 27,-22M-18,-6Q4,-24 24,-12M-10,-54Q-26,-30 -12,-4", "#fff3dc", 3, 0.7)),
    "ribbon": _thing(r"ribbon|\bbows?\b|\bsash\b", 60, "#d8533f",
        cut("M-4,-34L-26,2L-14,-2L-8,6L4,-32ZM4,-34L26,2L14,-2L8,6L-4,-32Z", "main"), cut("M0,-38C-40,-72 -56,-22 0,-38C56,-22 40,-72 0,-38Z", "main"), cut(egg(0, -38, 8, 9), "main")),
    "teapot": _thing(r"teapot|kettle|\bjug\b", 66, "#6fa8d0",
        pen("M-34,-38Q-64,-38 -50,-10", "main", 8), cut("M32,-20Q52,-24 58,-50L66,-48Q62,-8 34,-6Z", "main"), cut(egg(0, -24, 38, 26), "main"), cut("M-20,-48Q0,-62 20,-48Z", "main"), cut(egg(0, -60, 6), _GOLD), dab(egg(-14, -34, 8, 5), "#ffffff", 0.6)),
    "cup": _thing(r"\bcups?\b|\bmug\b|thimble", 48, "#f1c143",
        pen("M26,-34Q50,-34 42,-16T24,-8", "main", 7), cut("M-28,-42H28Q28,0 10,2H-10Q-28,0 -28,-42Z", "main"), dab("M-26,-30H26V-22H-25Z", "#ffffff", 0.6)),
    "clock": _thing(r"clock|\bwatch\b", 74, "#c8743a",
        cut("M-26,0L-20,-12L-8,-8L-18,4ZM26,0L20,-12L8,-8L18,4Z", "main"), cut(egg(0, -38, 34), "main"), cut(egg(0, -38, 26), _PAPER), pen("M0,-38V-56M0,-38L12,-32", _DARK, 4), cut(egg(-24, -70, 9), _GOLD), cut(egg(24, -70, 9), _GOLD)),
    "compass": _thing(r"compass", 56, _GOLD, cut(egg(0, -28, 29), "main"), cut(egg(0, -28, 22), _PAPER), dab("M-6,-28L0,-46L6,-28Z", "#d8433b"), dab("M-6,-28L0,-10L6,-28Z", "#4a79b8"), pen(egg(0, -60, 5), "#7a5a1e", 4)),
    "snow globe": _thing(r"globe|marble|bubble", 66, "#8fc5e0",
        cut(egg(0, -40, 32), "#dff0f8"), dab("M-26,-26Q0,-38 26,-26Q16,-8 0,-8Q-16,-8 -26,-26Z", "#ffffff"), dab("M-12,-28L0,-58L12,-28Z", "#5f9e6a"), dab(egg(-14, -52, 3) + egg(14, -48, 3) + egg(6, -62, 2.6) + egg(-18, -38, 2.6), "#ffffff"), cut("M-28,-10H28L32,4H-32Z", "main")),
    "hat": _thing(r"\bhats?\b|\bcap\b|bonnet", 54, "#7b5cc0", cut("M-30,-14Q-34,-60 0,-60Q34,-60 30,-14Z", "main"), dab("M-31,-26H31V-14H-31Z", _GOLD), cut("M-58,-12Q0,-26 58,-12Q56,2 0,2Q-56,2 -58,-12Z", "main")),
    "scarf": _thing(r"scarf|shawl|mittens?|\bsocks?\b", 50, "#d8573f", cut("M-44,-44Q0,-22 44,-44L50,-26Q0,-2 -50,-26Z", "main"), cut("M10,-30L34,-36L44,2H18Z", "main"), pen("M-30,-36l-4,16M-10,-30l-2,16M12,-30l4,16M30,-36l6,14M20,-14l20,-2", "#fff3dc", 5)),
    "whistle": _thing(r"whistle", 44, _STEEL, cut("M-8,-40H46V-26H20A24,24 0 1 1 -18,-34Z", "main"), cut(egg(-2, -16, 8), _DARK), pen("M-22,-22Q-46,-30 -40,-4", "#d8433b", 4)),
    "spoon": _thing(r"spoon|\bfork\b", 84, _STEEL, pen("M-10,2L6,-48", _DARK, 10), pen("M-10,2L6,-48", "main", 6), cut("M6,-46C-12,-56 -6,-88 12,-88C30,-86 26,-54 6,-46Z", "main")),
    "button": _thing(r"buttons?\b|badge|medal", 44, _GOLD, cut(egg(0, -24, 24), "main"), pen(egg(0, -24, 17), "#ffffff", 2.6, 0.6), dab(egg(-6, -30, 3.4) + egg(6, -30, 3.4) + egg(-6, -18, 3.4) + egg(6, -18, 3.4), _DARK)),
    "comb": _thing(r"\bcomb\b|\bpegs?\b|brush", 52, "#c8743a", cut("M-40,-46H40V-30H-40Z", "main"), pen("M-34,-30V-4M-22,-30V-4M-10,-30V-4M2,-30V-4M26,-30V-4M36,-30V-4", "main", 6)),
    "biscuit": _thing(r"biscuit|cookie|\bbuns?\b|\btarts?\b|\brolls?\b", 46, "#d9a45e", cut("M-34,-20A34,24 0 1 1 20,-2Q14,-16 4,-8Q0,4 -10,2Q-32,0 -34,-20Z", "main"), dab(egg(-14, -28, 4) + egg(6, -32, 4) + egg(-4, -14, 4) + egg(20, -22, 4), "#8a5c3c")),
    "envelope": _thing(r"envelope|post ?card|\bcards?\b|ticket|label|photo|password", 52, _PAPER, cut("M-44,-52H44V0H-44Z", "main"), pen("M-44,-50L0,-20L44,-50", "#b9a98a", 4), cut(egg(0, -20, 8), "#d8433b")),
    "notebook": _thing(r"note ?book|sketch", 56, "#4a79b8", cut("M-32,-58H34V2H-32Z", "main"), dab("M-18,-46H24V-32H-18Z", _PAPER), pen("M-32,-50h-8M-32,-38h-8M-32,-26h-8M-32,-14h-8M-32,-4h-8", _DARK, 4)),
    "crayon": _thing(r"crayons?\b|pencils?\b|chalk|\bpen\b|paintbrush", 70, "#e8533f", cut("M-9,-52H9V4H-9Z", "main"), cut("M-9,-52L0,-74L9,-52Z", _PAPER), dab("M-3,-66L0,-74L3,-66Z", _DARK), pen("M-9,-42H9M-9,-6H9", "#ffffff", 3, 0.7)),
    "magnifier": _thing(r"magnif|glass\b", 76, "#c8743a", pen("M0,0V-26", "main", 10), cut(egg(0, -50, 26), "#dff0f8", 0.8), pen(egg(0, -50, 26), "main", 7), pen("M-12,-58q6,-10 14,-8", "#ffffff", 4)),
    "slipper": _thing(r"slippers?\b|\bshoes?\b|\bboots?\b", 40, "#d8433b", cut("M-48,0V-14Q-46,-26 -28,-26Q-8,-26 6,-38Q34,-46 50,-22Q58,-6 48,0Z", "main"), cut(egg(22, -38, 10), "#fff3dc"), pen("M-46,-3H48", "#fff3dc", 5)),
    "broom": _thing(r"broom|\bmop\b", 100, _GOLD, pen("M0,-34V-110", _WOOD, 7), cut("M-14,-38H14L28,2H-28Z", "main"), pen("M-12,-24L-18,0M0,-24V0M12,-24L18,0", "#a87a28", 3)),
    "wagon": _thing(r"wagon|crate|\btray\b|\bcart\b", 66, "#d8433b", pen("M52,-36L92,-64", _WOOD, 6), cut("M-58,-50H54L48,-14H-52Z", "main"), cut(egg(-32, -10, 13), "#33415f"), cut(egg(28, -10, 13), "#33415f"), dab(egg(-32, -10, 5) + egg(28, -10, 5), _PAPER), grip=""),
    "chair": _thing(r"\bchairs?\b|stool", 96, _WOOD, pen("M-26,0V-96M26,-44V0M-26,-44H28M-26,-92H-24", "main", 8), cut("M-30,-52H32V-42H-30Z", "#e0a060"), pen("M-26,-84H0M-26,-68H0", "main", 6), grip=""),
    "lemon": _thing(r"lemons?\b|oranges?\b|plums?\b", 44, "#f4d03f", cut(egg(-16, -18, 24, 18), "main"), cut(egg(20, -16, 22, 17), "main"), dab(egg(-22, -24, 6, 4) + egg(14, -22, 6, 4), "#ffffff", 0.7)),
    "snail": _thing(r"snails?\b", 44, "#c99a5b", cut("M-48,0Q-52,-30 -40,-36Q-30,-14 0,-12H44Q46,-2 36,0Z", "#e8cfa0"), pen("M-42,-34l-8,-16M-38,-36l4,-16", "#b9986a", 4), cut(egg(8, -28, 25), "main"), pen("M8,-28m-12,0a12,12 0 1 1 12,12", "#7a5a34", 4)),
})  # fmt: skip
