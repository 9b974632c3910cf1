"""Deleting a story: rows, objects and messages go, and so does what somebody leaves there afterwards."""

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
from tests.integration.api.command_requests import ask, come_true, heard, put
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until
from tests.makers import sample

WHO = Caller("tests", frozenset())
FAR = (1000.0, 2000.0)
"""A schedule whose moments come when a test says so."""
LATE = fingerprint("late")


async def messages(system: System, story_id: UUID) -> int:
    """How many messages of a story the bus holds."""
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


async def traces(system: System, story_id: UUID) -> dict[str, int]:
    """What there is of a story anywhere, but for its receipt."""
    found = {}
    for table in ("stories", "asset_generation_jobs", "story_events", "command_outbox"):
        column = "id" if table == "stories" else "story_id"
        (row,) = await system.rows(f"SELECT count(*) AS n FROM {table} WHERE {column} = $1", story_id)
        found[table] = row["n"]
    return found | {"objects": len(await stored(system, story_id)), "messages": await messages(system, story_id)}


async def come_late(system: System, story_id: UUID, *, told: bool = True) -> None:
    """As a worker does whom nobody could stop: its result is stored, then told."""
    asset, objects = Asset.COVER, system.api.eraser.objects
    await objects.put(story_id, asset, b"late", "image/png")
    result = sample(asset, story_id)
    await write_manifest(
        objects, story_id, Manifest.model_validate({"asset": asset, "fingerprint": LATE, "result": result.model_dump()})
    )
    if told:
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
async def by_hand(settings: Settings) -> AsyncIterator[tuple[System, UUID, Eraser]]:
    """A story that stands still, and an eraser that moves when it is asked to, alone."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        system.api.eraser_task.cancel()
        story_id = await system.post()
        await heard(system)
        await system.status.stop()
        yield (
            system,
            story_id,
            Eraser(system.pool, system.api.eraser.bus, system.api.eraser.objects, FAR, system.api.eraser.cancel_jobs),
        )


async def pass_by(system: System, seconds: float) -> None:
    """Let time go by for what was erased."""
    await system.pool.execute(
        "UPDATE erasures SET created_at = created_at - $1::interval, due_at = due_at - $1::interval",
        timedelta(seconds=seconds),
    )


async def test_a_deleted_story_is_gone_and_its_receipt_says_what_went(settings: Settings) -> None:
    async with running(settings) as system:
        story_id = await system.post()
        await system.finished(story_id)
        await come_true(system, story_id, *await ask(system, "POST", story_id, "/assets/cover/regenerate"))
        await system.projector_idle()
        before, size = await traces(system, story_id), sum(size for _, size in await stored(system, story_id))
        assert before["objects"] >= len(GRAPH)
        status, receipt = await ask(system, "DELETE", story_id, "")
        assert (status, receipt["complete"], receipt["id"]) == (200, True, str(story_id))
        assert datetime.fromisoformat(receipt["erasedAt"]).tzinfo is not None
        assert receipt["rows"] == {
            "stories": 1,
            "assets": before["asset_generation_jobs"],
            "events": before["story_events"],
            "wishes": 1,
        }
        assert (receipt["objects"], receipt["bytes"], receipt["messages"]) == (
            before["objects"],
            size,
            before["messages"],
        )
        assert set((await traces(system, story_id)).values()) == {0}
        assert (await ask(system, "GET", story_id, ""))[0] == 404
        assert (await ask(system, "POST", story_id, "/cancel"))[0] == 404


async def test_deleting_again_is_answered_by_the_receipt_to_its_owner_alone(settings: Settings) -> None:
    async with by_hand(settings) as (system, story_id, _):
        one, two = await asyncio.gather(*(ask(system, "DELETE", story_id, "") for _ in range(2)))
        assert {one[0], two[0]} <= {200, 202}
        assert one[1]["erasedAt"] == two[1]["erasedAt"]
        status, receipt = await ask(system, "DELETE", story_id, "")
        assert (status, receipt["complete"]) == (200, True)
        assert await ask(system, "DELETE", story_id, "") == (status, receipt)
        system.key = await add_key(system.pool, "stranger", "x")
        assert (await ask(system, "DELETE", story_id, ""))[0] == 404


async def test_nothing_else_is_touched(settings: Settings) -> None:
    async with running(settings) as system:
        story_id, other = await system.post(), await system.post()
        for one in (story_id, other):
            await system.finished(one)
        await system.projector_idle()
        before, story = await traces(system, other), await system.get(other)
        await ask(system, "DELETE", story_id, "")
        assert await traces(system, other) == before
        assert await system.get(other) == story


async def test_a_deleted_storys_idempotency_key_is_free_again(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        ids = []
        for _ in range(2):
            headers = {**system.headers, "Idempotency-Key": "order-1"}
            async with system.http.post(f"{system.api.url}/api/v1/stories", json=BRIEF, headers=headers) as answer:
                ids.append(UUID((await answer.json())["id"]))
            await ask(system, "DELETE", ids[-1], "")
        assert ids[0] != ids[1]


async def test_those_who_watch_a_story_are_told_that_it_was_deleted(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        listening = system.stream(story_id)
        assert (await anext(listening))[0] == "1"
        await ask(system, "DELETE", story_id, "")
        async with asyncio.timeout(10):
            rest = [one async for one in listening]
    assert rest == [(None, "deleted", "{}"), (None, "end", "{}")]


async def test_whoever_works_on_a_deleted_story_is_stopped(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND) as system:
        forever = asyncio.Event()

        async def wait(job: AssetRequested) -> None:
            await forever.wait()

        system.makers.before = wait
        story_id = await system.post()
        await asyncio.wait_for(system.makers.began.wait(), 10)
        await ask(system, "DELETE", story_id, "")

        async def stopped() -> bool:
            return system.makers.running == 0

        await until(stopped, within=5)
        assert not system.makers.made


async def test_what_a_worker_leaves_behind_afterwards_is_swept_up_and_counted(settings: Settings) -> None:
    """Here one that nobody hears of: it is found when its time has come."""
    async with by_hand(settings) as (system, story_id, eraser):
        receipt = await eraser.erase(WHO, story_id)
        assert (await erasure(system, story_id))["after"] == timedelta(seconds=FAR[0])
        await come_late(system, story_id, told=False)
        assert await eraser.purge_due() == 0
        await pass_by(system, FAR[0])
        assert await eraser.purge_due() == 1
        assert set((await traces(system, story_id)).values()) == {0}
        row = await erasure(system, story_id)
        assert (row["receipt"]["objects"], row["receipt"]["messages"]) == (2, receipt["messages"])
        assert row["receipt"]["bytes"] > 4
        assert row["after"] == timedelta(seconds=FAR[1])


async def test_the_last_sweep_is_the_last_if_it_finds_nothing(settings: Settings) -> None:
    """However often somebody came late before, the moments stand; one who comes at the last of them moves the end."""
    async with by_hand(settings) as (system, story_id, eraser):
        await eraser.erase(WHO, story_id)
        for _ in range(3):
            await come_late(system, story_id, told=False)
            await system.pool.execute("UPDATE erasures SET due_at = now()")
            assert await eraser.purge_due() == 1
            assert (await erasure(system, story_id))["after"] == timedelta(seconds=FAR[0])
        await pass_by(system, FAR[1])
        await come_late(system, story_id, told=False)
        assert await eraser.purge_due() == 1
        (row,) = await system.rows("SELECT due_at - now() AS left FROM erasures")
        assert timedelta(seconds=FAR[1] - 60) < row["left"] <= timedelta(seconds=FAR[1])
        await pass_by(system, FAR[1])
        assert await eraser.purge_due() == 1
        assert (await erasure(system, story_id))["due_at"] is None
        assert await eraser.purge_due() == 0


async def test_while_the_store_is_away_the_rest_goes_and_the_store_follows(settings: Settings) -> None:
    async with by_hand(settings) as (system, story_id, eraser):
        await come_late(system, story_id, told=False)
        away = Objects(settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:1"}))
        system.stack.push_async_callback(away.close)
        receipt = await Eraser(system.pool, eraser.bus, away, FAR, eraser.cancel_jobs).erase(WHO, story_id)
        assert (receipt["complete"], receipt["objects"]) == (False, 0)
        assert receipt["messages"] > 0
        assert (await ask(system, "DELETE", story_id, ""))[0] == 202
        found = await traces(system, story_id)
        assert found.pop("objects") == 2
        assert set(found.values()) == {0}
        await pass_by(system, RETRY_DELAY_SECONDS)
        assert await eraser.purge_due() == 1
        status, receipt = await ask(system, "DELETE", story_id, "")
        assert (status, receipt["complete"], receipt["objects"]) == (200, True, 2)
        assert (await erasure(system, story_id))["due_at"] is not None


async def test_while_the_bus_is_away_the_rest_goes_and_the_bus_follows(settings: Settings) -> None:
    async with by_hand(settings) as (system, story_id, eraser):
        await come_late(system, story_id)
        closed = await connect(settings, "gone")
        await closed.close()
        receipt = await Eraser(system.pool, closed, eraser.objects, FAR, eraser.cancel_jobs).erase(WHO, story_id)
        assert (receipt["complete"], receipt["objects"], receipt["messages"]) == (False, 2, 0)
        held = await messages(system, story_id)
        assert held > 0
        await pass_by(system, RETRY_DELAY_SECONDS)
        assert await eraser.purge_due() == 1
        assert await messages(system, story_id) == 0
        assert (await erasure(system, story_id))["receipt"]["messages"] == held


class Dying(Objects):
    """A store in the middle of whose erasing something happens."""

    def __init__(self, settings: Settings, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(settings)
        self._happens = happens

    async def erase(self, story_id: UUID) -> tuple[int, int]:
        """Erase, then let it happen."""
        found = await super().erase(story_id)
        await self._happens()
        return found


async def _die() -> None:
    raise asyncio.CancelledError


async def test_what_a_dead_replica_had_claimed_is_swept_by_another(settings: Settings) -> None:
    """…once its claim has run out; before that nobody touches it."""
    async with by_hand(settings) as (system, story_id, eraser):
        dying = Dying(settings, _die)
        system.stack.push_async_callback(dying.close)
        with pytest.raises(asyncio.CancelledError):
            await Eraser(system.pool, eraser.bus, dying, FAR, eraser.cancel_jobs).erase(WHO, story_id)
        assert (await erasure(system, story_id))["receipt"]["complete"] is False
        assert await eraser.purge_due() == 0
        await pass_by(system, LEASE_SECONDS)
        assert await eraser.purge_due() == 1
        assert (await erasure(system, story_id))["receipt"]["complete"] is True


async def test_somebody_who_comes_late_during_a_sweep_is_swept_up_after_it(settings: Settings) -> None:
    """Whoever hears a late worker makes the erasure due at once; a sweep under way must not put that off."""
    async with by_hand(settings) as (system, story_id, eraser):

        async def somebody_comes() -> None:
            await come_late(system, story_id, told=False)
            await system.pool.execute("UPDATE erasures SET due_at = now()")

        busy = Dying(settings, somebody_comes)
        system.stack.push_async_callback(busy.close)
        await Eraser(system.pool, eraser.bus, busy, FAR, eraser.cancel_jobs).erase(WHO, story_id)
        assert await eraser.purge_due() == 1
        assert await stored(system, story_id) == []


async def test_replicas_share_what_is_due(settings: Settings) -> None:
    """Each is swept by one of them."""
    async with by_hand(settings) as (system, _, eraser):
        for _ in range(20):
            await eraser.erase(WHO, await system.post())
        await pass_by(system, FAR[0])
        other = Eraser(system.pool, eraser.bus, eraser.objects, FAR, eraser.cancel_jobs)

        async def all_of(one: Eraser) -> int:
            done = 0
            while swept := await one.purge_due():
                done += swept
            return done

        assert sum(await asyncio.gather(all_of(eraser), all_of(other))) == 20
        rows = await system.rows("SELECT sweeps FROM erasures")
        assert {row["sweeps"] for row in rows} == {2}


async def test_nobody_waits_for_what_another_is_claiming(settings: Settings) -> None:
    """…nor claims it as well."""
    async with by_hand(settings) as (system, _, eraser):
        for _ in range(MAX_CONCURRENT + 2):
            await eraser.erase(WHO, await system.post())
        await pass_by(system, FAR[0])
        async with system.pool.acquire() as connection, connection.transaction():
            claimed = queries().claim_erasures(connection, limit=MAX_CONCURRENT, lease=LEASE_SECONDS)
            others = [row["story_id"] async for row in claimed]
            assert await asyncio.wait_for(eraser.purge_due(), 10) == 2
        swept = await system.rows("SELECT story_id FROM erasures WHERE sweeps = 2")
        assert not {row["story_id"] for row in swept} & set(others)


async def test_the_running_api_sweeps_what_is_due(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        await heard(system)
        await system.status.stop()
        await ask(system, "DELETE", story_id, "")
        await come_late(system, story_id)
        await system.pool.execute("UPDATE erasures SET due_at = now()")

        async def clean() -> bool:
            return set((await traces(system, story_id)).values()) == {0}

        await until(clean)


async def test_a_wish_and_a_deletion_at_once_leave_nothing(settings: Settings) -> None:
    """Whichever comes first: the wish is taken or finds no story; its row goes with the story."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        ids = [await system.post() for _ in range(5)]
        await heard(system)
        await system.status.stop()
        for story_id in ids:
            await put(system, story_id, cover="failed")
            wanted = [ask(system, "POST", story_id, f"/assets/{name}/regenerate") for name in ("cover", "pdf") * 3]
            answers = await asyncio.gather(*wanted[:3], ask(system, "DELETE", story_id, ""), *wanted[3:])
            assert {status for status, _ in answers} <= {200, 202, 404}
            found = await traces(system, story_id)
            found.pop("messages")  # a wish may be told after the first sweep: the next one has it
            assert set(found.values()) == {0}


def test_the_last_moment_comes_when_no_job_can_be_running_any_more() -> None:
    """Whatever the settings say."""
    usual = Settings()
    assert purge_delays(usual) == usual.erasure_sweeps
    assert usual.erasure_sweeps[-1] > usual.job_timeout + usual.ack_wait
    slow = usual.model_copy(update={"job_timeout": 3000.0})
    assert purge_delays(slow)[:-1] == usual.erasure_sweeps
    assert purge_delays(slow)[-1] > 3000 + slow.ack_wait
    assert purge_delays(usual.model_copy(update={"erasure_sweeps": ()}))[-1] > usual.job_timeout + usual.ack_wait


async def test_an_event_of_a_deleted_story_brings_nothing_back(settings: Settings) -> None:
    """Neither its request, told again, nor a worker's late result."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        system.api.eraser_task.cancel()
        story_id = await system.post()
        await heard(system)
        await ask(system, "DELETE", story_id, "")
        await system.bus.republish(story_requested(story_id, "tests", "", datetime.now(UTC)))
        await come_late(system, story_id)
        await system.projector_idle()
        found = await traces(system, story_id)
        assert (found["stories"], found["asset_generation_jobs"], found["story_events"]) == (0, 0, 0)
        assert not await system.live_jobs()
