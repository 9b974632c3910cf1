"""One delivery of a job, and how it goes back to the bus. Nothing here raises for a bus that is away."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from storyloom.messaging.consumer import acknowledge, deliveries, hand_back, stored
from storyloom.story.jobs import AssetRequested

FRESH = timedelta(seconds=1)
"""Well below the reconciler's grace and any sensible ack wait: so long nobody takes a job for lost."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A job as it was delivered: the how-manieth time, and when we took it.

    ``stopped``: nobody wants it any more. ``over``: it was acknowledged or handed back. ``doubtful``: the server was
    gone after the job was stored, and may not know to whom it gave it before.
    """

    message: Msg
    job: AssetRequested
    number: int
    taken_at: datetime
    task: asyncio.Task[None]
    stopped: bool = False
    over: bool = False
    doubtful: bool = False

    @property
    def first(self) -> bool:
        """Whether nobody can have made it before.

        An old one may have stood still on its way, in a frozen sender or in our own socket, while it was put back
        or delivered elsewhere.
        """
        return not self.again and not self.doubtful and self.taken_at - self.job.at < FRESH

    @property
    def again(self) -> bool:
        """Whether somebody else, or we, had it before: the bus says so, or the reconciler."""
        return self.number > 1 or self.job.put_back

    @property
    def stamp(self) -> str:
        """What tells this delivery from every other of the job: when the bus stored it (ns), and its number."""
        return f"{stored(self.message)}.{self.number}"

    def renew(self, message: Msg) -> None:
        """The bus gave the job to us once more while we work on it: from now on we answer for this message."""
        self.message = message
        self.number = max(deliveries(message), 2)

    async def beat(self) -> bool:
        """Tell the bus that somebody works on it; whether that can have reached it."""
        try:
            await self.message.in_progress()
        except (NatsError, OSError):
            return False
        return self.message._client.is_connected  # noqa: SLF001 - a message has no other way to say so

    async def acknowledge(self) -> None:
        """It has come to its end."""
        self.over = True
        await acknowledge(self.message)

    async def hand_back(self, *, delay: float) -> None:
        """Somebody may take it, ``delay`` seconds from now."""
        self.over = True
        await hand_back(self.message, delay=delay)
