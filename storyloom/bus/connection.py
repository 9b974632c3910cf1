"""The connection to the bus and the one way out: every message that must arrive is published through here."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from storyloom.bus.streams import Names
from storyloom.settings import BusSettings
from storyloom.story.events import Event, subject
from storyloom.story.jobs import AssetRequested

log = structlog.get_logger()

ANOTHER_LIVES = 10_077
"""JetStream's code for: the subject holds its one live message already."""
PATIENCE = 5.0
"""Seconds to wait for a publication's acknowledgement."""
CONNECTING = 10.0
"""Seconds to try the first connection."""


class Sent(Enum):
    """What became of a publication."""

    STORED = "stored"
    REPEATED = "repeated"
    """The server had this Msg-Id already."""
    REFUSED = "refused"
    """Another message lives on the subject: the asset has a job already."""


class BusUnavailableError(Exception):
    """The bus did not acknowledge in time, or has no such stream now. The message may or may not have arrived."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready to go: subject without prefix, body, and the id under which a repeat is dropped (None: never)."""

    subject: str
    body: bytes
    id: str | None


class _Answering(JetStreamContext):
    """nats-py 2.16 raises a refused publication where nobody hears it; whoever waits would wait until the time-out."""

    async def _handle_async_reply(self, msg: Msg) -> None:
        try:
            await super()._handle_async_reply(msg)
        except APIError as error:
            waiting = self._publish_async_futures.get(msg.subject.rsplit(".", 1)[-1])
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)


class Bus:
    """One connection, its JetStream, and its names. Safe to share between tasks."""

    def __init__(self, client: Client, settings: BusSettings) -> None:
        self.client = client
        self.settings = settings
        self.names = Names(settings.bus_prefix)
        self.js: JetStreamContext = _Answering(client, timeout=PATIENCE)

    async def tell(self, *events: Event) -> None:
        """Publish events on STORY. Telling one twice is harmless. Raises BusUnavailableError."""
        await self.send(self.names.story, [letter(event) for event in events])

    async def tell_again(self, event: Event) -> None:
        """Publish an event that was lost, without its Msg-Id: the server must not take it for a repeat of the lost one.

        Raises BusUnavailableError.
        """
        await self.send(self.names.story, [Letter(subject(event), event.model_dump_json().encode(), None)])

    async def command(self, jobs: Iterable[AssetRequested]) -> list[Sent]:
        """Publish jobs on JOBS, one live job an asset. A job put back carries no Msg-Id: it must not count as a repeat.

        Raises BusUnavailableError.
        """
        return await self.send(self.names.jobs, [order(job) for job in jobs])

    async def send(self, stream: str, letters: Sequence[Letter]) -> list[Sent]:
        """Publish letters to a stream, together; answer what became of each. Raises BusUnavailableError."""
        if not letters:
            return []
        waiting = []
        try:
            async with asyncio.timeout(PATIENCE):
                for one in letters:
                    headers = {"Nats-Msg-Id": one.id} if one.id else None
                    subject = self.names.subject(one.subject)
                    waiting.append(await self.js.publish_async(subject, one.body, stream=stream, headers=headers))
                return [await _outcome(ack) for ack in waiting]
        except (TimeoutError, NatsError, NoStreamResponseError) as error:
            raise BusUnavailableError(f"{stream}: {type(error).__name__}") from error
        finally:
            for ack in waiting:
                ack.cancel()  # whoever is still waited for is forgotten by the client with this
                if ack.done() and not ack.cancelled():
                    ack.exception()

    async def whisper(self, subject: str, body: bytes) -> None:
        """Publish on core NATS: best effort, never raises for a bus that is away."""
        try:
            await self.client.publish(self.names.subject(subject), body)
        except NatsError as error:
            log.debug("bus.whisper_lost", subject=subject.split(".", 1)[0], error=type(error).__name__)

    async def close(self) -> None:
        """Flush and close; a bus that is away is closed all the same."""
        try:
            await asyncio.wait_for(self.client.drain(), 3)
        except (TimeoutError, NatsError):
            await self.client.close()


def letter(event: Event) -> Letter:
    return Letter(subject(event), event.model_dump_json().encode(), event.id)


def order(job: AssetRequested) -> Letter:
    return Letter(job.subject, job.body, None if job.put_back else job.id)


async def _outcome(waiting: "asyncio.Future[PubAck]") -> Sent:
    try:
        ack = await waiting
    except APIError as error:
        if error.err_code == ANOTHER_LIVES:
            return Sent.REFUSED
        raise
    return Sent.REPEATED if ack.duplicate else Sent.STORED


async def connect(
    settings: BusSettings, name: str, *, on_reconnect: Callable[[], Awaitable[None]] | None = None
) -> Bus:
    """Connect, and stay so: reconnects never end. Raises BusUnavailableError if the server cannot be reached now."""

    async def reconnected() -> None:
        log.info("bus.reconnected")
        if on_reconnect is not None:
            await on_reconnect()

    async def lost() -> None:
        log.warning("bus.disconnected")

    async def erred(error: Exception) -> None:
        log.debug("bus.error", error=type(error).__name__)

    try:
        # A client that never gives up reconnecting never gives up connecting either.
        async with asyncio.timeout(CONNECTING):
            client = await nats.connect(
                settings.nats_url,
                name=f"storyloom-{name}",
                connect_timeout=5,
                # A client whose reconnects are spent spins the event loop: they never are.
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,
                ping_interval=20,
                allow_reconnect=True,
                reconnected_cb=reconnected,
                disconnected_cb=lost,
                error_cb=erred,
            )
    except (NatsError, OSError, TimeoutError) as error:
        raise BusUnavailableError(f"NATS cannot be reached at {_host(settings.nats_url)}") from error
    return Bus(client, settings)


def _host(url: str) -> str:
    return url.rsplit("@", 1)[-1]
