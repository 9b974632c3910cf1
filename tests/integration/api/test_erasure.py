"""Deleting a story: rows, objects and messages go, and so does what a late worker leaves there afterwards."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.api.erasure import LEASE_SECONDS, MAX_CONCURRENT, RETRY_DELAY_SECONDS, Eraser, purge_delays
from services.api.repository import queries
from storyloom.jobs.manifest import Manifest, write_manifest
from storyloom.messaging.connection import connect
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.events import AssetCompleted, story_requested
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.web.keys import Caller, add_key
from tests.integration.api.command_requests import send, set_state, wait_applied, wait_started
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until
from tests.makers import sample

CALLER = Caller("tests", frozenset())
LATE_DELAYS = (1000.0, 2000.0)
"""Purges that become due when a test says so."""
LATE = fingerprint("late")


async def messages(system: System, story_id: UUID) -> int:
    """How many messages of a story NATS holds."""
    names, found = system.bus.names, 0
    for stream, subject in (
        (names.jobs, f"job.*.*.{story_id}.>"),
        (names.story, f"story.evt.*.{story_id}"),
        (names.dead, f"dead.*.{story_id}.*"),
    ):
        info = await system.bus.js.stream_info(stream, subjects_filter=names.subject(subject))
        found += sum((info.state.subjects or {}).values())
    return found


async def stored(system: System, story_id: UUID) -> list[tuple[str, int]]:
    return await system.api.eraser.objects.list_keys(story_id)


async def remaining(system: System, story_id: UUID) -> dict[str, int]:
    """How much of a story is anywhere, without its receipt."""
    found = {}
    for table in ("stories", "asset_generation_jobs", "story_events", "command_outbox"):
        column = "id" if table == "stories" else "story_id"
        (row,) = await system.rows(f"SELECT count(*) AS n FROM {table} WHERE {column} = $1", story_id)
        found[table] = row["n"]
    return found | {"objects": len(await stored(system, story_id)), "messages": await messages(system, story_id)}


async def late_worker(system: System, story_id: UUID, *, publish: bool = True) -> None:
    """As a worker does that could not be stopped: its result is stored, then published."""
    asset, objects = Asset.COVER, system.api.eraser.objects
    await objects.put(story_id, asset, b"late", "image/png")
    result = sample(asset, story_id)
    await write_manifest(
        objects, story_id, Manifest.model_validate({"asset": asset, "fingerprint": LATE, "result": result.model_dump()})
    )
    if publish:
        now = datetime.now(UTC)
        late = AssetCompleted(
            id=f"{story_id}.cover.late",
            story_id=story_id,
            tenant_id="tests",
            trace="",
            at=now,
            asset=asset,
            fingerprint=LATE,
            started_at=now,
            result=result,
        )
        await system.bus.publish_events(late)


async def erasure(system: System, story_id: UUID) -> Any:
    (row,) = await system.rows("SELECT *, due_at - created_at AS after FROM erasures WHERE story_id = $1", story_id)
    return row


@asynccontextmanager
async def manual_eraser(settings: Settings) -> AsyncIterator[tuple[System, UUID, Eraser]]:
    """A story that nothing changes, and the only eraser, which purges when a test calls it."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        system.api.eraser_task.cancel()
        story_id = await system.post()
        await wait_started(system)
        await system.status.stop()
        api = system.api.eraser
        yield system, story_id, Eraser(system.pool, api.bus, api.objects, LATE_DELAYS, api.cancel_jobs)


async def advance(system: System, seconds: float) -> None:
    """Move the erasures into the past."""
    await system.pool.execute(
        "UPDATE erasures SET created_at = created_at - $1::interval, due_at = due_at - $1::interval",
        timedelta(seconds=seconds),
    )


async def test_a_deleted_story_is_gone_and_its_receipt_counts_it(settings: Settings) -> None:
    async with running(settings) as system:
        story_id = await system.post()
        await system.finished(story_id)
        await wait_applied(system, story_id, *await send(system, "POST", story_id, "/assets/cover/regenerate"))
        await system.projector_idle()
        before, size = await remaining(system, story_id), sum(size for _, size in await stored(system, story_id))
        assert before["objects"] >= len(GRAPH)
        status, receipt = await send(system, "DELETE", story_id, "")
        assert (status, receipt["complete"], receipt["id"]) == (200, True, str(story_id))
        assert datetime.fromisoformat(receipt["erasedAt"]).tzinfo is not None
        assert receipt["rows"] == {
            "stories": 1,
            "assets": before["asset_generation_jobs"],
            "events": before["story_events"],
            "wishes": 1,
            "deliveries": 0,
        }
        assert (receipt["objects"], receipt["bytes"], receipt["messages"]) == (
            before["objects"],
            size,
            before["messages"],
        )
        assert set((await remaining(system, story_id)).values()) == {0}
        assert (await send(system, "GET", story_id, ""))[0] == 404
        assert (await send(system, "POST", story_id, "/cancel"))[0] == 404


