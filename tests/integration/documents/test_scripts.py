"""Books in every script, really printed: the right way round, every letter from an embedded font, nothing cut off."""

import asyncio
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from services.documents.book.builder import BookBuilder
from services.documents.book.pages import SNUGGEST, Contents, expected_pages, lay_out
from services.documents.book.renderer import RenderedBook, Renderer
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError
from storyloom.story.languages import language_of
from tests.conftest import Background
from tests.unit.documents import scripts, stories
from tests.unit.documents.fakes import ObjectStore, ProgressRecorder

LANGUAGES = tuple(scripts.SAMPLES)
PAGE = (481.9, 680.3)  # points: 170 × 240 mm
FONTS = {
    "en": "Atkinson", "de": "Atkinson", "ar": "Noto-Sans-Arabic", "he": "Noto-Sans-Hebrew",
    "hi": "Noto-Sans-Devanagari", "th": "Noto-Sans-Thai", "zh": "Noto-Sans-CJK-SC", "zh-Hant": "Noto-Sans-CJK-TC",
    "ja": "Noto-Sans-CJK-JP", "ko": "Noto-Sans-CJK-KR", "ru": "Noto-Sans", "el": "Noto-Sans",
}  # fmt: skip


class Books:
    """The books of these tests, each printed once, by one renderer on a loop that outlives the tests."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self.renderer = Renderer()
        self._printed: dict[str, RenderedBook] = {}

    def of(self, language: str) -> tuple[RenderedBook, PdfReader]:
        if language not in self._printed:
            self._printed[language] = self.render(scripts.contents(language))
        book = self._printed[language]
        return book, PdfReader(io.BytesIO(book.pdf))

    def render(self, contents: Contents, snug: int = 0) -> RenderedBook:
        return self._background.run(self.renderer.render(lay_out(contents, snug)), within=100)

    def build(self, contents: Contents) -> None:
        """As the worker does it: closer set where need be, and checked."""
        inputs: dict[Asset, Any] = {Asset.OUTLINE: contents.outline, Asset.CONTENT: contents.story}
        job = stories.job(Asset.PDF, inputs, brief=contents.brief)
        self._background.run(BookBuilder(self.renderer, ObjectStore({})).build(job, ProgressRecorder()), within=100)

    def close(self) -> None:
        self._background.run(self.renderer.close())


@pytest.fixture(scope="module")
def books(background: Background) -> Iterator[Books]:
    books = Books(background)
    yield books
    books.close()


def fonts(reader: PdfReader) -> list[Any]:
    resources: list[Any] = [page["/Resources"] for page in reader.pages]
    return [font.get_object() for each in resources for font in each.get("/Font", {}).values()]


def starts(reader: PdfReader, page: int) -> list[tuple[float, float]]:
    """Where texts of a page are drawn: x and y of each run, in points from the lower left corner."""
    found: list[tuple[float, float]] = []

    def note(text: str, matrix: list[float], text_matrix: list[float], _font: Any, _size: float) -> None:
        if text.strip():
            a, b, c, d, e, f = matrix
            x, y = text_matrix[4], text_matrix[5]
            found.append((a * x + c * y + e, b * x + d * y + f))

    reader.pages[page].extract_text(visitor_text=note)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_drawn_from_an_embedded_font_and_nothing_leaves_its_place(books: Books, language: str) -> None:
    book, reader = books.of(language)
    assert (book.pages, book.remarks, book.missing, book.overflows) == (16, (), (), ())
    used = fonts(reader)
    for font in used:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)
        assert font["/Encoding"] == "/Identity-H"  # another encoding is WeasyPrint's way to draw .notdef
    assert any(FONTS[language] in str(font["/BaseFont"]) for font in used)
    assert not any("DejaVu" in str(font["/BaseFont"]) for font in used)
    for page in range(len(reader.pages)):
        assert all(0 <= x <= PAGE[0] and 0 <= y <= PAGE[1] for x, y in starts(reader, page))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_book_opens_and_is_read_in_its_own_direction(books: Books, language: str) -> None:
    _, reader = books.of(language)
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == language
    assert root["/ViewerPreferences"].get("/Direction") == ("/R2L" if language in {"ar", "he"} else None)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language not in {"ar", "he"}])
def test_the_words_can_be_taken_out_again(books: Books, language: str) -> None:
    """What is drawn is text, for search and readers aloud. (pypdf gives lines of right to left as they are drawn.)"""
    _, reader = books.of(language)
    text = re.sub(r"\s", "", "".join(page.extract_text() for page in reader.pages))
    for word in re.findall(r"[^\W\d_]{4,}", scripts.SAMPLES[language].logline):
        assert word in text or language in {"hi", "th"}  # their vowels are drawn before the letters that they follow
    assert scripts.SAMPLES[language].name in text or language in {"en", "de", "hi", "th"}


@pytest.mark.parametrize("language", ["ar", "he"])
def test_a_page_from_right_to_left_is_the_mirror_of_one_from_left_to_right(books: Books, language: str) -> None:
    """Steps begin at the right, what is needed stands to the left of them, and marks are where the reader begins."""
    _, english = books.of("en")
    _, mirrored = books.of(language)
    for page in (11, 12):
        leftmost = min(x for x, _ in starts(english, page))
        assert leftmost == pytest.approx(40, abs=8)
        rightmost = max(x for x, _ in starts(mirrored, page))
        assert rightmost > PAGE[0] - 110
    sheet = lay_out(scripts.contents(language)).html
    assert f'<html lang="{language}" dir="rtl">' in sheet


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_letter_that_no_font_has_fails_the_book(books: Books, language: str) -> None:
    """With a reason that names its script and not the letter: it may be a child's."""
    contents = scripts.contents(language)
    story = contents.story.model_copy(update={"logline": "ᚠᚢᚦ and \U00013000"})
    book = books.render(replace(contents, story=story))
    assert book.missing == ("EGYPTIAN", "RUNIC")
    with pytest.raises(PermanentError, match="EGYPTIAN, RUNIC") as failed:
        books.build(replace(contents, story=story))
    assert failed.value.code == "no_glyph"


