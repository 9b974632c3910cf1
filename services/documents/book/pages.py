"""The book before it is printed: what stands on each page, in which colours and sizes, as one HTML sheet."""

import tomllib
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from html import unescape
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from services.documents.book import drawings
from services.documents.book.bidi import direction_of, isolate
from services.documents.book.colours import DEFAULT_PALETTE, bright, deep, tint
from services.documents.book.fonts import fonts_for, in_base_fonts
from services.documents.book.render_process import File
from services.documents.book.renderer import Sheet
from storyloom.story.assets import PICTURES, SCENES, Asset
from storyloom.story.brief import Brief
from storyloom.story.languages import language_of
from storyloom.story.results import Activities, Activity, Outline, Picture, SceneText, StoryContent

SIZES = ((32, 25), (46, 22), (60, 20), (76, 18), (102, 16), (140, 14.5), (185, 12.5))
"""Words of the longest scene, and the points they are set in, so that every scene keeps to one page of 170 × 240 mm.
Books for beginning readers are set in 18 to 24 points, those for eight-year-olds in 14 (Walker, Typography for
Children, 2005)."""
LARGEST = {3: 25, 4: 24, 5: 22, 6: 20, 7: 18, 8: 16}
"""Points by age; 15 from nine on."""
SMALLEST = 11
ROOMY = 40
"""Words that leave room enough on their page for ornaments to rise."""

LEADING = {"Arab": 1.75, "Deva": 1.7, "Hans": 1.75, "Hant": 1.75, "Jpan": 1.75, "Kore": 1.7, "Thai": 1.75}
"""Line heights of scripts that need more room than 1.55: for signs above and below, or for their density."""

SHORT_ITEM = 3
"""Words of a list item that may break anywhere: in its narrow column two kept together would leave the first alone."""

TITLES = ((26, 15), (54, 19), (90, 25))
"""The room of a title and of its longest word, in letters, for each size but the smallest."""

SETTINGS = ("airy", "even", "dense", "tight")
"""How closely an activity can be set: classes of the stylesheet."""
SNUGGEST = len(SETTINGS) - 1


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a book is made of. Pictures that could not be made are absent, and so may activities and outline be."""

    brief: Brief
    story: StoryContent
    made_on: date
    outline: Outline | None = None
    activities: Activities | None = None
    pictures: Mapping[Asset, Picture] = field(default_factory=dict)
    images: Mapping[Asset, File] = field(default_factory=dict)
    """The bytes of the pictures that can be printed."""


def type_size(age: int, words: int, snug: int = 0) -> float:
    """Points for a story whose longest scene has so many words; a tenth less for every step of ``snug``."""
    fitting = next((points for most, points in SIZES if words <= most), SMALLEST)
    return max(SMALLEST, round(min(LARGEST.get(age, 15), fitting) * (1 - 0.1 * snug), 1))


def _length(scene: SceneText) -> int:
    """The words of a scene, counting long ones (in German, say) for more; in any script by the room that they take."""
    return max(scene.words, round(sum(map(_room, scene.paragraphs)) / 5.8))


def _room(text: str) -> int:
    """The room that a text takes in a line, in Latin letters: East Asian ones are as wide as two, accents as none."""
    return sum(
        0
        if unicodedata.category(sign) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in text
    )


def expected_pages(contents: Contents) -> int:
    """The pages of a book in which everything keeps to its place; multiples of four, as booklets are printed."""
    return 16 if contents.activities else 12


def palette_of(contents: Contents) -> tuple[str, ...]:
    """The outline's five colours, else those of the pictures, else our own."""
    if contents.outline:
        return contents.outline.palette
    seen = [
        colour for asset in PICTURES if asset in contents.pictures for colour in contents.pictures[asset].hue_colours
    ]
    distinct = tuple(dict.fromkeys(seen))[:5]
    return distinct + DEFAULT_PALETTE[len(distinct) :]


