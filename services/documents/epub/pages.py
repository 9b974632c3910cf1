"""The e-book before it is packed: its documents, what is lit in them and when, and what says of it how to read it.

EPUB 3.3 (https://www.w3.org/TR/epub-33/), with media overlays by word, and EPUB Accessibility 1.1's metadata. It is
reflowable: sizes, colours of the page and margins are the reader's. Every document that has words is read aloud; what
is not (title, dedication, how the book was made) stands in those of scenes: reading systems skip documents without
sound.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from html import unescape
from typing import Any
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.documents.book import drawings
from services.documents.book.bidi import direction_of, isolate, spans
from services.documents.book.colours import Tint, tint
from services.documents.book.fonts import font_set, in_base_fonts
from services.documents.book.pages import (
    LEADING,
    Contents,
    dedication_of,
    labels_in,
    names_of,
    palette_of,
    shape_of,
    view_of,
)
from services.documents.epub.spoken import Clip, Paragraph, are_of, clips, read_block
from storyloom.story.assets import PICTURES, SCENES, Asset
from storyloom.story.languages import Direction, language_of
from storyloom.story.results import Audio, Result, SceneText

NARRATION = "narration.mp3"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold (XML 1.0, section 2.2): a brief may."""
_TYPES = {
    "xhtml": "application/xhtml+xml",
    "css": "text/css",
    "smil": "application/smil+xml",
    "jpg": "image/jpeg",
    "svg": "image/svg+xml",
    "ttf": "font/ttf",
    "mp3": "audio/mpeg",
}
_PROPERTIES = {"nav.xhtml": "nav"}


@dataclass(frozen=True, slots=True)
class Recording:
    """The story read aloud."""

    audio: Audio
    mp3: bytes


@dataclass(frozen=True, slots=True)
class Ebook:
    """All that an e-book is made of. ``contents.images`` are as they go into it."""

    story_id: UUID
    made_at: datetime
    contents: Contents
    recording: Recording | None = None


@dataclass(frozen=True, slots=True)
class LaidOut:
    """An e-book's files, by path, in their order; ``spoken``: how many words of a scene are spoken, where any are."""

    files: dict[str, bytes]
    pages: int
    spoken: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Scene:
    number: int
    heading: str
    text: SceneText
    tint: Tint
    words: tuple[Paragraph, ...] = ()
    clips: list[Clip] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(clip.seconds for clip in self.clips)


def lay_out(ebook: Ebook) -> LaidOut:
    """The files of an e-book: the same story always makes the same ones."""
    contents = ebook.contents
    palette = palette_of(contents)
    labels, labels_lang = labels_in(contents.brief.language)
    scenes = _scenes(ebook, labels, palette)
    images = _images(contents, palette)
    language = language_of(contents.brief.language)
    shared = {
        "lang": contents.brief.language,
        "direction": language.direction,
        "labels": labels,
        "labels_lang": labels_lang,
        "labels_direction": language_of(labels_lang).direction,
        "title": contents.story.title,
        "logline": contents.story.logline,
    }
    write = _Writer(shared, names_of(contents))
    files = {
        "nav.xhtml": write("nav.xhtml", scenes=scenes),
        "cover.xhtml": write("cover.xhtml", src=images[Asset.COVER][0], alt=_alt(contents, Asset.COVER, labels)),
    }
    for scene in scenes:
        picture = Asset(f"scene_{scene.number}")
        files[f"scene_{scene.number}.xhtml"] = write(
            "scene.xhtml",
            scene=scene,
            paragraphs=_paragraphs(scene, language.direction, names_of(contents)),
            src=images[picture][0],
            alt=_alt(contents, picture, labels),
            dedication=dedication_of(contents.brief, labels),
            earlier=contents.brief.earlier.title if contents.brief.earlier else None,
            colophon=_colophon(contents, labels),
            last=scene.number == SCENES[-1],
        )
    fonts = font_set(unescape("".join(data.decode() for data in files.values())), language, where="fonts/")
    files["book.css"] = write(
        "book.css",
        fonts=Markup(fonts.rules),  # noqa: S704 - of our own fonts' names
        body=Markup(fonts.body),  # noqa: S704
        display=Markup(fonts.display),  # noqa: S704
        leading=LEADING.get(language.script, 1.6),
        accents={scene.number: scene.tint.accent for scene in scenes},
        front=tint(palette[0]).accent,
    )
    files |= {
        f"scene_{scene.number}.smil": write("overlay.smil", scene=scene, pars=_pars(scene), src=NARRATION)
        for scene in scenes
        if scene.clips
    }
    files |= dict(images.values())
    files["images/ornament.svg"] = drawings.ornament(shape_of(contents), tint(palette[0]).accent, tint(palette[0]).soft)
    files |= {f"fonts/{name}": data for name, (_, data) in fonts.files.items()}
    spoken = {scene.number: len(scene.clips) for scene in scenes if scene.clips}
    if ebook.recording is not None and spoken:
        files[NARRATION] = ebook.recording.mp3
    package = write(
        "package.opf",
        story_id=ebook.story_id,
        modified=ebook.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        items=_items(files),
        scenes=scenes,
        cover_page="cover.xhtml",
        seconds=sum(scene.seconds for scene in scenes),
        spoken=bool(spoken),
        whole=len(spoken) == len(SCENES),
        colophon=_colophon(contents, labels),
    )
    return LaidOut({"package.opf": package, **files}, pages=1 + len(scenes), spoken=spoken)


