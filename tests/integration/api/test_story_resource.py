"""The story's resource: what was asked for, what was made and what it cost; nothing before it is so."""

from typing import Any

import pytest

from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset
from tests.integration.core.system import BRIEF, running
from tests.makers import sample


async def test_a_story_shows_what_was_asked_for_made_and_paid(settings: Settings) -> None:
    brief = {**BRIEF, "premise": "a fox", "setting": "a forest", "seed": 7, "language": "de", "typeDetails": {"a": 1}}
    async with running(settings, in_memory=True) as system:
        for service in list(system.workers):
            await system.workers[service].stop()
        system.makers.usd = 0.25
        story_id = await system.post(brief)
        story = await system.get(story_id)
        asked = {name: story[name] for name in ("premise", "setting", "seed", "language", "typeDetails")}
        assert asked == {name: brief[name] for name in asked}
        assert (story["companion"], story["audioSeconds"], story["cost"], story["models"]) == (None, None, None, [])
        assert story["premiseCheck"] is None
        for service in list(system.workers):
            await system.work(service)
        story = await system.finished(story_id)
        (costs,) = await system.rows("SELECT usd FROM tenant_costs")
        assert story["cost"]["usd"] == pytest.approx(costs["usd"])
        assert story["cost"]["usd"] > 1
        assert story["models"] == ["x"]
        made: list[Any] = [sample(asset, story_id) for asset in (Asset.AUDIO, Asset.OUTLINE, Asset.SCENE_1)]
        audio, outline, picture = made
        assert story["audioSeconds"] == audio.seconds
        assert story["companion"] == (outline.companion and outline.companion.model_dump())
        assert [(one["width"], one["height"]) for one in story["scenes"]] == [(picture.width, picture.height)] * 4
        assert {one["altText"] for one in story["scenes"]} == {"A fox in fog."}  # the writer's, not the picture check's
