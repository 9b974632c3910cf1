"""The printed book: whether it is whole, can be read by a machine that reads aloud, and holds the story's words."""

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject

from storyloom.evaluators.claims import Claim, Measure

VALID = Measure(
    "pdf", "The printed book is whole, tagged, and has its fonts and its language", "pypdf", 1, unit="faults", at_most=0
)
WORDS = Measure("pdf_words", "The story's words stand in the printed book", "pypdf", 1, unit="share", at_least=0.98)
_LATIN = re.compile(r"[^\W\d_]+")


def judge_book(
    book: Mapping[str, Any] | None, pdf: bytes | None, content: Mapping[str, Any] | None, language: str
) -> list[Claim]:
    """The claims of a printed book: {pages} and its file, with the text that it should hold."""
    if book is None or pdf is None:
        return [one.not_checked("The story has no printed book.") for one in (VALID, WORDS)]
    try:
        reader = PdfReader(io.BytesIO(pdf), strict=True)
        faults = [*_faults(reader, book["pages"], language)]
        printed = "\n".join(page.extract_text() for page in reader.pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Whatever a damaged file makes of its reader.
        told = f"It cannot be read ({type(error).__name__})."
        return [VALID.judge(1, told), WORDS.judge(0, told)]
    told = " ".join(faults) or f"{len(reader.pages)} pages, tagged, every font in it."
    return [VALID.judge(len(faults), told), judge_words(printed, content)]


def _faults(reader: PdfReader, pages: int, language: str) -> Iterator[str]:
    root = reader.root_object
    if len(reader.pages) != pages:
        yield f"It has {len(reader.pages)} pages, not {pages}."
    if not (root.get("/MarkInfo") or {}).get("/Marked") or "/StructTreeRoot" not in root:
        yield "It is not tagged."
    lang = str(root.get("/Lang", ""))
    if lang.partition("-")[0].lower() != language.partition("-")[0].lower():
        yield f"Its language is {lang or 'not said'}."
    if reader.metadata is None or not reader.metadata.title:
        yield "It has no title."
    loose = sorted({name for page in reader.pages for name in _loose_fonts(page)})
    if loose:
        yield f"{len(loose)} of its fonts are not in it."


def _loose_fonts(page: DictionaryObject) -> Iterator[str]:
    """Fonts of a page that whoever reads it would have to have. A Type 3 font is in the file by its nature."""
    fonts = (page.get("/Resources") or {}).get("/Font") or {}
    for name in fonts:
        font = fonts[name].get_object()
        if font.get("/Subtype") == "/Type3":
            continue
        holder = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        descriptor = holder.get("/FontDescriptor") or {}
        if not any(f"/FontFile{kind}" in descriptor for kind in ("", "2", "3")):
            yield str(font.get("/BaseFont", name))


def judge_words(printed: str, content: Mapping[str, Any] | None) -> Claim:
    """How many of the story's words are printed, each as often as it is told, in scripts that can be read back."""
    if content is None:
        return WORDS.not_checked("The story has no whole text.")
    text = " ".join(paragraph for scene in content["scenes"] for paragraph in scene["paragraphs"])
    wanted = Counter(_words(text))
    if not wanted or not all(
        unicodedata.name(letter, "").startswith(("LATIN", "GREEK", "CYRILLIC")) for letter in set("".join(wanted))
    ):
        return WORDS.not_checked("Words of this script cannot be read from the file with certainty.")
    found = Counter(_words(re.sub(r"[\u00ad\u2010-]\s*\n\s*", "", printed)))
    lacking = wanted - found
    share = 1 - lacking.total() / wanted.total()
    return WORDS.judge(share, f"{wanted.total() - lacking.total()} of {wanted.total()} words.")


def _words(text: str) -> list[str]:
    return _LATIN.findall(unicodedata.normalize("NFKC", text.replace("\u00ad", "")).casefold())
