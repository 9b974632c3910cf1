"""The bus itself: what provisioning creates, and the one live job that a subject may hold."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from nats.js.api import ConsumerConfig, StorageType, StreamConfig

from storyloom.messaging import connection
from storyloom.messaging.connection import Bus, BusUnavailableError, PublishOutcome, connect
from storyloom.messaging.topology import (
    GENERATION,
    Topology,
    apply,
    consumers,
    differences,
    provision,
    streams,
    topology,
    topology_differences,
)
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.events import story_requested
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BRIEF


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    """A bus with its streams and consumers."""
    found = await connect(settings, "tests")
    await provision(found.js, settings)
    yield found
    await found.close()


def job(story_id: UUID, name: str = "one", *, put_back: bool = False) -> AssetRequested:
    return AssetRequested(
        id=f"{story_id}.cover.{name}",
        story_id=story_id,
        tenant_id="tests",
        trace="",
        at=datetime.now(UTC),
        asset=Asset.COVER,
        fingerprint=fingerprint(name),
        put_back=put_back,
        brief=Brief.asked(BRIEF),
    )


async def test_an_asset_has_one_live_job(bus: Bus) -> None:
    """Refused while the first is queued or in flight; free again once it is acknowledged."""
    story_id = uuid4()
    assert await bus.enqueue([job(story_id)]) == [PublishOutcome.STORED]
    assert await bus.enqueue([job(story_id)]) == [PublishOutcome.REPEATED]
    assert await bus.enqueue([job(story_id, "two"), job(story_id, put_back=True)]) == [
        PublishOutcome.REFUSED,
        PublishOutcome.REFUSED,
    ]
    lane = bus.names.lane(job(story_id).service, job(story_id).priority)
    subscription = await bus.js.pull_subscribe_bind(lane, bus.names.jobs)
    (message,) = await subscription.fetch(1, timeout=5)
    assert await bus.enqueue([job(story_id, "two")]) == [PublishOutcome.REFUSED]
    await message.ack_sync()
    assert await bus.enqueue([job(story_id, "two")]) == [PublishOutcome.STORED]


async def test_a_requeued_job_is_no_repeat_of_the_lost_one(bus: Bus) -> None:
    """The server remembers the old Msg-Id for two minutes: with it the job would be dropped as a repeat."""
    story_id = uuid4()
    await bus.enqueue([job(story_id)])
    await bus.js.purge_stream(bus.names.jobs)
    assert await bus.enqueue([job(story_id)]) == [PublishOutcome.REPEATED]
    assert await bus.enqueue([job(story_id, put_back=True)]) == [PublishOutcome.STORED]


async def test_an_event_published_twice_is_stored_once_unless_it_was_lost(bus: Bus) -> None:
    event = story_requested(uuid4(), "tests", "", datetime.now(UTC))
    await bus.publish_events(event, event)
    await bus.publish_events(event)
    assert (await bus.js.stream_info(bus.names.story)).state.messages == 1
    await bus.republish(event)
    assert (await bus.js.stream_info(bus.names.story)).state.messages == 2


async def test_what_is_published_belongs_to_its_trace(bus: Bus) -> None:
    """Jobs and events carry ``traceparent`` beside their Msg-Id, and a requeued job carries it alone."""
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    wanted, event = job(uuid4()), story_requested(uuid4(), "tests", trace, datetime.now(UTC))
    await bus.enqueue([wanted.model_copy(update={"trace": trace, "put_back": True})])
    await bus.publish_events(event)
    queued = await bus.js.get_last_msg(bus.names.jobs, bus.names.subject(wanted.subject))
    stored = await bus.js.get_last_msg(bus.names.story, bus.names.subject(f"story.evt.StoryRequested.{event.story_id}"))
    assert queued.headers == {"traceparent": trace}
    assert stored.headers == {"traceparent": trace, "Nats-Msg-Id": event.id}


async def test_without_its_stream_nothing_counts_as_sent(bus: Bus) -> None:
    await bus.js.delete_stream(bus.names.jobs)
    with pytest.raises(BusUnavailableError, match="JOBS"):
        await bus.enqueue([job(uuid4())])


async def test_a_bus_is_provisioned_by_several_at_once_and_again(settings: Settings, bus: Bus) -> None:
    await bus.js.delete_stream(bus.names.jobs)
    await asyncio.gather(*(provision(bus.js, settings) for _ in range(4)))
    assert await topology_differences(bus.js, settings) == []


async def test_what_someone_changed_is_reported_and_restored(settings: Settings, bus: Bus) -> None:
    """Each in a sentence that names it."""
    (story, _, _), ((_, projector), *_) = streams(settings), consumers(settings)
    await bus.js.update_stream(replace(story, max_age=700.0))
    await bus.js.add_consumer(bus.names.story, replace(projector, ack_wait=3))
    await bus.js.delete_stream(bus.names.dead)
    wrong = await topology_differences(bus.js, settings)
    assert f"stream {bus.names.story}: max_age is not as set" in wrong
    assert f"consumer {bus.names.projector}: ack_wait is not as set" in wrong
    assert f"stream {bus.names.dead} is missing" in wrong
    await provision(bus.js, settings)
    assert await topology_differences(bus.js, settings) == []


async def found(bus: Bus) -> tuple[StreamConfig, ConsumerConfig]:
    """STORY and the projector, as the server has them."""
    names = bus.names
    info = await bus.js.consumer_info(names.story, names.projector)
    return (await bus.js.stream_info(names.story)).config, info.config


def next_release(settings: Settings) -> Topology:
    """What a release may want that comes after this one: events are kept for longer, fewer are out at a time."""
    (story, *streams_left), ((name, projector), *consumers_left) = streams(settings), consumers(settings)
    return Topology(
        [replace(story, max_age=30 * 86_400.0), *streams_left],
        [(name, replace(projector, max_ack_pending=5_000)), *consumers_left],
        generation=GENERATION + 1,
    )


async def test_while_a_release_is_rolled_out_the_older_one_leaves_the_newer_ones_settings_alone(
    settings: Settings, bus: Bus
) -> None:
    """Whichever of the two starts, looks or repairs, and in whatever order: nothing flaps, and nobody is unready."""
    newer = next_release(settings)
    await apply(bus.js, newer, starting=True)
    for _ in range(2):
        assert await topology_differences(bus.js, settings) == []
        assert await bus.ensure_topology(full_check=True) == []
        await provision(bus.js, settings)
        story, projector = await found(bus)
        assert (story.max_age, projector.max_ack_pending) == (30 * 86_400.0, 5_000)
        assert await differences(bus.js, newer) == []


async def test_what_the_older_release_had_to_recreate_is_brought_up_again(settings: Settings, bus: Bus) -> None:
    newer = next_release(settings)
    await apply(bus.js, newer, starting=True)
    await bus.js.delete_stream(bus.names.story)
    assert await bus.ensure_topology(full_check=True)
    assert (await found(bus))[0].max_age == 14 * 86_400.0
    assert f"stream {bus.names.story}: max_age is not as set" in await differences(bus.js, newer)
    await apply(bus.js, newer, starting=False)
    assert await differences(bus.js, newer) == await topology_differences(bus.js, settings) == []
    assert (await found(bus))[0].max_age == 30 * 86_400.0


async def test_what_a_release_without_marks_has_made_is_taken_over(settings: Settings, bus: Bus) -> None:
    await bus.js.update_stream(replace(streams(settings)[0], max_age=700.0, metadata={}))
    await provision(bus.js, settings)
    assert (await found(bus))[0].max_age == 14 * 86_400.0
    assert await topology_differences(bus.js, settings) == []


async def test_replicas_whose_variables_differ_do_not_undo_each_others_settings(settings: Settings, bus: Bus) -> None:
    """Who started last has set them; nobody is unready, and nobody who only looks changes them back."""
    changed = settings.model_copy(update={"ack_wait": 2.0, "jobs_max_bytes": 32 << 20})
    await provision(bus.js, changed)
    for one in (settings, changed):
        assert await topology_differences(bus.js, one) == []
        await apply(bus.js, topology(one), starting=False)
        assert (await bus.js.stream_info(bus.names.jobs)).config.max_bytes == 32 << 20
        assert (await found(bus))[1].ack_wait == 2


async def test_what_operators_set_by_hand_is_theirs(settings: Settings, bus: Bus) -> None:
    """A larger limit, a description, another storage: no finding, and no start of a service undoes it."""
    names = bus.names
    await bus.js.delete_stream(names.dead)
    (_, jobs, dead) = streams(settings)
    await bus.js.add_stream(replace(dead, storage=StorageType.MEMORY))
    by_hand = (await bus.js.stream_info(names.jobs)).config
    await bus.js.update_stream(replace(by_hand, max_bytes=64 << 20, description="ours"))
    for _ in range(2):
        assert await topology_differences(bus.js, settings) == []
        await provision(bus.js, settings)
    info = (await bus.js.stream_info(names.jobs)).config
    assert (info.max_bytes, info.description) == (64 << 20, "ours")
    assert info.max_bytes != jobs.max_bytes
    assert (await bus.js.stream_info(names.dead)).config.storage == StorageType.MEMORY


async def test_two_buses_on_one_server_do_not_meet(settings: Settings, bus: Bus) -> None:
    other_settings = settings.model_copy(update={"nats_subject_prefix": f"{settings.nats_subject_prefix}other_"})
    other = await connect(other_settings, "tests")
    await provision(other.js, other_settings)
    await bus.enqueue([job(uuid4())])
    assert (await other.js.stream_info(other.names.jobs)).state.messages == 0
    await other.close()


async def test_an_unreachable_server_is_named_without_its_password(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """…and soon: a service must not hang at its start."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_SECONDS", 0.3)
    unreachable = settings.model_copy(update={"nats_url": "nats://user:secret@127.0.0.1:1"})
    with pytest.raises(BusUnavailableError) as caught:
        await connect(unreachable, "tests")
    assert "127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_withdrawing_a_job_leaves_alone_another_that_waits_for_its_next_delivery(bus: Bus) -> None:
    """nats-server 2.15.1 forgets it when the exact subject of a job in flight is purged."""
    one, two, _ = jobs = [job(uuid4()) for _ in range(3)]
    assert await bus.enqueue(jobs) == [PublishOutcome.STORED] * 3
    subscription = await bus.js.pull_subscribe_bind(bus.names.lane(one.service, one.priority), bus.names.jobs)
    waiting, _, ending = await subscription.fetch(3, timeout=5)
    await waiting.nak(delay=0.3)
    await bus.purge(two.subject)
    await ending.ack_sync()
    (again,) = await subscription.fetch(1, timeout=5)
    assert AssetRequested.model_validate_json(again.data).story_id == one.story_id
    await again.ack_sync()
    assert await bus.live_jobs() == set()


async def test_only_what_stood_there_is_withdrawn(bus: Bus) -> None:
    """Up to a sequence: a job that took its place meanwhile stays, and so do other assets and other stories."""
    story_id, other = uuid4(), job(uuid4())
    await bus.enqueue([job(story_id), other])
    (sequence, _) = await bus.queued_job(other.subject) or (0, b"")
    await bus.purge(other.subject, up_to=sequence - 1)
    assert await bus.live_jobs() == {job(story_id).subject, other.subject}
    await bus.purge(other.subject, up_to=sequence)
    assert await bus.live_jobs() == {job(story_id).subject}
