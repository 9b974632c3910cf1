"""The NATS connection of a process: how it is set up, kept and closed, and what is published and managed over it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias
from urllib.parse import unquote, urlsplit
from uuid import UUID

import structlog
from nats.aio.client import DEFAULT_INBOX_PREFIX, Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from storyloom.messaging.lanes import Lane, read_lane, read_lanes
from storyloom.messaging.publisher import (
    PUBLISH_TIMEOUT_SECONDS,
    BusUnavailableError,
    OutboundMessage,
    Publisher,
    PublishOutcome,
)
from storyloom.messaging.spans import TRACEPARENT, traced
from storyloom.messaging.subjects import read_subjects
from storyloom.messaging.topology import CANCEL_JOBS, Names, apply, topology, topology_differences
from storyloom.runtime.crashes import Crashes
from storyloom.runtime.settings import NatsSettings
from storyloom.runtime.spans import OFF, Spans
from storyloom.story.assets import Priority, Service
from storyloom.story.events import Event, subject
from storyloom.story.jobs import AssetRequested, StopWork

__all__ = ["Bus", "BusUnavailableError", "OutboundMessage", "PublishOutcome", "connect", "event_message", "job_message"]

log = structlog.get_logger()

Parents: TypeAlias = Mapping[UUID, str]
"""By story, the traceparent of what its messages follow from."""
NO_PARENTS: Parents = {}
NO_UNACKED_EVENTS = 1 << 62
"""Greater than any sequence: every event is acknowledged."""
CLOCK_MARGIN = timedelta(seconds=2)
"""By how much two machines' clocks may differ without anybody's noticing."""
TOPOLOGY_POLL_SECONDS = 0.2
CONNECT_TIMEOUT_SECONDS = 10.0
"""Seconds that the first connection may take."""


class Watcher(Protocol):
    """Whoever must act when the connection is lost, and when it is back. Neither may raise."""

    async def disconnected(self) -> None:
        """It was lost just now; nothing is received over the old one any more."""

    async def reconnected(self) -> None:
        """It is back, with all subscriptions that were not given up."""


class Bus:
    """One connection, its JetStream, and its names. Safe to share between tasks.

    ``watchers`` are called when the connection is lost and when it is back. ``crashes`` are those of the loops that
    serve it.
    """

    def __init__(self, client: Client, settings: NatsSettings) -> None:
        self.client = client
        self.settings = settings
        self.names = Names(settings.nats_subject_prefix)
        self.js: JetStreamContext = client.jetstream(timeout=PUBLISH_TIMEOUT_SECONDS)
        self.watchers: set[Watcher] = set()
        self.crashes = Crashes()
        self.closing = False
        """Whether the connection is lost since we close it."""
        self.spans: Spans = OFF
        """Of what is published here; FastStream's endpoints have a middleware for theirs."""
        self._publisher = Publisher(client)
        self._disconnected_at: datetime | None = None
        self._reconnected: float | None = None
        self._refused = False

    async def open(self) -> None:
        """Subscribe to publish acknowledgements."""
        await self._publisher.open()

    async def on_disconnected(self) -> None:
        """The client's ``disconnected_cb``."""
        if not self.closing:
            log.warning("bus.disconnected")
        self._disconnected_at, self._reconnected = datetime.now(UTC), None
        for watcher in [*self.watchers]:
            await watcher.disconnected()

    async def on_reconnected(self) -> None:
        """The client's ``reconnected_cb``. What the server sends at once may be received before this is called."""
        self._reconnected, self._refused = asyncio.get_running_loop().time(), False
        for watcher in [*self.watchers]:
            await watcher.reconnected()

    def on_error(self, error: Exception) -> None:
        """The client's ``error_cb``: it says what nothing else would say."""
        if denied := denied_subject(error):
            # What was published is lost, what was asked runs into its time-out.
            log.error("bus.not_permitted", subject=denied)
        elif is_refusal(error) and not self._refused:
            self._refused = True  # said once: it tries four times a second
            log.error("bus.user_refused", setting="NATS_URL")
        else:
            log.debug("bus.error", error=type(error).__name__)

    @property
    def was_disconnected(self) -> bool:
        """Whether the connection was lost at any time."""
        return self._disconnected_at is not None

    def may_be_delivered_twice(self, stored_at: datetime | None, *, within: float) -> bool:
        """Whether the server may deliver as new what another client has, since we lost it after it stored a message.

        No longer than ``within`` seconds after it came back. ``stored_at`` is the server's clock, and the moment when
        we lost it is ours: what does not lie between that moment and now, by some margin, counts as old, since then
        one of the clocks is off.
        """
        if self._disconnected_at is None:
            return False
        if self._reconnected is not None and asyncio.get_running_loop().time() - self._reconnected >= within:
            return False
        if stored_at is None:
            return True
        return not self._disconnected_at + CLOCK_MARGIN < stored_at < datetime.now(UTC) + CLOCK_MARGIN

    async def publish_events(self, *events: Event, parents: Parents = NO_PARENTS) -> None:
        """Publish events on STORY. Publishing one twice is harmless. Raises BusUnavailableError."""
        of_each = [parents.get(event.story_id, "") for event in events] if parents else ()
        await self.publish(self.names.story, [event_message(event) for event in events], parents=of_each)

    async def republish(self, event: Event) -> None:
        """Publish an event that was lost, without its Msg-Id: the server must not take it for a repeat of the lost one.

        Raises BusUnavailableError.
        """
        await self.publish(self.names.story, [OutboundMessage(subject(event), event.body, None, event.trace)])

    async def enqueue(self, jobs: Sequence[AssetRequested], *, parents: Parents = NO_PARENTS) -> list[PublishOutcome]:
        """Publish jobs on JOBS, one live job an asset. A requeued job carries no Msg-Id: it must not count as a repeat.

        Raises BusUnavailableError.
        """
        of_each = [parents.get(job.story_id, "") for job in jobs] if parents else ()
        return await self.publish(self.names.jobs, [job_message(job) for job in jobs], parents=of_each)

    async def publish(
        self, stream: str, messages: Sequence[OutboundMessage], *, parents: Sequence[str] = ()
    ) -> list[PublishOutcome]:
        """Publish messages to a stream, together; the outcome of each. Raises BusUnavailableError.

        ``parents``: the traceparent of what leads to each; left out, it is the message's own trace.
        """
        if not messages:
            return []
        if self.spans is OFF:
            return await self._publisher.publish(stream, messages, prefix=self.names.prefix)
        of_each = parents or [""] * len(messages)
        pairs = [traced(self.spans, one, parent) for one, parent in zip(messages, of_each, strict=True)]
        try:
            return await self._publisher.publish(stream, [one for one, _ in pairs], prefix=self.names.prefix)
        except BaseException as error:
            for _, span in pairs:
                span.fail(type(error).__name__)
            raise
        finally:
            for _, span in pairs:
                span.end()

    async def publish_core(self, subject: str, body: bytes, *, traceparent: str = "") -> None:
        """Publish on core NATS: best effort, never raises while NATS is unreachable."""
        try:
            headers = {TRACEPARENT: traceparent} if traceparent else None
            await self.client.publish(self.names.subject(subject), body, headers=headers)
        except NatsError as error:
            log.debug("bus.core_message_lost", subject=subject.split(".", 1)[0], error=type(error).__name__)

    async def cancel_jobs(self, stop: StopWork) -> None:
        """Publish StopWork to all workers. Best effort."""
        await self.publish_core(CANCEL_JOBS, stop.model_dump_json().encode())

    async def purge(self, subject: str, *, up_to: int | None = None) -> None:
        """Purge jobs from JOBS, queued or in flight: none is delivered again. ``subject`` may contain wildcards.

        ``up_to``: only up to this stream sequence. Raises BusUnavailableError.
        """
        # An exact subject of a job in flight makes nats-server (2.15.1) forget another job of the same consumer that
        # waits for its redelivery: it stays on the stream and is never delivered again. A wildcard does not.
        command, _, rest = subject.split(".", 2)
        with _translated():
            seq = None if up_to is None else up_to + 1
            await self.js.purge_stream(self.names.jobs, seq=seq, subject=self.names.subject(f"{command}.*.{rest}"))

    async def live_jobs(self) -> set[str]:
        """The subjects, without prefix, of all jobs that are queued or in flight. Raises BusUnavailableError."""
        return await self.subjects(self.names.jobs, "job.>")

    async def subjects(self, stream: str, wanted: str) -> set[str]:
        """The subjects, without prefix, that a stream has messages on, however many; ``wanted`` may contain wildcards.

        Raises BusUnavailableError.
        """
        skip = len(self.names.prefix)
        with _translated():
            found = await read_subjects(self.client, stream, self.names.subject(wanted))
        return {subject[skip:] for subject in found}

    async def queued_job(self, subject: str) -> tuple[int, bytes] | None:
        """Stream sequence and body of the job on a subject. Raises BusUnavailableError."""
        with _translated():
            try:
                message = await self.js.get_last_msg(self.names.jobs, self.names.subject(subject))
            except NotFoundError:
                return None
        return message.seq or 0, message.data or b""

    async def lanes(self, *, ages: bool = False) -> list[Lane]:
        """The lanes of JOBS as their consumers count them (messaging/lanes.py). Raises BusUnavailableError."""
        return await read_lanes(self.js, self.names, ages=ages)

    async def lane(self, service: Service, priority: Priority) -> Lane:
        """One lane of JOBS as its consumer counts it. Raises BusUnavailableError."""
        return await read_lane(self.js, self.names, service, priority)

    async def last_event(self) -> int:
        """The sequence of the last event on STORY. Raises BusUnavailableError."""
        with _translated():
            return (await self.js.stream_info(self.names.story)).state.last_seq

    async def projector_ack_floor(self) -> int:
        """The sequence up to which the projector has acknowledged every event. Raises BusUnavailableError."""
        with _translated():
            info = await self.js.consumer_info(self.names.story, self.names.projector)
        if info.num_pending == 0 and info.num_ack_pending == 0:
            return NO_UNACKED_EVENTS
        return info.ack_floor.stream_seq if info.ack_floor else 0

    async def ensure_topology(self, *, full_check: bool) -> list[str]:
        """Recreate streams and consumers that are missing; with ``full_check``, also update those that differ.

        Returns what was wrong, a sentence each. Raises BusUnavailableError.
        """
        with _translated():
            try:
                if not full_check:
                    await self.js.stream_info(self.names.jobs)
                    await self.js.consumer_info(self.names.story, self.names.projector)
                    return []
                wrong = await topology_differences(self.js, self.settings)
            except NotFoundError:
                wrong = ["a stream or consumer is missing"]
            if wrong:
                await apply(self.js, topology(self.settings), starting=False)
        return wrong

    async def close(self) -> None:
        """Flush and close. While NATS is unreachable it is closed all the same, and what is still unsent is lost."""
        self.closing = True
        try:
            await asyncio.wait_for(self.client.drain(), 3)
        except (TimeoutError, NatsError):
            # nats-py 2.16 writes what is pending to its closed transport, which uvloop answers by a RuntimeError in
            # the middle of close(): tasks of subscriptions would be left behind, and the caller's stop cut short.
            self.client._pending, self.client._pending_data_size = [], 0  # noqa: SLF001 - there is no other way
            with suppress(NatsError, OSError, RuntimeError):
                await self.client.close()


