"""Which place the words mean, and drawing it behind the figures."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studio.painting import grounds, indoors, nature, outdoors, sky, special_places
from studio.painting.sky import View


@dataclass(frozen=True)
class Place:
    """A setting: its words, its drawing, and whether it lies under the open sky."""

    pattern: str
    draw: Callable[[View], None]
    sky: bool = True
    weather: bool = True


PLACES: Mapping[str, Place] = MappingProxyType({
    "underwater": Place(r"under ?water|under the sea|sea ?bed|ocean floor|coral|reef|deep sea|mermaid|bottom of the (?:\w+ )?(?:sea|bay|lake|ocean)", special_places.underwater, sky=False, weather=False),
    "space": Place(r"space|moon(?!lit|light)|planet|galaxy|rocket|among the stars|asteroid|orbit", special_places.space, sky=False, weather=False),
    "hospital": Place(r"hospital|clinic|ward\b|doctor|nurse|surgery|waiting room", indoors.hospital, sky=False, weather=False),
    "bedroom": Place(r"bed ?room|\bbed\b|nursery|attic|bedtime", indoors.bedroom, sky=False, weather=False),
    "school": Place(r"school|class ?room|kindergarten|gym\b|science fair|computer (?:room|lab)|workshop|laborator", indoors.school, sky=False, weather=False),
    "library": Place(r"librar|book ?shop|museum|study\b", indoors.library, sky=False, weather=False),
    "kitchen": Place(r"kitchen|living room|bakery|caf[eé]|dining|\bhome\b|house\b|indoors|stairs|\bhall\b|\broom\b|\bshop\b|(?:the|a) bank\b", indoors.kitchen, sky=False, weather=False),
    "snow": Place(r"snow|arctic|antarctic|frost|\bicy\b|\bice\b|polar|winter", outdoors.snowfield),
    "cave": Place(r"\bcave|cavern|tunnel|\bmine\b|underground|burrow", special_places.cave, sky=False, weather=False),
    "dinosaur valley": Place(r"dinosaur|volcano|prehistoric|jurassic|jungle|rainforest|tropical", outdoors.dinosaur_valley),
    "castle": Place(r"castle|palace|kingdom|fortress|tower", grounds.castle),
    "desert": Place(r"desert|dune|canyon|oasis|savanna", outdoors.desert),
    "forest": Place(r"forest|woods?\b|woodland|grove|among the trees", outdoors.forest),
    "beach": Place(r"beach|\bbay\b|\bsea\b|seaside|shore|coast|ocean|island|harbou?r|lighthouse", outdoors.beach),
    "lake": Place(r"lake|river|still water|pond|stream|brook|marsh|swamp|waterfall", outdoors.lake),
    "mountains": Place(r"mountain|peak|cliff|glacier|alp\b|alps|ski\b|skiing", outdoors.mountains),
    "town": Place(r"town|city|street|village|market|square|station|street|playground|road", special_places.town),
    "garden": Place(r"garden|yard|orchard|greenhouse|allotment|park\b|farm", grounds.garden),
    "meadow": Place(r"meadow|hill|field|valley|grass|countryside|path|sky", outdoors.meadow),
})  # fmt: skip


_INDOORS = {"night": (0.46, 0.47, 0.68), "dusk": (0.84, 0.74, 0.76), "dawn": (1.0, 0.95, 0.91)}
_LEAFY = {"meadow", "lake", "garden", "castle", "mountains", "town"}
_FROM_BEHIND = 0.5
"""How often a place is seen mirrored."""


_VAGUE = {"meadow": r"meadow", "kitchen": r"kitchen|living room|bakery|caf[eé]|dining"}
"""Places whose other words may belong to any place, and the words that mean them for sure."""
_OUTSIDE = re.compile(r"\b(?:outside|in front of) (?:the|an?) [\w-]+")


def setting_in(*texts: str) -> str:
    """The place that is meant: of the first text that names one, the one named first; a meadow otherwise.

    A path, a hill or the sky may belong to any place, and a room to a hospital: they count only where nothing else is
    named. Outside the bakery is the street.
    """
    for text in texts:
        low = _OUTSIDE.sub("street", text.lower())
        places = [
            (name in _VAGUE and not re.search(_VAGUE[name], low), found.start(), order, name)
            for order, (name, place) in enumerate(PLACES.items())
            if (found := re.search(rf"(?:\b|^)(?:{place.pattern})", low))
        ]
        if places:
            return min(places)[3]
    return "meadow"


def draw(view: View, setting: str, camera: str = "wide") -> None:
    """Sky, place and the weather behind the figures: from either side, and nearer for a nearer camera."""
    place, sheet = PLACES[setting], view.sheet
    if place.sky:
        view.level = sheet.chance.choice((0.51, 0.56, 0.6)) if view.tall else view.level
        sky.draw_sky(view)
    zoom = {"medium": 1.1, "close": 1.24}.get(camera, 1.0) + sheet.chance.uniform(0, 0.05)
    towards, flip = view.width * sheet.chance.choice((0.28, 0.5, 0.72)), sheet.chance.random() < _FROM_BEHIND
    x = zoom * (view.width - towards) + towards if flip else towards * (1 - zoom)
    tone = view.scenery_tone() if place.sky else _INDOORS.get(view.time)
    with sheet.at(x, view.ground * (1 - zoom), zoom, flip=flip), sheet.lit(tone):
        place.draw(view)
    if view.tall and setting in _LEAFY:
        with sheet.lit(view.scenery_tone()):
            nature.bough(view)
    if place.weather:
        sky.draw_far_weather(view)


def draw_in_front(view: View, setting: str) -> None:
    """Grass at the lower edge and the weather before the figures."""
    place = PLACES[setting]
    chance = view.sheet.chance
    if setting in {"meadow", "forest", "lake", "garden", "castle", "mountains", "dinosaur valley"}:
        with view.sheet.lit(view.scenery_tone()):
            for _ in range(24):
                spot = (chance.uniform(0, view.width), view.height + chance.uniform(2, 14))
                nature.grass(view.sheet, spot, chance.uniform(1.6, 2.6), view.snowy("#3f7d38", 0.7))
    if place.weather:
        sky.draw_near_weather(view)


def draw_plain(view: View, colour: str) -> None:
    """A plain soft background with a touch of floor, for portraits."""
    sheet = view.sheet
    sheet.box(0, 0, view.width, view.height, "#f6ead6", ink=False)
    sheet.oval(
        view.width * 0.5, view.height * 0.46, view.width * 0.66, view.height * 0.58, sheet.glow(colour, 0.34, 0.2)
    )
    sheet.oval(view.width * 0.5, view.ground + 6, view.width * 0.4, 60, sheet.glow(colour, 0.5, 0.3))
