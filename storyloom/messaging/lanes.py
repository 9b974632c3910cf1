"""What the bus says of itself: the lanes of JOBS, and how far the projector is. Few questions, whatever waits there."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from storyloom.messaging.connection import Bus, BusUnavailableError
from storyloom.story.assets import Priority, Service


@dataclass(frozen=True, slots=True)
class Lane:
    """The jobs of one service and priority.

    ``queued`` were never delivered, ``oldest`` is when the first of these was sent. ``in_flight`` were delivered and
    not acknowledged: they are being worked on, or wait for their next attempt. ``pulls`` are open requests for more.
    """

    service: Service
    priority: Priority
    queued: int = 0
    in_flight: int = 0
    pulls: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProjectorLag:
    """How far the projector is: ``pending`` events it has not been given, ``unacked`` it has and has not finished.

    All up to ``floor`` is finished. What was delivered says nothing: one that is frozen is given more all the same.
    """

    pending: int
    unacked: int
    floor: int

    @property
    def behind(self) -> int:
        return self.pending + self.unacked


async def lanes(bus: Bus) -> list[Lane]:
    """All twelve lanes; one whose consumer is missing is empty. Raises BusUnavailableError."""
    pairs = [(service, priority) for service in Service for priority in Priority]
    try:
        return list(await asyncio.gather(*(_lane(bus, *pair) for pair in pairs)))
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error


async def projector(bus: Bus) -> ProjectorLag:
    """Where the projector stands; at nothing, where its consumer is missing. Raises BusUnavailableError."""
    try:
        info = await bus.js.consumer_info(bus.names.story, bus.names.projector)
    except NotFoundError:
        return ProjectorLag(0, 0, 0)
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error
    floor = info.ack_floor.stream_seq if info.ack_floor else 0
    return ProjectorLag(info.num_pending or 0, info.num_ack_pending or 0, floor)


async def dead_letters(bus: Bus) -> int:
    """How many letters DEAD holds; 0 where it is missing. Raises BusUnavailableError."""
    try:
        return (await bus.js.stream_info(bus.names.dead)).state.messages
    except NotFoundError:
        return 0
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error


async def _lane(bus: Bus, service: Service, priority: Priority) -> Lane:
    try:
        info = await bus.js.consumer_info(bus.names.jobs, bus.names.lane(service, priority))
    except NotFoundError:
        return Lane(service, priority)
    queued = info.num_pending or 0
    oldest = await _first_queued(bus, service, priority, info) if queued else None
    return Lane(service, priority, queued, info.num_ack_pending or 0, info.num_waiting or 0, oldest)


async def _first_queued(bus: Bus, service: Service, priority: Priority, info: ConsumerInfo) -> datetime | None:
    """When the first job was sent that the lane's consumer has not delivered yet."""
    after = info.delivered.stream_seq if info.delivered else 0
    subject = bus.names.subject(f"job.{service.value}.{priority.value}.>")
    try:
        return (await bus.js.get_msg(bus.names.jobs, seq=after + 1, subject=subject, next=True)).time
    except NotFoundError:
        return None  # it has been delivered meanwhile
