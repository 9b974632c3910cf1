"""Stories beyond a tenant's concurrent ones wait, in order, and come in as others end; nothing of them is lost."""

import asyncio
import json
from typing import Any
from uuid import UUID

from services.status import app as status
from services.status.repository import UnfinishedWork
from storyloom.runtime.settings import Settings
from storyloom.story.jobs import AssetRequested
from storyloom.web.keys import add_key
from tests.integration.core.system import BRIEF, BY_HAND, QUICK, System, running, until

SMALL = {**BRIEF, "assets": ["content"]}


async def limit(system: System, count: int | None, tenant: str = "tests") -> None:
    await system.pool.execute("UPDATE tenants SET concurrent_stories = $1 WHERE id = $2", count, tenant)


async def positions(system: System, stories: list[UUID]) -> list[int | None]:
    return [(await system.get(story))["queuePosition"] for story in stories]


def holding(system: System) -> asyncio.Event:
    """Let every job that begins wait until the event is set."""
    released = asyncio.Event()

    async def wait(_job: AssetRequested) -> None:
        await released.wait()

    system.makers.before = wait
    return released


async def test_what_exceeds_the_limit_waits_and_comes_in_by_its_turn(settings: Settings) -> None:
    """Never more than the limit at a time; an urgent one before the normal ones that wait; all are made, once."""
    async with running(settings, in_memory=True) as system:
        await limit(system, 2)
        released = holding(system)
        stories = [await system.post(SMALL) for _ in range(5)]
        urgent = await system.post({**SMALL, "priority": "urgent"})
        assert await positions(system, [*stories, urgent]) == [None, None, 2, 3, 4, 1]
        waiting = await system.get(stories[2])
        assert (waiting["status"], waiting["startedAt"]) == ("generating", None)
        async with system.http.get(f"{system.api.url}/api/v1/stories", headers=system.headers) as answer:
            listed = {one["id"]: one["queuePosition"] for one in (await answer.json())["stories"]}
        assert [listed[str(story)] for story in [*stories, urgent]] == [None, None, 2, 3, 4, 1]
        assert len(await system.rows("SELECT FROM stories WHERE seq > 0")) <= 2
        most = 0

        async def count() -> None:
            nonlocal most
            while True:
                under_way = "SELECT FROM stories WHERE status = 'generating' AND admitted_at IS NOT NULL"
                most = max(most, len(await system.rows(under_way)))
                await asyncio.sleep(0.005)

        counting = asyncio.create_task(count())
        released.set()
        await system.all_ended()
        counting.cancel()
        admitted = await system.rows("SELECT id FROM stories ORDER BY admitted_at, priority <> 'urgent', created_at")
        assert most <= 2
        assert [row["id"] for row in admitted] == [*stories[:2], urgent, *stories[2:]]
        assert {row["status"] for row in await system.rows("SELECT status FROM stories")} == {"ready"}
        assert set(system.makers.made.values()) == {1}


async def test_two_requests_at_the_same_instant_do_not_both_take_the_last_place(settings: Settings) -> None:
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        await limit(system, 3)
        await asyncio.gather(*(system.post(SMALL) for _ in range(8)))
        assert len(await system.rows("SELECT FROM stories WHERE admitted_at IS NOT NULL")) == 3


async def test_another_tenants_stories_do_not_count(settings: Settings) -> None:
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        await limit(system, 1)
        await system.post(SMALL)
        system.key = await add_key(system.pool, "other", "x")
        assert await positions(system, [await system.post(SMALL)]) == [None]


async def test_a_story_that_waits_is_not_lost_nor_late(settings: Settings) -> None:
    """The reconciler leaves it alone, however long it waits; its deadline runs from its admission."""
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        await limit(system, 1)
        first, waiting = await system.post(SMALL), await system.post(SMALL)
        await system.projector_idle()
        long_ago = "created_at = now() - interval '1 day', asset_generation_started_at = now() - interval '1 day'"
        await system.pool.execute(f"UPDATE stories SET {long_ago} WHERE id = $1", waiting)
        done = await system.status.reconciler.run_round()
        assert (done.stories_requeued, done.expired) == (0, 0)
        work = UnfinishedWork(system.pool)
        await limit(system, 2)

        async def admitted() -> bool:
            return await positions(system, [waiting]) == [None]

        await until(admitted)
        assert await work.overdue_stories(3600, await work.now()) == []
        assert first != waiting


