"""Limits of a day and of a story: what is counted, what is refused, and what is finished all the same."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.status import app as status
from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until
from tests.unit.api.site import problem

SMALL = {**BRIEF, "assets": ["content"]}


async def ask(system: System, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
    """The status of a request, its body and its headers."""
    url = f"{system.api.url}/api/v1/stories{path}"
    async with system.http.request(method, url, json=body, headers={**system.headers, **headers}) as answer:
        return answer.status, await (problem(answer) if answer.status >= 400 else answer.json()), answer.headers


async def set_limit(system: System, **limits: float | None) -> None:
    for name, value in limits.items():
        await system.pool.execute(f"UPDATE tenants SET {name} = $1", value)


async def spent(system: System) -> float:
    return float(await system.pool.fetchval("SELECT coalesce(sum(usd), 0) FROM tenant_costs"))


async def test_stories_of_a_day_are_counted_exactly_and_refused_beyond(settings: Settings) -> None:
    """Of many at once as many are created as may be; a repeated request counts once, and is answered beyond it."""
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        await set_limit(system, stories_per_day=5)
        first, _, _ = await ask(system, "POST", "", SMALL, **{"Idempotency-Key": "a"})
        found = await asyncio.gather(*(ask(system, "POST", "", SMALL) for _ in range(8)))
        assert sorted(status for status, _, _ in found) == [202] * 4 + [429] * 4
        _, body, headers = next(one for one in found if one[0] == 429)
        assert body["code"] == "stories_of_the_day_spent"
        assert body["retryable"] is True
        assert 1 <= int(headers["Retry-After"]) <= 86_400
        assert '"stories";q=5;w=86400' in headers["RateLimit-Policy"]
        assert '"stories";r=0;t=' in headers["RateLimit"]
        assert len(await system.rows("SELECT FROM stories")) == 5
        assert await system.pool.fetchval("SELECT stories FROM tenant_story_counts") == 5
        again, _, _ = await ask(system, "POST", "", SMALL, **{"Idempotency-Key": "a"})
        assert first == again == 202
        await system.pool.execute("UPDATE tenant_story_counts SET day = day - 1")
        assert (await ask(system, "POST", "", SMALL))[0] == 202


async def test_two_requests_with_one_key_count_once(settings: Settings) -> None:
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        await asyncio.gather(*(ask(system, "POST", "", SMALL, **{"Idempotency-Key": "k"}) for _ in range(4)))
        assert len(await system.rows("SELECT FROM stories")) == 1
        assert await system.pool.fetchval("SELECT stories FROM tenant_story_counts") == 1


async def test_a_story_has_so_many_regenerations(settings: Settings) -> None:
    async with running(settings) as system:
        await set_limit(system, regenerations_per_story=1)
        story_id = await system.post({**BRIEF, "assets": ["cover"]})
        await system.finished(story_id)
        path = f"/{story_id}/assets/cover/regenerate"
        one, again = [(await ask(system, "POST", path, **{"Idempotency-Key": "k"}))[0] for _ in range(2)]
        assert one == again == 202
        await system.projector_idle()
        await system.all_ended()
        status, body, headers = await ask(system, "POST", path)
        assert (status, body["code"], body["retryable"]) == (429, "regenerations_spent", False)
        assert "Retry-After" not in headers  # waiting is no help
        assert '"regenerations";q=1' in headers["RateLimit-Policy"]


async def test_what_was_paid_is_counted_with_the_day(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        system.makers.usd = 0.25
        for _ in range(3):
            await system.finished(await system.post())
        assert await spent(system) == pytest.approx(3 * len(GRAPH) * 0.25)


async def test_beyond_the_money_of_a_day_nothing_new_is_paid_and_what_is_paid_is_finished(settings: Settings) -> None:
    """The texts are there: they become the content; the pictures fail, and say why. All can be retried tomorrow."""
    async with running(settings) as system:
        await set_limit(system, usd_per_day=100)
        system.makers.usd = 1
        held = asyncio.Event()

        async def wait(job: AssetRequested) -> None:
            if job.asset is Asset.TEXT_4:
                await held.wait()

        system.makers.before = wait
        story_id = await system.post({**BRIEF, "assets": ["content", "activities", "pdf"]})

        async def nearly_written() -> bool:
            made = await system.rows(
                "SELECT FROM asset_generation_jobs WHERE asset_type IN ('outline', 'text_3') AND status = 'ready'"
            )
            return len(made) == 2

        await until(nearly_written)
        await set_limit(system, usd_per_day=0.5)
        await system.status.backlog.refuse_capped()  # else it is noticed with the next cost
        held.set()
        story = await system.finished(story_id)
        assets = story["assetGenerationStatus"]["assets"]
        assert story["status"] == "partial"
        assert assets["content"]["status"] == assets["pdf"]["status"] == "ready"
        assert assets["activities"]["code"] == "money_cap_reached"
        assert assets["activities"]["error"]["retryable"] is True
        assert "midnight UTC" in assets["activities"]["error"]["message"]
        assert system.makers.made[story_id, Asset.ACTIVITIES] == 0
        for method, path in (("POST", ""), ("POST", f"/{story_id}/assets/retry")):
            status, body, headers = await ask(system, method, path, SMALL if not path else {})
            assert (status, body["code"]) == (429, "money_cap_reached"), (path, body)
            assert 1 <= int(headers["Retry-After"]) <= 86_400
        await system.pool.execute("UPDATE tenant_costs SET day = day - 1")
        assert (await ask(system, "POST", f"/{story_id}/assets/retry", {}))[0] == 202

        async def made() -> bool:
            return bool((await system.get(story_id))["status"] == "ready")

        await until(made)


async def test_a_tenant_that_reaches_its_cap_stops_within_moments_and_no_other_does(settings: Settings) -> None:
    """Jobs that were dispatched are finished; those that wait fail without a call."""
    async with running(settings.model_copy(update={"slots_normal": 1}), in_memory=True) as system:
        await set_limit(system, usd_per_day=6)
        system.makers.usd = 1
        released = asyncio.Event()

        async def wait(_job: AssetRequested) -> None:
            await released.wait()

        system.makers.before = wait
        stories = [await system.post() for _ in range(6)]
        released.set()
        await system.all_ended()
        assert 6 <= await spent(system) <= 6 + 60
        codes = await system.rows(
            "SELECT DISTINCT metadata->>'code' AS code FROM asset_generation_jobs WHERE status = 'failed'"
        )
        assert {row["code"] for row in codes} <= {"money_cap_reached", "need_failed"}
        assert sum(system.makers.made.values()) < len(stories) * len(GRAPH)
        assert set(system.makers.made.values()) == {1}
        assert await system.dead() == {}


async def test_the_failure_of_a_capped_job_that_is_lost_is_said_again(settings: Settings) -> None:
    """It stays in the backlog until the failure is applied: a crash in between leaves nothing unsaid."""
    async with running(settings, workers=()) as system:
        story_id: UUID = await system.post(SMALL)
        await system.projector_idle()
        await system.status.stop()
        await system.pool.execute(
            "UPDATE asset_generation_jobs SET backlog_lane = 'content-normal', backlog_tenant = 'tests', "
            "backlog_since = now() WHERE status = 'queued'"
        )
        await set_limit(system, usd_per_day=0)
        other = await status.serve(settings)
        system.stack.push_async_callback(other.stop)

        async def failed() -> bool:
            return bool((await system.get(story_id))["status"] == "failed")

        await until(failed)
        error = (await system.get(story_id))["error"]
        assert (error["code"], error["retryable"]) == ("money_cap_reached", True)