class _Writer:
    """Writes documents from their templates."""

    def __init__(self, shared: Mapping[str, Any], names: tuple[str, ...]) -> None:
        self._shared = shared
        self._names = names

    def __call__(self, name: str, **values: Any) -> bytes:
        text = _templates().get_template(name).render(**self._shared, **values, mark=self._mark, dir=self._dir)
        return text.encode()

    def _mark(self, text: str, base: Direction | None = None) -> Markup:
        """A text, with what runs against it set apart; ``base``: the way of its language, else of the book's."""
        default = base or self._shared["direction"]
        return isolate(text, direction_of(text, default), self._names)

    def _dir(self, text: str) -> Markup:
        """The attribute of a text that runs against the book as a whole."""
        return _direction(text, self._shared["direction"])


def _direction(text: str, base: Direction) -> Markup:
    way = direction_of(text, base)
    return Markup("") if way == base else Markup(' dir="{}"').format(way)


@cache
def _templates() -> Environment:
    def storable(value: Any) -> Any:
        return type(value)(_NOT_XML.sub("", value)) if isinstance(value, str) and _NOT_XML.search(value) else value

    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        finalize=storable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _scenes(ebook: Ebook, labels: Mapping[str, Any], palette: tuple[str, ...]) -> list[_Scene]:
    """The scenes with their words; a scene whose words are not those of its text is silent."""
    texts = ebook.contents.story.scenes
    words = [_words(ebook.recording, text) for text in texts]
    pieces = clips(words, ebook.recording.audio.seconds) if ebook.recording else [[] for _ in texts]
    return [
        _Scene(text.scene, labels["parts"][text.scene - 1], text, tint(palette[text.scene]), spoken, clip)
        for text, spoken, clip in zip(texts, words, pieces, strict=True)
    ]


def _words(recording: Recording | None, text: SceneText) -> tuple[Paragraph, ...]:
    if recording is None:
        return ()
    try:
        words = read_block(recording.audio.blocks.get(f"scene_{text.scene}", ""))
    except ValueError:
        return ()
    return words if are_of(words, text.paragraphs) else ()