def lay_out(contents: Contents, snug: int = 0) -> Sheet:
    """The sheet to print: the same contents always make the same one.

    ``snug`` 0 to SNUGGEST: how closely it is set. The builder asks for more when a text runs over its page.
    """
    palette = palette_of(contents)
    language = language_of(contents.brief.language)
    labels, labels_lang = labels_in(contents.brief.language)
    seed = zlib.crc32(contents.story.title.encode())
    ground = deep(palette)
    html = (
        _templates()
        .get_template("book.html")
        .render(
            lang=contents.brief.language,
            direction=language.direction,
            hyphenates=language.hyphenates,
            leading=LEADING.get(language.script, 1.55),
            names=names_of(contents),
            labels=labels,
            labelled=_label_attributes(labels_lang, contents.brief.language),
            labels_direction=language_of(labels_lang).direction,
            snug=snug,
            story=contents.story,
            title_size=_title_size(contents.story.title, snug),
            dedication=dedication_of(contents.brief, labels),
            earlier=contents.brief.earlier.title if contents.brief.earlier else None,
            size=type_size(contents.brief.age, max(_length(scene) for scene in contents.story.scenes), snug),
            deep=ground,
            bright=bright(palette, ground),
            front=tint(palette[0]),
            cover=_plate(contents, Asset.COVER, labels),
            scenes=[_spread(contents, scene, palette, labels) for scene in SCENES],
            activities=_activity_pages(contents, snug),
            colophon=_colophon(contents, labels),
            made_on=contents.made_on.isoformat(),
        )
    )
    fonts = fonts_for(unescape(html), language)
    return Sheet(html, {**_fixed_files(), **fonts, **_drawn_files(contents, palette, seed), **_image_files(contents)})


def labels_in(language: str) -> tuple[dict[str, Any], str]:
    """The book's own words, and the language they are really in."""
    row = language_of(language)
    return (_labels()[row.tag], language) if row.labels else (_labels()["en"], "en")


def together(text: str) -> str:
    """The text with its last two words kept on one line, so that no line holds a single short word."""
    head, _, tail = text.strip().rpartition(" ")
    before = head.rpartition(" ")[2]
    if before == head or len(before) + len(tail) > 16:
        return text
    return f"{head}\u00a0{tail}"


@pass_context
def _set(context: Context, text: str) -> Markup:
    """A text of the story in the template: its last words together, what runs the other way set apart."""
    return isolate(together(text), direction_of(text, context["direction"]), context["names"])


@pass_context
def _label(context: Context, text: str) -> Markup:
    """A text in the language of the labels, which is another than the book's where that has none of its own."""
    return isolate(together(text), context["labels_direction"], context["names"])


@pass_context
def _item(context: Context, text: str) -> Markup:
    """A text of a list: its mark stands where the book's direction has it, whichever way the text runs."""
    way = direction_of(text, context["direction"])
    said = isolate(text if len(text.split()) <= SHORT_ITEM else together(text), way, context["names"])
    return said if way == context["direction"] else Markup('<bdi dir="{}">{}</bdi>').format(way, said)


@pass_context
def _dir(context: Context, text: str) -> Markup:
    """The attribute of a paragraph that runs against the book as a whole: English in a book in Arabic, say."""
    way = direction_of(text, context["direction"])
    return Markup("") if way == context["direction"] else Markup(' dir="{}"').format(way)


def _label_attributes(labels_lang: str, book_lang: str) -> Markup:
    if labels_lang == book_lang:
        return Markup('lang="{}"').format(labels_lang)
    return Markup('lang="{}" dir="{}"').format(labels_lang, language_of(labels_lang).direction)


def names_of(contents: Contents) -> tuple[str, ...]:
    """Names that stand in texts as a whole, whichever way they run."""
    names = [*contents.brief.names]
    details = contents.brief.type_details
    names += [str(details[key]) for key in ("to", "from") if key in details]
    figures = (contents.outline.companion, contents.outline.helper) if contents.outline else ()
    return tuple(dict.fromkeys([*names, *(figure.name for figure in figures if figure)]))


def _title_size(title: str, snug: int) -> str:
    """Which of the stylesheet's sizes a title is set in: by its length, and by its longest word."""
    longest = max(map(_room, title.split()), default=0)
    size = next((size for size, (room, word) in enumerate(TITLES) if _room(title) <= room and longest <= word), 3)
    return f"size-{min(size + snug, 3)}"


@cache
def _labels() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("labels.toml").read_text("utf-8"))


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"set": _set, "item": _item, "label": _label, "dir": _dir}
    return environment


@cache
def _fixed_files() -> dict[str, File]:
    return {"book.css": ("text/css", files(__package__).joinpath("templates/book.css").read_bytes())}


def _drawn_files(contents: Contents, palette: tuple[str, ...], seed: int) -> dict[str, File]:
    story = contents.story
    shape = shape_of(contents)
    longest = max(_length(scene) for scene in story.scenes)
    ground = deep(palette)
    light = bright(palette, ground)
    drawn = {
        "endpaper.svg": drawings.endpaper(
            shape, ground, (light, *(tint(colour).soft for colour in palette[1:4])), seed
        ),
        "band.svg": drawings.band(ground, light),
        "meadow-front.svg": drawings.meadow(shape, tint(palette[0]).paper, tint(palette[0]).soft, seed),
        "ornament-front.svg": drawings.ornament(shape, tint(palette[0]).accent, tint(palette[0]).soft),
    }
    for scene in SCENES:
        colours = tint(palette[scene])
        drawn[f"ornament-{scene}.svg"] = drawings.ornament(shape, colours.accent, colours.soft)
        drawn[f"meadow-{scene}.svg"] = drawings.meadow(
            shape, colours.paper, colours.soft, seed + scene, rising=longest <= ROOMY
        )
    drawn |= {f"{asset}.svg": view_of(contents, asset, palette) for asset in PICTURES if asset not in contents.images}
    return {name: ("image/svg+xml", data) for name, data in drawn.items()}


