"""The pull consumer: one inbox, one open pull request for as many messages as there are free slots.

nats-py's ``fetch`` pays two requests and a time-out a batch; a request that stays open delivers a message the moment it
is stored, and is made again after reconnects, server errors and silence (the server sends idle heartbeats into an open
request; without one the request is taken for lost).

A request lives as long as its inbox has a subscriber, on whichever connection: a client that subscribes to its old
inbox after a reconnect revives its old requests, too. So an inbox ends with its connection; a new pull has a new one.
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

IDLE_HEARTBEAT_SECONDS = 1.0
PULL_EXPIRES_SECONDS = 30.0
DRAIN_TIMEOUT_SECONDS = 2.0
"""Seconds to wait for messages on their way when an inbox is drained."""


class PullConsumer:
    """Messages of one durable, at most ``max_in_flight`` of them unacknowledged here at once.

    ``take`` returns what has been received, at least one; ``done(n)`` frees slots. Only one task may take.
    """

    def __init__(self, bus: Bus, stream: str, durable: str, *, max_in_flight: int) -> None:
        self._bus = bus
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._max_in_flight = max_in_flight
        self._requested = 0
        self._in_flight = 0
        self._buffered: deque[Msg] = deque()
        self._subscription: Subscription | None = None
        self._received = asyncio.Event()
        self._last_received_at = 0.0
        self._request_failed = False
        self._closing = False
        self._repoll_lock = asyncio.Lock()

    async def open(self) -> None:
        """Subscribe, and pull the first messages."""
        self._closing = self._request_failed = False
        self._requested = 0
        await self._subscribe()
        self._bus.watchers.add(self)
        await self._request()

    async def close(self) -> None:
        """Pull no more, and nack what was received and not taken. What was taken may still be acknowledged."""
        self._closing = True
        self._bus.watchers.discard(self)
        # What the server had sent already would be redelivered only after ack_wait if it were dropped here.
        await self._unsubscribe()
        while self._buffered:
            await nak(self._buffered.popleft(), delay=0)
        self._requested = 0

    async def take(self, limit: int) -> list[Msg]:
        """Wait for messages; up to ``limit`` of those received."""
        while not self._buffered:
            self._received.clear()
            try:
                async with asyncio.timeout(IDLE_HEARTBEAT_SECONDS):
                    await self._received.wait()
            except TimeoutError:
                await self._check_request()
        taken = [self._buffered.popleft() for _ in range(min(limit, len(self._buffered)))]
        self._in_flight += len(taken)
        return taken

    async def done(self, count: int) -> None:
        """``count`` messages are acknowledged, or will never be by us: their slots are free."""
        self._in_flight -= count
        await self._request()

    async def repoll(self) -> None:
        """Pull anew, and nothing twice: whatever the server still knows of older requests ends with their inbox."""
        async with self._repoll_lock:
            if self._closing or not self._bus.client.is_connected:
                return  # a reconnect polls again
            await self._unsubscribe()
            self._requested, self._request_failed = 0, False
            with suppress(NatsError, OSError):
                await self._subscribe()
        await self._request()

    async def disconnected(self) -> None:
        """Leave the inbox, so that no reconnect subscribes to it again."""
        subscription, self._subscription, self._requested = self._subscription, None, 0
        if subscription is not None:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def reconnected(self) -> None:
        """Pull again: NATS is back."""
        await self.repoll()

    async def _subscribe(self) -> None:
        self._inbox = self._bus.client.new_inbox()
        self._subscription = await self._bus.client.subscribe(
            self._inbox, cb=self._on_message, pending_msgs_limit=-1, pending_bytes_limit=-1
        )

    async def _unsubscribe(self) -> None:
        """Drain the inbox: close it once everything that the server has sent there is received."""
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        try:
            with suppress(NatsError, OSError, TimeoutError):
                async with asyncio.timeout(DRAIN_TIMEOUT_SECONDS):
                    await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py left it without types
        finally:
            # One whose drain was cut short would be subscribed to again by every reconnect.
            self._bus.client._remove_sub(subscription._id)  # noqa: SLF001 - a closed one refuses unsubscribe()

    async def _request(self) -> None:
        if self._closing or self._subscription is None:
            return
        free = self._max_in_flight - self._requested - self._in_flight - len(self._buffered)
        # Pulling a few at a time would cost a request a message: wait for half the slots, or for the open request's
        # end.
        if free <= 0 or (self._requested > 0 and free * 2 < self._max_in_flight) or not self._bus.client.is_connected:
            return
        self._requested += free
        self._last_received_at = asyncio.get_running_loop().time()
        request = {
            "batch": free,
            "expires": int(PULL_EXPIRES_SECONDS * 1e9),
            "idle_heartbeat": int(IDLE_HEARTBEAT_SECONDS * 1e9),
        }
        with suppress(NatsError, OSError):  # a lost request is made again, since no idle heartbeat comes
            await self._bus.client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    async def _check_request(self) -> None:
        silent = asyncio.get_running_loop().time() - self._last_received_at
        if (
            self._request_failed
            or self._subscription is None
            or (self._requested > 0 and silent > 2.5 * IDLE_HEARTBEAT_SECONDS)
        ):
            await self.repoll()
        elif self._requested == 0:
            await self._request()

    async def _on_message(self, message: Msg) -> None:
        self._last_received_at = asyncio.get_running_loop().time()
        if message.headers and "Status" in message.headers and not message.data:
            await self._on_status(message.headers)
            return
        self._requested = max(0, self._requested - 1)
        self._buffered.append(message)
        self._received.set()
        if self._requested == 0:
            await self._request()  # slots that were freed since the last request

    async def _on_status(self, headers: dict[str, str]) -> None:
        status, left = headers["Status"], headers.get("Nats-Pending-Messages")
        if status == "100":  # a heartbeat
            return
        if left is None:  # 409, 503: the consumer was deleted, or moves
            # The next check polls again: at once would be a busy loop while a consumer is missing.
            self._request_failed = True
            return
        self._requested = max(0, self._requested - int(left))
        if status == "408":  # the request expired, as it should
            await self._request()


async def ack(message: Msg) -> None:
    """Acknowledge a message; does nothing while NATS is unreachable."""
    with suppress(NatsError, OSError):
        await message.ack()


async def nak(message: Msg, *, delay: float) -> None:
    """Have a message redelivered ``delay`` seconds from now, at once for 0; does nothing while NATS is unreachable."""
    with suppress(NatsError, OSError):
        await message.nak(delay=delay or None)


def stored_at(message: Msg) -> datetime | None:
    """When the server stored a message, by its own clock; None for one that no stream delivered."""
    stored = stored_ns(message)
    return datetime.fromtimestamp(stored / 1e9, UTC) if stored else None


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
