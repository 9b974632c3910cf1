"""What a finished story leaves on disk."""

import json
import shutil
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from client import Story, StoryloomClient, StoryReceipt
from client.downloads import FILES
from local.book import RECEIPT, Book, to_open
from local.errors import UserError


class FoxClient(StoryloomClient):
    """Gives every asset out as its own name."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "sk_test")

    async def download(self, story_id: UUID | str, asset: str, into: Path, *, part: str | None = None) -> int:
        return into.write_text(f"{asset} {part}")  # noqa: ASYNC240 - a word


def story(**statuses: str) -> Story:
    assets: dict[str, Any] = {asset: {"status": "ready"} for asset, _ in FILES.values()}
    assets |= {name: {"status": status} for name, status in statuses.items()}
    characters = [{"name": "Mira"}]
    status: Any = {"overall": "ready", "assets": assets}
    found = {"id": "7", "title": "Mira’s Lantern", "characters": characters, "assetGenerationStatus": status}
    return cast("Story", found)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_book_is_every_file_and_latest_points_to_it(tmp_path: Path) -> None:
    book = Book(tmp_path)
    kept = await book.keep(FoxClient(), story())
    assert names(book.latest) == {"story.json", *FILES} == {name for name, _ in kept}
    assert book.latest.readlink().name.endswith("-lantern")
    assert (book.latest / "narration.vtt").read_text() == "audio vtt"
    assert json.loads((book.latest / "story.json").read_text())["title"] == "Mira’s Lantern"
    assert dict(kept)["cover.png"] == len("cover None")


async def test_what_failed_is_not_fetched(tmp_path: Path) -> None:
    book = Book(tmp_path)
    await book.keep(FoxClient(), story(scene_2="failed", audio="cancelled"))
    assert {"story.json", *FILES} - names(book.latest) == {"scene_2.png", "narration.mp3", "narration.vtt"}


async def test_a_receipt_lies_beside_the_story_that_was_kept_last(tmp_path: Path) -> None:
    book = Book(tmp_path)
    await book.keep(FoxClient(), story())
    book.keep_receipt(cast("StoryReceipt", {"id": "7", "claims": [{"title": "Mira’s words"}]}))
    assert json.loads((book.latest / RECEIPT).read_text("utf-8"))["claims"] == [{"title": "Mira’s words"}]
    shutil.rmtree(book.latest.resolve())
    with pytest.raises(UserError, match=r"receipt\.json cannot be written"):
        book.keep_receipt(cast("StoryReceipt", {"id": "7"}))


async def test_latest_moves_on_and_a_real_folder_of_that_name_is_left_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    (first / "old").mkdir(parents=True)
    (first / "latest").symlink_to("old")
    (second / "latest").mkdir(parents=True)
    for out in (first, second):
        await Book(out).keep(FoxClient(), story())
    assert (first / "latest").readlink() != Path("old")
    assert names(second / "latest") == set()


def test_a_folder_that_cannot_be_is_said_before_the_story_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="OUT="):
        Book(tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [((*FILES,), "book.pdf"), (("cover.png", "scene_1.png"), "cover.png"), (("activities.json",), "activities.json")],
)
def test_what_is_to_be_opened_is_there(wanted: tuple[str, ...], shown: str) -> None:
    assert to_open(["story.json", *wanted]) == shown


def test_a_story_of_words_alone_is_read_where_they_stand() -> None:
    assert to_open(["story.json"]) == "story.json"
