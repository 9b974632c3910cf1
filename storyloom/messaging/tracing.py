"""Spans of a broker's messages: one for each that is published, and one for each that is handled.

Not FastStream's own middleware (docs/adr/0025): to it a redelivered message is one more child of whoever sent it, and
what a handler publishes belongs to that sender, too, so that nobody sees what led to what.

A message that belongs to no trace makes none: what replicas ask one another every few seconds stays out.
"""

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any

from faststream import BaseMiddleware, ContextRepo
from faststream.exceptions import HandlerException
from faststream.message import StreamMessage
from faststream.response import PublishCommand

from storyloom.messaging.channels import channel
from storyloom.messaging.consumer import delivery_count
from storyloom.messaging.spans import TRACEPARENT, UNTRACED, handling, publishing
from storyloom.runtime.spans import NO_SPAN, OFF, SPAN, Spans


def tracing(spans: Spans, prefix: str) -> Sequence[Any]:
    """Middlewares of a broker that make spans of its messages; none where spans are off. ``prefix`` is the bus's."""
    if spans is OFF:
        return ()

    def middleware(message: Any, /, *, context: ContextRepo) -> MessageSpans:
        return MessageSpans(spans, prefix, message, context=context)

    return (middleware,)


class MessageSpans(BaseMiddleware[PublishCommand, Any]):
    """The spans of one message that is handled, or of one that is published outside of any handler."""

    __slots__ = ("_prefix", "_span", "_spans")

    def __init__(self, spans: Spans, prefix: str, message: Any, /, *, context: ContextRepo) -> None:
        super().__init__(message, context=context)
        self._spans, self._prefix, self._span = spans, prefix, NO_SPAN

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[Any]) -> Any:
        """Handle a message within its span."""
        name = channel(msg.raw_message.subject, self._prefix)
        self._span = handling(self._spans, name, str(msg.headers.get(TRACEPARENT, "")), **await _read(name, msg))
        with self._spans.within(self._span):
            return await call_next(msg)

    async def publish_scope(self, call_next: Callable[[Any], Awaitable[Any]], cmd: PublishCommand) -> Any:
        """Publish within a span, which whoever receives the message names as its parent."""
        name = channel(cmd.destination, self._prefix)
        parent = self._span.traceparent or SPAN.get().traceparent or str(cmd.headers.get(TRACEPARENT, ""))
        if name.startswith(UNTRACED) or not parent or cmd.body is None:
            return await call_next(cmd)
        span = publishing(self._spans, name, parent)
        cmd.headers = {**cmd.headers, TRACEPARENT: span.traceparent}
        try:
            return await call_next(cmd)
        except BaseException as error:
            span.fail(type(error).__name__)
            raise
        finally:
            span.end()

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> bool:
        """It is handled, and what its handler returned is published."""
        del exc_tb
        if exc_type is not None and not isinstance(exc_val, HandlerException):
            self._span.fail(exc_type.__name__)
        self._span.end()
        return False


async def _read(name: str, message: StreamMessage[Any]) -> dict[str, Any]:
    """What a job says of itself; of other messages the header says all."""
    if not name.startswith("job."):
        return {}
    try:
        job: Any = await message.decode()  # once: the handler is given the same
        deliveries = delivery_count(message.raw_message)
        said = {"story_id": str(job.story_id), "asset": job.asset.value, "delivery": deliveries}
        again = deliveries > 1 or job.put_back
        attributes = {f"storyloom.{key}": value for key, value in said.items()}
    except Exception:  # noqa: BLE001 - the next decoder raises, and is handled
        return {}
    return {"origin": job.trace, "again": again, "attributes": attributes}
