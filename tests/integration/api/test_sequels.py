"""A sequel over HTTP: the story that it goes on from is one of the caller's own, and is carried to whoever makes it."""

from typing import Any
from uuid import uuid4

from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset
from storyloom.web.keys import add_key
from tests.integration.core.system import BRIEF, running
from tests.makers import sample
from tests.unit.api.site import problem


def sequel_of(story_id: object) -> dict[str, Any]:
    hero = {"name": BRIEF["characters"][0]["name"]} if "characters" in BRIEF else {"name": BRIEF["characterName"]}
    return {
        "storyType": "new_chapter_sequel",
        "characters": [hero],
        "typeDetails": {"previous_story_id": str(story_id)},
        "assets": ["content"],
    }


async def test_a_sequel_goes_on_from_a_story_of_its_own_tenant_alone(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        url = f"{system.api.url}/api/v1/stories"
        stranger = {"Authorization": f"Bearer {await add_key(system.pool, 'stranger', 'x')}"}
        earlier_id = await system.post(BRIEF)
        await system.finished(earlier_id)
        for body, headers in (
            (sequel_of(earlier_id), stranger),
            (sequel_of(uuid4()), system.headers),
            (sequel_of("the fox one"), system.headers),
        ):
            async with system.http.post(url, json=body, headers=headers) as answer:
                assert answer.status == 422
                found = await problem(answer)
                assert found["code"] == "previous_story_not_found"
                assert [one["pointer"] for one in found["errors"]] == ["/typeDetails/previous_story_id"]
        batch = {"stories": [sequel_of(uuid4()), sequel_of(earlier_id)]}
        async with system.http.post(f"{url}/batch", json=batch, headers=system.headers) as answer:
            lost, made = (await answer.json())["stories"]
        assert lost["problem"]["errors"][0]["pointer"] == "/stories/0/typeDetails/previous_story_id"
        story_id = made["story"]["id"]
        (row,) = await system.rows("SELECT request FROM stories WHERE id = $1", story_id)
        outline: Any = sample(Asset.OUTLINE, story_id)
        assert row["request"]["earlier"]["title"] == outline.title
        assert row["request"]["earlier"]["portrait"]["key"].startswith(f"stories/{earlier_id}/")
        story = await system.finished(story_id)
        assert "earlier" not in story
        for service in list(system.workers):
            await system.workers[service].stop()
        unwritten = await system.post(BRIEF)
        async with system.http.post(url, json=sequel_of(unwritten), headers=system.headers) as answer:
            assert answer.status == 409
            assert (await problem(answer))["code"] == "previous_story_not_ready"
