"""A prompt in, a painted picture out: parses, casts, composes, renders, paints, and writes down what it drew."""

import io
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import resvg_py
from PIL import Image

from studio.painting import acting, creatures, people, scenery, stage, watercolour
from studio.painting.creatures import Creature
from studio.painting.features import as_drawn
from studio.painting.figure import Figure
from studio.painting.identity import look_of
from studio.painting.metadata import build_chunk, read_metadata
from studio.painting.prompt import HeroLines, PictureBrief, parse_prompt
from studio.painting.props import Prop, props_in
from studio.painting.sky import View
from studio.painting.stage import Cast, Stand
from studio.painting.svg import Sheet
from studio.versions import without_version_line

SMALLEST, LARGEST = 16, 2048
_POSES = ("standing", "waving", "hands on hips")  # of a portrait, version after version
_MOST_PROPS = 3  # beside what a hand holds
# Far scenery is rendered coarser: soft behind sharp figures, as a wash is, and at a quarter of the cost.
_FAR, _COARSE_FROM = 0.5, 512
STYLE = "soft watercolour picture book illustration"


@dataclass(frozen=True)
class Drawing:
    """A picture, and what is really on it (the same dict stands in the PNG's `studio:drawn` chunk)."""

    png: bytes
    drawn: dict[str, Any]


@dataclass(frozen=True)
class Composition:
    """A picture before it is rendered: SVG, whole and as the layers far and near, and what is on it.

    `top` is where the near layer begins, as a share of the height.
    """

    svg: str
    layers: tuple[str, str]
    top: float
    drawn: dict[str, Any]
    stand: Stand


def draw(
    prompt: str, *, size: tuple[int, int], seed: int, reference: bytes | None = None, miss: Sequence[str] = ()
) -> Drawing:
    """The picture of a prompt: pure, the same for the same arguments. Any text gives a picture.

    `size` is width and height in pixels, clamped to 16-2048. `reference` is a picture of the studio: its heroes'
    looks go before the prompt's lines. `miss` names features, props, "companion" or "helper" to leave out.
    """
    width, height = (max(SMALLEST, min(LARGEST, int(side))) for side in size)
    known = read_metadata(reference) if reference is not None else None
    composition = compose(prompt, (width, height), seed, known or {}, miss)
    file = io.BytesIO()
    # The paper's grain does not compress: a higher level costs seconds and saves a twentieth.
    watercolour.paint(_render(composition, width, height)).save(
        file, "PNG", compress_level=2, pnginfo=build_chunk(composition.drawn)
    )
    return Drawing(file.getvalue(), composition.drawn)


def _render(composition: Composition, width: int, height: int) -> Image.Image:
    if min(width, height) < _COARSE_FROM:
        return _rasterise(composition.svg, width, height).convert("RGB")
    far, near = composition.layers
    small = _rasterise(far, round(width * _FAR), round(height * _FAR)).convert("RGB")
    whole = small.resize((width, height), Image.Resampling.BICUBIC)
    top = round(composition.top * height)
    sharp = _rasterise(near, width, height - top)
    whole.paste(sharp, (0, top), mask=sharp)
    return whole


def _rasterise(svg: str, width: int, height: int) -> Image.Image:
    flat = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(flat)))


