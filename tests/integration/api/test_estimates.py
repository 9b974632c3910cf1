"""POST /stories/estimate: from what is typical at first, from past stories of the same assets later."""

from typing import Any

from services.api.estimates import PATH, Estimates, typical_seconds
from storyloom.runtime.settings import Settings
from storyloom.story.assets import PUBLIC, Asset
from tests.integration.core.system import BRIEF, BY_HAND, System, running
from tests.unit.api.site import problem


async def estimate(system: System, brief: dict[str, Any]) -> dict[str, Any]:
    async with system.http.post(system.api.url + PATH, json=brief, headers=system.headers) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_story_is_estimated_without_being_made(settings: Settings) -> None:
    """…and the answer to its creation says the same. A wrong brief is refused as it would be there."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        found = await estimate(system, BRIEF)
        assert found["seconds"] == dict(zip(("from", "to"), typical_seconds(PUBLIC), strict=True))
        assert found["learned"] is False
        assert 0 < found["usd"]["from"] < found["usd"]["to"]
        text = await estimate(system, {**BRIEF, "generateAssets": False})
        assert text["usd"]["to"] < found["usd"]["from"]
        url = f"{system.api.url}/api/v1/stories"
        async with system.http.post(url, json=BRIEF, headers=system.headers) as answer:
            assert (await answer.json())["estimate"] == found
        async with system.http.post(system.api.url + PATH, json={**BRIEF, "age": 99}, headers=system.headers) as answer:
            assert answer.status == 422
            assert (await problem(answer))["code"] == "bad_brief"
        assert len(await system.rows("SELECT FROM stories")) == 1


async def test_past_stories_of_the_same_assets_say_what_the_next_one_takes(settings: Settings) -> None:
    """Nine of ten took no less, nine of ten no more. Those that a command changed say nothing, nor do older ones."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        ids = [await system.post({**BRIEF, "assets": ["cover"]}) for _ in range(13)]
        await system.projector_idle()
        for n, story_id in enumerate(ids):
            await system.pool.execute(
                "UPDATE stories SET status = 'ready', asset_generation_started_at = now() - make_interval(secs => $2),"
                " asset_generation_completed_at = now() - CASE WHEN $3 THEN interval '8 days' ELSE '0' END"
                " WHERE id = $1",
                story_id, 10 * n + 10 if n < 11 else 5000, n == 12,
            )  # fmt: skip
            await system.pool.execute(
                "UPDATE asset_generation_jobs SET metadata = $2 WHERE story_id = $1 AND asset_type = 'cover'",
                story_id, {"calls": [{"cost_usd": 0.2}], "spent": [{"cost_usd": 0.05}, {"cost_usd": n}]},
            )  # fmt: skip
        await system.pool.execute(
            "INSERT INTO command_outbox (event_id, story_id, event) VALUES ('x', $1, '{\"event\": \"x\"}')", ids[11]
        )
        estimates = Estimates(system.pool, settings)
        found = await estimates.of((Asset.COVER,))
        assert found == {
            "seconds": {"from": 20, "to": 100}, "usd": {"from": 1.25, "to": 9.25}, "learned": True,
        }  # fmt: skip
        assert (await estimates.of((Asset.CONTENT,)))["learned"] is False
        await system.pool.execute("DELETE FROM stories")
        assert await estimates.of((Asset.COVER,)) is found  # for a minute
