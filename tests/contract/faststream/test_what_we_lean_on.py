"""What storyloom/messaging uses of FastStream without its promise: a newer version that changes it fails here first.

Each test names the part. Read what the version changed, fix storyloom/messaging/faststream_pull.py (or broker.py,
observability.py), run the integration tests, and only then say in WRITTEN_AGAINST which version it is for.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from faststream import AckPolicy, BaseMiddleware
from faststream._internal.broker import BrokerUsecase
from faststream._internal.broker.registrator import Registrator
from faststream._internal.configs import BrokerConfig, ConfigComposition
from faststream._internal.endpoint.call_wrapper import HandlerCallWrapper
from faststream._internal.endpoint.subscriber.call_item import CallsCollection, HandlerItem
from faststream._internal.endpoint.subscriber.usecase import SubscriberUsecase
from faststream._internal.logger.logger_proxy import RealLoggerObject
from faststream.exceptions import AckMessage
from faststream.middlewares.logging import CriticalLogMiddleware
from faststream.nats import NatsBroker
from faststream.nats.broker.registrator import NatsRegistrator
from faststream.nats.configs import NatsBrokerConfig
from faststream.nats.publisher.config import NatsPublisherConfig, NatsPublisherSpecificationConfig
from faststream.nats.publisher.usecase import LogicPublisher
from faststream.nats.response import NatsPublishCommand
from faststream.nats.subscriber.config import NatsSubscriberConfig, NatsSubscriberSpecificationConfig
from faststream.nats.subscriber.usecases import CoreSubscriber, PullStreamSubscriber
from faststream.nats.testing import TestNatsBroker
from faststream.opentelemetry.middleware import TelemetryMiddleware
from faststream.prometheus.container import MetricsContainer
from faststream.prometheus.manager import MetricsManager
from faststream.prometheus.middleware import PrometheusMiddleware
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry

from storyloom.messaging.broker import STORY, Broker, Router, job, question
from storyloom.messaging.faststream_pull import WRITTEN_AGAINST, CachedSubjectPublisher, SlotsSubscriber
from storyloom.messaging.observability import prometheus
from storyloom.runtime.settings import NatsSettings
from storyloom.story.jobs import AssetRequested
from storyloom.story.screening import Verdict

GOLDEN = Path(__file__).parents[1] / "events/golden/AssetRequested.pdf.json"


def test_it_is_the_version_that_the_subclass_was_written_against() -> None:
    installed = version("faststream")
    assert installed == WRITTEN_AGAINST, (
        f"FastStream {installed} is installed; storyloom/messaging/faststream_pull.py was written against "
        f"{WRITTEN_AGAINST}: see the other tests here, then say so there"
    )


def parameters(call: Any) -> set[str]:
    """The names of a callable's parameters."""
    return set(inspect.signature(call).parameters)


NEEDED: list[tuple[Any, set[str]]] = [
    (PullStreamSubscriber.__init__, {"config", "specification", "calls", "queue", "pull_sub", "stream"}),
    (PullStreamSubscriber._create_subscription, {"self"}),
    (PullStreamSubscriber.stop, {"self"}),
    (PullStreamSubscriber.get_log_context, {"self", "message"}),
    (SubscriberUsecase.consume, {"self", "msg"}),
    (SubscriberUsecase.process_message, {"self", "msg"}),
    (SubscriberUsecase._log, {"self", "log_level", "message", "extra", "exc_info"}),
    (HandlerItem.is_suitable, {"self", "msg", "cache"}),
    (HandlerItem.call, {"self", "message", "_extra_middlewares"}),
    (BaseMiddleware.__init__, {"self", "msg", "context"}),
    (BaseMiddleware.__aexit__, {"self", "exc_type", "exc_val", "exc_tb"}),
    (BaseMiddleware.consume_scope, {"self", "call_next", "msg"}),
    (BaseMiddleware.publish_scope, {"self", "call_next", "cmd"}),
    (LogicPublisher._publish, {"self", "cmd", "_extra_middlewares"}),
    (SubscriberUsecase.add_call, {"self", "parser_", "decoder_", "codec_", "dependencies_"}),
    (SubscriberUsecase._post_start, {"self"}),
    (Registrator.subscriber, {"self", "subscriber", "persistent"}),
    (Registrator.publisher, {"self", "publisher", "persistent"}),
    (NatsRegistrator.subscriber, {"self", "subject", "queue", "codec", "parser", "max_workers"}),
    (LogicPublisher.__init__, {"self", "config", "specification"}),
    (LogicPublisher.publish, {"self", "message", "subject", "headers"}),
    (LogicPublisher.request, {"self", "message", "timeout"}),
    (BrokerUsecase.stop, {"self"}),
    (NatsBroker._connect, {"self"}),
    (NatsBrokerConfig.connect, {"self", "connection"}),
    (NatsBrokerConfig.disconnect, {"self"}),
    (NatsSubscriberConfig, {"subject", "sub_config", "extra_options", "no_reply", "_outer_config", "_ack_policy"}),
    (NatsSubscriberSpecificationConfig, {"subject", "queue", "title_", "description_", "include_in_schema"}),
    (NatsPublisherConfig, {"subject", "stream", "reply_to", "headers", "timeout", "_outer_config"}),
    (NatsPublisherSpecificationConfig, {"subject", "schema_", "title_", "description_", "include_in_schema"}),
    (TelemetryMiddleware, {"settings_provider_factory", "tracer_provider", "meter_provider"}),
    (PrometheusMiddleware, {"settings_provider_factory", "registry", "app_name", "metrics_prefix", "custom_labels"}),
    (CriticalLogMiddleware, {"logger"}),
    (CallsCollection.add_call, {"self", "call"}),
]