def _paragraphs(scene: _Scene, base: Direction, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Paragraphs as they stand in the document: its id, the way that it runs, its words."""
    paragraphs = [text for text in scene.text.paragraphs if text.strip()]
    found = []
    number = 1
    for place, text in enumerate(paragraphs):
        if scene.words:
            html = _spans(scene.words[place], direction_of(text, base), names, f"w{scene.number}-", number)
            number += len(scene.words[place])
        else:
            html = isolate(text, direction_of(text, base), names)
        found.append({"id": f"p{scene.number}-{place + 1}", "dir": _direction(text, base), "html": html})
    return found


def _spans(words: Paragraph, base: Direction, names: tuple[str, ...], prefix: str, number: int) -> Markup:
    """The words of a paragraph, each by its own id; runs of them against it are set apart as a whole."""
    text, places = "", []
    for word in words:
        text += word.gap
        places.append((len(text), len(text) + len(word.txt)))
        text += word.txt
    apart = list(spans(text, base, names))
    html, open_until = Markup(), -1
    for place, word in enumerate(words):
        start, end = places[place]
        if open_until >= 0 and start >= open_until:
            html += Markup("</bdi>")
            open_until = -1
        html += Markup("{}").format(word.gap)
        if open_until < 0 and (run := next((run for run in apart if run[0] < end and start < run[1]), None)):
            html += Markup('<bdi dir="{}">').format(direction_of(text[run[0] : run[1]], "ltr"))
            open_until = run[1]
        html += Markup('<span id="{}{}">{}</span>').format(prefix, number + place, word.txt)
    return html + Markup("</bdi>") if open_until >= 0 else html


def _pars(scene: _Scene) -> list[dict[str, Any]]:
    """The overlay's paragraphs: which words of which paragraph are spoken when."""
    found: list[dict[str, Any]] = []
    number = 0
    for place, words in enumerate(scene.words, start=1):
        pieces = [(f"w{scene.number}-{number + k + 1}", scene.clips[number + k]) for k in range(len(words))]
        number += len(words)
        if pieces:
            found.append({"id": f"p{scene.number}-{place}", "words": pieces})
    return found


def _images(contents: Contents, palette: tuple[str, ...]) -> dict[Asset, tuple[str, bytes]]:
    """Path and bytes of every picture, or of the view in its place."""
    return {
        asset: (f"images/{asset}.jpg", contents.images[asset][1])
        if asset in contents.images
        else (f"images/{asset}.svg", view_of(contents, asset, palette))
        for asset in PICTURES
    }


def _alt(contents: Contents, asset: Asset, labels: Mapping[str, Any]) -> dict[str, Any]:
    """A picture's description; ``ours``: it is in the language of the labels."""
    if asset in contents.images:
        # The writer's words for a scene, as in the printed book; nobody else has any for the cover.
        told = contents.story.scenes[asset.scene - 1] if asset.scene else contents.pictures[asset]
        return {"text": told.alt_text, "ours": False}
    return {"text": labels["absent_alt"], "ours": True}


def _colophon(contents: Contents, labels: Mapping[str, Any]) -> list[str]:
    """How the book was made, in sentences."""
    writers = _models(contents.story, *contents.story.scenes)
    painters = _models(*contents.pictures.values())
    return [
        labels["machines"],
        *([labels["text_by"].format(models=writers)] if writers else []),
        *([labels["pictures_by"].format(models=painters)] if painters else []),
        labels["checks"],
        *([labels["absent"]] if len(contents.images) < len(PICTURES) else []),
        labels["fonts" if in_base_fonts(language_of(contents.brief.language)) else "noto"],
        labels["made_on"].format(date=contents.made_on.isoformat()),
    ]


def _models(*results: Result) -> str:
    return ", ".join(dict.fromkeys(call.model for result in results for call in result.calls))


def _items(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The manifest's entries, by what their names end in; ids are their names without signs."""
    return [
        {
            "id": re.sub(r"[^A-Za-z0-9]+", "-", name),
            "href": name,
            "type": _TYPES[name.rsplit(".", 1)[-1]],
            "properties": _PROPERTIES.get(name, "cover-image" if name.startswith("images/cover.") else ""),
            "overlay": f"{stem}-smil" if name.endswith(".xhtml") and f"{stem}.smil" in files else "",
        }
        for name in files
        for stem in [name.rsplit(".", 1)[0]]
    ]
