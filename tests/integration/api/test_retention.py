"""What is kept for so long and no longer: stories by their age, receipts, ids and commands of long ago."""

from datetime import timedelta
from uuid import UUID

from services.api.retention import Retention, retention
from services.status.repository import UnfinishedWork
from storyloom.runtime.settings import Settings
from tests.integration.core.system import BY_HAND, System, running


async def aged(system: System, story_id: UUID, days: float) -> UUID:
    """Move a story's creation into the past."""
    await system.pool.execute(
        "UPDATE stories SET created_at = created_at - $2::interval WHERE id = $1", story_id, timedelta(days=days)
    )
    return story_id


def of(system: System, *, story_days: float = 0, receipt_days: float = 0) -> Retention:
    return retention(system.api.eraser, story_days=story_days, receipt_days=receipt_days)


async def test_stories_go_with_all_that_is_theirs_at_their_age_once_they_have_ended(settings: Settings) -> None:
    async with running(settings) as system:
        old, young = await system.post(), await system.post()
        for story_id in (old, young):
            await system.finished(story_id)
        await aged(system, old, 31)
        await aged(system, young, 29)
        await system.workers.popitem()[1].stop()  # one that does not end any more
        unfinished = await aged(system, await system.post(), 31)
        assert of(system).keeps_all
        assert await of(system).prune() == (0, 0)
        assert await of(system, story_days=30).prune() == (1, 0)
        assert {row["id"] for row in await system.rows("SELECT id FROM stories")} == {young, unfinished}
        assert await system.api.eraser.objects.list_keys(old) == []
        assert await system.api.eraser.objects.list_keys(young)
        (row,) = await system.rows("SELECT story_id, receipt FROM erasures")
        assert (row["story_id"], row["receipt"]["rows"]["stories"], row["receipt"]["complete"]) == (old, 1, True)


async def test_ids_commands_and_receipts_of_long_ago_are_deleted(settings: Settings) -> None:
    """And those that are still of use are not: of the last 15 days, not handled yet, purged again."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        await system.status.stop()
        await system.pool.execute("DELETE FROM inbox")
        await system.pool.execute(
            "INSERT INTO inbox SELECT 'event' || n, now() - interval '1 day' * n FROM generate_series(14, 16) AS n"
        )
        await system.pool.execute(
            "INSERT INTO command_outbox (event_id, story_id, event, created_at, handled_at) VALUES"
            " ('old', $1, '{}', now() - interval '16 days', now() - interval '16 days'),"
            " ('new', $1, '{}', now() - interval '16 days', now() - interval '14 days'),"
            " ('waits', $1, '{}', now() - interval '16 days', NULL)",
            story_id,
        )
        await system.pool.execute(
            "INSERT INTO erasures (story_id, tenant_id, receipt, due_at, created_at) VALUES"
            " (gen_random_uuid(), 'tests', '{\"n\": 1}', NULL, now() - interval '400 days'),"
            " (gen_random_uuid(), 'tests', '{\"n\": 2}', now() + interval '20 seconds', now() - interval '400 days'),"
            " (gen_random_uuid(), 'tests', '{\"n\": 3}', NULL, now())"
        )
        assert await UnfinishedWork(system.pool).delete_old_events() == 3
        assert await UnfinishedWork(system.pool).delete_old_events() == 0
        left = await system.rows("SELECT event_id FROM inbox UNION ALL SELECT event_id FROM command_outbox")
        assert {row["event_id"] for row in left} == {"event14", "new", "waits"}
        assert await of(system, receipt_days=365).prune() == (0, 1)
        receipts = await system.rows("SELECT receipt FROM erasures")
        assert {row["receipt"]["n"] for row in receipts} == {2, 3}
