"""One delivery of a job, and how it goes back to the bus. Nothing here raises for a bus that is away."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from storyloom.messaging.consumer import ack, delivery_count, nak, stored_ns
from storyloom.story.jobs import AssetRequested

FRESH = timedelta(seconds=1)
"""Well below the reconciler's grace and any sensible ack wait: so long nobody takes a job for lost."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A job as it was delivered: the how-manieth time, and when we took it.

    ``stopped``: nobody wants it any more. ``over``: it was acknowledged or handed back. ``doubtful``: the server was
    gone after the job was stored, and may not know to whom it gave it before. ``overdue``: its time is up, and whoever
    works on it would not hear of it.
    """

    message: Msg
    job: AssetRequested
    number: int
    taken_at: datetime
    task: asyncio.Task[None]
    cancelled: bool = False
    settled: bool = False
    uncertain: bool = False
    overdue: bool = False

    @property
    def live(self) -> bool:
        """Whether whoever works on it answers for it."""
        return not (self.settled or self.cancelled or self.overdue)

    @property
    def first(self) -> bool:
        """Whether nobody can have made it before.

        An old one may have stood still on its way, in a frozen sender or in our own socket, while it was put back
        or delivered elsewhere.
        """
        return not self.redelivered and not self.uncertain and self.taken_at - self.job.at < FRESH

    @property
    def redelivered(self) -> bool:
        """Whether somebody else, or we, had it before: the bus says so, or the reconciler."""
        return self.number > 1 or self.job.put_back

    @property
    def stamp(self) -> str:
        """What tells this delivery from every other of the job: when the bus stored it (ns), and its number."""
        return f"{stored_ns(self.message)}.{self.number}"

    def renew(self, message: Msg) -> None:
        """The bus gave the job to us once more while we work on it: from now on we answer for this message."""
        self.message = message
        self.number = max(delivery_count(message), 2)

    def give_up_on(self) -> None:
        """Its time is up: cancel it, and answer for it no more."""
        self.overdue = True
        self.task.cancel()

    async def in_progress(self) -> bool:
        """Tell the bus that somebody works on it; whether that can have reached it."""
        try:
            await self.message.in_progress()
        except (NatsError, OSError):
            return False
        client = self.message._client  # noqa: SLF001 - a message has no other way to say so
        return client is not None and client.is_connected

    async def ack(self) -> None:
        """It has come to its end."""
        self.settled = True
        await ack(self.message)

    async def nak(self, *, delay: float) -> None:
        """Somebody may take it, ``delay`` seconds from now."""
        self.settled = True
        await nak(self.message, delay=delay)
