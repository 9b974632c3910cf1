"""The pull consumer: every free slot is asked for at once, and never more than there are, whatever happens."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from local.nats import EmbeddedNats
from storyloom.messaging import consumer
from storyloom.messaging.connection import Bus, connect
from storyloom.messaging.consumer import PullConsumer
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Priority, Service
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import until
from tests.integration.core.worker_harness import WorkerHarness, worker_harness

LONG_ACK_WAIT = {"ack_wait": 15}
SLOTS = 8


async def enqueue(on: WorkerHarness, count: int) -> None:
    for _ in range(count):
        await on.enqueue()


@asynccontextmanager
async def pulling_from(on: WorkerHarness, *, slots: int = SLOTS) -> AsyncIterator[tuple[PullConsumer, Bus]]:
    """A pull on the normal images lane over a connection of its own."""
    bus = await connect(on.settings, "pulling")
    pull = PullConsumer(bus, bus.names.jobs, bus.names.lane(Service.IMAGES, Priority.NORMAL), max_in_flight=slots)
    await pull.open()
    try:
        yield pull, bus
    finally:
        await pull.close()
        await bus.close()


async def take(pull: PullConsumer, count: int) -> list[Msg]:
    """Exactly so many messages, as they come."""
    messages: list[Msg] = []
    async with asyncio.timeout(10):
        while len(messages) < count:
            messages += await pull.take(count - len(messages))
    return messages


async def unacknowledged(on: WorkerHarness) -> int:
    """How many jobs of the lane are delivered and not acknowledged, as the server says."""
    names = on.bus.names
    info = await on.bus.js.consumer_info(names.jobs, names.lane(Service.IMAGES, Priority.NORMAL))
    return info.num_ack_pending or 0


async def test_free_slots_are_asked_for_when_the_last_request_is_used_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three jobs end, five run on: three more are delivered at once, not when the consumer next looks after itself."""
    monkeypatch.setattr(consumer, "IDLE_HEARTBEAT_SECONDS", 15.0)
    async with worker_harness(settings.model_copy(update=LONG_ACK_WAIT)) as on, pulling_from(on) as (pull, _):
        await enqueue(on, 3)
        for message in await take(pull, 3):
            await message.ack()
            await pull.done(1)
        await enqueue(on, 5)
        running = await take(pull, 5)
        await enqueue(on, 3)
        more = await take(pull, 3)
    assert len({message.subject for message in [*running, *more]}) == SLOTS


async def test_a_connection_that_is_lost_again_and_again_fetches_no_more_than_there_are_slots(
    settings: Settings,
) -> None:
    """The server keeps a request whose inbox comes back: each reconnect would add another one to it."""
    async with worker_harness(settings.model_copy(update=LONG_ACK_WAIT)) as on, pulling_from(on) as (pull, bus):
        for lost in range(1, 4):
            bus.client._transport._io_writer.transport.abort()  # type: ignore[union-attr]
            await until(lambda lost=lost: _reconnected(bus, lost))  # type: ignore[misc]
        await enqueue(on, 4 * SLOTS)
        await take(pull, SLOTS)
        await bus.client.flush()
        assert not pull._buffered
        assert await unacknowledged(on) == SLOTS


async def _reconnected(bus: Bus, times: int) -> bool:
    return bool(bus.client.stats["reconnects"] >= times and bus.client.is_connected and not _reconnecting(bus))


def _reconnecting(bus: Bus) -> bool:
    task = bus.client._reconnection_task
    return task is not None and not task.done()


async def test_asking_anew_asks_for_nothing_twice(settings: Settings) -> None:
    """By several at once, again and again: the requests of before are forgotten with their inboxes."""
    async with worker_harness(settings.model_copy(update=LONG_ACK_WAIT)) as on, pulling_from(on) as (pull, bus):
        for _ in range(5):
            await asyncio.gather(pull.repoll(), pull.repoll())
        await bus.client.flush()
        await enqueue(on, 4 * SLOTS)
        messages = await take(pull, SLOTS)
        await bus.client.flush()
        assert await unacknowledged(on) == SLOTS
        assert not pull._buffered
        for message in messages:
            await message.ack()
        await pull.done(SLOTS)
        assert len(await take(pull, SLOTS)) == SLOTS


async def test_a_thousand_jobs_never_hold_more_than_the_slots(settings: Settings) -> None:
    """…at any sample that the server can be asked for meanwhile."""
    count, most, samples = 1_000, 0, 0
    async with worker_harness(settings.model_copy(update=LONG_ACK_WAIT)) as on, pulling_from(on) as (pull, _):
        done = 0

        async def one(message: Msg) -> None:
            nonlocal done
            await asyncio.sleep(0)
            await message.ack_sync(timeout=10)
            done += 1
            await pull.done(1)

        async def work() -> None:
            async with asyncio.TaskGroup() as jobs:
                for _ in range(count):
                    (message,) = await pull.take(1)
                    jobs.create_task(one(message))

        working = asyncio.create_task(work())
        ordering = asyncio.create_task(enqueue(on, count))
        while not working.done():
            most = max(most, await unacknowledged(on))
            samples += 1
        await ordering
        await working
    assert done == count
    assert samples > 20
    assert 0 < most <= SLOTS


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedNats, str]]:
    """A bus of the test's own, and its URL."""
    server = EmbeddedNats(tmp_path / "nats")
    async with server as address:
        yield server, address.url


@pytest.mark.timeout(240)
async def test_every_lane_goes_on_after_its_server_is_killed(
    settings: Settings, nats: tuple[EmbeddedNats, str]
) -> None:
    """Killed while the pulls are parked: within five seconds of its return every lane is given its job.

    ``KILLS`` in the environment says how often (3).
    """
    server, url = nats
    times: list[float] = []
    async with worker_harness(settings.model_copy(update={**LONG_ACK_WAIT, "nats_url": url})) as on:
        worker = await on.start_worker()
        loop = asyncio.get_running_loop()
        for _ in range(int(os.environ.get("KILLS", "3"))):
            assert server.pid is not None
            reconnects = (on.bus.client.stats["reconnects"], worker.broker.bus.client.stats["reconnects"])
            os.kill(server.pid, signal.SIGKILL)
            await until(lambda before=reconnects[0]: _reconnected(on.bus, before + 1))  # type: ignore[misc]
            began = loop.time()
            jobs = [await _queued(on, priority) for priority in Priority]
            for job in jobs:
                await on.wait_for(AssetCompleted, job, within=5)
            times.append(loop.time() - began)
    assert max(times) < 5, times
    if "KILLS" in os.environ:
        print(f"slowest {max(times):.2f} s, median {sorted(times)[len(times) // 2]:.2f} s of {len(times)}")  # noqa: T201


async def _queued(on: WorkerHarness, priority: Priority) -> AssetRequested:
    async with asyncio.timeout(5):
        while True:
            try:
                return await on.enqueue(Asset.COVER, priority=priority)
            except Exception as error:  # noqa: BLE001 - JetStream is still coming up: the caller's clock counts it
                last = error
                await asyncio.sleep(0.05)
                del last
