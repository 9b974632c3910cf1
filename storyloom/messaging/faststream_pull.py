"""FastStream's pull subscriber over our pull consumer: as many messages as there are free slots, and never more.

Written against FastStream 0.7.8. Its own ways to work on several messages at once each cost something: ``max_workers``
fetches before there is a free slot (its issue 2563), a batch waits for the slowest (2219), one subscriber a slot pays a
request a message. Here its subscriber stays as it is but for where the messages come from.

This file alone leans on parts of FastStream that it does not promise to keep, by subclasses of its subscriber and its
publisher and by building both without its factories. tests/contract/faststream says which part a newer version changed.
"""

import asyncio
import logging
from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from faststream import AckPolicy, BaseMiddleware
from faststream._internal.broker.registrator import Registrator
from faststream._internal.endpoint.subscriber.call_item import CallsCollection, HandlerItem
from faststream.exceptions import IgnoredException, SubscriberNotFound
from faststream.nats import JStream, NatsBroker, NatsRouter, PullSub
from faststream.nats.broker.registrator import NatsRegistrator
from faststream.nats.publisher.config import NatsPublisherConfig, NatsPublisherSpecificationConfig
from faststream.nats.publisher.specification import NatsPublisherSpecification
from faststream.nats.publisher.usecase import LogicPublisher
from faststream.nats.response import NatsPublishCommand
from faststream.nats.subscriber.config import NatsSubscriberConfig, NatsSubscriberSpecificationConfig
from faststream.nats.subscriber.specification import NatsSubscriberSpecification
from faststream.nats.subscriber.usecases import LogicSubscriber, PullStreamSubscriber
from faststream.response import PublishCommand, Response, ensure_response
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from storyloom.messaging.consumer import PullConsumer, nak
from storyloom.runtime.supervision import cancel_and_wait, supervise

if TYPE_CHECKING:
    from storyloom.messaging.connection import Bus

WRITTEN_AGAINST = "0.7.8"
"""The version of FastStream whose inner parts are used here."""
CANCEL_TIMEOUT_SECONDS = 5.0
"""Seconds that handlers may take to end once they are cancelled."""


class SlotsPullSub(PullSub):
    """``pull_sub=SlotsPullSub(8)``: eight messages at once, a task each, and no more fetched than slots are free."""

    def __init__(self, slots: int) -> None:
        super().__init__(batch_size=slots)


