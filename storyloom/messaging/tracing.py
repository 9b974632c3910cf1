"""FastStream's OpenTelemetry middleware, with span names that do not grow with the stories.

Import it only where tracing is on: OpenTelemetry's SDK and its exporter are 14 MB that nobody else needs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from faststream import BaseMiddleware
from faststream.message import StreamMessage
from faststream.nats.opentelemetry.provider import NatsTelemetrySettingsProvider
from faststream.opentelemetry.middleware import TelemetryMiddleware
from faststream.response import PublishCommand
from nats.aio.msg import Msg
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from storyloom.messaging.observability import channel


def otlp_provider(service: str) -> TracerProvider:
    """Sends the spans of a service to the endpoint that OpenTelemetry's own variables name."""
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"storyloom-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def middlewares(prefix: str, provider: TracerProvider) -> Sequence[Any]:
    """What makes a span of every message. ``prefix`` is the bus's."""
    spans = _Spans(prefix)
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


class _Spans(NatsTelemetrySettingsProvider):
    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def get_consume_destination_name(self, msg: StreamMessage[Msg]) -> str:
        return channel(msg.raw_message.subject, self._prefix)

    def get_publish_destination_name(self, cmd: PublishCommand) -> str:
        return channel(cmd.destination, self._prefix)
