"""The hub: readers wait for their own subscriptions to be known, never for one another."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import nats.errors
import pytest

from services.status.hub import AT_ONCE, MAX_PENDING, Hub, Reader, SseEvent, _Topic
from storyloom.messaging.connection import Bus
from storyloom.messaging.topology import Names

Callback = Callable[[Any], Awaitable[None]]


@dataclass
class SlowServer:
    """A client whose flushes end when the test says so, and fail while ``fails``."""

    is_connected: bool = True
    fails: bool = False
    flushes: asyncio.Queue[asyncio.Event] = field(default_factory=asyncio.Queue)
    subjects: list[str] = field(default_factory=list)

    async def subscribe(self, subject: str, *, cb: Callback) -> "SlowServer":
        """Note the subject; the subscription is nobody's but ours."""
        self.subjects.append(subject)
        return self

    async def unsubscribe(self) -> None:
        """Nothing to take back."""

    async def flush(self, timeout: float) -> None:  # noqa: ASYNC109 - nats-py's own signature
        """Wait for the test."""
        if self.fails:
            raise nats.errors.FlushTimeoutError
        answered = asyncio.Event()
        self.flushes.put_nowait(answered)
        await asyncio.wait_for(answered.wait(), timeout)


@dataclass
class SlowBus:
    """As much of a bus as the hub uses."""

    client: SlowServer
    names: Names = field(default_factory=Names)


def hub_of(server: SlowServer) -> Hub:
    return Hub(cast(Bus, SlowBus(server)))


class Listening:
    """Somebody who reads a story in a task of its own, and stays."""

    def __init__(self, hub: Hub, story_id: UUID) -> None:
        self.begun = asyncio.Event()
        self.reader: Reader | None = None
        self.task = asyncio.create_task(self._read(hub, story_id))

    async def _read(self, hub: Hub, story_id: UUID) -> None:
        async with hub.subscribe(story_id) as self.reader:
            self.begun.set()
            await asyncio.Event().wait()

    async def leave(self) -> None:
        """Go."""
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


async def test_readers_of_different_stories_wait_for_the_server_together() -> None:
    server = SlowServer()
    hub = hub_of(server)
    readers = [Listening(hub, uuid4()) for _ in range(3)]
    asked = [await asyncio.wait_for(server.flushes.get(), 1) for _ in readers]
    assert len(server.subjects) == 6
    assert not any(one.begun.is_set() for one in readers)
    for answered in asked:
        answered.set()
    await asyncio.gather(*(one.begun.wait() for one in readers))
    for one in readers:
        await one.leave()


async def test_whoever_joins_a_story_waits_until_its_subscription_is_known_then_nobody_does() -> None:
    server, story_id = SlowServer(), uuid4()
    hub = hub_of(server)
    first, second = Listening(hub, story_id), Listening(hub, story_id)
    asked = [await asyncio.wait_for(server.flushes.get(), 1) for _ in range(2)]
    assert not second.begun.is_set()
    for answered in asked:
        answered.set()
    await asyncio.gather(first.begun.wait(), second.begun.wait())
    third = Listening(hub, story_id)
    await asyncio.wait_for(third.begun.wait(), 1)
    assert server.flushes.empty()
    assert len(server.subjects) == 2
    for one in (first, second, third):
        await one.leave()


async def test_while_the_bus_is_unreachable_nobody_waits_at_all() -> None:
    server = SlowServer(is_connected=False)
    one = Listening(hub_of(server), uuid4())
    await asyncio.wait_for(one.begun.wait(), 1)
    assert server.flushes.empty()
    await one.leave()


async def test_a_reader_who_goes_while_it_waits_leaves_nothing_behind() -> None:
    server = SlowServer()
    hub = hub_of(server)
    one = Listening(hub, uuid4())
    await server.flushes.get()
    await one.leave()
    assert not hub._topics


@pytest.mark.parametrize("fails", [False, True])
async def test_readers_resync_once_the_server_knows_of_them_again_or_cannot_be_asked(fails: bool) -> None:
    server = SlowServer(is_connected=False)
    hub = hub_of(server)
    one = Listening(hub, uuid4())
    await one.begun.wait()
    assert one.reader is not None
    live = asyncio.create_task(one.reader.live(1, lambda _event: True))
    await asyncio.sleep(0)
    server.is_connected, server.fails = True, fails
    waking = asyncio.create_task(hub.resync())
    if not fails:
        answered = await server.flushes.get()
        assert not live.done()
        answered.set()
    await waking
    await asyncio.wait_for(live, 1)
    await one.leave()


