"""One brief and one file are one story, whatever comes in between."""

import json
import stat
import time
from pathlib import Path

import pytest

from client import StoryloomClient, StoryloomError
from client.resuming import KEY_LIFETIME_SECONDS, ResumeFile
from tests.unit.client.fake_api import STORY, FakeApi

BRIEF = {"characterName": "Mira", "storyType": "adventure"}
REFERENCE = {"id": STORY, "status": "generating"}
ENDED = 'id: 1\nevent: story\ndata: {"overall":"ready"}\n\nevent: end\ndata: {}\n\n'
READY = {"id": STORY, "status": "ready"}


@pytest.fixture
def file(tmp_path: Path) -> ResumeFile:
    return ResumeFile(tmp_path / "folder" / "story.json")


async def test_a_story_is_waited_for_and_nothing_is_left(
    client: StoryloomClient, api: FakeApi, file: ResumeFile
) -> None:
    api.says(202, REFERENCE)
    api.streams(ENDED)
    api.says(200, READY)
    ids: list[str] = []
    story = await client.create_and_wait(BRIEF, resume=file.path, on_created=ids.append)
    assert story["status"] == "ready"
    assert ids == [STORY]
    assert list(file.path.parent.iterdir()) == []


async def test_the_key_is_on_the_disk_before_it_is_sent(
    client: StoryloomClient, api: FakeApi, file: ResumeFile
) -> None:
    """…so that whoever died before the answer came asks for the same story."""
    api.says(500, {"code": "bug"})
    with pytest.raises(StoryloomError):
        await client.create_and_wait(BRIEF, resume=file.path)
    kept = file.read()
    assert kept is not None
    api.says(202, REFERENCE)
    assert await client.create_once(BRIEF, resume=file.path) == STORY
    assert api.idempotency_keys == [kept.idempotency_key] * 2


async def test_a_known_story_is_not_asked_for_again(client: StoryloomClient, api: FakeApi, file: ResumeFile) -> None:
    api.says(202, REFERENCE)
    await client.create_once(BRIEF, resume=file.path)
    api.streams(ENDED)
    api.says(200, READY)
    await client.create_and_wait(BRIEF, resume=file.path)
    assert [request.method for request in api.requests] == ["POST", "GET", "GET"]


async def test_a_story_that_was_erased_meanwhile_begins_anew(
    client: StoryloomClient, api: FakeApi, file: ResumeFile
) -> None:
    api.says(202, REFERENCE)
    await client.create_once(BRIEF, resume=file.path)
    api.says(404, {"code": "not_found"})
    api.says(202, REFERENCE)
    api.streams(ENDED)
    api.says(200, READY)
    assert (await client.create_and_wait(BRIEF, resume=file.path))["status"] == "ready"
    first, _, second, *_ = api.idempotency_keys
    assert first != second


async def test_a_brief_that_is_refused_leaves_nothing(client: StoryloomClient, api: FakeApi, file: ResumeFile) -> None:
    api.says(422, {"code": "bad_brief"})
    with pytest.raises(StoryloomError):
        await client.create_once(BRIEF, resume=file.path)
    assert file.read() is None


def test_the_file_is_its_owners_and_holds_no_word_of_the_brief(file: ResumeFile) -> None:
    file.begin(BRIEF, "http://x")
    assert "Mira" not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_file_of_another_brief_or_another_api_is_not_taken(file: ResumeFile) -> None:
    file.begin(BRIEF, "http://x")
    for brief, url in (({**BRIEF, "age": 4}, "http://x"), (BRIEF, "http://y")):
        with pytest.raises(ValueError, match="of another story"):
            file.begin(brief, url)


def test_two_processes_ask_for_the_same_story(file: ResumeFile) -> None:
    """The second to write takes what the first has written."""
    first = file.begin(BRIEF, "http://x")
    file._write(first.__class__("other", first.brief, first.begun_at), new=True)
    assert file.read() == first == file.begin(BRIEF, "http://x")


def test_a_key_that_the_api_has_forgotten_is_not_sent(file: ResumeFile) -> None:
    first = file.begin(BRIEF, "http://x")
    long_ago = json.loads(file.path.read_text()) | {"begun_at": time.time() - KEY_LIFETIME_SECONDS - 1}
    file.path.write_text(json.dumps(long_ago))
    assert file.begin(BRIEF, "http://x").idempotency_key != first.idempotency_key


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"idempotency_key": 1}', "7"])
def test_a_file_that_is_none_is_written_anew(file: ResumeFile, text: str) -> None:
    file.path.parent.mkdir()
    file.path.write_text(text)
    assert file.read() is None
    assert file.begin(BRIEF, "http://x") == file.read()
