"""One request and its answer, by the names that clients, logs and traces know them by."""

import asyncio
import re
import secrets
from dataclasses import dataclass
from uuid import uuid4

from aiohttp import web

_REQUEST_ID = re.compile(r"^(?=(?:\D*\d){4})[A-Za-z0-9_-]{16,64}$")
"""What programs make: names and words that people might send have hardly a digit."""
_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


@dataclass(slots=True)
class Exchange:
    """``request_id``: the client's own where it is one, else ours. ``trace``: W3C traceparent, likewise.

    ``route`` is the template of the route that was found, such as ``/api/v1/stories/{id}``.
    """

    request_id: str
    trace: str
    route: str = "unknown"
    public_url: str = ""
    """The origin at which clients reach the API; where it is not known, addresses in answers are relative."""
    began: float | None = None
    """When the answer's head was written, by the loop's clock."""
    sent_trace: str = ""
    """The client's own traceparent; empty where it sent none."""

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return self.trace.split("-")[1]

    @property
    def instance(self) -> str:
        """A URI of this occurrence. Not the path: it is the client's, and problems quote nothing of theirs."""
        return f"urn:storyloom:request:{self.request_id}"


EXCHANGE: web.RequestKey[Exchange] = web.RequestKey("exchange", Exchange)
_HUNG_UP: web.RequestKey[asyncio.Event] = web.RequestKey("hung_up", asyncio.Event)


def begin(request: web.Request, public_url: str = "") -> Exchange:
    """Note a request's names in it."""
    sent = request.headers.get("X-Request-Id", "")
    request_id = sent if _REQUEST_ID.match(sent) else uuid4().hex
    exchange = request[EXCHANGE] = Exchange(
        request_id, read_trace(request), public_url=public_url, sent_trace=_sent_trace(request)
    )
    return exchange


def hung_up(request: web.Request) -> asyncio.Event:
    """Set once the client's connection is lost: what it waits for need not be waited for any more."""
    event = request.get(_HUNG_UP)
    if event is None:
        event = request[_HUNG_UP] = asyncio.Event()
        if request.transport is None:
            event.set()
    return event


def note_hung_up(request: web.Request) -> None:
    """The client's connection is lost."""
    if (event := request.get(_HUNG_UP)) is not None:
        event.set()


def read_trace(request: web.Request) -> str:
    """The request's trace context if it has a valid one, else a new one (W3C traceparent)."""
    known: Exchange | None = request.get(EXCHANGE)
    if known is not None:
        return known.trace
    return _sent_trace(request) or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def _sent_trace(request: web.Request) -> str:
    sent = request.headers.get("traceparent", "")
    return sent if _TRACEPARENT.match(sent) else ""