def test_a_text_that_is_cut_off_is_found(books: Books) -> None:
    """However closely it is set: the band of the cover holds no more."""
    contents = replace(scripts.contents("en"), activities=None)
    endless = contents.story.model_copy(update={"title": "Bell " * 160})
    assert books.render(replace(contents, story=endless), SNUGGEST).overflows == ("h1.size-3 on page 1",)


LONG = "Wolfeschlegelsteinhausenbergerdorffwelch"


@pytest.mark.parametrize(("language", "length"), [("en", 300), ("de", 40), ("fil", 40)])
def test_long_names_wrap(books: Books, language: str, length: int) -> None:
    name = (LONG * 8)[:length]
    contents = scripts.contents("en")
    details = {"to": name, "from": name, "age_turning": 4, "message": name}
    brief = stories.brief(
        language=language, characters=[{"name": LONG}], storyType="birthday", typeDetails=details, age=4
    )
    sentence = f"“{LONG}!” said {LONG}, and {LONG} laughed."
    story = stories.content(((sentence, sentence),) * 4)
    story = story.model_copy(update={"title": f"{LONG} and the Bell", "logline": sentence})
    contents = replace(contents, brief=brief, story=story, activities=None)
    printed = (books.render(contents, snug) for snug in range(SNUGGEST + 1))
    assert any(not book.overflows and book.pages == expected_pages(contents) for book in printed)


async def test_a_book_of_each_script_is_the_same_every_time(books: Books) -> None:
    for language in ("ar", "ja"):
        first, _ = await asyncio.to_thread(books.of, language)
        again = await asyncio.to_thread(books.render, scripts.contents(language))
        assert again.pdf == first.pdf


def test_the_samples_are_of_the_languages_that_they_say() -> None:
    assert all(language_of(language).tag == language for language in LANGUAGES)


BRIEFS = Path(__file__).with_name("briefs")


@pytest.mark.parametrize("case", ["script_ar", "script_zh", "name_ar_en", "long_name"])
def test_a_book_of_a_real_brief_can_be_read_on_every_page(books: Books, case: str) -> None:
    """Names and dedications as they were asked for, the story in its language or, as from the studio, in English."""
    brief = Brief.asked(json.loads((BRIEFS / f"{case}.json").read_text("utf-8")))
    for story in (scripts.contents(brief.language).story, stories.content()):
        contents = Contents(brief=brief, story=story, made_on=date(2026, 11, 22))
        book = books.render(contents)
        assert (book.pages, book.remarks, book.missing, book.overflows) == (12, (), (), ())
