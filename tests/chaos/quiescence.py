"""Waits until nothing happens any more: stories ended, commands handled, webhooks sent, nothing due or on the bus."""

import asyncio
import time
from dataclasses import dataclass

import asyncpg
import nats
from nats.errors import Error as NatsError

from local.state import Addresses
from tests.chaos.collecting import connect, ignore, subjects

_UNFINISHED = """
SELECT (SELECT count(*) FROM stories WHERE status = 'generating') AS stories,
       (SELECT count(*) FROM command_outbox WHERE handled_at IS NULL) AS commands,
       (SELECT count(*) FROM erasures WHERE due_at < now() + interval '3 seconds') AS erasures,
       (SELECT count(*) FROM webhook_deliveries WHERE state = 'pending') AS deliveries
"""
# An erasure's last sweep comes when no job can be running any more, long after all is quiet.
CONNECTION_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, NatsError)
CONSECUTIVE_SNAPSHOTS = 3
"""How often in a row there must be nothing: between two events of a story there is nothing for a moment."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is not over yet."""

    stories: int
    commands: int
    erasures: int
    deliveries: int
    jobs: int
    events: int

    def __str__(self) -> str:
        counts = {name: getattr(self, name) for name in self.__slots__}
        return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"


async def take_snapshot(addresses: Addresses) -> UnderWay:
    """What is under way now. Raises one of CONNECTION_ERRORS while a server is down."""
    connection = await connect(addresses)
    try:
        row = await connection.fetchrow(_UNFINISHED)
    finally:
        await connection.close()
    assert row is not None
    jobs = await subjects(addresses, "JOBS")
    counts = {name: int(count) for name, count in row.items()}
    return UnderWay(**counts, jobs=len(jobs), events=await _unacknowledged(addresses))


async def _unacknowledged(addresses: Addresses) -> int:
    """Events that the projector has not acknowledged yet."""
    client = await nats.connect(addresses.nats_url, connect_timeout=5, max_reconnect_attempts=2, error_cb=ignore)
    try:
        info = await client.jetstream(timeout=5).consumer_info("STORY", "status")
        return (info.num_pending or 0) + (info.num_ack_pending or 0)
    finally:
        await client.close()


async def wait_for_quiet(addresses: Addresses, within: float) -> str:
    """Wait; what was under way when the time was up, empty if all is quiet."""
    end, quiet, last = time.monotonic() + within, 0, "no answer"
    while quiet < CONSECUTIVE_SNAPSHOTS:
        if time.monotonic() > end:
            return last
        try:
            last = str(await take_snapshot(addresses))
        except CONNECTION_ERRORS as error:
            last = f"no answer: {error!r}"
        quiet = quiet + 1 if last == "nothing" else 0
        await asyncio.sleep(0.3)
    return ""


async def wait_for_erasures(addresses: Addresses, within: float) -> None:
    """Wait until the last sweep of every erasure is over, or the time is up."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        connection = await connect(addresses)
        try:
            if not await connection.fetchval("SELECT count(*) FROM erasures WHERE due_at IS NOT NULL"):
                return
        finally:
            await connection.close()
        await asyncio.sleep(1)
