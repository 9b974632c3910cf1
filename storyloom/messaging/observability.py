"""FastStream's Prometheus middleware, with labels that do not grow with the stories.

It would name a message by its whole subject, which holds a story's id: one series a story. Here it is named by its
channel, such as ``job.images.normal`` or ``story.evt.AssetCompleted``.
"""

from dataclasses import dataclass
from typing import Any

from faststream import ContextRepo
from faststream.message import StreamMessage
from faststream.nats.prometheus.provider import NatsMetricsSettingsProvider
from faststream.prometheus import ConsumeAttrs
from faststream.prometheus.container import MetricsContainer
from faststream.prometheus.manager import MetricsManager
from faststream.prometheus.middleware import BasePrometheusMiddleware, PrometheusMiddleware
from faststream.prometheus.types import ProcessingStatus, PublishingStatus
from faststream.response import PublishCommand
from nats.aio.msg import Msg
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from storyloom.messaging.channels import channel
from storyloom.runtime.settings import NatsSettings


def prometheus(
    settings: NatsSettings, service: str, registry: CollectorRegistry = REGISTRY
) -> PrometheusMiddleware[Any, Any]:
    """FastStream's ``storyloom_received_…`` and ``storyloom_published_…`` metrics, with a ``service`` like all of ours.

    ``handler`` and ``destination`` are channels.
    """
    provider = _Metrics(settings.nats_subject_prefix)
    return _PrometheusMiddleware(
        settings_provider_factory=lambda _message: provider,
        registry=registry,
        app_name="storyloom",
        metrics_prefix="storyloom",
        custom_labels={"service": service},
    )


class _Metrics(NatsMetricsSettingsProvider):
    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get_consume_attrs_from_message(self, msg: StreamMessage[Msg]) -> ConsumeAttrs:
        name = channel(msg.raw_message.subject, self._prefix)
        return {"destination_name": name, "message_size": len(msg.body), "messages_count": 1}

    def get_publish_destination_name_from_cmd(self, cmd: PublishCommand) -> str:
        return channel(cmd.destination, self._prefix)


class _PrometheusMiddleware(PrometheusMiddleware[Any, Any]):
    """FastStream's, with children that are looked up once a channel: it looks up eight for every message."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._metrics_manager = _BoundMetrics(self._metrics_container, app_name=options["app_name"])

    def __call__(self, msg: Any, /, *, context: ContextRepo) -> BasePrometheusMiddleware[Any, Any]:
        """The middleware of one message. Its labels are the same for all; FastStream merges them anew."""
        return BasePrometheusMiddleware(
            msg,
            settings_provider_factory=self._settings_provider_factory,
            metrics_manager=self._metrics_manager,
            context=context,
            custom_labels=self._static_labels,
        )


@dataclass(frozen=True, slots=True)
class _Received:
    """What every message of a channel touches."""

    total: Counter
    size: Histogram
    in_process: Gauge
    duration: Histogram


class _BoundMetrics(MetricsManager):
    """Finds a metric's child once a channel. The other labels are the same for every message of a middleware."""

    __slots__ = ("_processed", "_published", "_publishing", "_received")

    def __init__(self, container: MetricsContainer, *, app_name: str) -> None:
        super().__init__(container, app_name=app_name)
        self._received: dict[str, _Received] = {}
        self._processed: dict[tuple[str, ProcessingStatus], Counter] = {}
        self._publishing: dict[str, Histogram] = {}
        self._published: dict[tuple[str, PublishingStatus], Counter] = {}

    def add_received_message(self, broker: str, handler: str, amount: int = 1, **labels: str) -> None:
        """Count a message that was received."""
        found = self._received.get(handler)
        if found is None:
            labels |= {"app_name": self._app_name, "broker": broker, "handler": handler}
            found = self._received[handler] = _Received(
                self._container.received_messages_total.labels(**labels),
                self._container.received_messages_size_bytes.labels(**labels),
                self._container.received_messages_in_process.labels(**labels),
                self._container.received_processed_messages_duration_seconds.labels(**labels),
            )
        found.total.inc(amount)

    # FastStream adds a message before it observes anything of it.
    def observe_received_messages_size(self, broker: str, handler: str, size: int, **labels: str) -> None:
        """Observe the message's size in bytes."""
        del broker, labels
        self._received[handler].size.observe(size)

    def add_received_message_in_process(self, broker: str, handler: str, amount: int = 1, **labels: str) -> None:
        """One more is in process."""
        del broker, labels
        self._received[handler].in_process.inc(amount)

    def remove_received_message_in_process(self, broker: str, handler: str, amount: int = 1, **labels: str) -> None:
        """One less is in process."""
        del broker, labels
        self._received[handler].in_process.dec(amount)

    def observe_received_processed_message_duration(
        self, duration: float, broker: str, handler: str, **labels: str
    ) -> None:
        """Observe how many seconds it took."""
        del broker, labels
        self._received[handler].duration.observe(duration)

    def add_received_processed_message(
        self, broker: str, handler: str, status: ProcessingStatus, amount: int = 1, **labels: str
    ) -> None:
        """Count a message by how it ended."""
        found = self._processed.get((handler, status))
        if found is None:
            labels |= {"app_name": self._app_name, "broker": broker, "handler": handler, "status": status.value}
            found = self._container.received_processed_messages_total.labels(**labels)
            self._processed[handler, status] = found
        found.inc(amount)

    def observe_published_message_duration(self, duration: float, broker: str, destination: str, **labels: str) -> None:
        """Observe how many seconds it took to publish a message."""
        found = self._publishing.get(destination)
        if found is None:
            labels |= {"app_name": self._app_name, "broker": broker, "destination": destination}
            found = self._publishing[destination] = self._container.published_messages_duration_seconds.labels(**labels)
        found.observe(duration)

    def add_published_message(
        self, broker: str, destination: str, status: PublishingStatus, amount: int = 1, **labels: str
    ) -> None:
        """Count a publication by how it ended."""
        found = self._published.get((destination, status))
        if found is None:
            labels |= {"app_name": self._app_name, "broker": broker, "destination": destination, "status": status.value}
            found = self._published[destination, status] = self._container.published_messages_total.labels(**labels)
        found.inc(amount)
