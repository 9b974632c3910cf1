"""From a request over HTTP to a finished book, byte by byte."""

import io
import itertools
import re
import zipfile
from collections import Counter
from pathlib import Path

import av
import httpx
import pypdf
import pytest
from av.stream import Disposition
from PIL import Image

from client import StoryloomError
from client.resources import Word
from studio.painting.metadata import read_metadata
from tests.e2e.conftest import Product

pytestmark = pytest.mark.xdist_group("e2e")  # all of these share one stack: one test process runs them

PICTURES = ("cover", "scene_1", "scene_2", "scene_3", "scene_4")


async def test_a_request_becomes_a_book_and_every_call_is_paid_once(product: Product, tmp_path: Path) -> None:
    """Every promise of the finished book at once: making one takes seconds, looking at it does not."""
    rows = (await product.studio.get("/studio/ledger")).json()
    story, events = await product.make()
    assert story["status"] == "ready", story
    await _check_payments(product, rows[-1]["seq"] if rows else 0)
    seqs = [event.seq for event in events if event.seq is not None]
    assert seqs == list(range(1, len(seqs) + 1))
    for picture in PICTURES:
        await product.client.download(story["id"], picture, tmp_path / f"{picture}.png")
    await product.client.download(story["id"], "audio", tmp_path / "narration.mp3")
    await product.client.download(story["id"], "audio", tmp_path / "tagged.mp3", part="tagged")
    await product.client.download(story["id"], "audio", tmp_path / "narration.vtt", part="vtt")
    await product.client.download(story["id"], "pdf", tmp_path / "book.pdf")
    await product.client.download(story["id"], "epub", tmp_path / "book.epub")
    texts = [scene["text"] or "" for scene in story["scenes"]]
    _check_pictures(tmp_path)
    _check_narration(tmp_path, texts, story["audioWords"] or [])
    _check_tag(tmp_path, str(story["title"]))
    _check_book(tmp_path, texts, str(story["title"]))
    _check_ebook(tmp_path, story["audioWords"] or [])
    colours = story["hueExtractedColors"] or {}
    assert set(colours) == set(PICTURES)
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for three in colours.values() for colour in three)
    assert len(story["activities"] or []) == 4
    assert list(story["audioBlocks"] or {}) == ["scene_1", "scene_2", "scene_3", "scene_4"]


def _check_pictures(folder: Path) -> None:
    found = {picture: (folder / f"{picture}.png").read_bytes() for picture in PICTURES}
    assert len(set(found.values())) == len(PICTURES)
    for picture, png in found.items():
        image = Image.open(io.BytesIO(png))
        image.load()
        assert image.size == ((1024, 1024) if picture == "cover" else (1024, 1536))
        drawn = read_metadata(png)
        assert drawn is not None
        hero = drawn["heroes"][0]
        assert hero["skin"] == "#8d5524"
        assert "curly" in hero["hair"]
        assert "yellow" in hero["clothing"]
        assert any("wheelchair" in feature for feature in hero["features"]), hero
        assert any("glasses" in feature for feature in hero["features"]), hero
        assert "fox" in str(drawn["companion"])


def _check_narration(folder: Path, texts: list[str], words: list[Word]) -> None:
    assert [word["txt"] for word in words] == " ".join(texts).split()
    times = list(itertools.chain.from_iterable((w["start"], w["end"]) for w in words))
    assert times == sorted(times)
    with av.open(str(folder / "narration.mp3")) as audio:
        seconds = sum(frame.samples / frame.sample_rate for frame in audio.decode(audio=0))
    assert abs(seconds - times[-1]) <= 0.3
    assert (folder / "narration.vtt").read_text("utf-8").startswith("WEBVTT")


def _check_tag(folder: Path, title: str) -> None:
    """The narration as it is kept: title, language and cover, before the very same sound."""
    plain, tagged = (folder / "narration.mp3").read_bytes(), (folder / "tagged.mp3").read_bytes()
    assert tagged.endswith(plain[-len(plain) // 2 :])
    with av.open(io.BytesIO(tagged)) as audio:
        assert (audio.metadata["title"], audio.metadata["language"]) == (title, "eng")
        (cover,) = audio.streams.video
        assert Disposition.attached_pic in cover.disposition
        assert cover.width == cover.height


def _check_book(folder: Path, texts: list[str], title: str) -> None:
    book = pypdf.PdfReader(folder / "book.pdf")
    assert book.metadata is not None
    assert book.metadata.title == title
    printed = " ".join(" ".join(page.extract_text() for page in book.pages).split())
    for text in texts:
        for sentence in re.findall(r"[^.!?]+[.!?]", text):
            assert " ".join(sentence.split()) in printed, sentence
    assert b"pdfuaid" in (folder / "book.pdf").read_bytes() or "MarkInfo" in str(book.trailer["/Root"])


def _check_ebook(folder: Path, words: list[Word]) -> None:
    """Every word of the narration is lit from its start, in the recording that the story has."""
    with zipfile.ZipFile(folder / "book.epub") as book:
        assert book.namelist()[0] == "mimetype"
        assert book.read("EPUB/narration.mp3") == (folder / "narration.mp3").read_bytes()
        overlays = "".join(book.read(f"EPUB/scene_{k}.smil").decode() for k in (1, 2, 3, 4))
        pictures = {name for name in book.namelist() if name.endswith(".jpg")}
    begins = [float(begin) for begin in re.findall(r'clipBegin="([\d.]+)s"', overlays)]
    assert len(begins) == len(words)
    assert all(abs(begin - word["start"]) <= 0.03 for begin, word in zip(begins, words, strict=True))
    assert pictures == {f"EPUB/images/{picture}.jpg" for picture in PICTURES}


async def _check_payments(product: Product, since: int) -> None:
    """The ledger of a healthy story: nothing was asked for twice, and every asset's making is in it."""
    rows = (await product.studio.get("/studio/ledger", params={"since": since})).json()
    # Picture checks ask the same of different pictures, and moderation is free.
    paid = [row for row in rows if row["schema"] != "picture_check" and row["endpoint"] != "moderations"]
    prompts = [(row["endpoint"], row["prompt_sha256"]) for row in paid]
    assert len(prompts) == len(set(prompts))
    made = Counter(row["endpoint"] for row in paid)
    assert (made["images.generate"], made["images.edit"], made["text_to_speech"]) == (1, 5, 4)


async def test_a_part_of_a_picture_can_be_fetched(product: Product) -> None:
    """The redirect leads to the store, where Range works."""
    story, _ = await product.make(assets=["cover"], seed=13)
    headers = {"Authorization": f"Bearer {product.addresses.api_key}"}
    async with httpx.AsyncClient(base_url=product.addresses.api_url, trust_env=False) as plain:
        answer = await plain.get(f"/api/v1/stories/{story['id']}/assets/cover", headers=headers)
        assert answer.status_code == 302
        part = await plain.get(answer.headers["Location"], headers={"Range": "bytes=0-7"})
    assert part.status_code == 206
    assert part.content == b"\x89PNG\r\n\x1a\n"


async def test_a_brief_that_moderation_flags_is_refused_with_its_category(product: Product) -> None:
    before = len((await product.client.list(limit=100))["stories"])
    await product.misbehave("flag_text", category="violence", times=2)
    with pytest.raises(StoryloomError) as refused:
        await product.client.create({"characterName": "Mira", "storyType": "adventure"})
    assert (refused.value.status, refused.value.code) == (422, "brief_flagged")
    assert "violence" in refused.value.detail
    assert len((await product.client.list(limit=100))["stories"]) == before
