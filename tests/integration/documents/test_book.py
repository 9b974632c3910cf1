"""A real book, printed by WeasyPrint: its words, its structure, its pictures, and what it may not read."""

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from pypdf import PdfReader

from services.documents.book.pages import Contents, expected_pages, lay_out
from services.documents.book.renderer import SCRIPT, DamagedPictureError, RenderedBook, Renderer, Sheet
from services.documents.suitability import examine
from storyloom.story.assets import PICTURES, Asset
from tests.conftest import Background
from tests.unit.documents import stories

CONTENTS = Contents(
    brief=stories.brief(),
    story=stories.content(),
    made_on=date(2026, 11, 22),
    outline=stories.outline(),
    activities=stories.activities(),
    pictures=stories.pictures(),
    images=stories.images(),
)


class SharedRenderer:
    """One renderer for all of these tests, on a loop that outlives theirs: importing WeasyPrint costs half a book."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._renderer = Renderer()

    async def render(self, sheet: Sheet) -> RenderedBook:
        return await asyncio.to_thread(self._background.run, self._renderer.render(sheet))

    def close(self) -> None:
        self._background.run(self._renderer.close())


@pytest.fixture(scope="module")
def renderer(background: Background) -> Iterator[SharedRenderer]:
    renderer = SharedRenderer(background)
    yield renderer
    renderer.close()


async def printed(renderer: SharedRenderer, contents: Contents) -> tuple[RenderedBook, PdfReader]:
    book = await renderer.render(lay_out(contents))
    return book, PdfReader(io.BytesIO(book.pdf))


@pytest.fixture(scope="module")
def book(background: Background, renderer: SharedRenderer) -> tuple[RenderedBook, PdfReader]:
    """The book of CONTENTS, printed once for all who only read in it."""
    return background.run(printed(renderer, CONTENTS))


def root_of(reader: PdfReader) -> Any:
    return reader.trailer["/Root"]


def elements(reader: PdfReader) -> Iterator[Any]:
    """The structure elements of a tagged PDF, in reading order."""

    def below(node: Any) -> Iterator[Any]:
        yield node
        kids = node.get("/K", [])
        for kid in kids if isinstance(kids, list) else [kids]:
            child = kid.get_object()
            if hasattr(child, "get") and "/S" in child:
                yield from below(child)

    yield from below(root_of(reader)["/StructTreeRoot"])


def words(reader: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_a_book_is_tagged_titled_and_says_that_it_is_pdf_ua(book: tuple[RenderedBook, PdfReader]) -> None:
    printed_book, reader = book
    root = root_of(reader)
    assert printed_book.remarks == ()
    assert printed_book.pages == len(reader.pages) == expected_pages(CONTENTS) == 16
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/PageLayout"] == "/TwoPageRight"
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r"""pdfuaid:part(>|=")1""", xmp)
    assert reader.metadata is not None
    assert reader.metadata.title == "Mira and the Answering Bell"
    assert "Mira" not in str({key: value for key, value in reader.metadata.items() if key != "/Title"})


def test_the_words_of_the_story_stand_in_it_in_order_and_whole(book: tuple[RenderedBook, PdfReader]) -> None:
    _, reader = book
    text = words(reader)
    at = 0
    for scene in CONTENTS.story.scenes:
        for paragraph in scene.paragraphs:
            at = text.index(" ".join(paragraph.split()), at) + 1
    assert CONTENTS.activities is not None
    for activity in CONTENTS.activities.activities:
        at = text.index(activity.title, at) + 1
        for step in activity.instructions:
            at = text.index(step, at) + 1


async def test_the_same_story_makes_the_same_bytes(renderer: SharedRenderer) -> None:
    first = await renderer.render(lay_out(CONTENTS))
    assert (await renderer.render(lay_out(CONTENTS))).pdf == first.pdf


def test_every_font_is_embedded(book: tuple[RenderedBook, PdfReader]) -> None:
    _, reader = book
    resources: list[Any] = [page["/Resources"] for page in reader.pages]
    fonts = [font.get_object() for each in resources for font in each.get("/Font", {}).values()]
    names = {str(font["/BaseFont"]) for font in fonts}
    assert any("Atkinson" in name for name in names)
    assert any("Lexend" in name for name in names)
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_every_picture_has_its_description_and_every_page_its_heading(book: tuple[RenderedBook, PdfReader]) -> None:
    _, reader = book
    figures = [node for node in elements(reader) if node.get("/S") == "/Figure"]
    assert [figure["/Alt"] for figure in figures] == [
        CONTENTS.pictures[Asset.COVER].alt_text,
        *(scene.alt_text for scene in CONTENTS.story.scenes),
    ]
    headings = [node["/S"] for node in elements(reader) if str(node.get("/S", "")).startswith("/H")]
    assert headings[:5] == ["/H1", "/H2", "/H2", "/H2", "/H2"]
    outline = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    assert outline[0] == "Mira and the Answering Bell"
    assert outline[1:5] == ["Part one", "Part two", "Part three", "Part four"]
    assert outline[5:9] == [activity.title for activity in stories.four()]


