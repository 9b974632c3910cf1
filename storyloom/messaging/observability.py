"""FastStream's Prometheus and OpenTelemetry middlewares, with labels and span names that do not grow with the stories.

Both would name a message by its whole subject, which holds a story's id: one series a story. Here it is named by its
channel, such as ``job.images.normal`` or ``story.evt.AssetCompleted``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from faststream import BaseMiddleware
from faststream.message import StreamMessage
from faststream.nats.opentelemetry.provider import NatsTelemetrySettingsProvider
from faststream.nats.prometheus.provider import NatsMetricsSettingsProvider
from faststream.opentelemetry.middleware import TelemetryMiddleware
from faststream.prometheus import ConsumeAttrs
from faststream.prometheus.middleware import PrometheusMiddleware
from faststream.response import PublishCommand
from nats.aio.msg import Msg
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import REGISTRY, CollectorRegistry

from storyloom.runtime.settings import NatsSettings, TracingSettings

_CHANNEL_TOKENS = {"job": 3, "story": 3, "dead": 2, "status": 1}
"""How many tokens of a subject name its channel, by the first of them; the others hold a story or an asset."""


def channel(subject: str, prefix: str = "") -> str:
    """What a subject is called in labels and spans: bounded, whatever is published. ``prefix`` is the bus's."""
    tokens = subject.removeprefix(prefix).split(".")
    first = tokens[0]
    if first in _CHANNEL_TOKENS:
        return ".".join(tokens[: _CHANNEL_TOKENS[first]])
    if first == "live":
        return f"live.{tokens[-1]}"
    if first in ("ask", "workers"):
        return ".".join(tokens)
    return "other"


def prometheus(
    settings: NatsSettings, service: str, registry: CollectorRegistry = REGISTRY
) -> PrometheusMiddleware[Any, Any]:
    """FastStream's ``storyloom_received_…`` and ``storyloom_published_…`` metrics, with a ``service`` like all of ours.

    ``handler`` and ``destination`` are channels.
    """
    provider = _Metrics(settings.nats_subject_prefix)
    middleware = PrometheusMiddleware[Any, Any](
        settings_provider_factory=lambda _message: provider,
        registry=registry,
        app_name="storyloom",
        metrics_prefix="storyloom",
        custom_labels={"service": service},
    )
    # FastStream looks up a metric's children anew for every message, which costs more than all the counting.
    container = middleware._metrics_container  # noqa: SLF001 - tests/contract/faststream holds it to this
    for name in type(container).__slots__:
        if not name.startswith("_"):
            setattr(container, name, _CachedMetric(getattr(container, name)))
    return middleware


def tracing(
    bus: NatsSettings, settings: TracingSettings, service: str, provider: TracerProvider | None = None
) -> Sequence[Any]:
    """Middlewares that make a span of every message; none without ``OTEL_EXPORTER_OTLP_ENDPOINT``.

    Sampling and export are set by OpenTelemetry's own variables (``OTEL_TRACES_SAMPLER`` …). ``provider``: whoever
    collects the spans, instead of that endpoint.
    """
    if provider is None:
        if not settings.otel_exporter_otlp_endpoint:
            return ()
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"storyloom-{service}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    spans = _Spans(bus.nats_subject_prefix)
    telemetry = TelemetryMiddleware[Any](
        settings_provider_factory=lambda _message: spans,
        tracer_provider=provider,
        meter_provider=NoOpMeterProvider(),
    )
    return (TraceFromBody, telemetry)


class TraceFromBody(BaseMiddleware[Any, Any]):
    """A job that came without a ``traceparent`` header belongs to the trace that its body names."""

    async def consume_scope(self, call_next: Callable[[Any], Any], message: StreamMessage[Any]) -> Any:
        """Put it into the headers. The body is decoded once: the handler is given the same."""
        if "traceparent" not in message.headers:
            try:
                trace = getattr(await message.decode(), "trace", "")
            except Exception:  # noqa: BLE001 - the next decoder raises, and is handled
                trace = ""
            if trace:
                message.headers = {**message.headers, "traceparent": trace}
        return await call_next(message)


class _Metrics(NatsMetricsSettingsProvider):
    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get_consume_attrs_from_message(self, msg: StreamMessage[Msg]) -> ConsumeAttrs:
        name = channel(msg.raw_message.subject, self._prefix)
        return {"destination_name": name, "message_size": len(msg.body), "messages_count": 1}

    def get_publish_destination_name_from_cmd(self, cmd: PublishCommand) -> str:
        return channel(cmd.destination, self._prefix)


class _Spans(NatsTelemetrySettingsProvider):
    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get_consume_destination_name(self, msg: StreamMessage[Msg]) -> str:
        return channel(msg.raw_message.subject, self._prefix)

    def get_publish_destination_name(self, cmd: PublishCommand) -> str:
        return channel(cmd.destination, self._prefix)


class _CachedMetric:
    """A metric that remembers its children by their labels' values."""

    __slots__ = ("_children", "_metric")

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Any] = {}

    def labels(self, **labels: str) -> Any:
        """The child, found once."""
        key = tuple(labels.values())
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._metric.labels(**labels)
        return child
