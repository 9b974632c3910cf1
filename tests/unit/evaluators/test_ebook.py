"""The e-book's evaluators, on what the documents service makes: a whole one passes, each kind of defect is found."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from services.documents.book.render_process import to_jpeg
from services.documents.epub.container import pack
from services.documents.epub.pages import Ebook, Recording, lay_out
from storyloom.evaluators import archive, ebook, overlays, package
from storyloom.evaluators.claims import Claim
from storyloom.evaluators.evaluate import evaluate
from storyloom.story.assets import PICTURES, Asset
from tests.unit.documents import scripts, stories
from tests.unit.documents.ebooks import read_aloud
from tools.quality.books import Book
from tools.quality.defects import Defect, defects

MADE_AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
DEFECTS = [defect for defect in defects() if defect.claim in {"epub", "epub_words"}]


def hum(seconds: float) -> bytes:
    """An MP3 of so many seconds."""
    rate = 16_000
    samples = 0.1 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.astype(np.float32), rate, format="MP3")
    return buffer.getvalue()


@cache
def made(language: str = "en", *, aloud: bool = True, absent: Asset | None = None) -> Book:
    """A book of the documents service's with its e-book alone, as an evaluator gets it."""
    jpeg = to_jpeg(stories.png(size=(24, 36)))
    images = {asset: ("image/jpeg", jpeg) for asset in PICTURES if asset is not absent}
    contents = replace(scripts.contents(language), images=images)
    if language == "en":  # scenes that are not the same
        contents = replace(contents, story=stories.content())
    audio = read_aloud(contents.story, language)
    recording = Recording(audio, hum(audio.seconds)) if aloud else None
    laid_out = lay_out(Ebook(stories.STORY_ID, MADE_AT, contents, recording))
    result = {"pages": laid_out.pages, "spoken": sum(laid_out.spoken.values())}
    results: dict[str, Any] = {"content": contents.story.model_dump(mode="json"), "epub": result}
    story = {"age": 5, "language": language, "characters": [], "names": [], "results": results}
    return Book("book", story, {"epub": pack(laid_out.files)})


def judged(book: Book) -> Mapping[str, Claim]:
    results = book.story["results"]
    claims = ebook.judge_ebook(results["epub"], book.files["epub"], results["content"], book.story["language"])
    return {one.measure.claim: one for one in claims}


def changed(change: Callable[[dict[str, bytes]], object]) -> Book:
    """The e-book with other files, packed as it should be."""
    book = made()
    with zipfile.ZipFile(io.BytesIO(book.files["epub"])) as packed:
        files = {
            name.removeprefix("EPUB/"): packed.read(name) for name in packed.namelist() if name.startswith("EPUB/")
        }
    change(files)
    return replace(book, files={"epub": pack(files)})


def edited(name: str, old: bytes, new: bytes) -> Book:
    def change(files: dict[str, bytes]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return changed(change)


@pytest.mark.parametrize("language", sorted({"en", *scripts.SAMPLES}))
def test_a_whole_e_book_passes_in_every_script(language: str) -> None:
    claims = judged(made(language))
    assert (claims["epub"].outcome, claims["epub"].value) == ("pass", 0), claims["epub"].reason
    assert (claims["epub_words"].outcome, claims["epub_words"].value) == ("pass", 1), claims["epub_words"].reason


@pytest.mark.parametrize("book", [{"aloud": False}, {"absent": Asset.SCENE_3}], ids=str)
def test_an_e_book_without_sound_or_without_a_picture_is_whole(book: dict[str, Any]) -> None:
    """It does not say that it has either."""
    assert {one.outcome for one in judged(made(**book)).values()} == {"pass"}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: f"{defect.claim}: {defect.name}")