async def test_a_story_whose_admission_was_published_to_nobody_is_found_by_the_reconciler(settings: Settings) -> None:
    """Status died between the commit and the event."""
    async with running(settings) as system:
        await limit(system, 1)
        released = holding(system)
        await system.post(SMALL)
        waiting = await system.post(SMALL)
        await system.pool.execute("UPDATE stories SET admitted_at = now() WHERE id = $1", waiting)
        released.set()
        assert (await system.finished(waiting))["status"] == "ready"


async def test_what_waits_survives_that_status_is_stopped(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        await limit(system, 1)
        released = holding(system)
        for _ in range(3):
            await system.post(SMALL)
        await system.status.stop()
        released.set()
        other = await status.serve(settings, reconciler_settings=QUICK)
        system.stack.push_async_callback(other.stop)
        await system.all_ended()
        assert set(system.makers.made.values()) == {1}


async def test_a_story_can_be_cancelled_while_it_waits_and_the_others_move_up(settings: Settings) -> None:
    async with running(settings, workers=()) as system:
        await limit(system, 1)
        first, second, third = [await system.post(SMALL) for _ in range(3)]
        url = f"{system.api.url}/api/v1/stories"
        async with system.http.post(f"{url}/{second}/cancel", headers=system.headers) as answer:
            assert answer.status == 202

        async def cancelled() -> bool:
            return bool((await system.get(second))["status"] == "cancelled")

        await until(cancelled)
        assert await positions(system, [first, second, third]) == [None, None, 1]
        assert [one[1] for one in await system.read_stream(second)][-1] == "end"
        async with system.http.delete(f"{url}/{first}", headers=system.headers) as answer:
            assert answer.status == 200

        async def moved_up() -> bool:
            return await positions(system, [third]) == [None]

        await until(moved_up)  # by polling: no event tells of a deletion


async def test_readers_of_a_story_that_waits_are_told_their_place_and_then_the_story(settings: Settings) -> None:
    async with running(settings, in_memory=True) as system:
        await limit(system, 1)
        released = holding(system)
        _, second, third = [await system.post(SMALL) for _ in range(3)]
        stream = system.stream(third)
        number, event, data = await anext(stream)
        assert (number, event, json.loads(data)) == (None, "queue", {"queuePosition": 2})
        async with system.http.delete(f"{system.api.url}/api/v1/stories/{second}", headers=system.headers):
            pass
        number, event, data = await asyncio.wait_for(anext(stream), 10)
        assert (number, event, json.loads(data)) == (None, "queue", {"queuePosition": 1})
        released.set()
        rest = [one async for one in stream]
        assert (rest[0][0], rest[0][1]) == ("1", "snapshot")
        assert rest[-1][1] == "end"


async def test_a_place_that_changes_is_another_version_of_the_story(settings: Settings) -> None:
    """A client that asks with its ETag must see that it has moved up."""
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        await limit(system, 1)
        _, second, third = [await system.post(SMALL) for _ in range(3)]
        url = f"{system.api.url}/api/v1/stories/{third}"
        async with system.http.get(url, headers=system.headers) as answer:
            known = {**system.headers, "If-None-Match": answer.headers["ETag"]}
        async with system.http.get(url, headers=known) as answer:
            assert answer.status == 304
        await system.pool.execute("DELETE FROM stories WHERE id = $1", second)
        async with system.http.get(url, headers=known) as answer:
            assert (await answer.json())["queuePosition"] == 1


async def test_the_answer_to_a_request_that_waits_says_so(settings: Settings) -> None:
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        await limit(system, 1)

        async def post() -> dict[str, Any]:
            async with system.http.post(
                f"{system.api.url}/api/v1/stories", json=SMALL, headers=system.headers
            ) as answer:
                found: dict[str, Any] = await answer.json()
                return found

        assert "queuePosition" not in await post()
        assert (await post())["queuePosition"] == 1
