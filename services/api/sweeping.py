"""Sweeping: whatever the bus and the store still hold of an erased story goes. Safe to call twice, and by several."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import orjson
import structlog
from nats.errors import Error as NatsError

from storyloom.bus.connection import Bus
from storyloom.bus.streams import STOP_WORK
from storyloom.objects import Objects
from storyloom.story.errors import GiveUp, TryAgain
from storyloom.story.jobs import StopWork

log = structlog.get_logger()
T = TypeVar("T")

PATIENCE = 10.0
"""Seconds for the bus, and as many for the store."""
_NO_STREAM = 10_059
"""JetStream's code for a stream that is not there."""
_DELETED = orjson.dumps([{"seq": 0, "event": "deleted", "data": {}}])


class _PurgeError(Exception):
    """JetStream would not purge."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep took away. ``whole``: bus and store were both there, and hold nothing of the story now."""

    objects: int = 0
    bytes: int = 0
    messages: int = 0
    whole: bool = True

    @property
    def found(self) -> bool:
        return bool(self.objects or self.messages)


async def sweep(bus: Bus, objects: Objects, story_id: UUID) -> Swept:
    """Purge the story's messages, stop its workers, tell its readers, delete its objects. Never raises."""
    messages = await _patiently(_sweep_bus(bus, story_id))
    # Whoever works on it must stop before the store is swept; who does not is the reason for the next sweep.
    removed = await _patiently(objects.erase(story_id))
    number, size = removed or (0, 0)
    return Swept(number, size, messages or 0, whole=messages is not None and removed is not None)


async def _sweep_bus(bus: Bus, story_id: UUID) -> int:
    names = bus.names
    # Queued jobs first: what has not begun must not begin.
    purged = await _purge(bus, names.jobs, f"job.*.*.{story_id}.>")
    await bus.whisper(STOP_WORK, StopWork(story_id=story_id).model_dump_json().encode())
    await bus.whisper(f"status.{story_id}", _DELETED)
    purged += await _purge(bus, names.story, f"story.evt.*.{story_id}")
    return purged + await _purge(bus, names.dead, f"dead.*.{story_id}.*")


async def _purge(bus: Bus, stream: str, subject: str) -> int:
    """How many messages went. Asked by JetStream's own API: nats-py's ``purge_stream`` keeps the number to itself."""
    asked = orjson.dumps({"filter": bus.names.subject(subject)})
    reply = await bus.client.request(f"$JS.API.STREAM.PURGE.{stream}", asked, timeout=PATIENCE / 3)
    answer = orjson.loads(reply.data)
    if (error := answer.get("error")) is None:
        purged: int = answer["purged"]
        return purged
    if error.get("err_code") == _NO_STREAM:
        return 0
    raise _PurgeError(str(error.get("description", "")))


async def _patiently(work: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await work
    except (NatsError, TimeoutError, TryAgain, GiveUp, _PurgeError) as error:
        log.warning("erasure.away", error=type(error).__name__)
        return None