async def wait_for_topology(bus: Bus) -> None:
    """Return once every stream and consumer is there, however long that takes. Raises BusUnavailableError."""
    with _translated():
        while wrong := await topology_differences(bus.js, bus.settings):
            log.info("bus.topology_awaited", wrong=wrong)
            await asyncio.sleep(TOPOLOGY_POLL_SECONDS)


async def bus_error(settings: NatsSettings, name: str, *, provisioned: bool = True) -> str | None:
    """Why a service cannot begin on NATS yet, in a sentence; None where it can.

    ``provisioned``: whether streams and consumers must be there, too.
    """
    try:
        bus = await connect(settings, name)
        try:
            wrong = await topology_differences(bus.js, settings) if provisioned else []
        finally:
            await bus.close()
    except BusUnavailableError as error:
        return str(error)
    except NatsError as error:
        return f"NATS does not answer ({type(error).__name__})"
    return f"{'; '.join(wrong)}: run `python -m ops migrate`" if wrong else None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NatsError as error:
        raise BusUnavailableError(type(error).__name__) from error


def event_message(event: Event) -> OutboundMessage:
    return OutboundMessage(subject(event), event.body, event.id, event.trace)


def job_message(job: AssetRequested) -> OutboundMessage:
    return OutboundMessage(job.subject, job.body, None if job.put_back else job.id, job.trace)


