"""The book's fonts: Atkinson Hyperlegible and Lexend for what they have letters for, Noto for all other scripts.

Nothing is taken from the system, so that a book looks alike wherever it is made: the fonts are pinned packages, and the
rendering process sees them alone (fonts.conf). HarfBuzz cuts each to the letters of the book, in the weights that it is
set in: 33 megabytes of Chinese become 40 kilobytes within a tenth of a second (docs/adr/0017).
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import uharfbuzz as harfbuzz

from services.documents.book.render_process import File
from storyloom.story.languages import Language

REGULAR, SEMIBOLD, BOLD = 400, 600, 700


@dataclass(frozen=True, slots=True)
class Face:
    """A font of a package, by the family that the stylesheet calls it."""

    family: str
    package: str
    file: str
    index: int = 0
    """Its place in a collection."""
    weights: tuple[int, ...] = (REGULAR, BOLD)
    """What its weight axis is set to, once each."""
    styles: tuple[tuple[int, str, str], ...] = ()
    """For a family of several files instead: weight, style, file."""

    def cuts(self) -> Iterator[tuple[int, str, str]]:
        """Weight, style and file of all that is cut from it."""
        yield from self.styles or ((weight, "normal", self.file) for weight in self.weights)


_ATKINSON = "files/AtkinsonHyperlegible-{}.ttf"
ATKINSON = Face(
    "Atkinson",
    "fontpkg_atkinson_hyperlegible",
    _ATKINSON.format("Regular"),
    styles=(
        (REGULAR, "normal", _ATKINSON.format("Regular")),
        (BOLD, "normal", _ATKINSON.format("Bold")),
        (REGULAR, "italic", _ATKINSON.format("Italic")),
        (BOLD, "italic", _ATKINSON.format("BoldItalic")),
    ),
)
LEXEND = Face("Lexend", "fontpkg_lexend", "files/Lexend[wght].ttf", weights=(SEMIBOLD,))
NOTO = Face("Noto Sans", "manimgx_fonts", "NotoSans[wght].ttf")
"""Latin, Cyrillic and Greek."""
SYMBOLS = Face("Noto Sans Symbols", "manimgx_fonts", "NotoSansSymbols[wght].ttf")
EMOJI = Face("emoji", "manimgx_fonts", "NotoEmoji[wght].ttf")
"""In one colour, as it is printed. Pango asks for a family of this name wherever a text holds an emoji."""

_NAMES = {
    "Arab": "Arabic",
    "Armn": "Armenian",
    "Beng": "Bengali",
    "Deva": "Devanagari",
    "Ethi": "Ethiopic",
    "Geor": "Georgian",
    "Gujr": "Gujarati",
    "Guru": "Gurmukhi",
    "Hebr": "Hebrew",
    "Khmr": "Khmer",
    "Knda": "Kannada",
    "Laoo": "Lao",
    "Mlym": "Malayalam",
    "Mymr": "Myanmar",
    "Orya": "Oriya",
    "Sinh": "Sinhala",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Thai": "Thai",
}
_COLLECTION = "NotoSansCJK-VF.otf.ttc"
_EAST = {"Jpan": ("JP", 0), "Kore": ("KR", 1), "Hans": ("SC", 2), "Hant": ("TC", 3)}
"""One collection has all East Asian letters; its faces draw those that differ from country to country."""

FACES: dict[str, Face] = {
    **dict.fromkeys(("Latn", "Cyrl", "Grek"), NOTO),
    **{
        script: Face(f"Noto Sans {name}", "manimgx_fonts", f"NotoSans{name}[wght].ttf")
        for script, name in _NAMES.items()
    },
    **{
        script: Face(f"Noto Sans CJK {country}", "manimgx_fonts_cjk", _COLLECTION, index)
        for script, (country, index) in _EAST.items()
    },
}
"""By script (ISO 15924)."""

NOTO_LATIN = frozenset({"az", "cy", "sk", "tr", "vi"})
"""Languages in Latin letters of which Atkinson Hyperlegible and Lexend lack some: mixed within a word they look odd."""


@dataclass(frozen=True, slots=True)
class FontSet:
    """The fonts of one book, cut to its letters."""

    files: dict[str, File]
    rules: str
    """``@font-face`` for each file, which it calls by ``where`` and its name."""
    body: str
    """The families of the book's text, as CSS has them."""
    display: str
    """Those of its headings."""


