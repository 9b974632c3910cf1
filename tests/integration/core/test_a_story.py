"""A story through api, bus, workers, status and stream, on real servers."""

import json

from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH
from tests.integration.core.system import running


async def test_a_story_is_made_and_its_updates_are_sent_in_order(settings: Settings) -> None:
    """Every asset once, ids gapless from 1, the end sent last, and GET says the same."""
    async with running(settings) as system:
        story_id = await system.post()
        events = await system.read_stream(story_id)
        story = await system.get(story_id)
    ids = [int(one[0]) for one in events if one[0] is not None]
    assert ids == list(range(1, len(ids) + 1))
    assert [one[1] for one in events[-2:]] == ["story", "end"]
    assert story["status"] == story["assetGenerationStatus"]["overall"] == "ready"
    assert {asset["status"] for asset in story["assetGenerationStatus"]["assets"].values()} == {"ready"}
    assert len(system.makers.made) == len(GRAPH)
    assert set(system.makers.made.values()) == {1}
    assert [json.loads(one[2])["scene"] for one in events if one[1] == "text"] == [1, 2, 3, 4]
    assert story["title"] == "The Lost Lantern"
    assert len(story["scenes"]) == len(story["activities"]) == 4
