"""``Prefer: wait=n`` (RFC 7240): an answer that comes once the story has ended, or n seconds are over.

Who waits is told by the updates that status publishes after each commit, wherever it runs: one subscription a waiter,
and one read of the row for each time that the story may have ended. Nothing is polled.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import orjson
import structlog
from aiohttp import web
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from storyloom.messaging.connection import Bus
from storyloom.web.deadlines import extend_deadline
from storyloom.web.event_streams import STOPPING
from storyloom.web.exchange import hung_up

log = structlog.get_logger()

MAX_WAIT_SECONDS = 60
FLUSH_SECONDS = 2
"""For the server to take the subscription."""
_PREFERENCE = re.compile(
    r'\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?\s*(?:;[^,]*)?(?:,|$)'
)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a client prefers, as far as it is known here: to wait for ``seconds`` (0: not at all), ``respond-async``.

    As RFC 7240 has it, both together are: wait for so long, then answer with 202.
    """

    seconds: int = 0
    respond_async: bool = False

    @property
    def applied(self) -> dict[str, str]:
        """The header that says which preferences were heeded."""
        said = [*(["respond-async"] if self.respond_async else ()), *([f"wait={self.seconds}"] if self.seconds else ())]
        return {"Preference-Applied": ", ".join(said)} if said else {}


def read_preferences(request: web.Request) -> Preferences:
    """The header ``Prefer``. What is not known, or not written as it must be, is ignored; the first of a name counts.

    ``wait`` without a number is as long as possible, and a longer one is cut to that.
    """
    found: dict[str, str] = {}
    for name, value in _PREFERENCE.findall(",".join(request.headers.getall("Prefer", ()))):
        found.setdefault(name.lower(), value.strip('"'))
    wait = found.get("wait")
    seconds = 0
    if wait == "":
        seconds = MAX_WAIT_SECONDS
    elif wait is not None and wait.isascii() and wait.isdecimal():
        seconds = int(wait[:10])
    return Preferences(min(seconds, MAX_WAIT_SECONDS), "respond-async" in found)


class StoryWaiter:
    """Waits for stories to end. One to a process."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def wait(
        self, request: web.Request, story_id: UUID, seconds: float, has_ended: Callable[[], Awaitable[bool]]
    ) -> None:
        """Wait until the story has ended, ``seconds`` are over, the client hangs up, or this server stops.

        ``has_ended`` reads the story's row; it is asked at first, and whenever the story may have ended.
        """
        extend_deadline(request, seconds)
        told = asyncio.Event()
        over = [hung_up(request), *([request.app[STOPPING]] if STOPPING in request.app else ())]
        leaving = [asyncio.create_task(event.wait()) for event in over]
        telling: asyncio.Task[bool] | None = None
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        subscription = await self._subscribe(story_id, told)
        try:
            # Asked once it is subscribed: an end between the two would otherwise be told to nobody.
            while not await has_ended():
                telling = asyncio.create_task(told.wait())
                done, _ = await asyncio.wait(
                    {telling, *leaving}, timeout=max(0.0, end - clock()), return_when=asyncio.FIRST_COMPLETED
                )
                if telling not in done:
                    return
                told.clear()
        finally:
            for task in (*leaving, *([telling] if telling else ())):
                task.cancel()
            if subscription is not None:
                with suppress(NatsError):
                    await asyncio.shield(subscription.unsubscribe())

    async def _subscribe(self, story_id: UUID, told: asyncio.Event) -> Subscription | None:
        """Have ``told`` set by what may be the story's end; None while NATS is closed."""

        async def notice(message: Msg) -> None:
            if any(update["event"] in ("story", "deleted") for update in orjson.loads(message.data)):
                told.set()

        client, names = self._bus.client, self._bus.names
        subscription = None
        try:
            subscription = await client.subscribe(names.subject(f"status.{story_id}"), cb=notice)
            await client.flush(FLUSH_SECONDS)
        except (NatsError, TimeoutError) as error:
            log.info("story.wait_without_bus", error=type(error).__name__)
        return subscription
