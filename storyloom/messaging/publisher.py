"""Publishing with acknowledgement, many at a time over one reply inbox: the hot path of every service.

nats-py's ``publish_async`` (2.16) drops a refusal silently and costs a random id, a semaphore and a parsed
object a message; here a message costs a number, a future and a look at the answer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

PUBLISH_TIMEOUT_SECONDS = 5.0
"""Seconds to wait for publish acknowledgements."""
_STORE_FAILED = 10_077
"""JetStream's code for a message that the stream may not take; the description says which limit."""


class PublishOutcome(Enum):
    """What became of a publication."""

    STORED = "stored"
    REPEATED = "repeated"
    """The server had this Msg-Id already."""
    REFUSED = "refused"
    """Another message lives on the subject: the asset has a job already."""


class BusUnavailableError(Exception):
    """The bus did not acknowledge in time, or has no such stream now. The message may or may not have arrived."""


class _UnstoredError(Exception):
    """Why one message was not acknowledged."""


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A message ready to go: subject without prefix, body, and the id under which a repeat is dropped (None: never).

    ``trace`` is the W3C trace context that it belongs to, carried as the header ``traceparent``; further ``headers``
    win over it.
    """

    subject: str
    body: bytes
    id: str | None
    trace: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def wire_headers(self) -> dict[str, str] | None:
        """The headers of the NATS message; None for none."""
        found = {"Nats-Msg-Id": self.id} if self.id else {}
        if self.trace:
            found["traceparent"] = self.trace
        found |= self.headers
        return found or None


class Publisher:
    """Publishes to streams over one connection. Safe to share between tasks."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = ""
        self._number = 0
        self._waiting: dict[str, asyncio.Future[PublishOutcome]] = {}

    async def open(self) -> None:
        """Subscribe to the acknowledgements."""
        self._inbox = self._client.new_inbox() + "."
        await self._client.subscribe(
            self._inbox + "*", cb=self._on_answer, pending_msgs_limit=-1, pending_bytes_limit=-1
        )

    async def publish(
        self, stream: str, messages: Sequence[OutboundMessage], *, prefix: str = ""
    ) -> list[PublishOutcome]:
        """Publish messages to a stream, together; the outcome of each. Raises BusUnavailableError."""
        loop = asyncio.get_running_loop()
        waiting: dict[str, asyncio.Future[PublishOutcome]] = {}
        timer = loop.call_later(PUBLISH_TIMEOUT_SECONDS, _expire, waiting)
        try:
            for message in messages:
                self._number += 1
                key = str(self._number)
                waiting[key] = self._waiting[key] = loop.create_future()
                await self._client.publish(
                    prefix + message.subject, message.body, self._inbox + key, message.wire_headers
                )
            return [await future for future in waiting.values()]
        except (NatsError, _UnstoredError) as error:
            raise BusUnavailableError(f"{stream}: {str(error) or type(error).__name__}") from error
        finally:
            timer.cancel()
            for key, future in waiting.items():
                self._waiting.pop(key, None)
                if future.done() and not future.cancelled():
                    future.exception()  # retrieved, even where another one's was raised

    async def _on_answer(self, message: Msg) -> None:
        future = self._waiting.get(message.subject[len(self._inbox) :])
        if future is None or future.done():
            return
        if not message.data:  # no responders: there is no such stream
            future.set_exception(_UnstoredError("there is no such stream"))
        elif b'"error"' not in message.data:
            future.set_result(PublishOutcome.REPEATED if b'"duplicate"' in message.data else PublishOutcome.STORED)
        else:
            error = orjson.loads(message.data)["error"]
            description = str(error.get("description", ""))
            if error.get("err_code") == _STORE_FAILED and "per subject" in description:
                future.set_result(PublishOutcome.REFUSED)
            else:
                future.set_exception(_UnstoredError(description))


def _expire(waiting: dict[str, "asyncio.Future[PublishOutcome]"]) -> None:
    for future in waiting.values():
        if not future.done():
            future.set_exception(_UnstoredError(f"no acknowledgement within {PUBLISH_TIMEOUT_SECONDS:g} seconds"))