async def test_pictures_are_jpegs_of_a_printers_size(renderer: SharedRenderer) -> None:
    large = {**CONTENTS.images, Asset.SCENE_1: ("image/png", stories.png(size=(1400, 2100)))}
    _, reader = await printed(renderer, replace(CONTENTS, images=large))
    page = reader.pages[3]
    sizes = []
    for image in page.images:  # WeasyPrint lists all pictures on every page
        with Image.open(io.BytesIO(image.data)) as picture:
            assert picture.format == "JPEG"
            sizes.append(picture.size)
    assert sorted(sizes) == [(256, 256), (256, 384), (256, 384), (256, 384), (1067, 1600)]
    width, height = (float(page.mediabox[k]) / 72 * 25.4 for k in (2, 3))
    assert (round(width), round(height)) == (170, 240)


@pytest.mark.parametrize(
    ("changes", "pages"),
    [
        ({"pictures": {}, "images": {}}, 16),
        ({"activities": None}, 12),
        ({"activities": None, "outline": None, "pictures": {}, "images": {}}, 12),
    ],
)
async def test_a_book_with_something_missing_is_still_a_book(
    renderer: SharedRenderer, changes: dict[str, Any], pages: int
) -> None:
    book, reader = await printed(renderer, replace(CONTENTS, **changes))
    assert (book.pages, book.remarks) == (pages, ())
    figures = [node for node in elements(reader) if node.get("/S") == "/Figure"]
    assert len(figures) == len(PICTURES)
    assert all(figure["/Alt"].strip() for figure in figures)
    assert stories.PARAGRAPHS[3][1] in words(reader)


@pytest.mark.parametrize(("age", "count"), [(3, 19), (5, 44), (7, 75), (12, 125)])
async def test_a_story_of_any_length_keeps_to_its_pages(renderer: SharedRenderer, age: int, count: int) -> None:
    sentence = [
        "The",
        "quiet",
        "lantern",
        "wandered",
        "on",
        "through",
        "the",
        "whispering",
        "forest,",
        "and",
        "all",
        "of",
        "them",
        "went",
        "home.",
    ]
    sentences = (sentence * 20)[:count]
    paragraphs = (" ".join(sentences[: count // 2]), " ".join(sentences[count // 2 :]))
    contents = replace(CONTENTS, brief=stories.brief(age=age), story=stories.content((paragraphs,) * 4))
    book, _ = await printed(renderer, contents)
    assert book.pages == 16


async def test_full_activities_keep_to_their_pages_when_set_closely(renderer: SharedRenderer) -> None:
    full = stories.four(
        materials=("a large sheet of dark blue paper",) * 6,
        instructions=("Print rings around the bell, each a little larger, like the sound in the snowy wood. " * 2,) * 6,
        parent_tips=("Ask what the bell might be saying, and wait a good long while for the answer. " * 2,) * 2,
        safety_notes=("A grown-up stays close while the paint is open and wipes up what is spilled on the floor.",) * 2,
    )
    findings = examine(full, stories.brief(), stories.outline())
    assert not any("in all" in finding.text for finding in findings)
    longer = (full[0].model_copy(update={"parent_tips": full[0].parent_tips * 3}), *full[1:])
    assert any("in all" in finding.text for finding in examine(longer, stories.brief(), stories.outline()))
    acts = stories.activities().model_copy(update={"activities": full})
    closely = await renderer.render(lay_out(replace(CONTENTS, activities=acts), snug=3))
    assert closely.pages == 16


async def test_a_text_cannot_make_the_press_read_anything(renderer: SharedRenderer, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(stories.png("#ff0000"))
    for url in (secret.as_uri(), "http://127.0.0.1:9/x.png", "book:nothing.png"):
        html = f'<html lang="en"><title>t</title><img src="{url}" alt="x"><p>words</p><a href="{url}">link</a></html>'
        book = await renderer.render(Sheet(html))
        assert book.remarks
        assert not list(PdfReader(io.BytesIO(book.pdf)).pages[0].images)


async def test_a_damaged_picture_is_named_and_the_press_goes_on(renderer: SharedRenderer) -> None:
    images = {**CONTENTS.images, Asset.SCENE_3: ("image/png", b"no picture")}
    with pytest.raises(DamagedPictureError) as damaged:
        await printed(renderer, replace(CONTENTS, images=images))
    assert damaged.value.name == "scene_3.jpg"
    book, _ = await printed(renderer, CONTENTS)
    assert book.pages == 16


PARENT = """
import asyncio, sys
from services.documents.book.renderer import Renderer, Sheet

async def main():
    renderer = Renderer()
    await renderer.start()
    printing = asyncio.create_task(renderer.render(Sheet("<p>word</p>" * 200_000)))
    await asyncio.sleep(0)
    print(renderer.pid, flush=True)
    await printing

asyncio.run(main())
"""


def test_the_printing_process_ends_with_its_parent_even_when_that_is_killed() -> None:
    root = SCRIPT.parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        lines = iter(parent.stdout.readline, b"")
        pid = next(int(line) for line in lines if line.strip().isdigit())
        printer = psutil.Process(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        printer.wait(timeout=30)
    assert not printer.is_running()