async def test_deleting_again_is_answered_by_the_receipt_to_its_owner_alone(settings: Settings) -> None:
    async with manual_eraser(settings) as (system, story_id, _):
        one, two = await asyncio.gather(*(send(system, "DELETE", story_id, "") for _ in range(2)))
        assert {one[0], two[0]} <= {200, 202}
        assert one[1]["erasedAt"] == two[1]["erasedAt"]
        status, receipt = await send(system, "DELETE", story_id, "")
        assert (status, receipt["complete"]) == (200, True)
        assert await send(system, "DELETE", story_id, "") == (status, receipt)
        system.key = await add_key(system.pool, "stranger", "x")
        assert (await send(system, "DELETE", story_id, ""))[0] == 404


async def test_nothing_else_is_touched(settings: Settings) -> None:
    async with running(settings) as system:
        story_id, other = await system.post(), await system.post()
        for one in (story_id, other):
            await system.finished(one)
        await system.projector_idle()
        before, story = await remaining(system, other), await system.get(other)
        await send(system, "DELETE", story_id, "")
        assert await remaining(system, other) == before
        assert await system.get(other) == story


async def test_a_deleted_storys_idempotency_key_is_free_again(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        ids = []
        for _ in range(2):
            headers = {**system.headers, "Idempotency-Key": "order-1"}
            async with system.http.post(f"{system.api.url}/api/v1/stories", json=BRIEF, headers=headers) as answer:
                ids.append(UUID((await answer.json())["id"]))
            await send(system, "DELETE", ids[-1], "")
        assert ids[0] != ids[1]


async def test_the_readers_of_a_deleted_story_get_an_event(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        stream = system.stream(story_id)
        assert (await anext(stream))[0] == "1"
        await send(system, "DELETE", story_id, "")
        async with asyncio.timeout(10):
            rest = [one async for one in stream]
    assert rest == [(None, "deleted", "{}"), (None, "end", "{}")]


async def test_the_workers_of_a_deleted_story_are_stopped(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND) as system:
        forever = asyncio.Event()

        async def wait(job: AssetRequested) -> None:
            await forever.wait()

        system.makers.before = wait
        story_id = await system.post()
        await asyncio.wait_for(system.makers.began.wait(), 10)
        await send(system, "DELETE", story_id, "")

        async def stopped() -> bool:
            return system.makers.running == 0

        await until(stopped, within=5)
        assert not system.makers.made


async def test_what_a_late_worker_stores_is_purged_and_counted(settings: Settings) -> None:
    """Here without an event: it is found by the next scheduled purge."""
    async with manual_eraser(settings) as (system, story_id, eraser):
        receipt = await eraser.erase(CALLER, story_id)
        assert (await erasure(system, story_id))["after"] == timedelta(seconds=LATE_DELAYS[0])
        await late_worker(system, story_id, publish=False)
        assert await eraser.purge_due() == 0
        await advance(system, LATE_DELAYS[0])
        assert await eraser.purge_due() == 1
        assert set((await remaining(system, story_id)).values()) == {0}
        row = await erasure(system, story_id)
        assert (row["receipt"]["objects"], row["receipt"]["messages"]) == (2, receipt["messages"])
        assert row["receipt"]["bytes"] > 4
        assert row["after"] == timedelta(seconds=LATE_DELAYS[1])


async def test_a_purge_that_seems_due_in_an_hour_is_due_now(settings: Settings) -> None:
    """Postgres's clock was set back: no purge is ever scheduled so late."""
    async with manual_eraser(settings) as (system, story_id, eraser):
        await eraser.erase(CALLER, story_id)
        assert await eraser.purge_due() == 0
        await advance(system, -3600)
        assert await eraser.purge_due() == 1


async def test_the_last_purge_is_the_last_if_it_finds_nothing(settings: Settings) -> None:
    """Late workers before do not change the schedule; one before the last purge adds another."""
    async with manual_eraser(settings) as (system, story_id, eraser):
        await eraser.erase(CALLER, story_id)
        for _ in range(3):
            await late_worker(system, story_id, publish=False)
            await system.pool.execute("UPDATE erasures SET due_at = now()")
            assert await eraser.purge_due() == 1
            assert (await erasure(system, story_id))["after"] == timedelta(seconds=LATE_DELAYS[0])
        await advance(system, LATE_DELAYS[1])
        await late_worker(system, story_id, publish=False)
        assert await eraser.purge_due() == 1
        (row,) = await system.rows("SELECT due_at - now() AS left FROM erasures")
        assert timedelta(seconds=LATE_DELAYS[1] - 60) < row["left"] <= timedelta(seconds=LATE_DELAYS[1])
        await advance(system, LATE_DELAYS[1])
        assert await eraser.purge_due() == 1
        assert (await erasure(system, story_id))["due_at"] is None
        assert await eraser.purge_due() == 0


async def test_without_the_store_the_rest_is_erased_and_the_store_follows(settings: Settings) -> None:
    async with manual_eraser(settings) as (system, story_id, eraser):
        await late_worker(system, story_id, publish=False)
        unreachable = Objects(settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:1"}))
        system.stack.push_async_callback(unreachable.close)
        receipt = await Eraser(system.pool, eraser.bus, unreachable, LATE_DELAYS, eraser.cancel_jobs).erase(
            CALLER, story_id
        )
        assert (receipt["complete"], receipt["objects"]) == (False, 0)
        assert receipt["messages"] > 0
        assert (await send(system, "DELETE", story_id, ""))[0] == 202
        found = await remaining(system, story_id)
        assert found.pop("objects") == 2
        assert set(found.values()) == {0}
        await advance(system, RETRY_DELAY_SECONDS)
        assert await eraser.purge_due() == 1
        status, receipt = await send(system, "DELETE", story_id, "")
        assert (status, receipt["complete"], receipt["objects"]) == (200, True, 2)
        assert (await erasure(system, story_id))["due_at"] is not None


async def test_without_nats_the_rest_is_erased_and_nats_follows(settings: Settings) -> None:
    async with manual_eraser(settings) as (system, story_id, eraser):
        await late_worker(system, story_id)
        closed = await connect(settings, "gone")
        await closed.close()
        receipt = await Eraser(system.pool, closed, eraser.objects, LATE_DELAYS, eraser.cancel_jobs).erase(
            CALLER, story_id
        )
        assert (receipt["complete"], receipt["objects"], receipt["messages"]) == (False, 2, 0)
        held = await messages(system, story_id)
        assert held > 0
        await advance(system, RETRY_DELAY_SECONDS)
        assert await eraser.purge_due() == 1
        assert await messages(system, story_id) == 0
        assert (await erasure(system, story_id))["receipt"]["messages"] == held


class InterruptedObjects(Objects):
    """A store that calls ``then`` in the middle of an erasure."""

    def __init__(self, settings: Settings, then: Callable[[], Awaitable[None]]) -> None:
        super().__init__(settings)
        self._then = then

    async def erase(self, story_id: UUID) -> tuple[int, int]:
        """Erase, then call it."""
        found = await super().erase(story_id)
        await self._then()
        return found


async def _die() -> None:
    raise asyncio.CancelledError


async def test_what_a_dead_replica_had_claimed_is_purged_by_another(settings: Settings) -> None:
    """…once its claim has expired, and not before."""
    async with manual_eraser(settings) as (system, story_id, eraser):
        dying = InterruptedObjects(settings, _die)
        await dying.open()  # building its client is not in the time that it is given
        system.stack.push_async_callback(dying.close)
        with pytest.raises(asyncio.CancelledError):
            await Eraser(system.pool, eraser.bus, dying, LATE_DELAYS, eraser.cancel_jobs).erase(CALLER, story_id)
        assert (await erasure(system, story_id))["receipt"]["complete"] is False
        assert await eraser.purge_due() == 0
        await advance(system, LEASE_SECONDS)
        assert await eraser.purge_due() == 1
        assert (await erasure(system, story_id))["receipt"]["complete"] is True


async def test_what_a_worker_stores_during_a_purge_is_purged_after_it(settings: Settings) -> None:
    """The projector makes the erasure of a late result due at once; a purge in progress must not postpone that."""
    async with manual_eraser(settings) as (system, story_id, eraser):

        async def store_late() -> None:
            await late_worker(system, story_id, publish=False)
            await system.pool.execute("UPDATE erasures SET due_at = now()")

        busy = InterruptedObjects(settings, store_late)
        await busy.open()  # building its client is not in the time that it is given
        system.stack.push_async_callback(busy.close)
        await Eraser(system.pool, eraser.bus, busy, LATE_DELAYS, eraser.cancel_jobs).erase(CALLER, story_id)
        assert await eraser.purge_due() == 1
        assert await stored(system, story_id) == []


async def test_replicas_share_what_is_due(settings: Settings) -> None:
    """Each is purged by one of them."""
    async with manual_eraser(settings) as (system, _, eraser):
        for _ in range(20):
            await eraser.erase(CALLER, await system.post())
        await advance(system, LATE_DELAYS[0])
        other = Eraser(system.pool, eraser.bus, eraser.objects, LATE_DELAYS, eraser.cancel_jobs)

        async def all_of(one: Eraser) -> int:
            done = 0
            while purged := await one.purge_due():
                done += purged
            return done

        assert sum(await asyncio.gather(all_of(eraser), all_of(other))) == 20
        rows = await system.rows("SELECT sweeps FROM erasures")
        assert {row["sweeps"] for row in rows} == {2}


async def test_erasers_do_not_wait_for_each_others_claims(settings: Settings) -> None:
    """…nor claim the same."""
    async with manual_eraser(settings) as (system, _, eraser):
        for _ in range(MAX_CONCURRENT + 2):
            await eraser.erase(CALLER, await system.post())
        await advance(system, LATE_DELAYS[0])
        async with system.pool.acquire() as connection, connection.transaction():
            claimed = queries().claim_erasures(connection, limit=MAX_CONCURRENT, lease=LEASE_SECONDS, horizon=3600.0)
            others = [row["story_id"] async for row in claimed]
            assert await asyncio.wait_for(eraser.purge_due(), 10) == 2
        purged = await system.rows("SELECT story_id FROM erasures WHERE sweeps = 2")
        assert not {row["story_id"] for row in purged} & set(others)


async def test_the_running_api_purges_what_is_due(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        await wait_started(system)
        await system.status.stop()
        await send(system, "DELETE", story_id, "")
        await late_worker(system, story_id)
        await system.pool.execute("UPDATE erasures SET due_at = now()")

        async def clean() -> bool:
            return set((await remaining(system, story_id)).values()) == {0}

        await until(clean)


async def test_a_command_and_a_deletion_at_once_leave_nothing(settings: Settings) -> None:
    """Whichever is first: the command is accepted or finds no story; its row is deleted with the story."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        ids = [await system.post() for _ in range(5)]
        await wait_started(system)
        await system.status.stop()
        for story_id in ids:
            await set_state(system, story_id, cover="failed")
            requests = [send(system, "POST", story_id, f"/assets/{name}/regenerate") for name in ("cover", "pdf") * 3]
            answers = await asyncio.gather(*requests[:3], send(system, "DELETE", story_id, ""), *requests[3:])
            assert {status for status, _ in answers} <= {200, 202, 404, 503}  # a busy machine takes too long
            found = await remaining(system, story_id)
            found.pop("messages")  # a command may be published after the first purge: the next one finds it
            assert set(found.values()) == {0}


def test_the_last_purge_is_due_when_no_job_can_be_in_flight() -> None:
    """Whatever the settings say."""
    usual = Settings()
    assert purge_delays(usual) == usual.erasure_sweeps
    assert usual.erasure_sweeps[-1] > usual.job_timeout + usual.ack_wait
    slow = usual.model_copy(update={"job_timeout": 3000.0})
    assert purge_delays(slow)[:-1] == usual.erasure_sweeps
    assert purge_delays(slow)[-1] > 3000 + slow.ack_wait
    assert purge_delays(usual.model_copy(update={"erasure_sweeps": ()}))[-1] > usual.job_timeout + usual.ack_wait


async def test_an_event_of_a_deleted_story_brings_nothing_back(settings: Settings) -> None:
    """Neither its StoryRequested, published again, nor a worker's late result."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        system.api.eraser_task.cancel()
        story_id = await system.post()
        await wait_started(system)
        await send(system, "DELETE", story_id, "")
        await system.bus.republish(story_requested(story_id, "tests", "", datetime.now(UTC)))
        await late_worker(system, story_id)
        await system.projector_idle()
        found = await remaining(system, story_id)
        assert (found["stories"], found["asset_generation_jobs"], found["story_events"]) == (0, 0, 0)
        assert not await system.live_jobs()
