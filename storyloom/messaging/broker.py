"""The FastStream broker of a service: our connection, our publisher, our pull consumer beneath FastStream's endpoints.

Endpoints are declared on a ``Router`` without the bus's prefix; the broker knows it. Streams and durables are the
provisioner's (topology.py): nothing is declared from here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from faststream._internal.broker import BrokerUsecase
from faststream.exceptions import FeatureNotSupportedException
from faststream.nats import JStream
from faststream.nats.publisher.producer import NatsFastProducer
from faststream.nats.response import NatsPublishCommand
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import BaseModel

from storyloom.messaging.channels import channel
from storyloom.messaging.codec import AnyBody, JsonBody, encode, parse_job, parse_question
from storyloom.messaging.connection import Bus, connect
from storyloom.messaging.faststream_pull import SlotsBroker, SlotsPullSub, SlotsRouter
from storyloom.messaging.publisher import OutboundMessage, PublishOutcome
from storyloom.runtime.logs import describe
from storyloom.runtime.settings import NatsSettings
from storyloom.story.jobs import AssetRequested

log = structlog.get_logger()

STORY, JOBS, DEAD = (JStream(name, declare=False) for name in ("STORY", "JOBS", "DEAD"))
MAX_REQUESTS_IN_FLIGHT = 64
"""How many requests of a kind a process answers at once."""

Router = SlotsRouter
"""What a service's subscribers and publishers are declared on."""


def job(durable: str, *, slots: int) -> dict[str, Any]:
    """Options of a subscriber to jobs: ``@router.subscriber("job.images.high.{story_id}.{asset}", **job(...))``."""
    return {
        "stream": JOBS,
        "durable": durable,
        "pull_sub": SlotsPullSub(slots),
        "codec": JsonBody(AssetRequested),
        "parser": parse_job,
    }


def question(
    model: type[BaseModel] | None, *, queue: str = "", max_workers: int = MAX_REQUESTS_IN_FLIGHT
) -> dict[str, Any]:
    """Options of a subscriber on core NATS whose handler takes a model, or any bytes for None.

    Each message goes to one member of a ``queue`` group. ``max_workers``: how many a process handles at once.
    """
    return {
        "queue": queue,
        "codec": AnyBody() if model is None else JsonBody(model),
        "parser": parse_question,
        # FastStream fetches more than that, but on core NATS no ack_wait runs out meanwhile.
        "max_workers": max_workers,
    }