class SlotsSubscriber(PullStreamSubscriber):
    """A subscriber whose ``stop`` lets running handlers end within the graceful time-out, then cancels them.

    A message whose handler was cancelled is nacked at once: FastStream would leave it to its ack_wait.

    ``process_message`` does what FastStream's does, in the same order: middlewares are entered, the handler is called
    within their ``consume_scope``, what it returns is published within their ``publish_scope``, middlewares are left.
    Left out is what only FastDepends reads (eight context variables a message, and the stacks that reset them), and a
    middleware that logs each message twice below WARNING; errors are logged as that one does.
    """

    _middlewares: tuple[Any, ...] = ()
    _handlers: tuple[HandlerItem[Msg], ...] = ()
    _tasks: set[asyncio.Task[None]]
    _consumer: PullConsumer | None = None
    _take_task: asyncio.Task[None] | None = None

    @property
    def durable(self) -> str:
        """The durable consumer, without the bus's prefix."""
        return str(self.extra_options["durable"])

    @cached_property
    def _log_context(self) -> dict[str, str]:
        return super().get_log_context(None)

    def get_log_context(self, message: Any) -> dict[str, str]:
        """FastStream parses the subject for it anew for every message, whether anything is logged or not."""
        del message
        return self._log_context

    def _post_start(self) -> None:
        # Collected once: FastStream asks all routers for their middlewares for every message.
        self._middlewares = tuple(self._broker_middlewares)
        self._handlers = tuple(self.calls)
        super()._post_start()

    async def process_message(self, msg: Msg) -> Response:
        """One message, from its middlewares' entry to their exit. Raises what none of them suppressed."""
        context = self._outer_config.context
        middlewares: list[BaseMiddleware[Any, Any]] = []
        response, error = None, None
        try:
            for make in self._middlewares:
                middleware = make(msg, context=context)
                await middleware.__aenter__()
                middlewares.append(middleware)
            response = await self._call_handler(msg, middlewares[::-1])
        except BaseException as raised:  # noqa: BLE001 - it is raised again below, unless a middleware suppresses it
            error = raised
        for middleware in reversed(middlewares):
            try:
                if error is None:
                    await middleware.__aexit__(None, None, None)
                elif await middleware.__aexit__(type(error), error, error.__traceback__):
                    error = None
            except BaseException as raised:  # noqa: BLE001 - as contextlib.AsyncExitStack: the next one is given it
                error = raised
        if error is None:
            return ensure_response(response)
        if not isinstance(error, IgnoredException):
            text = f"{type(error).__name__}: {error}"
            self._log(logging.ERROR, text, extra=self._log_context, exc_info=error)  # type: ignore[arg-type]
        try:
            raise error
        finally:
            error = None  # its traceback holds this frame, which would hold it

    async def _call_handler(self, msg: Msg, inner_first: list[BaseMiddleware[Any, Any]]) -> Response:
        """Call the handler that takes the message, and publish what it returns."""
        parsed: dict[Any, Any] = {}
        for handler in self._handlers:
            message = await handler.is_suitable(msg, parsed)
            if message is None:
                continue
            scopes = [one.consume_scope for one in inner_first]
            response = ensure_response(await handler.call(message=message, _extra_middlewares=scopes))
            if not response.correlation_id:
                response.correlation_id = message.correlation_id
            for publisher in handler.handler._publishers:  # noqa: SLF001
                command = response.as_publish_command()
                await publisher._publish(  # noqa: SLF001
                    command, _extra_middlewares=[one.publish_scope for one in inner_first]
                )
            return response
        raise SubscriberNotFound(f"{self.durable}: no handler takes the message")

    async def _create_subscription(self) -> None:
        bus: Bus = self._outer_config.extra_context["broker"].bus
        prefix, slots = bus.names.prefix, self.pull_sub.batch_size
        self._tasks = set()
        self._consumer = PullConsumer(bus, prefix + self.stream.name, prefix + self.durable, max_in_flight=slots)
        await self._consumer.open()
        # Supervised: a take that fails goes on after a pause; FastStream's supervisor knows none (its issue 2632).
        take = partial(self._take, self._consumer, slots)
        self._take_task = asyncio.create_task(supervise(f"{self.durable} lane", take, bus.crashes))

    async def stop(self) -> None:
        """Take no more; what runs may end within ``graceful_timeout`` seconds, then it is cancelled and nacked.

        Safe to call twice.
        """
        consumer, self._consumer = self._consumer, None
        if consumer is None or self._take_task is None:
            self.running = False
            return
        await cancel_and_wait(self._take_task)
        await consumer.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._outer_config.graceful_timeout)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=CANCEL_TIMEOUT_SECONDS)
        # Last: a message that is consumed by a subscriber which does not run would be dropped silently.
        self.running = False

    async def _take(self, consumer: PullConsumer, slots: int) -> None:
        while True:
            for message in await consumer.take(slots):
                task = asyncio.create_task(self._consume_one(consumer, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _consume_one(self, consumer: PullConsumer, message: Msg) -> None:
        try:
            await self.consume(message)
        except asyncio.CancelledError:
            await nak(message, delay=0)  # does nothing where the handler's middleware has settled it already
            raise
        finally:
            await consumer.done(1)


class CachedSubjectPublisher(LogicPublisher):
    """A publisher that parses its subject once: FastStream's does for every message."""

    @cached_property
    def subject(self) -> Any:
        """The subject this publisher was declared with, and its address on the bus."""
        return super().subject

    async def _publish(self, cmd: PublishCommand, *, _extra_middlewares: Iterable[Any]) -> None:
        """What a handler returned: FastStream's way, with the command made once."""
        stream = self.stream
        command = NatsPublishCommand(
            cmd.body,
            subject=self.subject.template,
            headers={**self.headers, **cmd.headers},
            correlation_id=cmd.correlation_id,
            reply_to=cmd.reply_to or self.reply_to,
            stream=None if stream is None else stream.name,
            timeout=self.timeout,
            _publish_type=cmd.publish_type,
        )
        config = self._outer_config
        publish = (config.producer if stream is None else config.js_producer).publish
        for middleware in _extra_middlewares:
            publish = partial(middleware, publish)
        await publish(command)


class _SlotsRegistrator(NatsRegistrator):
    """What declares our subscribers and publishers, in a broker or a router."""

    def subscriber(self, subject: str = "", **options: Any) -> LogicSubscriber[Any]:  # type: ignore[override]
        """As FastStream's; ``pull_sub=SlotsPullSub(n)`` makes a SlotsSubscriber of it."""
        if not isinstance(options.get("pull_sub"), SlotsPullSub):
            plain: LogicSubscriber[Any] = super().subscriber(subject, **options)
            return plain
        return self._slots_subscriber(subject, **options)

    def _slots_subscriber(
        self,
        subject: str,
        *,
        stream: JStream,
        durable: str,
        pull_sub: SlotsPullSub,
        codec: Any,
        parser: Any,
        title: str | None = None,
        description: str | None = None,
    ) -> SlotsSubscriber:
        calls = CallsCollection[Any]()
        config = NatsSubscriberConfig(
            subject=subject,
            sub_config=ConsumerConfig(durable_name=durable),
            extra_options={"durable": durable, "stream": stream.name},
            no_reply=True,
            _outer_config=self.config,  # type: ignore[arg-type]  # a composition stands for a config, as in FastStream
            _ack_policy=AckPolicy.MANUAL,  # the middleware around the handler acknowledges
        )
        specification = NatsSubscriberSpecification(
            _outer_config=self.config,  # type: ignore[arg-type]
            calls=calls,
            specification_config=NatsSubscriberSpecificationConfig(
                subject=subject,
                queue=None,
                title_=title,
                description_=description,
                include_in_schema=True,
            ),
        )
        subscriber = SlotsSubscriber(config, specification, calls, queue="", stream=stream, pull_sub=pull_sub)
        Registrator.subscriber(self, subscriber)
        subscriber.add_call(parser_=parser, decoder_=None, codec_=codec, dependencies_=())
        return subscriber

    def publisher(  # type: ignore[override]
        self,
        subject: str,
        *,
        stream: JStream | None = None,
        schema: Any = None,
        title: str | None = None,
        description: str | None = None,
        persistent: bool = True,
    ) -> CachedSubjectPublisher:
        """As FastStream's, with a subject that is parsed once."""
        config = NatsPublisherConfig(
            subject=subject,
            stream=stream,
            reply_to="",
            headers=None,
            timeout=None,
            _outer_config=self.config,  # type: ignore[arg-type]
        )
        specification = NatsPublisherSpecification(
            _outer_config=self.config,  # type: ignore[arg-type]
            specification_config=NatsPublisherSpecificationConfig(
                subject=subject, schema_=schema, title_=title, description_=description, include_in_schema=True
            ),
        )
        publisher = CachedSubjectPublisher(config, specification)
        Registrator.publisher(self, publisher, persistent=persistent)
        return publisher


class SlotsRouter(_SlotsRegistrator, NatsRouter):
    """A router that knows SlotsPullSub."""


class SlotsBroker(_SlotsRegistrator, NatsBroker):
    """A broker that knows SlotsPullSub."""
