"""The stencils of props. A thing stands on (0, 0) and is up to about 110 high; role "main" takes the prompt's colour."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

from collections.abc import Mapping
from types import MappingProxyType

from studio.painting.keepsakes import KEEPSAKES
from studio.painting.stencils import Thing, cut, dab, egg, pen
from studio.painting.trinkets import TRINKETS

_GOLD, _WOOD, _PAPER, _STEEL = "#efbe4a", "#8a5c3c", "#f7ecd2", "#b9c4d0"


_STAR = "M0,-92L14,-58L50,-56L22,-33L32,2L0,-18L-32,2L-22,-33L-50,-56L-14,-58Z"
THINGS: Mapping[str, Thing] = MappingProxyType({
    **KEEPSAKES,  # before what is general: a music box is no box, and a paintbrush no brush
    "lantern": Thing(r"lantern|lamp\b", "hang", 88, "#c2573f", (
        pen("M-16,-66Q0,-100 16,-66", "#4a4250", 5), dab(egg(0, -34, 46), "#ffe08a", 0.35),
        cut("M-22,-58H22V-8H-22Z", "#ffe9a6"), dab("M0,-48Q18,-26 0,-14Q-18,-26 0,-48Z", "#f59a3a"),
        cut("M-26,-58L-14,-74H14L26,-58Z", "main"), cut("M-26,-10H26V0H-26Z", "main"), pen("M-12,-58V-10M12,-58V-10", "main", 3)), glows=True),
    "map": Thing(r"\bmap\b|chart|letter|scroll|note\b|drawing|sheet\b", "up", 60, _PAPER, (
        cut("M-46,-52L-15,-60L15,-52L46,-60V-4L15,4L-15,-4L-46,4Z", "main"), pen("M-15,-60V-4M15,-52V4", "#cdb98c", 3),
        pen("M-36,-14Q-20,-36 0,-24T30,-40", "#c8533f", 4), pen("M26,-46l10,10M36,-46l-10,10", "#c8533f", 4))),
    "key": Thing(r"\bkeys?\b", "up", 64, _GOLD, (
        pen("M0,-40V0M0,-12H14M0,0H18", "#7a5a1e", 13), pen("M0,-40V0M0,-12H14M0,0H18", "main", 8),
        pen(egg(0, -54, 15), "#7a5a1e", 13), pen(egg(0, -54, 15), "main", 8))),
    "boat": Thing(r"boat|ship|raft|canoe|sail", "", 120, "#c8573f", (
        cut("M-70,-34H70Q60,4 34,4H-36Q-60,4 -70,-34Z", "main"), pen("M-60,-20H60", "#fff0d8", 5),
        pen("M0,-34V-122", _WOOD, 7), cut("M6,-118Q58,-84 56,-44H6Z", "#fbf3e2"), cut("M-6,-104Q-40,-74 -42,-46H-6Z", "#f2d9a8"))),
    "balloon": Thing(r"balloon", "up", 150, "#e0567a", (
        pen("M0,0Q10,-30 0,-62", "#6a5a62", 3), cut("M0,-66C-34,-80 -42,-146 0,-150C42,-146 34,-80 0,-66Z", "main"),
        cut("M-7,-60L0,-70L7,-60Z", "main"), dab(egg(-13, -122, 7, 13), "#ffffff", 0.6))),
    "book": Thing(r"book|diary|journal|album", "up", 56, "#4a79b8", (
        cut("M0,-6L-50,-14V-58L0,-48L50,-58V-14Z", "main"), cut("M0,-10L-44,-17V-62Q-18,-64 0,-50Z", _PAPER), cut("M0,-10L44,-17V-62Q18,-64 0,-50Z", _PAPER),
        pen("M-36,-48L-9,-40M-36,-36L-9,-28M9,-40L36,-48M9,-28L36,-36", "#b9a98a", 3))),
    "star": Thing(r"\bstars?\b", "up", 96, "#f7d05c", (dab(egg(0, -44, 62), "#ffe9a0", 0.35), cut(_STAR, "main"), dab("M-6,-74L-14,-54L-34,-50L-16,-52Z", "#fff6d0")), glows=True),
    "kite": Thing(r"kite", "up", 150, "#e0567a", (
        pen("M0,0Q26,-34 6,-64", "#6a5a62", 3), cut("M6,-64L-34,-112L6,-168L46,-112Z", "main"), cut("M6,-64L6,-168L46,-112Z", "#f1b93c"),
        pen("M-34,-112H46M6,-168V-64", "#7a3a3a", 3), cut("M14,-52l14,-8v16ZM14,-52l-12,-8v16Z", "#5aa3d0"), cut("M20,-30l12,-8v16ZM20,-30l-12,-8v16Z", "#6fb05a"))),
    "cake": Thing(r"cake|pie\b|cupcake", "", 86, "#f2a3b3", (
        cut("M-54,-4Q0,10 54,-4L48,8Q0,20 -48,8Z", "#dfe6ee"), cut("M-44,-46V-4Q0,8 44,-4V-46Z", "#e9bd7c"), cut("M-46,-50Q0,-66 46,-50V-34Q34,-22 24,-34Q12,-20 0,-32Q-12,-20 -24,-34Q-34,-22 -46,-34Z", "main"),
        pen("M-20,-56V-78M0,-58V-82M20,-56V-78", "#5aa3d0", 6), dab("M-20,-98q8,12 0,18q-8,-6 0,-18ZM0,-102q8,12 0,18q-8,-6 0,-18ZM20,-98q8,12 0,18q-8,-6 0,-18Z", "#f7b53c")), glows=True),
    "backpack": Thing(r"backpack|rucksack|satchel|\bbag\b|suitcase", "hang", 80, "#c8743a", (
        pen("M-14,-70Q0,-88 14,-70", _WOOD, 6), cut("M-36,-10V-52Q-34,-74 0,-74Q34,-74 36,-52V-10Q34,2 0,2Q-34,2 -36,-10Z", "main"), cut("M-24,-6V-34H24V-6Q0,4 -24,-6Z", "#e39a57"), pen("M-34,-48Q0,-34 34,-48", "#8a4f28", 4), dab(egg(0, -34, 5), _GOLD))),
    "umbrella": Thing(r"umbrella|parasol", "up", 130, "#e0567a", (
        pen("M0,12V-84", _WOOD, 6), cut("M-78,-78C-66,-142 66,-142 78,-78Q58,-90 40,-76Q20,-90 0,-76Q-20,-90 -40,-76Q-58,-90 -78,-78Z", "main"),
        pen("M0,-126Q-36,-112 -40,-78M0,-126Q36,-112 40,-78", "#a23552", 3))),
    "flower": Thing(r"flower|rose\b|daisy|tulip|bouquet|blossom", "up", 76, "#f08aa8", (
        pen("M0,0Q-5,-24 0,-44", "#4f8a45", 5), cut("M0,-18Q20,-38 26,-22Q16,-8 0,-12Z", "#68a657"),
        cut(egg(0, -72, 11, 14), "main"), cut(egg(17, -60, 13, 11), "main"), cut(egg(-17, -60, 13, 11), "main"), cut(egg(10, -44, 12, 11), "main"), cut(egg(-10, -44, 12, 11), "main"), cut(egg(0, -57, 9), "#f7c948"))),
    "teddy": Thing(r"teddy|plush|stuffed|cuddly|doll|toy\b", "up", 92, "#b9834f", (
        cut(egg(-17, -6, 13, 10), "main"), cut(egg(17, -6, 13, 10), "main"), cut(egg(-26, -34, 10, 14), "main"), cut(egg(26, -34, 10, 14), "main"), cut(egg(0, -28, 25, 28), "main"), dab(egg(0, -24, 15, 18), "#e6c290"),
        cut(egg(-20, -88, 10), "main"), cut(egg(20, -88, 10), "main"), cut(egg(0, -70, 28, 25), "main"), dab(egg(0, -61, 13, 10), "#e6c290"), dab(egg(-10, -74, 3.6), "#2b1d26"), dab(egg(10, -74, 3.6), "#2b1d26"), dab(egg(0, -64, 4.6, 3.6), "#2b1d26"))),
    "ball": Thing(r"\bball\b|football", "up", 60, "#e8533f", (cut(egg(0, -28, 28), "main"), dab("M-26,-36Q0,-20 26,-36Q30,-26 27,-20Q0,-4 -27,-20Q-30,-28 -26,-36Z", "#fdf3df"), dab(egg(-9, -44, 6, 4), "#ffffff", 0.8))),
    "telescope": Thing(r"telescope|spyglass|binocular", "", 120, "#4f6fae", (
        pen("M0,-62L-34,2M0,-62L34,2M0,-62V4", _WOOD, 7), cut("M-52,-54L-40,-36L34,-84L20,-108Z", "main"), cut("M20,-114L40,-82L56,-92L36,-124Z", _GOLD), cut("M-58,-50L-48,-34L-66,-24L-74,-38Z", "#33415f"))),
    "bell": Thing(r"\bbells?\b", "hang", 66, _GOLD, (pen(egg(0, -62, 8), "#8a6420", 5), cut("M-32,-8Q-20,-20 -20,-36C-18,-62 18,-62 20,-36Q20,-20 32,-8Z", "main"), cut(egg(0, -4, 8), "#a87a28"), dab(egg(-8, -38, 4, 11), "#fff3c4", 0.8))),
    "shell": Thing(r"shells?\b|conch|pearl", "up", 56, "#f3b7a0", (cut("M0,0C-16,-2 -46,-20 -42,-42C-30,-60 -14,-54 0,-58C14,-54 30,-60 42,-42C46,-20 16,-2 0,0Z", "main"), pen("M0,-4V-54M-4,-6L-24,-50M4,-6L24,-50M-8,-6L-38,-36M8,-6L38,-36", "#c9806a", 3))),
    "coin jar": Thing(r"coin|jar\b|piggy|money|savings|treasure|chest\b", "", 80, _GOLD, (
        cut("M-32,-62Q-40,-50 -38,-4Q0,8 38,-4Q40,-50 32,-62Z", "#d8ecf4", 0.85), dab("M-35,-28Q0,-36 35,-28V-5Q0,5 -35,-5Z", "main"), cut(egg(-14, -32, 11, 8), "main"), cut(egg(12, -34, 11, 8), "main"), cut(egg(0, -42, 11, 8), "main"), cut("M-34,-62H34V-74H-34Z", "#b9774a"), dab("M-26,-54v26h6v-26Z", "#ffffff", 0.6))),
    "blanket": Thing(r"blanket|quilt|pillow|cushion", "", 40, "#7fa8d4", (cut("M-60,0Q-66,-30 -46,-34H46Q66,-30 60,0Q0,10 -60,0Z", "main"), pen("M-56,-12Q0,-2 56,-12", "#fdf3df", 6), dab("M-30,-28h14v14h-14ZM14,-28h14v14h-14Z", "#f7d79a", 0.9))),
    "stethoscope": Thing(r"stethoscope|bandage|plaster|first aid|medicine|doctor'?s? kit", "up", 56, "#f7ecdc", (
        cut("M-40,-48H40Q46,-46 46,-40V-4H-46V-40Q-46,-46 -40,-48Z", "main"), pen("M-14,-50Q-14,-60 0,-60T14,-50", "#8d5a4a", 6), dab("M-7,-40h14v10h10v14h-10v10h-14v-10h-10v-14h10Z", "#d8433b"))),
    "tablet": Thing(r"tablet|computer|laptop|screen|phone|code", "up", 58, "#46506a", (cut("M-44,-56H44Q48,-54 48,-50V-4H-48V-50Q-48,-54 -44,-56Z", "main"), dab("M-40,-49H40V-11H-40Z", "#bfe6ee"), dab(egg(-16, -30, 9), "#f1b93c"), dab("M2,-20l14,-20l14,20Z", "#68a657"))),
    "seed": Thing(r"seeds?\b|sprout|seedling|acorn|bean\b|\bplant\b", "up", 56, "#b0673f", (cut("M-28,-30H28L20,2H-20Z", "main"), dab("M-25,-28H25L24,-22H-24Z", "#5a3a2a"), pen("M0,-28V-46", "#5a9a4a", 5), cut("M0,-44Q-26,-46 -24,-62Q-4,-62 0,-44Z", "#7cbf5a"), cut("M0,-46Q24,-50 24,-66Q4,-66 0,-46Z", "#7cbf5a"))),
    "feather": Thing(r"feather", "up", 84, "#7fb4de", (cut("M0,-10C-26,-34 -20,-74 10,-90C26,-64 22,-30 0,-10Z", "main"), pen("M-4,4Q-2,-40 9,-84", "#fdf6ea", 4), pen("M-1,-30L-14,-38M1,-46L-12,-56M1,-26L14,-36", "#fdf6ea", 2.4))),
    "log": Thing(r"\blogs?\b|tree trunk|branch|stump", "", 52, "#8f6344", (
        cut("M-84,-42H70V0H-84Q-98,-20 -84,-42Z", "main"), pen("M-70,-30H20M-50,-14H50M-10,-36H56", "#6b4630", 3), cut(egg(72, -21, 15, 22), "#d8b083"), pen(egg(72, -21, 8, 12), "#a97a50", 3), cut("M-40,-42Q-30,-64 -14,-60Q-20,-46 -26,-42Z", "#7cb65a"))),
    "stone": Thing(r"stones?\b|rocks?\b|pebble|boulder|crystal|gem", "", 44, "#9aa3ad", (cut("M-48,0Q-56,-28 -24,-42Q10,-54 38,-30Q54,-12 44,0Z", "main"), dab("M-30,-30Q-10,-44 14,-38Q-6,-30 -30,-30Z", "#ffffff", 0.35))),
    "bridge": Thing(r"bridge", "", 66, "#a4764c", (cut("M-110,0Q0,-84 110,0H88Q0,-56 -88,0Z", "main"), pen("M-100,-34Q0,-116 100,-34M-70,-56V-24M0,-76V-44M70,-56V-24", "#7d5535", 6))),
    "basket": Thing(r"basket|picnic|bucket", "hang", 74, "#c99a5b", (pen("M-30,-40Q0,-96 30,-40", "#8d6234", 7), cut("M-38,-42H38L28,0H-28Z", "main"), pen("M-35,-28H35M-32,-14H32M-14,-42V0M14,-42V0", "#9a6c3a", 3), cut(egg(-14, -46, 12), "#d8433b"), cut(egg(10, -47, 12), "#e8a33f"))),
    "gift": Thing(r"gift|present\b|parcel|\bbox\b|surprise", "up", 60, "#6fa8d0", (cut("M-34,-48H34V0H-34Z", "main"), dab("M-7,-48H7V0H-7Z", "#e0567a"), cut("M-38,-56H38V-42H-38Z", "main"), cut("M0,-56C-34,-84 -40,-54 0,-56C40,-54 34,-84 0,-56Z", "#e0567a"))),
    "torch": Thing(r"torch|flashlight|candle", "up", 70, "#f7ecdc", (dab(egg(0, -56, 40), "#ffe08a", 0.4), cut("M-11,-42H11V0H-11Z", "main"), pen("M0,-42V-50", "#4a4250", 4), dab("M0,-84Q18,-58 0,-46Q-18,-58 0,-84Z", "#f7b53c")), glows=True),
    "wand": Thing(r"wand|magic", "up", 84, "#f7d05c", (pen("M0,4L10,-52", _WOOD, 7), cut("M12,-90L19,-72L38,-70L23,-58L28,-39L12,-50L-4,-39L1,-58L-14,-70L5,-72Z", "main")), glows=True),
    "fruit": Thing(r"apple|fruit|berr|pear\b|peach|food|snack|bread", "up", 46, "#d8433b", (cut("M0,-36C-22,-46 -34,-24 -26,-8C-20,6 -6,2 0,-2C6,2 20,6 26,-8C34,-24 22,-46 0,-36Z", "main"), pen("M0,-36Q2,-48 8,-52", _WOOD, 4), cut("M4,-44Q18,-60 26,-48Q16,-38 4,-44Z", "#7cb65a"))),
    "instrument": Thing(r"drum|guitar|violin|flute|trumpet|music|ukulele", "", 66, "#d8573f", (cut("M-38,-48V-8Q0,12 38,-8V-48Z", "main"), pen("M-38,-40L-20,-2L0,-34L20,-2L38,-40", "#fdf3df", 4), cut(egg(0, -48, 38, 12), "#fbf0d8"), pen("M-20,-84L2,-52M30,-82L8,-50", _WOOD, 6))),
    "train": Thing(r"train|\bcar\b|truck|bus\b|engine|rocket", "", 70, "#d8433b", (cut("M-58,-50H-14V-12H-58Z", "#4a79b8"), dab("M-50,-44h26v16h-26Z", "#d8ecf4"), cut("M-14,-36H52Q60,-24 54,-12H-14Z", "main"), cut("M24,-36V-58H42V-36Z", "#33415f"), cut(egg(-38, -8, 13), "#33415f"), cut(egg(0, -8, 13), "#33415f"), cut(egg(36, -8, 13), "#33415f"))),
    "crown": Thing(
        r"crown|tiara",
        "up",
        52,
        _GOLD,
        (
            cut("M-38,0L-46,-48L-20,-26L0,-56L20,-26L46,-48L38,0Q0,10 -38,0Z", "main"),
            dab(egg(0, -12, 6), "#d8433b"),
            dab(egg(-22, -12, 4.5), "#5aa3d0"),
            dab(egg(22, -12, 4.5), "#5aa3d0"),
        ),
    ),
    **TRINKETS,
    "parcel": Thing(r"^$", "up", 50, "#c9a06a", (cut("M-34,-44H34V0H-34Z", "main"), pen("M0,-44V0M-34,-22H34", "#8d6234", 4), cut("M0,-44C-18,-62 -24,-42 0,-44C24,-42 18,-62 0,-44Z", "#f3e2bb"))),
})  # fmt: skip
