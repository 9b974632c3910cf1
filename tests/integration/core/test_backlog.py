"""The backlog: lanes hold little more than workers can take, and tenants take turns for what becomes free."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

from services.status.backlog import BacklogSettings
from services.status.repository import BacklogRepository
from storyloom.db.pool import Pool
from storyloom.messaging.topology import consumers
from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, Priority
from storyloom.story.jobs import AssetRequested, lane_of
from storyloom.web.keys import add_key
from tests.integration.core.system import BRIEF, System, running, until

LANE = "images-normal"


async def waiting(pool: Pool, tenant: str, count: int, *, started: str = "now()", weight: float = 1) -> list[UUID]:
    """The stories of jobs of LANE that wait in the backlog, in their own order."""
    await pool.execute(
        "INSERT INTO tenants (id, weight) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET weight = $2", tenant, weight
    )
    stories = [uuid4() for _ in range(count)]
    await pool.execute(
        "INSERT INTO stories (id, tenant_id, request, seq, asset_generation_status) "  # seq: it was handled
        "SELECT id, $2, '{}', 1, '{}' FROM unnest($1::uuid[]) AS t (id)",
        stories,
        tenant,
    )
    await pool.execute(
        "INSERT INTO asset_generation_jobs (story_id, asset_type, status, fingerprint, queued_at, backlog_lane, "
        "backlog_tenant, backlog_since) SELECT id, 'cover', 'queued', repeat('a', 64), now(), $2, $3, "
        f"{started} + n * interval '1 ms' FROM unnest($1::uuid[]) WITH ORDINALITY AS t (id, n)",
        stories,
        LANE,
        tenant,
    )
    return stories


async def taken(pool: Pool, room: int) -> list[UUID]:
    """The stories of the jobs that come out of LANE's backlog, in order."""
    return [story_id for (story_id, _), _ in (await BacklogRepository(pool).take(LANE, room)).jobs]


async def test_older_stories_come_first_and_tenants_take_turns_by_their_weights(pool: Pool) -> None:
    young = await waiting(pool, "acme", 3)
    old = await waiting(pool, "acme", 2, started="now() - interval '1 hour'")
    assert await taken(pool, 3) == [*old, young[0]]
    large = await waiting(pool, "bravo", 40, weight=3)
    first = Counter("bravo" if story_id in large else "acme" for story_id in await taken(pool, 4))
    assert first == {"bravo": 3, "acme": 1}
    assert young[2] in await taken(pool, 100)
    assert await taken(pool, 5) == []


async def test_what_was_settled_meanwhile_leaves_the_backlog_and_is_not_dispatched(pool: Pool) -> None:
    """By an older replica, say, which knows nothing of backlogs."""
    one, other = await waiting(pool, "acme", 2)
    await pool.execute("UPDATE asset_generation_jobs SET status = 'cancelled' WHERE story_id = $1", one)
    assert await taken(pool, 5) == [other]
    assert await BacklogRepository(pool).lanes() == []


async def test_two_replicas_never_take_the_same_job_and_one_does_not_wait_for_the_other(pool: Pool) -> None:
    await waiting(pool, "acme", 3)
    await taken(pool, 1)
    async with pool.acquire() as connection, connection.transaction():
        await connection.fetch("SELECT FROM lanes WHERE lane = $1 FOR UPDATE", LANE)
        busy = await BacklogRepository(pool).take(LANE, 5)
    assert (busy.jobs, busy.left) == ((), True)
    assert len(await taken(pool, 5)) == 2


async def test_a_lane_holds_little_more_than_its_workers_can_take(settings: Settings) -> None:
    """The rest waits in the rows; and once the workers go on all of it is made, each job once."""
    async with running(settings.model_copy(update={"slots_normal": 2}), in_memory=True) as system:
        released = await hold(system)
        for _ in range(40):
            await system.post()

        async def handled() -> bool:
            return not await system.rows("SELECT FROM stories WHERE seq = 0")

        await until(handled)
        unfinished = {f"{lane.service}-{lane.priority}": lane.unfinished for lane in await system.bus.lanes()}
        released.set()
        await system.all_ended()
        assert {row["status"] for row in await system.rows("SELECT status FROM stories")} == {"ready"}
        assert set(system.makers.made.values()) == {1}
    # What a replica takes to be there before it has asked the workers for their slots; and once more as much, where it
    # counts a lane while jobs that it has let in are on their way there.
    assert max(unfinished.values()) <= 2 * (BacklogSettings().unknown_slots + BacklogSettings().extra), unfinished
    assert unfinished["content-normal"] >= 2


async def test_a_tenant_with_many_stories_does_not_stand_before_another_s_one(settings: Settings) -> None:
    """Until its story is ready the other tenant has got no more than about as many jobs made as itself."""
    async with running(settings.model_copy(update={"slots_normal": 2}), in_memory=True) as system:
        released = await hold(system)
        for _ in range(40):
            await system.post()
        system.key = await add_key(system.pool, "small", "tests")
        story_id = await system.post(BRIEF)
        before = sum(system.makers.made.values())
        released.set()
        assert (await system.finished(story_id))["status"] == "ready"
        made = sum(system.makers.made.values()) - before
        left = await system.rows("SELECT FROM stories WHERE status = 'generating'")
    # Its own, as many of the other's beside each of its steps, and what was on the bus already.
    assert made < 40 * len(GRAPH) / 4
    assert len(left) > 25


async def hold(system: System) -> asyncio.Event:
    """Let every job that begins wait until the event is set."""
    released = asyncio.Event()

    async def wait(_job: AssetRequested) -> None:
        await released.wait()

    system.makers.before = wait
    return released


def test_a_lane_is_named_as_its_consumer() -> None:
    durables = {config.durable_name for _, config in consumers(Settings())}
    assert {lane_of(asset, priority) for asset in GRAPH for priority in Priority} <= durables