def compose(
    prompt: str, size: tuple[int, int], seed: int, known: dict[str, Any], miss: Sequence[str] = ()
) -> Composition:
    """Everything but the rendering. `known` is a reference's metadata, or empty.

    A further version (docs/providers.md) is composed otherwise than the first and than the one before it.
    """
    brief = parse_prompt(prompt)
    anew = brief.version > 0 and not brief.portrait
    first = compose(without_version_line(prompt), size, seed, known, miss).stand if anew else None
    wide, high = max(1.0, size[0] / size[1]) * 1024, max(1.0, size[1] / size[0]) * 1024
    sheet = Sheet(zlib.crc32(prompt.encode("utf-8", "replace")) ^ (seed & 0xFFFFFFFF))
    home = random.Random(zlib.crc32(brief.line("setting").encode("utf-8", "replace")))
    view = View(sheet, min(wide, 4096), min(high, 4096), brief.time, brief.weather, home)
    emotion = "happy" if brief.portrait else acting.emotion_in(brief.line("emotion"), brief.line("scene"))
    posed = _POSES[brief.version % len(_POSES)]
    posture = posed if brief.portrait else acting.posture_in(brief.line("action"), brief.line("scene"), emotion)
    props = [] if brief.portrait else props_in(brief.props, miss)
    heroes, held = _heroes(brief, sheet, (posture, emotion), props, known=known, miss=miss)
    cast = Cast(heroes, _other(brief.companion, "companion", sheet, miss), _other(brief.helper, "helper", sheet, miss))
    setting = "plain" if brief.portrait else scenery.setting_in(brief.line("setting"), brief.line("scene"))
    view.in_bed = any(figure.seat == "bed" for figure in heroes)
    standing = [prop for prop in props if prop is not held and not (view.in_bed and prop.name == "blanket")]
    standing = standing[:_MOST_PROPS]
    shown = [*([held] if held else []), *standing]
    stand = _draw_all(view, brief, cast, setting, standing, first=first)
    drawn = {
        "size": list(size), "seed": seed, "style": STYLE,
        "heroes": [_metadata_of(figure) for figure in heroes],
        "companion": _named(cast.companion), "helper": _named(cast.helper),
        "cast_count": len(heroes) + (cast.companion is not None) + (cast.helper is not None),
        "setting": setting, "time": brief.time, "weather": brief.weather, "camera": brief.camera,
        "props": [prop.name for prop in shown], "action": heroes[0].posture, "emotion": heroes[0].emotion,
    }  # fmt: skip
    return Composition(
        sheet.svg(view.width, view.height), sheet.layers(view.width, view.height), sheet.top / view.height, drawn, stand
    )


def _heroes(
    brief: PictureBrief,
    sheet: Sheet,
    acted: tuple[str, str],
    props: Sequence[Prop],
    *,
    known: dict[str, Any],
    miss: Sequence[str],
) -> tuple[list[Figure], Prop | None]:
    """The heroes in their postures; the first free hand holds the first thing that can be held."""
    figures: list[Figure] = []
    held: Prop | None = None
    for hero in brief.heroes:
        look = look_of(hero, _known_of(hero, known), miss)
        posture, prop = (acted[0], None) if held else acting.hold(look, acted[0], brief.line("action"), props)
        if figures and posture == "hugging":
            posture = "standing"  # one pair of arms is enough round one companion
        figures.append(people.figure_of(sheet, look, posture, acted[1], prop))
        figures[-1].lump = not held and any("lump" in words.lower() for words in brief.props)
        held = held or prop
    return figures, held


def _known_of(hero: HeroLines, known: dict[str, Any]) -> dict[str, Any]:
    heroes = known.get("heroes")
    if not isinstance(heroes, list) or hero.place >= len(heroes):
        return {}
    return heroes[hero.place] if isinstance(heroes[hero.place], dict) else {}


def _other(words: str, role: str, sheet: Sheet, miss: Sequence[str]) -> Figure | Creature | None:
    """A companion or helper: a creature, or a person with what the words say of them."""
    if not words or role in miss:
        return None
    return creatures.creature_in(words) or people.grown_up(sheet, words)


def _draw_all(
    view: View, brief: PictureBrief, cast: Cast, setting: str, props: Sequence[Prop], *, first: Stand | None
) -> Stand:
    """Draws, and tells how the cast stands; `first` is how it stood in the first version of this one."""
    if brief.portrait:
        scenery.draw_plain(view, cast.heroes[0].look.colour)
    else:
        scenery.draw(view, setting, brief.camera)
    stand = Stand() if brief.portrait else Stand.drawn(view.sheet.chance)
    stand = first.varied(brief.version) if first else stand
    camera = "portrait" if brief.portrait else brief.camera
    actors, scale = stage.placed(view, cast, props, camera, stand)
    with view.sheet.lit(None if brief.portrait else view.light.figures):
        if view.dark and not brief.portrait:
            glow = view.sheet.glow("#ffdf9a", 0.34)
            view.sheet.oval(view.width / 2, view.ground - 190 * scale, 430 * scale, 330 * scale, glow)
        view.sheet.begin_near_layer(stage.top_of(actors, scale))
        stage.draw(view, actors, scale)
    if not brief.portrait:
        scenery.draw_in_front(view, setting)
    return stand


def _metadata_of(figure: Figure) -> dict[str, Any]:
    look = figure.look
    turn = {"mirrored": figure.mirrored, "in_chair": figure.seat == "chair"}
    return {
        "species": look.species, "kind": look.kind, "age": look.age, "skin": look.skin, **look.words,
        "features": [as_drawn(feature, **turn).label for feature in figure.shown],
    }  # fmt: skip


def _named(part: Figure | Creature | None) -> str | None:
    if part is None:
        return None
    return part.name if isinstance(part, Creature) else "person"