@pytest.mark.parametrize(("call", "wanted"), NEEDED, ids=[call.__qualname__ for call, _ in NEEDED])
def test_a_part_still_takes_what_we_give_it(call: Any, wanted: set[str]) -> None:
    assert wanted - parameters(call) == set()


def endpoints() -> tuple[Broker, Any, Any, Any]:
    """A broker with one endpoint of each kind."""
    router = Router()
    publisher = router.publisher("ask.content.screening", schema=Verdict)

    @router.subscriber("job.images.high.{story_id}.{asset}", **job("images-high", slots=3))
    async def draw(wanted: AssetRequested) -> Verdict:
        raise NotImplementedError

    @router.subscriber("ask.x", **question(Verdict))
    async def answer(asked: Verdict) -> Verdict:
        raise NotImplementedError

    broker = Broker(NatsSettings.model_construct(nats_subject_prefix="p_"), "images", routers=[router])
    lane = next(one for one in broker.subscribers if isinstance(one, SlotsSubscriber))
    core = next(one for one in broker.subscribers if isinstance(one, CoreSubscriber))
    return broker, publisher, lane, core


def test_endpoints_are_of_our_classes_and_know_the_prefix() -> None:
    broker, publisher, lane, core = endpoints()
    assert isinstance(publisher, CachedSubjectPublisher)
    assert (lane.durable, lane.stream.name, lane.pull_sub.batch_size) == ("images-high", "JOBS", 3)
    assert lane.subject.template == "p_job.images.high.{story_id}.{asset}"
    assert lane.subject.broker_address == "p_job.images.high.*.*"
    assert core.subject.broker_address == "p_ask.x"
    assert publisher.subject.template == "p_ask.content.screening"
    assert broker.config.broker_config.graceful_timeout is not None, "None waits for nothing"


def test_what_stands_between_us_and_a_handler_is_where_it_was() -> None:
    """Attributes that we set or read."""
    broker, publisher, lane, _ = endpoints()
    config = broker.config.broker_config
    assert isinstance(broker.config, ConfigComposition)
    assert isinstance(config, BrokerConfig)
    for name in ("prefix", "producer", "js_producer", "connection_state"):
        assert hasattr(config, name), name
    assert lane.ack_policy is AckPolicy.MANUAL
    assert lane._no_reply is True
    assert lane.running is False
    assert lane._outer_config.extra_context["broker"] is broker
    assert publisher.specification.config.schema_ is Verdict
    (call,) = lane.calls
    assert isinstance(call.handler, HandlerCallWrapper)
    assert call.handler._declared_call.__name__ == "draw"


def test_the_parts_of_the_metrics_are_where_they_were() -> None:
    """Attributes that our subclasses of the middleware and its manager read or set."""
    names = {name for name in MetricsContainer.__slots__ if not name.startswith("_")}
    assert {"received_messages_total", "published_messages_total", "received_messages_in_process"} <= names
    parts = {"_metrics_container", "_metrics_manager", "_settings_provider_factory", "_static_labels"}
    assert parts <= set(PrometheusMiddleware.__slots__)
    assert {"_app_name", "_container"} <= set(MetricsManager.__slots__)


def series(registry: CollectorRegistry) -> set[tuple[str, tuple[tuple[str, str], ...], float]]:
    """Name, labels and value of all samples but times."""
    samples = (sample for metric in registry.collect() for sample in metric.samples)
    return {
        (one.name, tuple(sorted(one.labels.items())), one.value)
        for one in samples
        if "seconds" not in one.name and not one.name.endswith("_created")
    }


