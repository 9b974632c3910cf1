"""Which jobs are in flight with which worker, asked over core NATS. Best effort: no answer means nothing."""

import asyncio
import hashlib
import os
import socket
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from storyloom.messaging.connection import Bus
from storyloom.messaging.topology import QUERY_WORKERS
from storyloom.story.assets import Asset, Service
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import Value

log = structlog.get_logger()


class InFlightJob(Value):
    """A job in flight with a worker, and since when."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    story_id: UUID
    asset: Asset
    fingerprint: Fingerprint
    since: datetime


class InFlightJobs(Value):
    """A worker's answer. ``worker`` names its process: ``<service>-<pid>@<hash of the host's name>``."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    worker: str
    service: Service
    held: tuple[InFlightJob, ...] = ()

    @property
    def body(self) -> bytes:
        """The answer as JSON."""
        return self.model_dump_json(by_alias=True).encode()


def worker_name(service: Service) -> str:
    """What this process is called among workers. The host is hashed: a name may say more than an answer should."""
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
    return f"{service.value}-{os.getpid()}@{host}"


async def query_workers(bus: Bus, wait_seconds: float) -> list[InFlightJobs]:
    """Ask every worker; the answers that came within ``wait_seconds``. Never raises while NATS is unreachable.

    A worker that does not answer in time may have jobs in flight all the same.
    """
    answers: list[InFlightJobs] = []
    client = bus.client
    inbox = client.new_inbox()
    try:
        subscription = await client.subscribe(inbox)
    except NatsError:
        return answers
    try:
        await client.publish(bus.names.subject(QUERY_WORKERS), b"", reply=inbox)
        async with asyncio.timeout(wait_seconds):
            while True:
                message = await subscription.next_msg(timeout=None)
                if message.headers and not message.data:  # 503, no responders: no worker runs
                    return answers
                try:
                    answers.append(InFlightJobs.model_validate_json(message.data))
                except ValidationError:
                    log.warning("worker.answer_unreadable", size=len(message.data))
    except (TimeoutError, NatsError):
        return answers
    finally:
        with suppress(NatsError):
            await subscription.unsubscribe()
