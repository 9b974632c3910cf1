"""What workers need fails and comes back: they say so, wait quietly, and go on by themselves."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp import ClientSession

from local.nats import EmbeddedNats
from local.store import EmbeddedStore
from storyloom.jobs.manifest import read_manifest
from storyloom.jobs.worker import RunningWorker
from storyloom.messaging import consumer, publisher
from storyloom.messaging.topology import provision
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Priority, Service
from storyloom.story.events import AssetCompleted, AssetFailed
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import until
from tests.integration.core.worker_harness import worker_harness


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedNats, str]]:
    """A bus of the test's own, and its URL."""
    server = EmbeddedNats(tmp_path / "nats")
    async with server as address:
        yield server, address.url


async def ready(worker: RunningWorker) -> dict[str, str]:
    """What is wrong, by need; nothing if the worker says that it is ready."""
    async with ClientSession() as http, http.get(f"{worker.url}/health/ready") as answer:
        body = await answer.json()
        assert (answer.status == 200) is ("wrong" not in body)
        wrong: dict[str, str] = body.get("wrong", {})
        return wrong


async def test_what_is_made_while_the_streams_are_missing_is_published_when_they_are_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heart beats into the void meanwhile, and it is made once."""
    monkeypatch.setattr(publisher, "PUBLISH_TIMEOUT_SECONDS", 0.3)
    release = asyncio.Event()

    async def wait(job: AssetRequested) -> None:
        await release.wait()

    async with worker_harness(settings) as on:
        on.makers.before = wait
        running = await on.start_worker()
        job = await on.enqueue()
        await on.began()
        names = on.bus.names
        for stream in (names.story, names.jobs, names.dead):
            await on.bus.js.delete_stream(stream)
        release.set()
        await on.wait_for(AssetCompleted, job)  # said, but no stream was there to keep it
        wrong = await ready(running)
        assert set(wrong) == {"bus"}
        assert f"stream {names.jobs} is missing" in wrong["bus"]
        assert [held.asset for held in running.runner.in_flight.held] == [Asset.COVER], "nobody else must be given it"
        await provision(on.bus.js, settings)
        await on.wait_stored(AssetCompleted, job)
        assert await ready(running) == {}
        other = await on.enqueue()
        await on.wait_for(AssetCompleted, other)
    assert on.makers.made[job.story_id, Asset.COVER] == 1


async def test_a_worker_without_its_consumer_asks_now_and_then(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a heartbeat, counted against a clock of the same beat; it goes on when the lane is back."""
    monkeypatch.setattr(consumer, "IDLE_HEARTBEAT_SECONDS", 0.05)
    async with worker_harness(settings) as on:
        names = on.bus.names
        running = await on.start_worker()
        await on.bus.js.delete_consumer(names.jobs, names.lane(Service.IMAGES, Priority.NORMAL))
        sent = running.broker.bus.client.stats
        before = sent["out_msgs"]
        for _ in range(20):
            await asyncio.sleep(0.05)
        asked = sent["out_msgs"] - before
        await provision(on.bus.js, settings)
        await on.wait_for(AssetCompleted, await on.enqueue())
    assert 3 <= asked <= 40


async def test_a_worker_outlives_its_bus(settings: Settings, nats: tuple[EmbeddedNats, str]) -> None:
    """Killed under a running job and back with its store: the job is published once, and the next is taken."""
    server, url = nats
    release = asyncio.Event()

    async def wait(job: AssetRequested) -> None:
        await release.wait()

    async with worker_harness(settings.model_copy(update={"nats_url": url})) as on:
        on.makers.before = wait
        running = await on.start_worker()
        job = await on.enqueue()
        await on.began()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: _not_ready(running, "bus"))
        release.set()
        await until(lambda: _all_ready(running))
        await on.wait_stored(AssetCompleted, job)
        await on.wait_for(AssetCompleted, await on.enqueue())
        await on.settled()
    assert not [event for event in on.events if isinstance(event, AssetFailed)]
    assert on.makers.made[job.story_id, Asset.COVER] == 1


async def _not_ready(running: RunningWorker, need: str) -> bool:
    return need in await ready(running)


async def _all_ready(running: RunningWorker) -> bool:
    return not await ready(running)


async def test_a_worker_outlives_its_store(settings: Settings, tmp_path: Path) -> None:
    """What is made while it is down spends no attempt, and is stored when it is back."""
    server = EmbeddedStore(tmp_path / "store")
    async with server as address:
        own = settings.model_copy(
            update={
                **address.settings().model_dump(exclude={"store_retry_delays"}),
                "max_attempts": 1,
                "store_retry_delays": (0.1,),
            }
        )
        async with worker_harness(own) as on:
            running = await on.start_worker()
            await server.stop()
            await until(lambda: _not_ready(running, "store"))
            job = await on.enqueue()
            await until(lambda: _waited(on.events))
            await server.start()
            await until(lambda: _all_ready(running))
            await on.wait_for(AssetCompleted, job)
            assert not [event for event in on.events if isinstance(event, AssetFailed)]
            manifest = await read_manifest(on.objects, job.story_id, job.asset, job.fingerprint)
    assert manifest is not None


async def _waited(body: Sequence[object]) -> bool:
    return len(body) >= 2