class Screen:
    """What a reader was sent. It takes so many events, then no more."""

    def __init__(self, room: int = 1000) -> None:
        self.seqs: list[int] = []
        self.room = room

    def write(self, event: SseEvent) -> bool:
        self.seqs.append(event.seq)
        return len(self.seqs) < self.room


def updates(*seqs: int, name: str = "asset") -> list[SseEvent]:
    return [SseEvent(seq, name, {}) for seq in seqs]


async def live(reader: Reader, seen: int, screen: Screen) -> asyncio.Task[None]:
    task = asyncio.create_task(reader.live(seen, screen.write))
    await asyncio.sleep(0)
    return task


async def test_a_live_reader_is_sent_what_comes_at_once_each_update_once() -> None:
    reader, screen = Reader(8), Screen()
    reader.offer(updates(3, 4))  # while its history is read, which may hold some of them
    task = await live(reader, 3, screen)
    assert screen.seqs == [4]
    reader.offer(updates(0, 4, 5))
    assert screen.seqs == [4, 0, 5]
    assert not task.done()
    task.cancel()


@pytest.mark.parametrize(
    ("first", "sent"),
    [
        (updates(4, 6, 7), [4]),
        (updates(4, 0, name="deleted"), []),
        (updates(4, name="story"), [4]),
    ],
    ids=["a gap", "a deletion", "an end"],
)
async def test_a_reader_stops_where_its_story_is_to_be_read_again(first: list[SseEvent], sent: list[int]) -> None:
    reader, screen = Reader(8), Screen()
    task = await live(reader, 3, screen)
    reader.offer(first)
    await asyncio.wait_for(task, 1)
    assert [seq for seq in screen.seqs if seq] == sent
    assert not reader.is_live


async def test_a_reader_that_takes_no_more_stops_and_what_comes_meanwhile_is_kept_for_it() -> None:
    reader, screen = Reader(8), Screen(room=2)
    task = await live(reader, 0, screen)
    reader.offer(updates(1, 2, 3))
    reader.offer(updates(4))
    await asyncio.wait_for(task, 1)
    assert screen.seqs == [1, 2]
    again = await live(reader, reader.seen, screen := Screen())
    assert screen.seqs == [3, 4]
    again.cancel()


@pytest.mark.parametrize("more", [9, 300])
async def test_more_than_can_be_kept_is_read_from_history(more: int) -> None:
    reader, screen = Reader(8), Screen()
    reader.offer(updates(*range(1, more + 1)))
    await asyncio.wait_for(reader.live(0, screen.write), 1)
    assert screen.seqs == []
    assert not reader._kept
    task = await live(reader, more, screen)
    assert not task.done()
    task.cancel()


async def test_a_crowd_is_sent_every_update_in_order_while_others_join() -> None:
    topic = _Topic()
    screens = [Screen() for _ in range(3 * AT_ONCE)]
    tasks = []
    for screen in screens:
        topic.readers.add(reader := Reader(8))
        tasks.append(asyncio.create_task(reader.live(0, screen.write)))
    await asyncio.sleep(0)
    hub = hub_of(SlowServer())
    for seq in range(1, 51):
        hub._broadcast(topic, [{"seq": seq, "event": "asset", "data": {}}])
        if seq == 20:
            topic.readers.add(late := Reader(100))
            tasks.append(asyncio.create_task(late.live(20, (last := Screen()).write)))
            await asyncio.sleep(0)
    while topic.passing is not None:
        await topic.passing
    assert all(screen.seqs == list(range(1, 51)) for screen in screens)
    assert last.seqs == list(range(21, 51))
    for task in tasks:
        task.cancel()


async def test_what_comes_faster_than_a_crowd_can_be_sent_is_read_from_history() -> None:
    topic = _Topic()
    tasks = []
    for _ in range(AT_ONCE + 1):
        topic.readers.add(reader := Reader(8))
        tasks.append(asyncio.create_task(reader.live(0, Screen().write)))
    await asyncio.sleep(0)
    hub = hub_of(SlowServer())
    for seq in range(1, MAX_PENDING + 3):
        hub._broadcast(topic, [{"seq": seq, "event": "asset", "data": {}}])
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert not topic.pending