def test_each_kind_of_defect_is_found_and_told(defect: Defect) -> None:
    found = judged(defect.seed(made()))[defect.claim]
    assert (found.outcome, bool(found.reason)) == ("fail", True)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("package.opf", b'<dc:identifier id="id">', b"<dc:identifier>", "None of its identifiers is its own."),
        ("package.opf", b"T10:30:00Z", b"", "It does not say when it was modified."),
        ("package.opf", b'href="book.css"', b'href="nav.xhtml"', "Two of its files are declared as one."),
        ("package.opf", b'href="book.css"', b'href="../../etc/passwd"', "../../etc/passwd is not in it."),
        ("package.opf", b'media-overlay="scene-1-smil"', b'media-overlay="x"', "The overlay x is not in it."),
        ("package.opf", b'idref="scene-2-xhtml"', b'idref="scene-1-xhtml"', "A page is read twice."),
        ("nav.xhtml", b'epub:type="toc"', b'epub:type="list"', "Its table of contents is empty."),
        ("nav.xhtml", b' lang="en" xml:lang="en" dir="ltr"', b' lang="de" dir="ltr"', "EPUB/nav.xhtml is in another"),
        ("scene_1.xhtml", b'id="p1-1"', b'id="part-1"', "part-1 is in EPUB/scene_1.xhtml twice."),
        ("scene_1.xhtml", b"images/scene_1.jpg", b"https://example.org/1.jpg", "https://example.org/1.jpg in"),
        ("scene_1.xhtml", b"images/scene_1.jpg", b"http://[", "http://[ in EPUB/scene_1.xhtml leads nowhere."),
        ("scene_1.xhtml", b" alt=", b" title=", "A picture in EPUB/scene_1.xhtml is not described."),
        ("book.css", b"url(fonts/", b"url(faces/", "leads nowhere."),
        ("scene_1.smil", b'src="scene_1.xhtml#w1-1"', b'src="scene_2.xhtml#w2-1"', "lights what is not in its page."),
        ("scene_1.smil", b'clipBegin="0.250s"', b'clipBegin="soon"', "A clip of EPUB/scene_1.smil cannot be read."),
        ("scene_1.smil", b'clipBegin="0.250s"', b'clipBegin="0.900s"', "The sound of w1-1 ends before it begins."),
    ],
)  # fmt: skip
def test_one_fault_is_told_in_words(name: str, old: bytes, new: bytes, told: str) -> None:
    found = judged(edited(name, old, new))["epub"]
    assert found.outcome == "fail"
    assert told in found.reason


def test_many_faults_are_counted_and_some_are_told() -> None:
    """A fault is counted once, however often its cause is met."""

    def lose(files: dict[str, bytes]) -> None:
        for scene in (1, 2, 3, 4):
            del files[f"images/scene_{scene}.jpg"]

    found = judged(changed(lose))["epub"]
    assert found.value == 8
    assert found.reason.endswith("And 4 more.")
    gone = judged(changed(lambda files: files.pop("narration.mp3")))["epub"]
    assert gone.value is not None
    assert 1 < gone.value < 10


def test_a_picture_of_too_many_pixels_is_not_decoded() -> None:
    """It is a small file all the same."""
    large = io.BytesIO()
    Image.new("L", (8000, 8000)).save(large, "JPEG")
    found = judged(changed(lambda files: files.update({"images/scene_1.jpg": large.getvalue()})))["epub"]
    assert found.reason == "EPUB/images/scene_1.jpg cannot be shown."


def test_documents_are_read_until_they_are_too_large_together() -> None:
    long = b"<!--" + b" " * (archive.XML_BYTES // 2) + b"-->"

    def swell(files: dict[str, bytes]) -> None:
        for scene in (1, 2):
            files[f"scene_{scene}.xhtml"] += long

    found = judged(changed(swell))["epub"]
    assert "EPUB/scene_2.xhtml cannot be read." in found.reason
    assert "EPUB/scene_1.xhtml" not in found.reason


def test_a_link_out_of_the_book_is_none_that_leads_nowhere() -> None:
    linked = edited("scene_1.xhtml", b"</h2>", b'</h2><p><a href="https://example.org/">x</a></p>')
    assert judged(linked)["epub"].outcome == "pass"


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;&b;">]><a>&d;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
        b"<a>&nbsp;</a>",
        b"<a><b></a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"<a/>" + b" " * archive.XML_BYTES,
        b"",
    ],
    ids=[
        "grows",
        "from elsewhere",
        "declares",
        "unknown entity",
        "malformed",
        "unknown encoding",
        "too large",
        "empty",
    ],
)
def test_a_document_that_declares_anything_is_not_read(document: bytes) -> None:
    with pytest.raises(archive.BROKEN):
        archive.parse(document)


def test_a_document_is_read_with_its_names_and_however_deep() -> None:
    root = archive.parse(
        b'<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><p>a<b/>c</p></html>'
    )
    assert root.tag == f"{package.XHTML}html"
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert "".join(root.itertext()) == "ac"
    deep = 100_000
    assert sum(1 for _ in archive.parse(b"<a>" * deep + b"</a>" * deep).iter()) == deep


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        for name, data in entries:
            packed.writestr(name, data)
    return buffer.getvalue()


