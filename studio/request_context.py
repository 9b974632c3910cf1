"""The way of every API call, whichever vendor it is for: a fault may strike, then its answer is paid for and sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from studio.api_call import ApiCall, ClientInfo, Usage, read_client_request_id
from studio.backends import Backends
from studio.faults import Fault, Faults, InvalidFaultError
from studio.latency import Latency
from studio.ledger import Ledger
from studio.settings import StudioSettings
from studio.vendor_errors import ErrorFactory, VendorError

FAULT_HEADER = "x-studio-fault"
CLIENT_REQUEST_ID = "X-Client-Request-Id"
_DISCONNECT_POLL = 0.1  # seconds between looks at whether a stalled client is still there
_LONGEST_STALL = 3600.0  # seconds that a stall holds on if it was given no end; clients leave long before


@dataclass
class AppState:
    """What the endpoints of one studio share."""

    settings: StudioSettings
    backends: Backends
    faults: Faults = field(default_factory=Faults)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.settings.ledger_rows)
        self.latency = Latency(self.settings.latency, self.settings.latency_scale)

    async def accept(self, request: web.Request, call: ApiCall, errors: ErrorFactory) -> RequestContext:
        """Let a valid call in. Raises the vendor's error if such a fault strikes; stalls if it must."""
        try:
            fault = self.faults.take(call, request.headers.get(FAULT_HEADER))
        except InvalidFaultError as error:
            raise VendorError(
                400, {"error": {"message": f"{FAULT_HEADER}: {error}", "type": "studio", "param": None, "code": None}}
            ) from error
        context = RequestContext(self, request, call, fault, asyncio.get_running_loop().time())
        match context.fault_name:
            case "rate_limit" if fault:
                raise errors.rate_limited(call, fault.retry_after)
            case "server_error":
                raise errors.server_failed(call)
            case "refuse_key" if fault:
                raise errors.key_refused(fault.status or 401)
            case "out_of_quota":
                raise errors.out_of_quota()
            case "quote" if fault:
                raise errors.server_failed(call).quoting(call.prompt, fault.status or 500)
            case "error_body" if fault:
                raise VendorError(200, errors.server_failed(call).body_with(fault.code))
            case "stall" if fault:
                await self._stall(request, fault.seconds or _LONGEST_STALL)
        return context

    async def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than the studio lives."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.closing.wait()

    async def _stall(self, request: web.Request, seconds: float) -> None:
        """Send nothing until the client leaves or the time is up; then go on as if nothing had been."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not self.closing.is_set():
            if not _is_connected(request):
                raise VendorError(499, {})  # nobody is left to read it, and nothing was made that would be paid
            await self.sleep(min(_DISCONNECT_POLL, end - loop.time()))


@dataclass
class RequestContext:
    """One call that was accepted. The endpoint makes the answer, waits as the vendor would, records it and sends it."""

    state: AppState
    request: web.Request
    call: ApiCall
    fault: Fault | None
    started: float  # by the event loop's clock
    started_at: float = field(default_factory=time.time)  # the same moment, in unix seconds

    @property
    def fault_name(self) -> str | None:
        """The name of the fault that struck, if one did."""
        return self.fault.fault if self.fault else None

    def latency_left(self) -> float:
        """Seconds until the vendor would have its answer ready; making it has used up some."""
        spent = asyncio.get_running_loop().time() - self.started
        return max(0.0, self.state.latency.seconds(self.call) - spent)

    async def wait(self, share: float = 1.0) -> float:
        """Wait for a share of the latency that is left; the seconds of the rest come back."""
        left = self.latency_left()
        await self.state.sleep(left * share)
        return left * (1 - share)

    def record(self, cost_usd: float, size: int) -> None:
        """Enter the call into the ledger as paid. Once a call, when its answer is made and before it is sent."""
        client = ClientInfo(
            read_client_request_id(self.request.headers.get(CLIENT_REQUEST_ID)),
            self.started_at,
            _is_connected(self.request),
        )
        self.state.ledger.record(self.call, Usage(cost_usd, size), fault=self.fault_name, client=client)

    async def send(
        self, answer: Mapping[str, Any], *, cost_usd: float, headers: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        """Wait, record and send a finished JSON answer, cut or malformed if that is the fault."""
        body = json.dumps(answer, separators=(",", ":")).encode()
        await self.wait()
        self.record(cost_usd, len(body))
        if self.fault_name == "malformed":
            body = body[: len(body) // 2]
        response = web.StreamResponse(headers={**(headers or {}), "Content-Type": "application/json"})
        response.content_length = len(body)
        with contextlib.suppress(ConnectionError):  # a client that left has been billed all the same
            await response.prepare(self.request)
            if self.fault_name == "cut":
                await response.write(body[: len(body) // 2])
                close_connection(self.request)
            else:
                await response.write(body)
                await response.write_eof()
        return response


def close_connection(request: web.Request) -> None:
    """Close the connection in the middle of things, once what was written has left."""
    if request.transport is not None:
        request.transport.close()


def _is_connected(request: web.Request) -> bool:
    """Whether the client is still there."""
    return request.transport is not None and not request.transport.is_closing()


STATE = web.AppKey("state", AppState)
REQUEST_ID = web.RequestKey("request_id", str)
