"""Which of a story's objects are stale: those that no row refers to, and nothing that is not an asset's."""

from typing import Any
from uuid import UUID

import pytest

from services.api.stale_objects import check_grace, stale_keys
from storyloom.jobs.manifest import answers_prefix, attempts_key, manifest_key
from storyloom.runtime.settings import InvalidSettingError, Settings
from storyloom.runtime.supervision import why_it_cannot_start
from storyloom.story.assets import Asset
from storyloom.story.fingerprint import fingerprint

STORY = UUID(int=3)
OLD, NEW = fingerprint("old"), fingerprint("new")
HOME = f"stories/{STORY}"


def stored(asset: Asset, name: str) -> dict[str, object]:
    return {"key": f"{HOME}/{asset.value}/{name}", "sha256": "ab", "size": 1, "content_type": "image/png"}


ROWS: list[dict[str, Any]] = [
    {"asset_type": "cover", "fingerprint": NEW, "result": {"kind": "picture", "image": stored(Asset.COVER, "new.png")}},
    {
        "asset_type": "audio",
        "fingerprint": NEW,
        "result": {"audio": stored(Asset.AUDIO, "a.mp3"), "vtt": stored(Asset.AUDIO, "a.vtt"), "words": []},
    },
    {"asset_type": "pdf", "fingerprint": None, "result": None},
]


@pytest.mark.parametrize(
    "key",
    [
        f"{HOME}/cover/new.png",
        f"{HOME}/audio/a.mp3",
        f"{HOME}/audio/a.vtt",
        manifest_key(STORY, Asset.COVER, NEW),
        attempts_key(STORY, Asset.COVER, NEW),
        f"{HOME}/notes.json",
        f"{HOME}/exports/book.epub",
        f"stories/{UUID(int=4)}/cover/old.png",
    ],
)
def test_what_a_row_refers_to_or_is_no_asset_s_stays(key: str) -> None:
    assert stale_keys(STORY, [key], ROWS) == []


@pytest.mark.parametrize(
    "key",
    [
        f"{HOME}/cover/old.png",
        f"{HOME}/audio/new.png",
        f"{HOME}/pdf/book.pdf",
        manifest_key(STORY, Asset.COVER, OLD),
        attempts_key(STORY, Asset.AUDIO, OLD),
        answers_prefix(STORY, Asset.COVER, OLD) + "ab.1",
        answers_prefix(STORY, Asset.COVER, NEW) + "ab.1",
        manifest_key(STORY, Asset.SCENE_1, NEW),
    ],
)
def test_what_no_row_refers_to_is_stale(key: str) -> None:
    assert stale_keys(STORY, [key], ROWS) == [key]


def test_a_grace_that_a_presigned_url_outlives_stops_the_start_with_a_sentence() -> None:
    check_grace(Settings())
    with pytest.raises(InvalidSettingError) as raised:
        check_grace(Settings(stale_object_grace=900, presign_seconds=900))
    assert why_it_cannot_start(raised.value) == (
        "STALE_OBJECT_GRACE is 900 and must be more than PRESIGN_SECONDS, 900: an object is kept for as long as a URL "
        "may read it."
    )