@pytest.mark.parametrize("error", [None, ValueError("Mira"), AckMessage()], ids=["ends", "fails", "is acknowledged"])
async def test_our_subclass_counts_what_faststreams_middleware_counts(error: Exception | None) -> None:
    settings = NatsSettings.model_construct(nats_subject_prefix="p_", nats_url="nats://nowhere")
    counted = []
    for subclass in (True, False):
        registry = CollectorRegistry()
        middleware = prometheus(settings, "images", registry)
        if not subclass:
            theirs = CollectorRegistry()
            provider = middleware._settings_provider_factory
            middleware = PrometheusMiddleware(
                settings_provider_factory=provider,
                registry=theirs,
                app_name="storyloom",
                metrics_prefix="storyloom",
                custom_labels={"service": "images"},
            )
            registry = theirs
        await steps_of(SlotsSubscriber.process_message, error=error, observed=[middleware])
        await steps_of(SlotsSubscriber.process_message, error=error, observed=[middleware])
        counted.append(series(registry))
    assert counted[0] == counted[1]
    assert any(name == "storyloom_received_messages_total" and value == 2 for name, _, value in counted[0])


def test_a_publish_command_carries_what_our_producers_read() -> None:
    fields = parameters(NatsPublishCommand)
    assert {"message", "subject", "headers", "reply_to", "stream", "timeout"} <= fields


class Recorder(BaseMiddleware[Any, Any]):
    """Writes down what is called, in which order. ``swallows``: whether it suppresses what it is left with."""

    def __init__(self, name: str, steps: list[str], msg: Any, /, *, context: Any, swallows: bool = False) -> None:
        super().__init__(msg, context=context)
        self.name, self.steps, self.swallows = name, steps, swallows

    async def on_receive(self) -> None:
        self.steps.append(f"{self.name} entered")

    async def consume_scope(self, call_next: Any, msg: Any) -> Any:
        self.steps.append(f"{self.name} consumes")
        try:
            return await call_next(msg)
        finally:
            self.steps.append(f"{self.name} consumed")

    async def publish_scope(self, call_next: Any, cmd: Any) -> Any:
        self.steps.append(f"{self.name} publishes to {cmd.destination} on {cmd.stream}")
        return await call_next(cmd)

    async def after_processed(self, exc_type: Any = None, exc_val: Any = None, exc_tb: Any = None) -> bool:
        del exc_val, exc_tb
        self.steps.append(f"{self.name} left with {exc_type and exc_type.__name__}")
        return self.swallows and exc_type is not None


class Lines:
    """A logger that keeps errors."""

    def __init__(self, steps: list[str]) -> None:
        self.steps = steps

    def log(self, level: int, msg: Any, /, *, exc_info: Any = None, extra: Any = None) -> None:
        if level >= logging.ERROR:
            self.steps.append(f"logged {msg} {type(exc_info).__name__} {extra['subject']}")


Process = Callable[[SlotsSubscriber, Any], Awaitable[Any]]


async def steps_of(
    process: Process, *, error: Exception | None = None, swallows: bool = False, observed: Sequence[Any] = ()
) -> list[str]:
    """What happens to one message, by a way of processing it."""
    steps: list[str] = []
    router = Router()

    @router.publisher("story.evt.AssetCompleted.{story_id}", stream=STORY, schema=Verdict)
    @router.subscriber("job.images.high.{story_id}.{asset}", **job("images-high", slots=3))
    async def draw(wanted: AssetRequested) -> bytes:
        assert wanted.asset
        steps.append("handled")
        if error is not None:
            raise error
        return b"a verdict"

    makers = [partial(Recorder, name, steps, swallows=swallows and name == "outer") for name in ("outer", "inner")]
    settings = NatsSettings.model_construct(nats_subject_prefix="p_", nats_url="nats://nowhere")
    broker = Broker(settings, "images", routers=[router], middlewares=[*observed, *makers])
    async with TestNatsBroker(broker):
        broker.config.broker_config.logger.logger = RealLoggerObject(Lines(steps))
        (lane,) = (one for one in broker.subscribers if isinstance(one, SlotsSubscriber))
        try:
            response = await process(lane, Msg(_client=Client(), subject="p_job.x", data=GOLDEN.read_bytes()))
            steps.append(f"returned {response.body!r} {response.correlation_id}")
        except (ValueError, AckMessage) as raised:
            steps.append(f"raised {raised!r}")
    return steps


@pytest.mark.parametrize("swallows", [False, True])
@pytest.mark.parametrize("error", [None, ValueError("Mira"), AckMessage()], ids=["ends", "fails", "is acknowledged"])
async def test_a_message_passes_the_same_stations_as_by_faststreams_own_method(
    error: Exception | None, swallows: bool
) -> None:
    ours = await steps_of(SlotsSubscriber.process_message, error=error, swallows=swallows)
    theirs = await steps_of(SubscriberUsecase.process_message, error=error, swallows=swallows)
    assert ours == theirs
    assert ours[:5] == ["outer entered", "inner entered", "outer consumes", "inner consumes", "handled"]
    logged = isinstance(error, ValueError) and not swallows
    assert any(step.startswith("logged ValueError: Mira") for step in ours) == logged
