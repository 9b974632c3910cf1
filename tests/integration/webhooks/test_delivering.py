"""What is due is sent, signed, again and again, until it is taken or has failed for good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from services.webhooks import app as webhooks
from storyloom.db.pool import Pool
from storyloom.runtime.settings import Settings
from tests.integration.core.system import until
from tests.integration.webhooks.receiver import Receiver, answer, local, take
from tests.integration.webhooks.rows import add_delivery, add_endpoint, delivery, endpoint


@asynccontextmanager
async def serving(settings: Settings, **changes: Any) -> AsyncIterator[webhooks.RunningWebhooks]:
    """The service, running."""
    running = await webhooks.serve(local(settings, **changes))
    try:
        yield running
    finally:
        await running.stop()


async def settled(pool: Pool, delivery_id: UUID, *, within: float = 10) -> Any:
    """The delivery's row once it is not pending any more."""

    async def done() -> bool:
        return str((await delivery(pool, delivery_id))["state"]) != "pending"

    await until(done, within=within)
    return await delivery(pool, delivery_id)


async def test_what_is_due_is_sent_once_and_signed(settings: Settings, pool: Pool) -> None:
    async with Receiver() as receiver:
        found = await add_endpoint(pool, receiver.url)
        due = await add_delivery(pool, found)
        async with serving(settings):
            row = await settled(pool, due)
        (received,) = receiver.received
    assert row["state"] == "delivered"
    assert received.id == row["event_id"]
    assert received.event["type"] == "story.completed"
    (entry,) = row["log"]
    assert entry["status"] == 204
    assert set(entry) == {"at", "status", "durationMs"}
    health = await endpoint(pool, found)
    assert health["verified_at"] is not None
    assert health["failing_since"] is None


async def test_a_failed_attempt_is_repeated_under_the_same_id_until_it_is_taken(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(500), answer(503), take) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings):
            row = await settled(pool, due)
    assert len({received.id for received in receiver.received}) == 1
    assert [entry["status"] for entry in row["log"]] == [500, 503, 204]
    assert [entry.get("error") for entry in row["log"]] == ["server_error", "server_error", None]


async def test_after_the_last_attempt_it_has_failed(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(500)) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with serving(settings, webhook_retry_delays=(0.02, 0.02)):
            row = await settled(pool, due)
    assert (row["state"], row["attempts"], receiver.requests) == ("failed", 3, 3)
