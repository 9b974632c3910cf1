"""A delivery is committed with its event, once, for whoever wants it; it goes with its story."""

from collections import Counter
from typing import Any

import orjson
import pytest

from services.webhooks import app as webhooks
from storyloom.db.pool import Pool
from storyloom.runtime.settings import Settings
from storyloom.story.assets import PUBLIC, Asset, Service
from storyloom.story.errors import PermanentError
from storyloom.story.events import EVENT
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BRIEF, System, new_projector, running, until
from tests.integration.webhooks.receiver import Receiver, local
from tests.integration.webhooks.rows import add_endpoint


async def events(pool: Pool) -> Counter[str]:
    """How many deliveries there are, by type and asset."""
    rows = await pool.fetch("SELECT payload FROM webhook_deliveries")
    told = [orjson.loads(row["payload"]) for row in rows]
    return Counter(f"{one['type']} {one['data'].get('asset', '')}".strip() for one in told)


async def test_each_end_of_an_asset_and_of_its_story_is_a_delivery(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        found = await add_endpoint(system.pool, "https://hooks.invalid/")
        await system.finished(await system.post({**BRIEF, "characterName": "Esmeralda"}))
        expected = Counter([*(f"asset.completed {asset.value}" for asset in PUBLIC), "story.completed"])
        assert await events(system.pool) == expected
        rows = await system.rows("SELECT * FROM webhook_deliveries")
        assert {row["endpoint_id"] for row in rows} == {found}
        assert all(row["state"] == "pending" for row in rows)
        assert "Esmeralda" not in "".join(row["payload"] for row in rows)


async def test_failures_and_cancellations_are_deliveries_too(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:

        async def refuse(job: AssetRequested) -> None:
            if job.asset is Asset.COVER:
                raise PermanentError("no", code="content_refused")

        system.makers.before = refuse
        await add_endpoint(system.pool, "https://hooks.invalid/")
        await system.finished(await system.post())
        found = await events(system.pool)
        assert found["asset.failed cover"] == 1
        assert found["story.completed"] == 1
        rows = await system.rows("SELECT payload FROM webhook_deliveries WHERE type = 'asset.failed'")
        assert orjson.loads(rows[0]["payload"])["data"]["error"]["code"] == "content_refused"


async def test_a_cancelled_story_is_told(settings: Settings) -> None:
    async with running(settings, workers=()) as system:
        await add_endpoint(system.pool, "https://hooks.invalid/")
        story_id = await system.post()
        url = f"{system.api.url}/api/v1/stories/{story_id}/cancel"
        async with system.http.post(url, headers=system.headers) as answer:
            assert answer.status == 202
        await system.all_ended()
        assert await events(system.pool) == Counter(["story.cancelled"])


async def test_only_what_an_enabled_endpoint_of_the_tenant_wants_is_written(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        wants = await add_endpoint(system.pool, "https://a.invalid/", event_types=["story.completed"])
        await add_endpoint(system.pool, "https://b.invalid/", event_types=["story.failed"])
        await add_endpoint(system.pool, "https://c.invalid/", enabled=False, disabled_reason="client")
        other = await add_endpoint(system.pool, "https://d.invalid/")
        await system.pool.execute("INSERT INTO tenants (id) VALUES ('others')")
        await system.pool.execute("UPDATE webhook_endpoints SET tenant_id = 'others' WHERE id = $1", other)
        await system.finished(await system.post())
        rows = await system.rows("SELECT endpoint_id, type FROM webhook_deliveries")
        assert [(row["endpoint_id"], row["type"]) for row in rows] == [(wants, "story.completed")]


async def replayed(system: System) -> Any:
    """Every event on STORY, in order."""
    names = system.bus.names
    info = await system.bus.js.stream_info(names.story)
    found = []
    for seq in range(1, info.state.last_seq + 1):
        message = await system.bus.js.get_msg(names.story, seq)
        event = EVENT.validate_json(message.data or b"")
        if type(event).__name__ != "StoryCompleted":
            found.append(event)
    return found


async def test_none_is_made_twice_though_everything_is_applied_again(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        await add_endpoint(system.pool, "https://hooks.invalid/")
        await system.finished(await system.post())
        await system.projector_idle()
        before = await events(system.pool)
        await new_projector(system).project(await replayed(system))
        assert await events(system.pool) == before
        assert set(before.values()) == {1}


async def test_a_transition_that_is_not_committed_makes_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of one statement: what breaks the one breaks the other."""
    async with running(settings, workers=()) as system:
        await add_endpoint(system.pool, "https://hooks.invalid/")
        await system.pool.execute("ALTER TABLE story_events ADD CONSTRAINT broken CHECK (event <> 'story')")
        story_id = await system.post()
        url = f"{system.api.url}/api/v1/stories/{story_id}/cancel"
        async with system.http.post(url, headers=system.headers) as answer:
            assert answer.status == 202

        async def tried() -> bool:
            return bool(system.status.projector._failures)

        await until(tried)
        assert await events(system.pool) == Counter()
        await system.pool.execute("ALTER TABLE story_events DROP CONSTRAINT broken")
        await system.all_ended()
        assert await events(system.pool) == Counter(["story.cancelled"])


async def test_a_deleted_endpoint_never_breaks_a_transition(settings: Settings) -> None:
    """Its deliveries name it without a foreign key: what it was made in its last moment is tidied up."""
    async with running(settings, in_memory=True) as system:
        await add_endpoint(system.pool, "https://hooks.invalid/")
        await system.finished(await system.post())
        await system.pool.execute("DELETE FROM webhook_endpoints")
        assert await events(system.pool)
        await system.finished(await system.post())
        service = await webhooks.serve(local(settings))
        try:

            async def tidied() -> bool:
                return not await system.rows("SELECT FROM webhook_deliveries")

            await until(tidied)
        finally:
            await service.stop()


async def test_a_deleted_story_takes_its_deliveries_along(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        await add_endpoint(system.pool, "https://hooks.invalid/")
        story_id = await system.post()
        await system.finished(story_id)
        await system.projector_idle()
        other = await system.post()
        await system.finished(other)
        count = sum((await events(system.pool)).values()) // 2
        url = f"{system.api.url}/api/v1/stories/{story_id}"
        async with system.http.delete(url, headers=system.headers) as answer:
            assert (await answer.json())["rows"]["deliveries"] == count
        rows = await system.rows("SELECT DISTINCT story_id FROM webhook_deliveries")
        assert [row["story_id"] for row in rows] == [other]


async def test_the_first_attempt_follows_the_event_at_once(settings: Settings) -> None:
    """Status says so after its commit: nobody waits for the search that is made once a second."""
    async with running(settings, workers=(Service.CONTENT,), in_memory=True) as system, Receiver() as receiver:
        service = await webhooks.serve(local(settings))
        try:
            await add_endpoint(system.pool, receiver.url)
            service.dispatcher._search_at = float("inf")
            await system.finished(await system.post({**BRIEF, "assets": ["content"]}))
            received = await receiver.wait_for(2)
        finally:
            await service.stop()
        assert [one.event["type"] for one in received] == ["asset.completed", "story.completed"]


async def test_what_is_there_already_does_not_break_the_transition(settings: Settings) -> None:
    """A failover may lose a commit whose deliveries were restored otherwise: the same event is the same row."""
    async with running(settings, workers=()) as system:
        found = await add_endpoint(system.pool, "https://hooks.invalid/")
        story_id = await system.post()
        await system.projector_idle()
        seq = (await system.rows("SELECT seq FROM stories"))[0]["seq"]
        assets = await system.rows("SELECT FROM asset_generation_jobs")
        for place in range(seq + 1, seq + len(assets) + 2):
            await system.pool.execute(
                "INSERT INTO webhook_deliveries (endpoint_id, event_id, type, payload, next_at)"
                " VALUES ($1, $2, 'story.cancelled', '{}', now())",
                found,
                f"evt_{story_id.hex}_{place}",
            )
        url = f"{system.api.url}/api/v1/stories/{story_id}/cancel"
        async with system.http.post(url, headers=system.headers) as answer:
            assert answer.status == 202
        await system.all_ended()
        assert await system.rows("SELECT FROM webhook_deliveries WHERE payload <> '{}'") == []