class Broker(SlotsBroker):
    """One service on NATS. ``connect`` raises BusUnavailableError; once connected, it stays so."""

    def __init__(
        self,
        settings: NatsSettings,
        name: str,
        *,
        routers: Sequence[SlotsRouter] = (),
        middlewares: Sequence[Any] = (),
        graceful_timeout: float = 15.0,
        on_reconnect: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``graceful_timeout``: seconds for which ``stop`` waits for running handlers; never None, which waits for
        none.

        FastDepends is off: a parameter of its kind costs more than all the rest of a message.
        """
        super().__init__(
            settings.nats_url,
            apply_types=False,
            logger=_Log(settings.nats_subject_prefix),
            log_level=logging.DEBUG,
            graceful_timeout=graceful_timeout,
            middlewares=middlewares,
            id_generator=_no_id,
            description=f"The {name} service.",
        )
        self.name = name
        self._settings = settings
        self._on_reconnect = on_reconnect
        self._bus: Bus | None = None
        config = self.config.broker_config
        config.prefix = settings.nats_subject_prefix
        config.producer, config.js_producer = CoreProducer(), StreamProducer()
        self.include_routers(*routers)

    @property
    def bus(self) -> Bus:
        """The connection. Raises RuntimeError before ``connect``."""
        if self._bus is None:
            raise RuntimeError("the broker is not connected")
        return self._bus

    @property
    def was_disconnected(self) -> bool:
        """Whether the connection was lost at any time."""
        return self._bus is not None and self._bus.was_disconnected

    @property
    def is_connected(self) -> bool:
        """Whether the bus is there now."""
        return self._bus is not None and self._bus.client.is_connected

    async def _connect(self) -> Client:
        # FastStream would connect by itself, with options of its own: what ours must be stands in connection.connect.
        bus = self._bus = await connect(self._settings, self.name, on_reconnect=self._on_reconnect)
        self.config.broker_config.connect(bus.client)
        for producer in (self.config.broker_config.producer, self.config.broker_config.js_producer):
            producer.bus = bus  # type: ignore[attr-defined]
        return bus.client

    async def stop(self, *error: Any) -> None:
        """Let handlers end, nack the jobs of those that do not, close the connection, reachable or not."""
        del error
        try:
            # Not NatsBroker's own: it drains, which a client that is reconnecting refuses.
            await BrokerUsecase.stop(self)
        except ExceptionGroup as errors:
            log.warning("broker.subscribers_not_stopped", errors=[type(error).__name__ for error in errors.exceptions])
        finally:
            if self._bus is not None:
                await self._bus.close()
            self._connection = None
            self.config.broker_config.disconnect()


def _no_id() -> str:
    """No correlation id: nobody reads them, and FastStream makes a random one for every message."""
    return ""


class _Producer(NatsFastProducer):
    """Publishes over our connection."""

    bus: Bus
    codec = JsonBody(BaseModel)
    _parser = staticmethod(parse_question)

    @staticmethod
    async def _decoder(message: Any) -> Any:
        return message.body

    def disconnect(self) -> None:
        """Nothing: the broker closes its connection."""


class StreamProducer(_Producer):
    """Publishes to streams, acknowledged, over the one reply inbox of our publisher."""

    async def publish(self, cmd: NatsPublishCommand) -> PublishOutcome | None:  # type: ignore[override]
        """The message's outcome. Raises BusUnavailableError. A body of None is not published at all.

        FastStream would publish an empty body for a handler that returns nothing.
        """
        if cmd.body is None or cmd.stream is None:
            return None
        prefix = self.bus.names.prefix
        message = OutboundMessage(cmd.destination[len(prefix) :], encode(cmd.body), None, headers=cmd.headers)
        (outcome,) = await self.bus.publish(prefix + cmd.stream, [message])
        return outcome

    async def request(self, cmd: NatsPublishCommand) -> Msg:
        """Streams answer no requests."""
        raise FeatureNotSupportedException(f"a request on a stream: {cmd.stream}")


class CoreProducer(_Producer):
    """Publishes on core NATS: at most once, kept nowhere."""

    async def publish(self, cmd: NatsPublishCommand) -> None:
        """Never raises while NATS is unreachable. A body of None is not published at all."""
        if cmd.body is None:
            return
        try:
            await self.bus.client.publish(cmd.destination, encode(cmd.body), cmd.reply_to, cmd.headers or None)
        except NatsError as error:
            log.debug("broker.message_lost", error=type(error).__name__)

    async def request(self, cmd: NatsPublishCommand) -> Msg:
        """The first answer. Raises nats.errors.Error: TimeoutError, NoRespondersError, or whatever prevents it."""
        return await self.bus.client.request(
            cmd.destination, encode(cmd.body), timeout=cmd.timeout, headers=cmd.headers or None
        )


class _Log:
    """FastStream's logger. Its messages quote exceptions, and these may quote a child's name: only their class is
    logged.

    With ``logger=None`` errors would vanish; a message below WARNING costs a comparison.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def log(self, level: int, msg: Any, /, *, exc_info: Any = None, extra: Mapping[str, Any] | None = None) -> None:
        if level < logging.WARNING or isinstance(exc_info, asyncio.CancelledError):
            return  # a cancelled message is nacked, and no error
        if not isinstance(exc_info, BaseException):
            log.warning("broker.warning", level=logging.getLevelName(level), words=len(str(msg).split()))
            return
        # Its subject's last tokens are whatever its sender wrote there.
        subject = channel(str((extra or {}).get("subject", "")), self._prefix)
        log.error("broker.handler_failed", channel=subject, **describe(exc_info))
