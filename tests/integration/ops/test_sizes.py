"""``sizes``: what stories take, by table and by kind of object."""

from io import StringIO

import orjson
import pytest
from rich.console import Console

from ops.cli import Operator
from ops.connections import NOTHING_FOUND, OK
from ops.sizes import kind, sizes
from storyloom.runtime.settings import Settings
from tests.integration.core.system import running


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("stories/5cfd/scene_1/abab.png", "scene (png)"),
        ("stories/5cfd/audio/abab.mp3", "audio (mp3)"),
        ("stories/5cfd/narration_4/abab.mp3", "narration (mp3)"),
        ("stories/5cfd/text_2/fingerprint/result.json", "records (json)"),
    ],
)
def test_a_kind_is_the_asset_and_the_suffix_and_records_are_all_one(key: str, named: str) -> None:
    assert kind(key) == named


async def test_tables_and_objects_are_counted_and_none_is_said(settings: Settings) -> None:
    out = StringIO()
    operator = Operator(settings, Console(file=out, width=160))
    async with running(settings) as system:
        assert await sizes(operator=operator) == NOTHING_FOUND
        assert out.getvalue() == "No story is ready: there is nothing to measure.\n"
        story_id = await system.post()
        await system.finished(story_id)
        stored = await system.api.eraser.objects.list_keys(story_id)
        out.truncate(0)
        out.seek(0)
        assert await sizes(as_json=True, operator=operator) == OK
        found = orjson.loads(out.getvalue())
        assert (found["stories"], found["storiesInStore"]) == (1, 1)
        assert sum(share["count"] for share in found["objects"]) == len(stored)
        assert sum(share["bytes"] for share in found["objects"]) == sum(size for _, size in stored)
        tables = {share["name"]: share for share in found["tables"]}
        assert {"stories", "asset_generation_jobs", "story_events", "inbox"} <= tables.keys()
        assert tables["stories"]["index_bytes"] > 0
        assert await sizes(operator=operator) == OK
        assert "bytes a story" in out.getvalue()
