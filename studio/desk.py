"""The way every call takes, whichever vendor it is for: a fault may strike, work is billed, an answer is sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from studio.calls import Asker, Bill, Call, read_client_request_id
from studio.faults import Fault, Faults, WrongFaultError
from studio.latency import Latency
from studio.ledger import Ledger
from studio.parts import Parts
from studio.settings import StudioSettings
from studio.vendor_errors import VendorError

FAULT_HEADER = "x-studio-fault"
CLIENT_REQUEST_ID = "X-Client-Request-Id"
_LOOKS_FOR_CLIENT = 0.1  # seconds between looks at whether a stalled client is still there
_STALLS = 3600.0  # seconds that a stall holds on if it was given no end; clients leave long before


@dataclass(frozen=True)
class Dialect:
    """How a vendor says that it is too busy, and that it failed."""

    rate_limited: Callable[[Call, float], VendorError]
    server_failed: Callable[[Call], VendorError]


@dataclass
class Desk:
    """What the endpoints of one studio share."""

    settings: StudioSettings
    parts: Parts
    faults: Faults = field(default_factory=Faults)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.settings.ledger_rows)
        self.latency = Latency(self.settings.latency, self.settings.latency_scale)

    async def open(self, request: web.Request, call: Call, dialect: Dialect) -> Visit:
        """Let a valid call in. Raises the vendor's 429 or 500 if such a fault strikes; stalls if it must."""
        try:
            fault = self.faults.take(call, request.headers.get(FAULT_HEADER))
        except WrongFaultError as error:
            raise VendorError(
                400, {"error": {"message": f"{FAULT_HEADER}: {error}", "type": "studio", "param": None, "code": None}}
            ) from error
        visit = Visit(self, request, call, fault, asyncio.get_running_loop().time())
        match visit.fault_name:
            case "rate_limit" if fault:
                raise dialect.rate_limited(call, fault.retry_after)
            case "server_error":
                raise dialect.server_failed(call)
            case "stall" if fault:
                await self._stall(request, fault.seconds or _STALLS)
        return visit

    async def rest(self, seconds: float) -> None:
        """Sleep, but no longer than the studio lives."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.closing.wait()

    async def _stall(self, request: web.Request, seconds: float) -> None:
        """Say nothing until the client leaves or the time is up; then, go on as if nothing had been."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not self.closing.is_set():
            if not _is_there(request):
                raise VendorError(499, {})  # nobody is left to read it, and nothing was made that would be paid
            await self.rest(min(_LOOKS_FOR_CLIENT, end - loop.time()))


@dataclass
class Visit:
    """One call that was let in. The endpoint makes the answer, then pauses, notes it and sends it."""

    desk: Desk
    request: web.Request
    call: Call
    fault: Fault | None
    started: float
    began: float = field(default_factory=time.time)  # the same moment, in unix seconds

    @property
    def fault_name(self) -> str | None:
        """The name of the fault that struck, if one did."""
        return self.fault.fault if self.fault else None

    def pause_left(self) -> float:
        """Seconds until the vendor would have its answer ready; making it has used up some."""
        spent = asyncio.get_running_loop().time() - self.started
        return max(0.0, self.desk.latency.seconds(self.call) - spent)

    async def pause(self, share: float = 1.0) -> float:
        """Wait for a share of what is left; the seconds of the rest come back."""
        left = self.pause_left()
        await self.desk.rest(left * share)
        return left * (1 - share)

    def note(self, cost_usd: float, size: int) -> None:
        """Write the call down as paid. Once a call, when its answer is made and before it is sent."""
        asker = Asker(
            read_client_request_id(self.request.headers.get(CLIENT_REQUEST_ID)), self.began, _is_there(self.request)
        )
        self.desk.ledger.note(self.call, Bill(cost_usd, size), fault=self.fault_name, asker=asker)

    async def send(
        self, answer: Mapping[str, Any], *, cost_usd: float, headers: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        """Pause, note and send a finished JSON answer, cut or garbled if that is the fault."""
        body = json.dumps(answer, separators=(",", ":")).encode()
        await self.pause()
        self.note(cost_usd, len(body))
        if self.fault_name == "malformed":
            body = body[: len(body) // 2]
        response = web.StreamResponse(headers={**(headers or {}), "Content-Type": "application/json"})
        response.content_length = len(body)
        with contextlib.suppress(ConnectionError):  # a client that left has been billed all the same
            await response.prepare(self.request)
            if self.fault_name == "cut":
                await response.write(body[: len(body) // 2])
                hang_up(self.request)
            else:
                await response.write(body)
                await response.write_eof()
        return response


def hang_up(request: web.Request) -> None:
    """Close the connection in the middle of things, once what was written has left."""
    if request.transport is not None:
        request.transport.close()


def _is_there(request: web.Request) -> bool:
    """Whether the client is still connected."""
    return request.transport is not None and not request.transport.is_closing()


DESK = web.AppKey("desk", Desk)
REQUEST_ID = web.RequestKey("request_id", str)