def shape_of(contents: Contents) -> str:
    """The book's ornament: what the story is about."""
    outline, story = contents.outline, contents.story
    about = (outline.motif, *outline.elements.model_dump().values()) if outline else ()
    return drawings.shape_for(story.title, story.logline, *about)


def view_of(contents: Contents, asset: Asset, palette: tuple[str, ...]) -> bytes:
    """The view, as SVG, that stands where a picture is missing."""
    outline = contents.outline
    brief = None if outline is None else outline.scenes[asset.scene - 1] if asset.scene else outline.cover
    night = brief.time_of_day in {"night", "dusk"} if brief else contents.brief.story_type == "bedtime"
    seed = zlib.crc32(contents.story.title.encode()) + asset.scene
    return drawings.view(palette, night=night, seed=seed, height=240 if asset.scene else 170)


def _image_files(contents: Contents) -> dict[str, File]:
    return {f"{asset}.jpg": image for asset, image in contents.images.items()}


def _plate(contents: Contents, asset: Asset, labels: Mapping[str, Any]) -> dict[str, Any]:
    """A full-page picture, or the view in its place."""
    if asset in contents.images:
        # The writer's words for a scene, who knows what the picture is there for; nobody else has any for the cover.
        told = contents.story.scenes[asset.scene - 1] if asset.scene else contents.pictures[asset]
        return {"src": f"book:{asset}.jpg", "alt": told.alt_text, "drawn": False}
    return {"src": f"book:{asset}.svg", "alt": labels["absent_alt"], "drawn": True}


def _spread(contents: Contents, scene: int, palette: tuple[str, ...], labels: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": scene,
        "heading": labels["parts"][scene - 1],
        "tint": tint(palette[scene]),
        "plate": _plate(contents, Asset(f"scene_{scene}"), labels),
        "paragraphs": contents.story.scenes[scene - 1].paragraphs,
        "last": scene == SCENES[-1],
    }


def _activity_pages(contents: Contents, snug: int) -> list[dict[str, Any]]:
    if contents.activities is None:
        return []
    told: set[str] = set()
    pages: list[dict[str, Any]] = []
    for number, activity in enumerate(contents.activities.activities, start=1):
        connection = activity.story_connection
        # What was said of one activity already is said no more of the next.
        once = None if connection in told else connection
        told.add(connection)
        pages.append({"number": number, "it": activity, "setting": _setting(activity, snug), "connection": once})
    return pages


def _setting(activity: Activity, snug: int) -> str:
    """How closely an activity is set, so that it fills its page and keeps to it."""
    letters = len(activity.model_dump_json())
    looseness = 0 if letters < 1750 else 1 if letters < 2500 else 2
    return SETTINGS[min(looseness + snug, SNUGGEST)]


def dedication_of(brief: Brief, labels: Mapping[str, Any]) -> dict[str, str] | None:
    """A birthday book's dedication: to, message, from."""
    if brief.story_type != "birthday":
        return None
    details = {key: str(value) for key, value in brief.type_details.items()}
    return {
        "to": labels["dedication"].format(to=details["to"], age=details["age_turning"]),
        "message": details["message"],
        "from": labels["from"].format(**{"from": details["from"]}),
    }


def _colophon(contents: Contents, labels: Mapping[str, Any]) -> list[str]:
    """How the book was made, in sentences."""
    writers = _models(contents.story, *contents.story.scenes)
    painters = _models(*contents.pictures.values())
    return [
        labels["machines"],
        *([labels["text_by"].format(models=writers)] if writers else []),
        *([labels["pictures_by"].format(models=painters)] if painters else []),
        labels["checks"],
        labels["receipt"],
        *([labels["absent"]] if len(contents.images) < len(PICTURES) else []),
        labels["fonts" if in_base_fonts(language_of(contents.brief.language)) else "noto"],
        labels["tagged"],
        labels["made_on"].format(date=contents.made_on.isoformat()),
    ]


def _models(*results: StoryContent | Picture | Any) -> str:
    """The models whose work it is, each once, in order."""
    return ", ".join(dict.fromkeys(call.model for result in results for call in result.calls))
