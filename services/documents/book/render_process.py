"""The rendering process: reads a book's sheet from stdin, answers its PDF on stdout, over and over (see renderer.py).

A script that stands alone: it imports the standard library, and WeasyPrint and Pillow once it runs, and nothing of
ours, so that the process is small and starts alike wherever the service is installed. It ends with its parent, even
on SIGKILL: the kernel closes the pipe, and whoever waits for the next sheet sees it at once.

A message, either way: four bytes of length (big endian), a JSON header of that length, then the blobs whose sizes
the header lists. A sheet's header is ``{"html": str, "files": [[name, content type, size], …]}``; the answer's is
``{"pages": int, "remarks": [str], "missing": [str], "overflows": [str], "files": [["book.pdf", "application/pdf",
size]]}``, or ``{"error": code, "reason": str, "files": []}``. ``missing`` names the scripts of letters that no font
has, ``overflows`` the elements whose text is cut off, by tag, class and page: neither quotes the story.

Its one argument is the folder of the fonts that it may see besides those of a sheet (templates/fonts.conf).
"""

import io
import json
import logging
import os
import queue
import struct
import sys
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

MAX_SIDE_PIXELS = 1600
"""Pixels: 240 mm at 170 dpi, which is what a home printer shows of a picture."""
JPEG_QUALITY = 88
MAX_PIXELS = 40_000_000
"""A picture larger than this is refused before it is decoded: 40 megapixels are 120 MB in memory."""

File = tuple[str, bytes]
"""A content type, and the bytes."""


class Sheet(TypedDict):
    html: str
    files: dict[str, File]


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, File]]:
    """One message. Raises EOFError when the other side has ended."""
    (length,) = struct.unpack(">I", _read(stream, 4))
    header: dict[str, Any] = json.loads(_read(stream, length))
    return header, {name: (kind, _read(stream, size)) for name, kind, size in header["files"]}


def write_message(stream: BinaryIO, header: dict[str, Any], files: dict[str, File]) -> None:
    listed = [[name, kind, len(data)] for name, (kind, data) in files.items()]
    head = json.dumps({**header, "files": listed}).encode()
    stream.write(struct.pack(">I", len(head)) + head)
    stream.writelines(data for _, data in files.values())
    stream.flush()


def _read(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


class _Remarks(logging.Handler):
    """Keeps what WeasyPrint has to say: a sheet of ours should give it no reason to say anything."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()[:200]
        # The other way to subset fonts is slower, not worse; which one there is lies with the system, not the sheet.
        if not line.startswith("Using fontTools instead of HarfBuzz-Subset"):
            self.lines.append(line)


def to_jpeg(data: bytes) -> bytes:
    """A picture as JPEG, at most LONGEST_SIDE a side, without metadata. Raises ValueError if it cannot be read."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - the parent imports this module's message shapes

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError("larger than 40 megapixels")
            flat = picture.convert("RGB") if picture.mode == "RGB" else _on_white(picture.convert("RGBA"))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(type(error).__name__) from error
    flat.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return out.getvalue()


def _on_white(picture: Any) -> Any:
    from PIL import Image  # noqa: PLC0415 - see to_jpeg

    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A"))
    return flat


def print_sheet(sheet: Sheet) -> tuple[dict[str, Any], dict[str, File]]:
    """The answer to one sheet. What is called ``….jpg`` is a picture, whatever it was painted as."""
    files: dict[str, File] = {}
    for name, (kind, data) in sheet["files"].items():
        if not name.endswith(".jpg"):
            files[name] = (kind, data)
            continue
        try:
            files[name] = ("image/jpeg", to_jpeg(data))
        except ValueError as error:
            return {"error": "damaged_picture", "reason": str(error), "picture": name}, {}
    return _draw(sheet["html"], files)


def _draw(html: str, files: dict[str, File]) -> tuple[dict[str, Any], dict[str, File]]:
    from weasyprint import HTML  # noqa: PLC0415 - seconds, and only this process ever pays them
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # noqa: PLC0415

    class Given(URLFetcher):  # type: ignore[misc]  # WeasyPrint ships no types
        """Reads what came with the sheet, as ``book:<name>``, and nothing else: no file, no network."""

        def fetch(self, url: str, headers: object = None) -> URLFetcherResponse:  # noqa: ARG002 - its signature
            scheme, _, name = url.partition(":")
            if scheme != "book" or name not in files:
                raise ValueError("not part of the sheet")
            kind, data = files[name]
            return URLFetcherResponse(url, data, {"Content-Type": kind})

    remarks = _Remarks()
    logger = logging.getLogger("weasyprint")
    logger.handlers = [remarks]
    document = HTML(string=html, url_fetcher=Given()).render()
    pdf = document.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True, finisher=_open_as_a_book)
    answer = {
        "pages": len(document.pages),
        "remarks": remarks.lines,
        "missing": sorted({_script(code) for font in document.fonts.values() for code in font.missing}),
        "overflows": sorted(set(_overflows(document))),
    }
    return answer, {"book.pdf": ("application/pdf", pdf)}