async def connect(
    settings: NatsSettings, name: str, *, on_reconnect: Callable[[], Awaitable[None]] | None = None
) -> Bus:
    """Connect, and stay so: reconnects never end. Raises BusUnavailableError if the server cannot be reached now.

    The one place where a connection is set up: messaging/broker.py takes its client from here instead of FastStream's.
    """
    found: list[Bus] = []

    async def reconnected() -> None:
        log.info("bus.reconnected")
        for bus in found:
            await bus.on_reconnected()
        if on_reconnect is not None:
            await on_reconnect()

    async def lost() -> None:
        for bus in found:
            await bus.on_disconnected()

    async def erred(error: Exception) -> None:
        if not found and is_refusal(error):
            raise error  # the client would try for ever
        for bus in found:
            bus.on_error(error)

    client = Client()
    try:
        # A client that never gives up reconnecting never gives up connecting either.
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            await client.connect(
                settings.nats_url,
                name=f"storyloom-{name}",
                connect_timeout=5,
                # A client whose reconnects are spent spins the event loop: they never are.
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type]  # seconds, of which a part will do
                ping_interval=20,
                allow_reconnect=True,
                reconnected_cb=reconnected,
                disconnected_cb=lost,
                error_cb=erred,
                inbox_prefix=inbox_prefix(settings.nats_url),
            )
    except (NatsError, OSError, TimeoutError) as error:
        with suppress(NatsError, OSError, RuntimeError):
            await client.close()
        raise BusUnavailableError(_why_not_connected(settings.nats_url, error)) from error
    bus = Bus(client, settings)
    found.append(bus)
    await bus.open()
    return bus


def inbox_prefix(url: str) -> str:
    """Where answers come in: an inbox of the user's own, so that one user need not be let into another's."""
    user = unquote(urlsplit(url).username or "")
    return f"_INBOX.{user}" if re.fullmatch(r"[A-Za-z0-9_-]+", user) else DEFAULT_INBOX_PREFIX.decode()


def is_refusal(error: Exception) -> bool:
    """Whether NATS knows no such user, or not this password."""
    return "authorization violation" in str(error).lower()


def denied_subject(error: Exception) -> str | None:
    """What the server does not let us publish or subscribe to; None for another error."""
    found = re.search(r"permissions violation for (publish|subscription) to \"([^\"]+)\"", str(error), re.IGNORECASE)
    return None if found is None else f"{found[1].lower()} {found[2]}"


def _why_not_connected(url: str, error: Exception) -> str:
    if is_refusal(error):
        return f"NATS at {_host(url)} refuses the user or password in NATS_URL"
    return f"NATS cannot be reached at {_host(url)} (NATS_URL)"


def _host(url: str) -> str:
    return url.rsplit("@", 1)[-1]
