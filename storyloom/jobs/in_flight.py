"""Which jobs are in flight with which worker, asked over core NATS. Best effort: no answer means nothing."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from storyloom.messaging.connection import Bus
from storyloom.messaging.topology import QUERY_WORKERS
from storyloom.runtime.supervision import cancel_and_wait
from storyloom.story.assets import Asset, Priority, Service
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import Value

log = structlog.get_logger()

CLOCKS_AGREE = timedelta(seconds=2)
"""More than an answer takes on its way, and less than anybody notices of a clock that is off."""


class InFlightJob(Value):
    """A job in flight with a worker, and since when.

    ``since`` is by that worker's clock, ``held_seconds`` by one that only goes on; None from an older version.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    story_id: UUID
    asset: Asset
    fingerprint: Fingerprint
    since: datetime
    held_seconds: float | None = None

    def agrees_with_clock(self, now: datetime) -> bool:
        """Whether the worker's clock is ours, as far as an answer that has just come can tell."""
        if self.held_seconds is None:
            return True
        return abs(now - self.since - timedelta(seconds=self.held_seconds)) < CLOCKS_AGREE


class ShutProvider(Value):
    """A provider that a worker finds unavailable, since when and why.

    ``why``: ``away``, ``not_allowed`` (our key is refused) or ``out_of_quota``.
    """

    provider: str
    why: str
    since: datetime


class ProviderGate(Value):
    """A provider's gate in a process: calls under way, of how many that may be, and those that wait for one.

    ``state`` is the breaker's: ``closed`` lets calls through, ``half_open`` one that tries, ``open`` none.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    provider: str
    state: str = "closed"
    in_flight: int = 0
    limit: int = 0
    waiting: int = 0


class WorkerProblem(Value):
    """What keeps a worker from working: ``check`` as in its readiness, ``reason`` in a sentence."""

    check: str
    reason: str


class InFlightJobs(Value):
    """A worker's answer. ``worker`` names its process: ``<service>-<pid>@<hash of the host's name>``."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    worker: str
    service: Service
    held: tuple[InFlightJob, ...] = ()
    shut: tuple[ShutProvider, ...] = ()
    """The providers that this process finds unavailable."""
    problems: tuple[WorkerProblem, ...] = ()
    """A store that takes no writes, loops that crash again and again."""
    gates: tuple[ProviderGate, ...] = ()
    """Those of all providers that this process has called; empty from older versions."""
    slots: Mapping[Priority, Annotated[int, Field(ge=0, le=100_000)]] = Field(default_factory=dict)
    """How many jobs it runs at once, by lane; empty from older versions."""

    @property
    def body(self) -> bytes:
        """The answer as JSON."""
        return self.model_dump_json(by_alias=True).encode()


def worker_name(service: Service) -> str:
    """What this process is called among workers. The host is hashed: a name may say more than an answer should."""
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
    return f"{service.value}-{os.getpid()}@{host}"


async def query_workers(
    bus: Bus,
    wait_seconds: float,
    *,
    repeat_seconds: float | None = None,
    enough: Callable[[InFlightJobs], bool] | None = None,
) -> list[InFlightJobs]:
    """Ask every worker; the answers that came within ``wait_seconds``. Never raises while NATS is unreachable.

    A worker that does not answer in time may have jobs in flight all the same. ``repeat_seconds``: ask again and again
    meanwhile, for whoever is about to reconnect; a worker that answers twice is in the list twice. ``enough``: an
    answer after which no other is waited for.
    """
    answers: list[InFlightJobs] = []
    client = bus.client
    inbox = client.new_inbox()
    try:
        subscription = await client.subscribe(inbox)
    except NatsError:
        return answers
    asking = asyncio.create_task(_ask(bus, inbox, repeat_seconds))
    try:
        async with asyncio.timeout(wait_seconds):
            while True:
                message = await subscription.next_msg(timeout=None)
                if message.headers and not message.data:  # 503, no responders: no worker runs
                    if repeat_seconds is None:
                        return answers
                    continue
                try:
                    answers.append(InFlightJobs.model_validate_json(message.data))
                except ValidationError:
                    log.warning("worker.answer_unreadable", size=len(message.data))
                    continue
                if enough is not None and enough(answers[-1]):
                    return answers
    except (TimeoutError, NatsError):
        return answers
    finally:
        await cancel_and_wait(asking)
        with suppress(NatsError):
            await subscription.unsubscribe()


async def _ask(bus: Bus, inbox: str, repeat_seconds: float | None) -> None:
    while True:
        with suppress(NatsError):
            await bus.client.publish(bus.names.subject(QUERY_WORKERS), b"", reply=inbox)
        if repeat_seconds is None:
            return
        await asyncio.sleep(repeat_seconds)
