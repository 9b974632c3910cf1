"""The e-book: whether it is whole, whether all references in it lead somewhere, and whether it holds the story's words.

EPUB 3.3 (https://www.w3.org/TR/epub-33/), read from its bytes alone. What a child or a reading machine would notice is
looked for; EPUBCheck knows many more rules.
"""

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from PIL import Image

from storyloom.evaluators.archive import BROKEN, parse, short, unpack
from storyloom.evaluators.claims import Claim, Measure
from storyloom.evaluators.overlays import find_overlay_faults
from storyloom.evaluators.package import OPF, OPS, XHTML, Ebook, open_package, resolve

VALID = Measure("epub", "The e-book is whole and can be read", "rules of EPUB 3.3", 1, unit="faults", at_most=0)
WORDS = Measure(
    "epub_words", "The story's words stand in the e-book", "the text of its pages", 1, unit="share", at_least=0.98
)

MOST_PIXELS = 30_000_000
"""What would take too much memory is not shown by many a reading machine either."""
TOLD = 4
"""So many faults are told in words."""
_DC = "{http://purl.org/dc/elements/1.1/}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_REFERENCES = ("href", "src", "poster", "data", "{http://www.w3.org/1999/xlink}href", f"{OPS}textref")
_PAGES = ("application/xhtml+xml", "image/svg+xml")
_PICTURES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
_INLINE = frozenset(f"{XHTML}{tag}" for tag in ("a", "b", "bdi", "bdo", "em", "i", "rb", "ruby", "span", "strong"))
"""What does not part two words."""


def judge_ebook(
    book: Mapping[str, Any] | None, epub: bytes | None, content: Mapping[str, Any] | None, language: str
) -> list[Claim]:
    """The claims of an e-book: {pages, spoken} and its file, with the text that it should hold."""
    if book is None or epub is None:
        return [one.not_checked("The story has no e-book.") for one in (VALID, WORDS)]
    try:
        files, faults = unpack(epub)
        ebook = open_package(files)
    except BROKEN as error:
        told = f"It cannot be opened ({type(error).__name__})."
        return [VALID.judge(1, told), WORDS.judge(0, told)]
    faults += find_faults(ebook, book, language)
    told = (
        " ".join(faults[:TOLD]) or f"{len(files)} files, {len(ebook.spine)} pages, {book.get('spoken', 0)} words lit."
    )
    if len(faults) > TOLD:
        told += f" And {len(faults) - TOLD} more."
    pages = (ebook.files[item.path] for item in ebook.spine if item.path in ebook.documents)
    return [VALID.judge(len(faults), told), judge_words("\n".join(map(read_page, pages)), content)]


def find_faults(ebook: Ebook, book: Mapping[str, Any], language: str) -> Iterator[str]:
    """All that is wrong with it, a sentence each."""
    yield from _metadata_faults(ebook, language)
    yield from _manifest_faults(ebook)
    yield from _spine_faults(ebook, book["pages"])
    yield from _navigation_faults(ebook)
    yield from _page_faults(ebook, language)
    yield from _reference_faults(ebook)
    yield from find_overlay_faults(ebook, book.get("spoken", 0))


def _metadata_faults(ebook: Ebook, language: str) -> Iterator[str]:
    told = {name: _said(ebook, f"{_DC}{name}") for name in ("identifier", "title", "language")}
    yield from (f"It has no {name}." for name, values in told.items() if not any(values))
    for value in filter(None, told["language"]):
        if value.casefold() != language.casefold():
            yield f"Its language is {short(value)}."
    own = ebook.package.get("unique-identifier")
    if own not in {one.get("id", "") for one in ebook.package.iterfind(f"{OPF}metadata/{_DC}identifier")}:
        yield "None of its identifiers is its own."
    modified = _said(ebook, f"{OPF}meta[@property='dcterms:modified']")
    if len(modified) != 1 or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", modified[0]):
        yield "It does not say when it was modified."


def _said(ebook: Ebook, path: str) -> list[str]:
    return ["".join(one.itertext()).strip() for one in ebook.package.iterfind(f"{OPF}metadata/{path}")]


def _manifest_faults(ebook: Ebook) -> Iterator[str]:
    there = {item.path for item in ebook.items}
    for row in ebook.rows:
        if resolve(ebook.path, row.get("href", ""))[0] not in there:
            yield f"{short(row.get('href', ''))} is not in it."
    if len({row.get("id") for row in ebook.rows}) < len(ebook.rows) or len(there) < len(ebook.items):
        yield "Two of its files are declared as one."
    for path in ebook.files:
        if path not in there and path not in {"mimetype", ebook.path} and not path.startswith("META-INF/"):
            yield f"{short(path)} is not declared."
    for item in ebook.items:
        if item.is_xml and item.path not in ebook.documents:
            yield f"{short(item.path)} cannot be read."
        if item.type in _PICTURES and not _is_picture(ebook.files[item.path], _PICTURES[item.type]):
            yield f"{short(item.path)} cannot be shown."


def _is_picture(data: bytes, kind: str) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            if image.width * image.height > MOST_PIXELS:
                return False
            image.load()
    except (*BROKEN, SyntaxError, Image.DecompressionBombError):  # what Pillow raises of a damaged one
        return False
    return True


def _spine_faults(ebook: Ebook, pages: int) -> Iterator[str]:
    yield from (f"The page {short(ref)} is not in it." for ref in ebook.read if ref not in ebook.by_id)
    yield from (f"{short(item.path)} is no page." for item in ebook.spine if item.type not in _PAGES)
    if len(set(ebook.read)) < len(ebook.read):
        yield "A page is read twice."
    if len(ebook.read) != pages:
        yield f"It has {len(ebook.read)} pages, not {pages}."


def _navigation_faults(ebook: Ebook) -> Iterator[str]:
    found = [item.path for item in ebook.items if "nav" in item.properties]
    if len(found) != 1:
        yield f"It has {len(found) or 'no'} tables of contents."
    for root in (ebook.documents[path] for path in found if path in ebook.documents):
        contents = [nav for nav in root.iter(f"{XHTML}nav") if "toc" in nav.get(f"{OPS}type", "").split()]
        if not any(nav.find(f".//{XHTML}a") is not None for nav in contents):
            yield "Its table of contents is empty."


def _page_faults(ebook: Ebook, language: str) -> Iterator[str]:
    for path, root in ebook.documents.items():
        twice = (name for name, count in ebook.ids[path].items() if count > 1)
        yield from (f"{short(name)} is in {short(path)} twice." for name in twice)
        if root.tag == f"{XHTML}html":
            if root.get(_LANG, root.get("lang", "")).casefold() != language.casefold():
                yield f"{short(path)} is in another language."
            bare = [one for one in root.iter(f"{XHTML}img") if "alt" not in one.attrib]
            yield from (f"A picture in {short(path)} is not described." for _ in bare)


def _reference_faults(ebook: Ebook) -> Iterator[str]:
    """Links, pictures, styles, fonts, and what an overlay reads. A link may lead out of the book, and nothing else."""
    for path, reference in dict.fromkeys(_references(ebook)):
        if not ebook.leads_somewhere(path, reference):
            yield f"{short(reference)} in {short(path)} leads nowhere."


def _references(ebook: Ebook) -> Iterator[tuple[str, str]]:
    """Every reference within the book, with the document that it is in."""
    for path, root in ebook.documents.items():
        for one in root.iter():
            for reference in filter(None, map(one.get, _REFERENCES)):
                if one.tag != f"{XHTML}a" or not re.match(r"(https?|mailto):", reference):
                    yield path, reference
    for item in ebook.items:
        if item.type == "text/css":
            style = ebook.files[item.path].decode("utf-8", "replace")
            yield from ((item.path, reference) for reference in re.findall(r"url\(\s*[\"']?([^\"')\s]*)", style))


def judge_words(read: str, content: Mapping[str, Any] | None) -> Claim:
    """How many of the story's words are in its pages, each as often as it is told, in any script."""
    if content is None:
        return WORDS.not_checked("The story has no whole text.")
    wanted = Counter(_words("\n".join(paragraph for scene in content["scenes"] for paragraph in scene["paragraphs"])))
    if not wanted:
        return WORDS.not_checked("The story's text has no words.")
    lacking = (wanted - Counter(_words(read))).total()
    return WORDS.judge(1 - lacking / wanted.total(), f"{wanted.total() - lacking} of {wanted.total()} words.")


def read_page(page: bytes) -> str:
    """What is read of a well-formed page, with a line break wherever words are parted by more than a space."""
    body = parse(page).find(f"{XHTML}body")
    if body is None:
        return ""
    for one in body.iter():
        if one.tag not in _INLINE:
            one.text, one.tail = f"\n{one.text or ''}", f"\n{one.tail or ''}"
    return "".join(body.itertext())


def _words(text: str) -> Iterator[str]:
    """Runs of letters and their marks, whatever form they are written in; of scripts without spaces, clauses."""
    plain = "".join(one for one in unicodedata.normalize("NFKC", text).casefold() if unicodedata.category(one) != "Cf")
    for is_word, run in groupby(plain, lambda one: unicodedata.category(one)[0] in "LM"):
        if is_word:
            yield "".join(run)