def _open_as_a_book(document: Any, pdf: Any) -> None:
    """Show two pages at once, the cover alone on its side, as a book lies open (PDF 32000-1, 7.7.2 and 12.2)."""
    pdf.catalog["PageLayout"] = "/TwoPageRight"
    if document.pages[0]._page_box.children[0].style["direction"] == "rtl":  # noqa: SLF001 - nothing public says it
        pdf.catalog["ViewerPreferences"]["Direction"] = "/R2L"


def _script(code: int) -> str:
    """The first word of a character's name, mostly its script. The character itself may be part of a child's name."""
    return unicodedata.name(chr(code), "UNNAMED").split()[0]


_SLACK = 2.0
"""CSS pixels (half a millimetre) that a text may stand out: what a font's slanted or swung letters take."""


def _overflows(document: Any) -> Iterator[str]:
    """Elements whose text leaves its place: the page, a box that hides what runs over it, or one of a given size."""
    for number, page in enumerate(document.pages, start=1):
        box = page._page_box  # noqa: SLF001 - WeasyPrint has no public way to its boxes
        bounds = (0.0, 0.0, box.margin_width(), box.margin_height())
        for tag in _outside(box, bounds, "page"):
            yield f"{tag} on page {number}"


_Bounds = tuple[float, float, float, float]


def _outside(box: Any, bounds: _Bounds, name: str) -> Iterator[str]:
    from weasyprint.formatting_structure import boxes  # noqa: PLC0415 - see _draw

    if isinstance(box, boxes.TextBox):
        if box.text.strip() and not _is_within(box, bounds):
            yield name
        return
    element = box.element
    if element is not None and element.get("class"):
        name = f"{box.element_tag}.{element.get('class').split()[0]}"
    elif element is not None:
        name = box.element_tag
    if isinstance(box, boxes.BlockContainerBox):
        bounds = _narrowed(box, bounds)
    for child in getattr(box, "children", ()):
        yield from _outside(child, bounds, name)


def _is_within(box: Any, bounds: _Bounds) -> bool:
    left, top, right, bottom = bounds
    return bool(
        box.position_x >= left - _SLACK
        and box.position_y >= top - _SLACK
        and box.position_x + box.width <= right + _SLACK
        and box.position_y + box.height <= bottom + _SLACK
    )


def _narrowed(box: Any, bounds: _Bounds) -> _Bounds:
    """Lines keep to their block's sides; to its foot only where its height is given or what runs over is hidden."""
    left, top, right, bottom = bounds
    x, y = box.border_box_x(), box.border_box_y()
    if box.style["height"] != "auto" or box.style["overflow"] != "visible":
        top, bottom = max(top, y), min(bottom, y + box.border_height())
    return max(left, x), top, min(right, x + box.border_width()), bottom


def _answer(header: dict[str, Any], files: dict[str, File]) -> tuple[dict[str, Any], dict[str, File]]:
    """Print a sheet, or warm up for one when it is empty; say what went wrong instead of dying of it."""
    try:
        import weasyprint  # noqa: F401, PLC0415 - see _draw
    except OSError as error:
        return {"error": "missing_library", "reason": str(error)[:200]}, {}
    if not header["html"]:
        return {"pages": 0, "remarks": [], "missing": [], "overflows": []}, {}
    try:
        return print_sheet({"html": header["html"], "files": files})
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent decides; its text may quote the story
        return {"error": "bug", "reason": type(error).__name__}, {}


def main() -> None:
    """Answer sheets until the parent has ended."""
    # fontTools stamps the fonts that it cuts with the time by default: the same sheet is the same book.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    os.environ["FONTCONFIG_FILE"] = str(Path(__file__).resolve().with_name("templates") / "fonts.conf")
    os.chdir(sys.argv[1])
    # WeasyPrint prints advice to stdout; messages keep the real one for themselves.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sheets: queue.Queue[tuple[dict[str, Any], dict[str, File]]] = queue.Queue()

    def listen() -> None:
        while True:
            try:
                sheets.put(read_message(sys.stdin.buffer))
            except EOFError:
                os._exit(0)  # at once, even in the middle of a book: nobody is left to read it

    threading.Thread(target=listen, name="listener", daemon=True).start()
    while True:
        write_message(answers, *_answer(*sheets.get()))


if __name__ == "__main__":
    main()
