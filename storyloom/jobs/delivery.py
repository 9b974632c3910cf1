"""One delivery of a job: its acknowledgements. None of them raises while NATS is unreachable."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from storyloom.jobs.stored_answers import StoredAnswers
from storyloom.messaging.consumer import ack, delivery_count, nak, stored_at, stored_ns
from storyloom.runtime.clocks import seconds_awake_or_not
from storyloom.story.jobs import AssetRequested

FIRST_DELIVERY_MAX_AGE = timedelta(seconds=1)
"""Well below the reconciler's grace and any sensible ack_wait: a younger job cannot have been taken for lost."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A job as it was delivered: ``number`` is the delivery count, ``taken_at`` when this worker received it.

    ``cancelled``: by StopWork. ``settled``: acknowledged or nacked. ``uncertain``: the server was unreachable after
    the job was stored, and may deliver as new what another worker has in flight. ``overdue``: its deadline has passed.
    ``answers``: what its attempts have paid for.
    """

    message: Msg
    job: AssetRequested
    number: int
    taken_at: datetime
    task: asyncio.Task[None]
    answers: StoredAnswers
    cancelled: bool = False
    settled: bool = False
    uncertain: bool = False
    overdue: bool = False
    _taken: float = field(default_factory=seconds_awake_or_not)

    @property
    def held_seconds(self) -> float:
        """How long this worker has had it, whatever happens to its clock."""
        return seconds_awake_or_not() - self._taken

    @property
    def live(self) -> bool:
        """Whether it is in flight here: neither settled, nor cancelled, nor overdue."""
        return not (self.settled or self.cancelled or self.overdue)

    @property
    def first(self) -> bool:
        """Whether no other worker can have had it before.

        An old one may have been held up in a frozen sender or in our own socket while it was requeued or delivered
        elsewhere. Its age is told by three clocks: whose event asked for it, the server's, and ours. Where they differ
        by more than a moment no delivery counts as the first one, which costs a look into the store and no more.
        """
        if self.redelivered or self.uncertain:
            return False
        stored = stored_at(self.message)
        return abs(self.taken_at - self.job.at) < FIRST_DELIVERY_MAX_AGE and (
            stored is None or abs(self.taken_at - stored) < FIRST_DELIVERY_MAX_AGE
        )

    @property
    def redelivered(self) -> bool:
        """Whether a worker had it before: by the server's delivery count, or requeued by the reconciler."""
        return self.number > 1 or self.job.put_back

    @property
    def delivery_id(self) -> str:
        """Unique among the job's deliveries: when the server stored it (ns since the epoch), and the delivery count."""
        return f"{stored_ns(self.message)}.{self.number}"

    def replace_message(self, message: Msg) -> None:
        """The job was redelivered to us while it is in flight here: acknowledge this message instead of the first."""
        self.message = message
        self.number = max(delivery_count(message), 2)

    def expire(self) -> None:
        """Its deadline has passed: cancel the handler, and count the job as in flight here no more."""
        self.overdue = True
        self.task.cancel()

    async def in_progress(self) -> bool:
        """Send ``in progress``, which restarts ack_wait; whether that can have reached the server."""
        try:
            await self.message.in_progress()
        except (NatsError, OSError):
            return False
        client = self.message._client  # noqa: SLF001 - a message has no other way to say so
        return client is not None and client.is_connected

    async def ack(self) -> None:
        """Acknowledge it: it is never delivered again."""
        self.settled = True
        await ack(self.message)

    async def nak(self, *, delay: float) -> None:
        """Have it redelivered ``delay`` seconds from now."""
        self.settled = True
        await nak(self.message, delay=delay)