def fonts_for(text: str, language: Language) -> dict[str, File]:
    """The fonts for all letters of a text in a language, cut to them, and fonts.css.

    The stylesheet names the files, and the families of the book's text (``--body``) and of its headings
    (``--display``). What no font has is left to the book's check.
    """
    found = font_set(text, language, where="book:")
    css = f"{found.rules}\n:root {{ --body: {found.body}; --display: {found.display} }}\n"
    return {**found.files, "fonts.css": ("text/css", css.encode())}


def font_set(text: str, language: Language, *, where: str) -> FontSet:
    """The fonts for all letters of a text in a language. ``where``: what stands before a file's name in rules."""
    letters = {ord(sign) for sign in _composed_and_apart(text + _OURS) if not _is_invisible(sign)}
    used = list(_faces(letters, language))
    found: dict[str, File] = {}
    rules: list[str] = []
    for face in [LEXEND, *used] if in_base_fonts(language) else used:
        for weight, style, file in face.cuts():
            name = f"{face.family.lower().replace(' ', '-')}-{weight}-{style}.ttf"
            found[name] = ("font/ttf", cut(face, file, letters, weight))
            rules.append(
                f'@font-face {{ font-family: "{face.family}"; font-weight: {weight}; font-style: {style}; '
                f"src: url({where}{name}) }}"
            )
    body = ", ".join(f'"{face.family}"' for face in used)
    display = f'"{LEXEND.family}", {body}' if in_base_fonts(language) else body
    return FontSet(found, "\n".join(rules), body, display)


def in_base_fonts(language: Language) -> bool:
    """Whether a book in the language is set in Atkinson Hyperlegible and Lexend."""
    return language.script == "Latn" and language.tag not in NOTO_LATIN


def cut(face: Face, file: str, letters: set[int], weight: int) -> bytes:
    """The font with those letters alone, and all that they join into, in one weight."""
    wanted = harfbuzz.SubsetInput()
    wanted.unicode_set.update(letters | _JOINERS)
    wanted.flags = harfbuzz.SubsetFlags.DOWNGRADE_CFF2
    whole = _load(face.package, file, face.index)
    if not face.styles:
        wanted.pin_axis_location(whole, "wght", weight)
    data: bytes = harfbuzz.subset(whole, wanted).blob.data
    return data


_JOINERS = {ord(" "), 0xA0, 0x200B, 0x200C, 0x200D, 0xFE0E, 0xFE0F}
"""Spaces, and what joins and parts letters and emoji."""
_OURS = "0123456789-"
"""Page numbers, and the hyphen of divided words."""


def _faces(letters: set[int], language: Language) -> Iterator[Face]:
    """The fonts of the language, then one after the other those that have letters which are still without one."""
    first = [ATKINSON] if in_base_fonts(language) else [FACES.get(language.script, NOTO), ATKINSON]
    left = letters
    for face in first:
        left = _lacking(face, left)
        yield face
    for face in _others(language, letters):
        if face not in first and len(rest := _lacking(face, left)) < len(left):
            left = rest
            yield face


def _others(language: Language, letters: set[int]) -> Iterator[Face]:
    """Where to look for letters that a language's own fonts lack, in this order."""
    yield NOTO
    yield from (FACES[script] for script in _NAMES)
    # Chinese characters as the book's language draws them; in other books as in China, or beside kana as in Japan.
    kana = any(0x3040 <= letter <= 0x30FF for letter in letters)
    yield FACES[language.script if language.script in _EAST else "Jpan" if kana else "Hans"]
    yield EMOJI
    yield SYMBOLS


def _composed_and_apart(text: str) -> set[str]:
    """The letters of a text, and those that they are made of or make: a Thai vowel is drawn as the two that it is."""
    return {sign for form in ("NFC", "NFD", "NFKD") for sign in unicodedata.normalize(form, text)} | {*text}


def _is_invisible(sign: str) -> bool:
    """Spaces, controls, and what only acts on other letters (variation selectors, joiners)."""
    return unicodedata.category(sign) in {"Cc", "Cf", "Zs", "Zl", "Zp"} or "\ufe00" <= sign <= "\ufe0f"


def _lacking(face: Face, letters: set[int]) -> set[int]:
    known = _load(face.package, face.file, face.index).unicodes if letters else ()
    return {letter for letter in letters if letter not in known}


@cache
def _load(package: str, file: str, index: int) -> harfbuzz.Face:
    return harfbuzz.Face(harfbuzz.Blob.from_file_path(str(files(package) / file)), index)
