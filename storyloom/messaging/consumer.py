"""The standing pull: one inbox, one open request for as many messages as there is room for.

nats-py's ``fetch`` pays two requests and a time-out a batch; a request that stays open delivers a message the moment it
is stored, and heals itself after reconnects, server errors and silence (the server sends a heartbeat into an open
request; without one the request is taken for lost and asked again).

A request lives as long as its inbox has a listener, on whichever connection: a client that comes back to its old inbox
brings its old requests back, too. So an inbox ends with its connection, and whoever asks anew does it over a new one.
"""

import asyncio
import json
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from storyloom.messaging.connection import Bus

HEARTBEAT = 1.0
EXPIRES = 30.0
CLOSING = 2.0
"""Seconds to wait for what is on its way when an inbox closes."""


class PullConsumer:
    """Messages of one durable. ``room`` is how many may be unacknowledged here at once.

    ``take`` answers what has arrived, at least one; ``done(n)`` gives room back. One task takes.
    """

    def __init__(self, bus: Bus, stream: str, durable: str, *, room: int) -> None:
        self._bus = bus
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._room = room
        self._asked = 0
        self._held = 0
        self._arrived: deque[Msg] = deque()
        self._subscription: Subscription | None = None
        self._something = asyncio.Event()
        self._heard = 0.0
        self._void = False
        self._closing = False
        self._renewing = asyncio.Lock()

    async def open(self) -> None:
        """Subscribe and ask for the first messages."""
        self._closing = self._void = False
        self._asked = 0
        await self._subscribe()
        self._bus.watchers.add(self)
        await self._ask()

    async def close(self) -> None:
        """Ask no more, and hand back what came and was not taken. What was taken may still be acknowledged."""
        self._closing = True
        self._bus.watchers.discard(self)
        # What the server had sent already would be missed for an ack_wait if it were dropped here.
        await self._end()
        while self._arrived:
            await nak(self._arrived.popleft(), delay=0)
        self._asked = 0

    async def take(self, most: int) -> list[Msg]:
        """Wait for messages; answer up to ``most`` of those that are here."""
        while not self._arrived:
            self._something.clear()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._something.wait()
            except TimeoutError:
                await self._heal()
        taken = [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]
        self._held += len(taken)
        return taken

    async def done(self, count: int) -> None:
        """``count`` messages are acknowledged, or will never be by us: others may come."""
        self._held -= count
        await self._ask()

    async def repoll(self) -> None:
        """Ask anew, and for nothing twice: whatever the server still knows of older requests ends with their inbox."""
        async with self._renewing:
            if self._closing or not self._bus.client.is_connected:
                return  # a reconnect asks again
            await self._end()
            self._asked, self._void = 0, False
            with suppress(NatsError, OSError):
                await self._subscribe()
        await self._ask()

    async def disconnected(self) -> None:
        """Leave the inbox, so that no reconnect comes back to it."""
        subscription, self._subscription, self._asked = self._subscription, None, 0
        if subscription is not None:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def reconnected(self) -> None:
        """Ask again: the bus is back."""
        await self.repoll()

    async def _subscribe(self) -> None:
        self._inbox = self._bus.client.new_inbox()
        self._subscription = await self._bus.client.subscribe(
            self._inbox, cb=self._on_message, pending_msgs_limit=-1, pending_bytes_limit=-1
        )

    async def _end(self) -> None:
        """Close the inbox, once everything that the server has sent there is here."""
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            with suppress(NatsError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py left it without types
        finally:
            # One whose draining was cut short would be subscribed to again by every reconnect.
            self._bus.client._remove_sub(subscription._id)  # noqa: SLF001 - a closed one refuses unsubscribe()

    async def _ask(self) -> None:
        if self._closing or self._subscription is None:
            return
        free = self._room - self._asked - self._held - len(self._arrived)
        # Asking for a few at a time would cost a request a message; at the latest when nothing is asked for any more.
        if free <= 0 or (self._asked > 0 and free * 2 < self._room) or not self._bus.client.is_connected:
            return
        self._asked += free
        self._heard = asyncio.get_running_loop().time()
        request = {"batch": free, "expires": int(EXPIRES * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9)}
        with suppress(NatsError, OSError):  # a lost request is asked again: nobody hears a heartbeat of it
            await self._bus.client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    async def _heal(self) -> None:
        silent = asyncio.get_running_loop().time() - self._heard
        if self._void or self._subscription is None or (self._asked > 0 and silent > 2.5 * HEARTBEAT):
            await self.repoll()
        elif self._asked == 0:
            await self._ask()

    async def _on_message(self, message: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        if message.headers and "Status" in message.headers and not message.data:
            await self._on_status(message.headers)
            return
        self._asked = max(0, self._asked - 1)
        self._arrived.append(message)
        self._something.set()
        if self._asked == 0:
            await self._ask()  # slots that came free since the last request was made

    async def _on_status(self, headers: dict[str, str]) -> None:
        status, left = headers["Status"], headers.get("Nats-Pending-Messages")
        if status == "100":  # a heartbeat
            return
        if left is None:  # 409, 503: the consumer is gone, or moves
            # The next heal asks again: at once would be a busy loop while a consumer is missing.
            self._void = True
            return
        self._asked = max(0, self._asked - int(left))
        if status == "408":  # a request ended in good order
            await self._ask()


async def ack(message: Msg) -> None:
    """Take a message off the bus, if the bus is there."""
    with suppress(NatsError, OSError):
        await message.ack()


async def nak(message: Msg, *, delay: float) -> None:
    """Give a message back to the bus, for others to take ``delay`` seconds from now; at once for 0."""
    with suppress(NatsError, OSError):
        await message.nak(delay=delay or None)


def stored_at(message: Msg) -> datetime:
    """When the bus stored a message, by its own clock."""
    return datetime.fromtimestamp(stored_ns(message) / 1e9, UTC)


def stored_ns(message: Msg) -> int:
    tokens = message.reply.split(".")
    if len(tokens) < 9:
        return 0
    return int(tokens[7 if len(tokens) == 9 else 9])


def delivery_count(message: Msg) -> int:
    """How often a message was delivered, this time included; read from its reply subject (NATS ADR-15).

    ``Msg.metadata`` says the same, with four more numbers and two dates that a job has no use for. A message that no
    stream delivered (FastStream's test broker) was delivered once.
    """
    tokens = message.reply.split(".")
    if len(tokens) < 9:
        return 1
    return int(tokens[4 if len(tokens) == 9 else 6])
