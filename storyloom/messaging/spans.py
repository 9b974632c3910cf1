"""What a span of a message is: its name, its attributes, and what it belongs to."""

from collections.abc import Sequence

from storyloom.messaging.channels import channel
from storyloom.messaging.publisher import OutboundMessage
from storyloom.runtime.spans import NO_SPAN, OFF, Attributes, Span, Spans

TRACEPARENT = "traceparent"
"""The header by which a message names what it belongs to (W3C Trace Context)."""
UNTRACED = "live."
"""Started, progressed: several a second, and lost without harm."""


def handling(
    spans: Spans,
    name: str,
    sent: str,
    *,
    origin: str = "",
    again: bool = False,
    links: Sequence[str] = (),
    attributes: Attributes | None = None,
) -> Span:
    """The span of handling a message from a channel. ``sent``: the traceparent that it came with.

    What comes ``again`` is no second child of whoever sent it once: it belongs to its story's ``origin``, and has a
    link to what it repeats. ``links``: others that it has.
    """
    parent = (origin or sent) if again else (sent or origin)
    if not parent or name.startswith(UNTRACED):
        return NO_SPAN
    found = {"messaging.system": "nats", "messaging.destination.name": name, **(attributes or {})}
    links = (*links, *((sent,) if again and sent else ()))
    return spans.start(f"process {name}", "consumer", parent=parent, links=links, attributes=found)


def publishing(spans: Spans, name: str, parent: str) -> Span:
    """The span of publishing a message on a channel."""
    attributes = {"messaging.system": "nats", "messaging.destination.name": name}
    return spans.start(f"publish {name}", "producer", parent=parent, attributes=attributes)


def traced(spans: Spans, message: OutboundMessage, parent: str = "") -> tuple[OutboundMessage, Span]:
    """A message that names the span of its publication, which the caller ends. ``parent``: its story's origin if left
    out.
    """
    parent = parent or message.trace
    if spans is OFF or not parent:
        return message, NO_SPAN
    span = publishing(spans, channel(message.subject), parent)
    headers = {**message.headers, TRACEPARENT: span.traceparent}
    return OutboundMessage(message.subject, message.body, message.id, message.trace, headers), span