def test_an_archive_that_unpacks_without_bound_is_not_opened() -> None:
    """By what it says of itself, before anything of it is unpacked; and never more is unpacked than it said."""
    bomb = zipped(("a", bytes(archive.MOST_BYTES // 2)), ("b", bytes(archive.MOST_BYTES // 2 + 1)))
    assert len(bomb) < 200_000
    with pytest.raises(ValueError, match="not so large"):
        archive.unpack(bomb)
    with pytest.raises(ValueError, match="not so large"):
        archive.unpack(zipped(*((str(k), b"") for k in range(archive.MOST_FILES + 1))))
    small = bytearray(zipped(("mimetype", b"x" * 1_000_000)))
    size = small.rindex(struct.pack("<I", 1_000_000))
    small[size : size + 4] = struct.pack("<I", 10)
    files, faults = archive.unpack(bytes(small))
    assert len(files["mimetype"]) <= 10
    assert "mimetype is damaged." in faults


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_compressed_in_another_way_is_not_unpacked(method: int) -> None:
    """An e-book has none of it, and it would be unpacked without a bound."""
    files, faults = archive.unpack(zipped(("a", b"x" * 1000), method=method))
    assert files == {"a": b""}
    assert "a is damaged." in faults


def test_names_out_of_the_archive_and_twice_the_same_are_faults() -> None:
    _, faults = archive.unpack(zipped(("../a", b""), ("/b", b""), ("c", b""), ("C", b"")))
    assert {"../a is no path within it.", "/b is no path within it.", "Two of its files have one name."} < set(faults)


@pytest.mark.parametrize(
    "data", [b"", b"no archive", b"PK\x05\x06" + bytes(18), zipped(("mimetype", archive.MIMETYPE))]
)
def test_what_is_no_e_book_fails_both_claims(data: bytes) -> None:
    assert {one.outcome for one in judged(replace(made(), files={"epub": data})).values()} == {"fail"}


def test_a_damaged_file_is_a_fault_and_never_an_error() -> None:
    """Wherever the damage is: a byte, all from there on, or in a file before it was packed."""
    data = made().files["epub"]
    for place in range(0, len(data), len(data) // 50):
        spoilt = bytearray(data)
        spoilt[place] ^= 0xFF
        for damaged in (bytes(spoilt), data[:place]):
            assert judged(replace(made(), files={"epub": damaged}))["epub"].outcome in {"pass", "fail"}
    noise = np.random.default_rng(7)

    def spoil(name: str) -> Callable[[dict[str, bytes]], None]:
        def change(files: dict[str, bytes]) -> None:
            spoilt = bytearray(files[name])
            for place in noise.integers(0, len(spoilt), 3):
                spoilt[place] = int(noise.integers(0, 256))
            files[name] = bytes(spoilt)

        return change

    for name in ("package.opf", "nav.xhtml", "scene_1.xhtml", "scene_1.smil", "book.css", "narration.mp3") * 5:
        assert judged(changed(spoil(name)))["epub"].outcome in {"pass", "fail"}


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("7.25s", 7.25), ("90ms", 0.09), ("1.5min", 90), ("2h", 7200), ("5", 5), ("1:02:03.5", 3723.5), ("02:03", 123),
        ("soon", None), ("-1s", None), ("nan", None), ("1e9s", None), ("", None), (None, None), ("9" * 400 + "s", None),
    ],
)  # fmt: skip
def test_clocks_are_read_as_smil_has_them(clock: str | None, seconds: float | None) -> None:
    assert overlays.read_clock(clock) == seconds


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("a.xhtml#b", ("EPUB/a.xhtml", "b")), ("#b", ("EPUB/nav.xhtml", "b")), ("a%20b.ttf", ("EPUB/a b.ttf", "")),
        ("../META-INF/x", ("META-INF/x", "")), ("../../x", ("../x", "")), ("/x", ("", "")), ("https://a/x", ("", "")),
        ("//a/x", ("", "")), ("http://[", ("", "")), ("", ("", "")),
    ],
)  # fmt: skip
def test_a_reference_leads_from_its_document(reference: str, found: tuple[str, str]) -> None:
    assert package.resolve("EPUB/nav.xhtml", reference) == found


def test_words_count_as_often_as_they_are_told_however_they_are_written() -> None:
    """Soft hyphens, joiners and ligatures part no word; blocks do, and pieces of a sentence do not."""
    page = (
        b'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>No</title></head><body><p>The <span>fox</span> '
        b"saw<br/>the <bdi><span>\xef\xac\x81n</span></bdi>ch.</p><p>She ran</p></body></html>"
    )
    read = ebook.read_page(page)
    assert read.split() == ["The", "fox", "saw", "the", "\ufb01nch.", "She", "ran"]
    content = {"scenes": [{"paragraphs": ["The fox saw the fi\u00adnch.", "She ran"]}]}
    assert ebook.judge_words(read, content).value == 1
    twice = {"scenes": [{"paragraphs": ["The fox saw the finch. She ran and ran."]}]}
    assert ebook.judge_words(read, twice).outcome == "fail"
    assert ebook.judge_words(read, None).outcome == "not_checked"
    assert ebook.judge_words(read, {"scenes": [{"paragraphs": ["…"]}]}).outcome == "not_checked"


def test_a_receipt_has_the_claims_of_the_e_book() -> None:
    """As JSON, with reasons that a page can show."""
    whole = {one.measure.claim: one for one in evaluate(made().story, made().files)}
    assert (whole["epub"].outcome, whole["epub_words"].outcome) == ("pass", "pass")
    assert "evaluator_broken" not in whole
    assert json.loads(json.dumps(whole["epub"].wire()))["reason"] == whole["epub"].reason
    without = {one.measure.claim: one for one in evaluate({**made().story, "results": {}}, {})}
    assert (without["epub"].outcome, without["epub_words"].outcome) == ("not_checked", "not_checked")
