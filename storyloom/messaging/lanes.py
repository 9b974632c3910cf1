"""Counts from NATS: the lanes of JOBS, the projector's lag, the number of dead letters.

Few requests, whatever is queued. Missing consumers and streams count as empty: readiness and ``doctor`` name them.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from storyloom.messaging.publisher import BusUnavailableError
from storyloom.messaging.topology import Names
from storyloom.story.assets import Priority, Service


@dataclass(frozen=True, slots=True)
class Lane:
    """The jobs of one service and priority, as their consumer counts them.

    ``queued`` were never delivered, ``oldest`` is when the first of these was published. ``in_flight`` were delivered
    and not acknowledged: they are being worked on, or wait for their next attempt. ``pulls`` are open requests for
    more. Up to the stream sequence ``floor`` all is acknowledged.
    """

    service: Service
    priority: Priority
    queued: int = 0
    in_flight: int = 0
    pulls: int = 0
    floor: int = 0
    oldest: datetime | None = None

    @property
    def unfinished(self) -> int:
        """Jobs that the consumer has still to see acknowledged."""
        return self.queued + self.in_flight

    @property
    def subject_prefix(self) -> str:
        """What the subjects of its jobs begin with: ``job.images.normal.``."""
        return f"job.{self.service.value}.{self.priority.value}."


@dataclass(frozen=True, slots=True)
class ProjectorLag:
    """The projector's lag: ``pending`` events were not delivered to it, ``unacked`` were and are not acknowledged.

    All up to the stream sequence ``floor`` is acknowledged. Deliveries prove nothing: a frozen projector is delivered
    more all the same.
    """

    pending: int
    unacked: int
    floor: int

    @property
    def behind(self) -> int:
        """Events that are not acknowledged."""
        return self.pending + self.unacked


async def read_lanes(js: JetStreamContext, names: Names, *, ages: bool = False) -> list[Lane]:
    """All twelve lanes; ``oldest`` is looked up where ``ages`` is asked for. Raises BusUnavailableError."""
    pairs = [(service, priority) for service in Service for priority in Priority]
    try:
        return list(await asyncio.gather(*(_lane(js, names, *pair, ages=ages) for pair in pairs)))
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error


async def read_lane(js: JetStreamContext, names: Names, service: Service, priority: Priority) -> Lane:
    """One lane. Raises BusUnavailableError."""
    try:
        return await _lane(js, names, service, priority, ages=False)
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error


async def read_projector_lag(js: JetStreamContext, names: Names) -> ProjectorLag:
    """The projector's lag. Raises BusUnavailableError."""
    try:
        info = await js.consumer_info(names.story, names.projector)
    except NotFoundError:
        return ProjectorLag(0, 0, 0)
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error
    return ProjectorLag(info.num_pending or 0, info.num_ack_pending or 0, _floor(info))


async def count_dead_letters(js: JetStreamContext, names: Names) -> int:
    """How many messages DEAD holds. Raises BusUnavailableError."""
    try:
        return (await js.stream_info(names.dead)).state.messages
    except NotFoundError:
        return 0
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error


async def _lane(js: JetStreamContext, names: Names, service: Service, priority: Priority, *, ages: bool) -> Lane:
    try:
        info = await js.consumer_info(names.jobs, names.lane(service, priority))
    except NotFoundError:
        return Lane(service, priority)
    queued = info.num_pending or 0
    subject = names.subject(f"{Lane(service, priority).subject_prefix}>")
    oldest = await _first_queued(js, names.jobs, subject, info) if ages and queued else None
    return Lane(service, priority, queued, info.num_ack_pending or 0, info.num_waiting or 0, _floor(info), oldest)


async def _first_queued(js: JetStreamContext, stream: str, subject: str, info: ConsumerInfo) -> datetime | None:
    """When the first job was published that the consumer has not delivered yet."""
    after = info.delivered.stream_seq if info.delivered else 0
    try:
        return (await js.get_msg(stream, seq=after + 1, subject=subject, next=True)).time
    except NotFoundError:
        return None  # it has been delivered meanwhile


def _floor(info: ConsumerInfo) -> int:
    return info.ack_floor.stream_seq if info.ack_floor else 0
