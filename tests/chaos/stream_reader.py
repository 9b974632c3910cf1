"""Readers of the progress stream: server-sent events by hand, over as many connections as it takes.

Nothing of the product's own client is in here: what it would forgive must be seen.
"""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import suppress

import aiohttp

from tests.chaos.evidence import Line, Transcript

RECONNECT_DELAY_SECONDS = 0.25
IDLE_TIMEOUT_SECONDS = 17.0
"""Seconds without a byte after which a reader comes anew: the stream has a heartbeat every 15."""
FINAL_CLOSINGS = ("end", "204", "deleted", "404")
"""How a connection closes when there is nothing more to be sent for now."""


class Watcher:
    """One reader of one story. ``run`` it as a task; ``finish`` brings its transcript up to date and ends it.

    ``stays`` are seconds after which it hangs up, connection by connection; afterwards it stays.
    """

    def __init__(
        self, http: aiohttp.ClientSession, url: str, story_id: str, reader: str, stays: Iterable[float] = ()
    ) -> None:
        self.transcript = Transcript(story_id, reader)
        self._http = http
        self._url = f"{url}/api/v1/stories/{story_id}/events"
        self._stays = list(stays)
        self._connection = 0
        self._running: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether the story has ended, as far as this reader knows."""
        overall = [line.data.get("overall") for line in self.transcript.lines if line.event == "story"]
        return bool(overall) and overall[-1] != "generating"

    def start(self) -> None:
        """Begin to read."""
        self._running = asyncio.create_task(self._read_on(), name=f"watch {self.transcript.reader}")

    async def finish(self, within: float) -> None:
        """Read what is left, until the stream says that there is no more, or the time is up."""
        await self.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                closing = await self._connect()
                while closing not in FINAL_CLOSINGS:
                    await asyncio.sleep(RECONNECT_DELAY_SECONDS)
                    closing = await self._connect()

    async def stop(self) -> None:
        """Hang up."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _read_on(self) -> None:
        while True:
            stay = self._stays.pop(0) if self._stays else None
            try:
                async with asyncio.timeout(stay):
                    closing = await self._connect()
            except TimeoutError:
                closing = "hung up"
                self.transcript.closing = closing
            # A story that has ended may begin again when its client wants something else.
            await asyncio.sleep(1.0 if closing in FINAL_CLOSINGS else RECONNECT_DELAY_SECONDS)

    async def _connect(self) -> str:
        """One connection, to its end; how it ended."""
        self._connection += 1
        transcript, closing = self.transcript, "cut"
        headers = {"Last-Event-ID": str(transcript.seen)} if transcript.seen else {}
        try:
            timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=IDLE_TIMEOUT_SECONDS)
            async with self._http.get(self._url, headers=headers, timeout=timeout) as answer:
                if answer.status != 200:
                    closing = str(answer.status)
                    return closing
                async for name, id_, data in events(_lines(answer.content)):
                    line = Line(self._connection, id_, name, data)
                    transcript.lines.append(line)
                    if name in ("end", "deleted"):
                        closing = name
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            closing = f"cut: {type(error).__name__}"
        finally:
            transcript.closing = closing
        return closing


async def events(lines: AsyncIterable[bytes]) -> AsyncIterator[tuple[str, int | None, object]]:
    """The (event, id, data) of a stream, each once its blank line has come: what is cut short does not count."""
    name, id_, data = "message", None, list[str]()
    async for raw in lines:
        field, _, value = raw.decode().rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if raw in (b"\n", b"\r\n"):
            if data:
                yield name, id_, json.loads("\n".join(data))
            name, id_, data = "message", None, []
        elif not raw.endswith(b"\n"):
            return
        elif field == "event":
            name = value
        elif field == "id":
            id_ = int(value)
        elif field == "data":
            data.append(value)


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    while line := await stream.readline():
        yield line
