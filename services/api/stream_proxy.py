"""The progress stream through the api: as many readers as there are, each at its own pace.

What a reader does not take is not fetched for it: nothing but two bounded buffers stands between status and the reader.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import structlog
from aiohttp import ClientConnectionError, ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, web

from storyloom.web.event_streams import ReaderGoneError, StreamWriter, is_stopping, spread
from storyloom.web.exchange import read_trace
from storyloom.web.problems import Problem

log = structlog.get_logger()

REQUEST_HEADERS = ("Authorization", "Last-Event-ID")
RESPONSE_HEADERS = ("Content-Type", "Cache-Control", "WWW-Authenticate", "Retry-After")
CONNECT_SECONDS = 2.5
"""While status restarts: less than a request's answer may take."""
CONNECT_DELAY_SECONDS = 0.1
BUFFER_BYTES = 16 * 1024
MAX_PROBLEM_BYTES = 16 * 1024


class StreamProxy:
    """Passes streams on. One to a process."""

    def __init__(self, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._connect_seconds = connect_seconds
        # Every reader has a connection of its own, which lasts as long as the reader: a pool would be a cap.
        self._http = ClientSession(
            connector=TCPConnector(limit=0, force_close=True),
            timeout=ClientTimeout(total=None, connect=2, sock_read=60),
            read_bufsize=BUFFER_BYTES,
            auto_decompress=False,
        )
        self._open: set[ClientResponse] = set()

    async def close(self) -> None:
        """End all of them."""
        await self._http.close()

    async def drain(self, _app: web.Application | None = None) -> None:
        """Have every stream end with the time at which its reader is to come again."""
        for upstream in tuple(self._open):
            upstream.close()

    async def forward(self, request: web.Request, url: str) -> web.StreamResponse:
        """Answer a request with the stream at ``url``. Raises a 503 Problem while that is not to be had."""
        upstream = await self._get(request, url)
        try:
            if upstream.status >= 500:
                raise _AWAY
            if upstream.status != 200:
                body = await upstream.content.read(MAX_PROBLEM_BYTES) if upstream.status != 204 else None
                return web.Response(status=upstream.status, body=body, headers=_select(upstream.headers))
            self._open.add(upstream)
            return await self._pass_on(request, upstream)
        finally:
            self._open.discard(upstream)
            upstream.close()

    async def _get(self, request: web.Request, url: str) -> ClientResponse:
        """The head of status' answer. A status that is restarting is waited for."""
        headers = {name: request.headers[name] for name in REQUEST_HEADERS if name in request.headers}
        headers["traceparent"] = read_trace(request)
        clock = asyncio.get_running_loop().time
        end = clock() + self._connect_seconds
        while True:
            try:
                return await self._http.get(url, headers=headers, params=request.query)
            except (ClientConnectionError, TimeoutError) as error:
                if clock() > end or is_stopping(request):
                    raise _AWAY from error
            except ClientError as error:
                raise _AWAY from error
            await asyncio.sleep(CONNECT_DELAY_SECONDS)

    async def _pass_on(self, request: web.Request, upstream: ClientResponse) -> web.StreamResponse:
        writer = StreamWriter(request)
        response = await writer.open()
        with suppress(ReaderGoneError):
            try:
                async for chunk in upstream.content.iter_any():
                    await writer.write(chunk)
            except (ClientError, TimeoutError) as error:
                log.info("stream.status_lost", error=type(error).__name__)
            else:
                if not is_stopping(request):
                    return response
            # It has begun: it ends here, and the reader comes again with its last id.
            await writer.say_when_to_come_again(spread(len(self._open)))
        return response


_AWAY = Problem(503, "stream_away", "The progress stream is not available; try again.", headers={"Retry-After": "1"})


def _select(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in RESPONSE_HEADERS if name in headers}
