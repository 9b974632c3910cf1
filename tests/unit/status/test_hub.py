"""The hub: readers wait for their own subscriptions to be known, never for one another."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import nats.errors
import pytest

from services.status.hub import Hub, Reader
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
    server.is_connected, server.fails = True, fails
    waking = asyncio.create_task(hub.resync())
    if not fails:
        answered = await server.flushes.get()
        assert one.reader._queue.empty()
        answered.set()
    await waking
    assert (await asyncio.wait_for(one.reader.next(), 1))[0]["seq"] > 1_000_000
    await one.leave()
