"""What `make quality` takes away of moderation's record in a finished book is found, and a sound book passes."""

import json
from pathlib import Path

import pytest
from pypdf import PdfWriter

from tools.quality.books import FILES, Book, read_book
from tools.quality.defects import Defect, defects
from tools.quality.trying import judges

SEEDED = [defect for defect in defects() if defect.claim == "text_safety"]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """As `make story` leaves one: four scenes, four activities, files."""
    scenes = [{"text": "The fox ran.\n\nIt stopped.", "altText": "A fox."} for _ in range(4)]
    told = {"age": 5, "language": "en", "characters": [{"name": "Mira"}], "scenes": scenes}
    told |= {"activities": [{"title": "Draw"}] * 4, "audioWords": []}
    (tmp_path / "story.json").write_text(json.dumps(told), "utf-8")
    for name in FILES.values():
        (tmp_path / name).write_bytes(b"x")
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    writer.write(tmp_path / FILES["pdf"])
    return read_book(tmp_path)


def outcome(book: Book) -> str:
    told = judges(None)["text_safety"](book)
    return next(one.outcome for one in told if one.measure.claim == "text_safety")


def test_a_sound_book_raises_no_alarm(book: Book) -> None:
    assert outcome(book) == "pass"


@pytest.mark.parametrize("defect", SEEDED, ids=[defect.name for defect in SEEDED])
def test_a_text_without_its_moderation_is_found_and_the_book_itself_stays_sound(book: Book, defect: Defect) -> None:
    assert outcome(defect.seed(book)) == "fail"
    assert outcome(book) == "pass"


def test_a_book_without_alternative_texts_is_sound_without_their_moderation(book: Book) -> None:
    for scene in book.story["results"]["content"]["scenes"]:
        scene["alt_text"], scene["moderated"]["texts"] = "", 1
    assert outcome(book) == "pass"
