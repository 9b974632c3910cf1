"""A committed delivery survives whatever happens to whoever sends it, and replicas share the work."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web
from asyncpg import Record

from services.webhooks import app as webhooks
from services.webhooks import repository
from storyloom.db.pool import Pool
from storyloom.runtime.settings import Settings
from tests.conftest import ROOT
from tests.integration.core.system import until
from tests.integration.webhooks.receiver import Answer, Receiver, answer, hang, local, take
from tests.integration.webhooks.rows import add_delivery, add_endpoint, delivery, endpoint


@asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a process of its own; killed at the end."""
    environment = os.environ | {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "NATS_URL": settings.nats_url,
        "NATS_SUBJECT_PREFIX": settings.nats_subject_prefix,
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "WEBHOOK_TIMEOUT": "1.5",
        "DRAIN_SECONDS": "0.3",
    }
    found = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.webhooks", cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield found
    finally:
        if found.returncode is None:
            found.kill()
        await found.wait()


async def done(pool: Pool) -> None:
    """Wait until nothing is pending."""

    async def nothing() -> bool:
        return not await pool.fetchval("SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'")

    await until(nothing, within=30)


def once(release: asyncio.Event) -> Answer:
    """An answer that waits for its release."""

    async def wait(request: web.Request) -> web.Response:
        await release.wait()
        return await take(request)

    return wait


async def test_a_kill_between_the_claim_and_the_answer_loses_nothing(settings: Settings, pool: Pool) -> None:
    """The claim expires, and another replica sends the same event under the same id."""
    async with Receiver(hang, take) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with process(settings) as first:
            await asyncio.wait_for(receiver.began.wait(), 40)
            first.kill()
            await first.wait()
        row = await delivery(pool, due)
        assert (row["state"], row["log"]) == ("pending", [])
        assert row["claimed_until"] is not None
        second = await webhooks.serve(local(settings))
        try:
            await done(pool)
        finally:
            await second.stop()
    row = await delivery(pool, due)
    assert (row["state"], len(row["log"])) == ("delivered", 1)
    assert [one.id for one in receiver.received] == [row["event_id"]] * 2


async def test_whoever_is_asked_to_stop_gives_its_claims_back_at_once(settings: Settings, pool: Pool) -> None:
    async with Receiver(hang, take) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        async with process(settings) as first:
            await asyncio.wait_for(receiver.began.wait(), 40)
            first.terminate()
            assert await asyncio.wait_for(first.wait(), 20) == 0
        row = await delivery(pool, due)
        assert (row["state"], row["claimed_until"]) == ("pending", None)
        assert await repository.due_endpoints(pool, saturated=(), limit=10) == [row["endpoint_id"]]


async def test_what_is_under_way_when_it_stops_is_finished_and_recorded(settings: Settings, pool: Pool) -> None:
    release = asyncio.Event()

    async with Receiver(once(release)) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        service = await webhooks.serve(local(settings))
        await receiver.wait_for(1)
        stopping = asyncio.create_task(service.stop())
        release.set()
        await stopping
    assert (await delivery(pool, due))["state"] == "delivered"
    assert receiver.requests == 1


async def test_replicas_share_the_work_and_send_nothing_twice(settings: Settings, pool: Pool) -> None:
    async with Receiver() as receiver:
        endpoints = [await add_endpoint(pool, f"{receiver.url}/{k}") for k in range(5)]
        for one in endpoints:
            for _ in range(20):
                await add_delivery(pool, one)
        services = [await webhooks.serve(local(settings)) for _ in range(3)]
        try:
            await done(pool)
        finally:
            await asyncio.gather(*(service.stop() for service in services))
    assert set(Counter(one.id for one in receiver.received).values()) == {1}
    assert len(receiver.received) == 100


async def claimed(pool: Pool, row: Record) -> repository.Claim:
    """Another replica's claim of a delivery."""
    (found,) = await repository.claim(
        pool, {row["endpoint_id"]: 0}, per_endpoint=1, steady_room=1, other_room=1, lease=30
    )
    return found


async def test_whose_claim_has_expired_decides_nothing_but_a_delivery(settings: Settings, pool: Pool) -> None:
    """It was frozen, and another replica is at it: its failure is noted, what it delivered is delivered."""
    found = await add_endpoint(pool, "http://127.0.0.1:9999/")
    row = await delivery(pool, await add_delivery(pool, found))
    late = await claimed(pool, row)
    await pool.execute("UPDATE webhook_deliveries SET next_at = now()")
    current = await claimed(pool, row)
    patience = timedelta(days=5)
    entry = {"at": "2026-01-01T00:00:00.000Z", "status": 500, "durationMs": 1}
    await repository.record(pool, [repository.Result(late, entry, delivered=False)], patience=patience)
    after = await delivery(pool, row["id"])
    assert (after["state"], after["claimed_until"]) == ("pending", current.claimed_until)
    assert len(after["log"]) == 1
    await repository.record(pool, [repository.Result(late, entry, delivered=True)], patience=patience)
    await repository.record(pool, [repository.Result(current, entry, delivered=False)], patience=patience)
    assert (await delivery(pool, row["id"]))["state"] == "delivered"


async def test_what_was_sent_is_recorded_when_the_database_is_back(settings: Settings, pool: Pool) -> None:
    """It is not sent again for want of a note."""
    release = asyncio.Event()

    async with Receiver(once(release)) as receiver:
        found = await add_endpoint(pool, receiver.url)
        due = await add_delivery(pool, found)
        service = await webhooks.serve(local(settings, webhook_timeout=30))
        try:
            await receiver.wait_for(1)
            await pool.execute("ALTER TABLE webhook_deliveries RENAME TO away")
            release.set()

            async def tried() -> bool:
                return bool(service.dispatcher._results)

            await until(tried)
            await pool.execute("ALTER TABLE away RENAME TO webhook_deliveries")
            await done(pool)
        finally:
            await service.stop()
    assert (await delivery(pool, due))["state"] == "delivered"
    assert receiver.requests == 1


async def test_a_log_keeps_the_last_twenty_attempts(settings: Settings, pool: Pool) -> None:
    async with Receiver(answer(500)) as receiver:
        due = await add_delivery(pool, await add_endpoint(pool, receiver.url))
        service = await webhooks.serve(local(settings, webhook_retry_delays=(0.001,) * 24))
        try:

            async def spent() -> bool:
                service.dispatcher.wake(())
                return str((await delivery(pool, due))["state"]) == "failed"

            await until(spent, within=30)
        finally:
            await service.stop()
    row = await delivery(pool, due)
    assert (row["attempts"], len(row["log"])) == (25, 20)
    assert (await endpoint(pool, row["endpoint_id"]))["failing_since"] is not None
