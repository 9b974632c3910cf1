"""Defects to seed into a book that has none: each a small change that a child or a parent would notice.

Each names the claims that must fail by it. What it changes is a copy; nothing on disk is touched.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from tools.quality.books import Book
from tools.quality.moderation import unmoderated
from tools.quality.repacking import unsound, untold

Change = Callable[[Book], Book]


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect. ``claim``: the one that must fail by it."""

    name: str
    claim: str
    seed: Change


def _with(book: Book, asset: str, data: bytes) -> Book:
    return replace(book, files={**book.files, asset: data})


def _with_result(book: Book, asset: str, change: Callable[[dict[str, Any]], None]) -> Book:
    story = deepcopy(book.story)
    change(story["results"][asset])
    return replace(book, story=story)


# Words and times.


def moved(seconds: Callable[[float], float]) -> Change:
    """All words told by so much later, depending on where in the story they are (0 to 1)."""

    def seed(book: Book) -> Book:
        def change(audio: dict[str, Any]) -> None:
            whole = audio["words"][-1]["end"]
            for word in audio["words"]:
                by = seconds(word["start"] / whole)
                word["start"], word["end"] = word["start"] + by, word["end"] + by

        return _with_result(book, "audio", change)

    return seed


def spread_evenly(book: Book) -> Book:
    """Words that share the time evenly, whatever is said."""

    def change(audio: dict[str, Any]) -> None:
        words = audio["words"]
        step = words[-1]["end"] / len(words)
        for place, word in enumerate(words):
            word["start"], word["end"] = place * step, (place + 1) * step

    return _with_result(book, "audio", change)


def levelled(book: Book) -> Book:
    """The narration at -19 LUFS, as FFmpeg's loudnorm has it: sound to begin with, and not by our measure."""
    graph = av.filter.Graph()
    with av.open(io.BytesIO(book.files["audio"]), "r") as container:
        stream = container.streams.audio[0]
        graph.link_nodes(
            graph.add_abuffer(template=stream),
            graph.add("loudnorm", "I=-19:TP=-1.5:LRA=20"),
            graph.add("aformat", f"sample_fmts=s16:sample_rates={stream.rate}:channel_layouts=mono"),
            graph.add("abuffersink"),
        ).configure()
        parts = []
        for frame in [*container.decode(audio=0), None]:
            graph.push(frame)
            with suppress(BlockingIOError, EOFError):
                while True:
                    parts.append(graph.pull().to_ndarray().reshape(-1))
        return _with(book, "audio", _encoded(np.concatenate(parts), stream.rate))


def louder(decibels: float) -> Change:
    """The levelled sound at another level; where there is no room for it, it is cut off."""

    def seed(book: Book) -> Book:
        with av.open(io.BytesIO(levelled(book).files["audio"]), "r") as container:
            rate = container.streams.audio[0].rate
            resampler = av.AudioResampler("s16", "mono", rate)
            frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        parts = [frame.to_ndarray().reshape(-1) for frame in frames]
        samples = np.concatenate(parts).astype(np.float64) * 10 ** (decibels / 20)
        return _with(book, "audio", _encoded(np.clip(samples, -32767, 32767).astype(np.int16), rate))

    return seed


def _encoded(samples: NDArray[np.int16], rate: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono", bit_rate=128_000)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16p", layout="mono")
        frame.rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


# Text.

_HARD = (
    "Notwithstanding considerable apprehension, the protagonist subsequently contemplated innumerable alternatives, "
    "deliberating extensively over philosophical implications before ultimately undertaking an extraordinarily "
    "complicated transcontinental expedition. "
)
_OTHER = {
    "de": "Der kleine Fuchs suchte seine Laterne im Wald. Er fragte die Eule, aber sie hatte sie nicht gesehen.",
    "es": "El pequeño zorro buscaba su farol en el bosque. Le preguntó al búho, pero no lo había visto.",
    "fr": "Le petit renard cherchait sa lanterne dans la forêt. Il demanda au hibou, mais il ne l'avait pas vue.",
    "nl": "De kleine vos zocht zijn lantaarn in het bos. Hij vroeg het aan de uil, maar die had hem niet gezien.",
}


def rewritten(text: str, *scenes: int) -> Change:
    """Scenes in other words, all where none is named."""

    def seed(book: Book) -> Book:
        def change(content: dict[str, Any]) -> None:
            for scene in [content["scenes"][number - 1] for number in scenes or (1, 2, 3, 4)]:
                scene["paragraphs"] = [text] * max(1, len(" ".join(scene["paragraphs"])) // len(text))

        return _with_result(book, "content", change)

    return seed


# Pictures.


def _image(book: Book, name: str) -> Image.Image:
    with Image.open(io.BytesIO(book.files[name])) as image:
        return image.convert("RGB")


def _packed(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def copied(source: str, target: str, *, cropped: float = 0.0, lighter: float = 1.0) -> Change:
    """One picture in the place of another, perhaps a little cropped or lighter."""

    def seed(book: Book) -> Book:
        image = _image(book, source)
        width, height = image.size
        edge = (round(width * cropped), round(height * cropped))
        image = image.crop((*edge, width - edge[0], height - edge[1])).resize((width, height))
        return _with(book, target, _packed(image.point(lambda value: min(255, round(value * lighter)))))

    return seed


def lettered(words: str, where: str, size: int) -> Change:
    """Words in a picture, in a plain font, ``size`` pixels high."""

    def seed(book: Book) -> Book:
        image = _image(book, where)
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(size=size)
        left, top = image.width // 8, image.height // 10
        box = draw.textbbox((left, top), words, font=font)
        draw.rectangle((box[0] - 20, box[1] - 20, box[2] + 20, box[3] + 20), fill="#f5ead2")
        draw.text((left, top), words, font=font, fill="#2a2018")
        return _with(book, where, _packed(image))

    return seed


# The printed book.


def printed(change: Callable[[PdfWriter], None]) -> Change:
    """The PDF with something of it changed."""

    def seed(book: Book) -> Book:
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(book.files["pdf"])))
        change(writer)
        buffer = io.BytesIO()
        writer.write(buffer)
        return _with(book, "pdf", buffer.getvalue())

    return seed


