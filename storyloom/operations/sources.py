"""What operators' questions are asked of: NATS, Postgres and the named queries."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.messaging.connection import Bus
from storyloom.runtime.settings import Settings

FETCH_BATCH_SIZE = 100
INACTIVE_THRESHOLD_SECONDS = 30.0
"""Seconds after which the server removes the consumer of a reader that was cut off."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What a question can be asked of."""

    settings: Settings
    bus: Bus
    pool: Pool


def queries() -> Any:
    """Those of queries.sql."""
    return load_queries("storyloom.operations")


async def read_stream(
    bus: Bus, stream: str, subject: str, *, since: datetime | None = None, after: int = 0
) -> AsyncIterator[Msg]:
    """The messages of a stream that match a subject and are there now, oldest first.

    ``since`` is their time at least, ``after`` the sequence that they come after. The server does the choosing: work
    grows with what is read. Raises nats errors.
    """
    start = DeliverPolicy.ALL
    if after:
        start = DeliverPolicy.BY_START_SEQUENCE
    elif since is not None:
        start = DeliverPolicy.BY_START_TIME
    config = ConsumerConfig(
        deliver_policy=start,
        opt_start_seq=after + 1 if after else None,
        opt_start_time=since if start is DeliverPolicy.BY_START_TIME else None,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=INACTIVE_THRESHOLD_SECONDS,
        mem_storage=True,
        num_replicas=1,
    )
    reader = await bus.js.pull_subscribe(bus.names.subject(subject), stream=stream, config=config)
    try:
        left = (await reader.consumer_info()).num_pending or 0
        while left > 0:
            try:
                page = await reader.fetch(min(FETCH_BATCH_SIZE, left), timeout=2)
            except NatsTimeoutError:
                return  # what was left has been deleted meanwhile
            for message in page:
                # The server takes a time beyond the year 2262 for one before 1970.
                if since is None or message.metadata.timestamp >= since:
                    yield message
            left -= len(page)
    finally:
        await reader.unsubscribe()
        await bus.js.delete_consumer(stream, config.name or "")