def _without_page(writer: PdfWriter) -> None:
    writer.remove_page(len(writer.pages) // 2)


def _without_fonts(writer: PdfWriter) -> None:
    for page in writer.pages:
        resources: Any = page["/Resources"]
        fonts = resources.get("/Font", {})
        for name in fonts:
            font = fonts[name].get_object()
            holder = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            descriptor = holder.get("/FontDescriptor", {})
            for kind in ("", "2", "3"):
                descriptor.pop(f"/FontFile{kind}", None)


def _in_another_language(writer: PdfWriter) -> None:
    writer.root_object[NameObject("/Lang")] = TextStringObject("xx")


def _untagged(writer: PdfWriter) -> None:
    writer.root_object.pop("/StructTreeRoot", None)


def cut_off(asset: str) -> Change:
    """The first half of a file."""
    return lambda book: _with(book, asset, book.files[asset][: len(book.files[asset]) // 2])


def flipped_byte(asset: str) -> Change:
    """One byte of a file is another."""

    def seed(book: Book) -> Book:
        data = bytearray(book.files[asset])
        data[len(data) // 2] ^= 1
        return _with(book, asset, bytes(data))

    return seed


def defects() -> Iterator[Defect]:
    """All of them, each with the claim that must fail by it."""
    for milliseconds in (120, 200, -120, -200):
        by = milliseconds / 1000
        yield Defect(f"all words {milliseconds:+d} ms", "words_timed", moved(lambda _, by=by: by))  # type: ignore[misc]
    for milliseconds in (120, 250):
        by = milliseconds / 1000
        drift: Change = moved(lambda place, by=by: place * by)  # type: ignore[misc]
        yield Defect(f"a drift of {milliseconds} ms", "words_timed", drift)
    yield Defect("words spread evenly", "words_timed", spread_evenly)
    yield Defect("words spread evenly", "words_aligned", spread_evenly)
    for milliseconds in (300, 500):
        by = milliseconds / 1000
        later: Change = moved(lambda place, by=by: by if place > 0.8 else 0.0)  # type: ignore[misc]
        yield Defect(f"the last fifth {milliseconds} ms late", "words_aligned", later)
    for decibels in (-8.0, 4.0, 12.0):
        yield Defect(f"{decibels:+.0f} dB", "loudness", louder(decibels))
    yield Defect("overdriven", "true_peak", louder(20.0))
    yield Defect("too hard", "level", rewritten(_HARD))
    yield Defect("two scenes too hard", "level", rewritten(_HARD, 3, 4))
    for place, (language, text) in enumerate(_OTHER.items(), start=1):
        yield Defect(f"all in {language}", "language", rewritten(text))
        yield Defect(f"two scenes in {language}", "language", rewritten(text, 3, 4))
        yield Defect(f"one scene in {language}", "language", rewritten(text, place))
    yield from (Defect(name, "text_safety", change) for name, change in unmoderated())
    yield Defect("scene 1 in the place of 3", "pictures_distinct", copied("scene_1", "scene_3"))
    yield Defect("scene 2 again, cropped", "pictures_distinct", copied("scene_2", "scene_4", cropped=0.02))
    yield Defect("scene 2 again, lighter", "pictures_distinct", copied("scene_2", "scene_3", lighter=1.15))
    yield Defect("a sign in scene 2", "stray_text", lettered("WELCOME HOME", "scene_2", 60))
    yield Defect("small words on the cover", "stray_text", lettered("The lantern", "cover", 36))
    yield Defect("a page is gone", "pdf", printed(_without_page))
    yield Defect("fonts not embedded", "pdf", printed(_without_fonts))
    yield Defect("another language", "pdf", printed(_in_another_language))
    yield Defect("not tagged", "pdf", printed(_untagged))
    yield Defect("cut off", "pdf", cut_off("pdf"))
    yield Defect("a page is gone", "pdf_words", printed(_without_page))
    yield from _of_ebooks()
    for asset in ("cover", "audio", "pdf", "epub"):
        yield Defect(f"a byte of {asset}", "files_whole", flipped_byte(asset))


def _of_ebooks() -> Iterator[Defect]:
    for name, change in unsound():
        yield Defect(name, "epub", change)
    yield Defect("cut off", "epub", cut_off("epub"))
    yield Defect("a byte of it", "epub", flipped_byte("epub"))
    for name, change in untold():
        yield Defect(name, "epub_words", change)
