"""Spans by OpenTelemetry's SDK. Imported only where tracing is on: the SDK and its exporter are 14 MB."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from storyloom.runtime.spans import NO_ATTRIBUTES, SPAN, SPANS, Attributes, Kind, Span

_KINDS = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}
_UNSAMPLED = "-00"
EXPORT_SECONDS = 3.0
"""For one export, its retries included, where OpenTelemetry's variables do not say: the last one of a process whose
collector is away would hold up its end for the usual ten."""
_TIMEOUTS = {"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"}


def otlp_provider(service: str) -> TracerProvider:
    """Sends the spans of a service to the endpoint that OpenTelemetry's own variables name."""
    names = {SERVICE_NAME: f"storyloom-{service}", SERVICE_NAMESPACE: "storyloom"}
    provider = TracerProvider(resource=Resource.create(names))
    timeout = None if _TIMEOUTS & os.environ.keys() else EXPORT_SECONDS
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=timeout)))
    return provider


class OpenTelemetrySpans:
    """The spans of one service."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = trace.get_tracer("storyloom", tracer_provider=provider)
        # What a parent has decided needs no span to say so: nine of ten stories pass here.
        self._parents_decide = isinstance(provider.sampler, ParentBased)

    def start(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> Span:
        """Begin a span. A ``parent`` that is no traceparent counts as none."""
        parent = parent or SPAN.get().traceparent
        if self._parents_decide and parent.endswith(_UNSAMPLED):
            return _PassedOn(parent)
        found = _context_of(parent)
        # Never OpenTelemetry's own context: whatever else is traced in this process has its own traces.
        within = Context() if found is None else trace.set_span_in_context(trace.NonRecordingSpan(found), Context())
        linked = [Link(one) for link in links if (one := _context_of(link)) is not None]
        begun = self._tracer.start_span(name, within, _KINDS[kind], attributes=dict(attributes), links=linked)
        return _Recorded(begun)

    @contextmanager
    def within(self, span: Span) -> Iterator[None]:
        """What is started in the block belongs to the span."""
        service, outer = SPANS.set(self), SPAN.set(span)
        try:
            yield
        finally:
            SPAN.reset(outer)
            SPANS.reset(service)


class _Recorded:
    """A span of the SDK's; one that was not sampled records nothing and names its trace all the same."""

    __slots__ = ("span", "traceparent")

    def __init__(self, span: trace.Span) -> None:
        self.span = span
        found = span.get_span_context()
        self.traceparent = f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags) & 1:02x}"

    @property
    def is_recording(self) -> bool:
        return self.span.is_recording()

    def rename(self, name: str) -> None:
        self.span.update_name(name)

    def set(self, **attributes: str | float | bool) -> None:
        if self.span.is_recording():
            self.span.set_attributes({name.replace("__", "."): value for name, value in attributes.items()})

    def fail(self, error: str) -> None:
        self.span.set_attribute("error.type", error)
        self.span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        if self.span.is_recording():  # the SDK complains of a second end
            self.span.end()


class _PassedOn:
    """No span: its parent's trace is not sampled, and what it leads to belongs to that parent."""

    __slots__ = ("traceparent",)
    is_recording = False

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

    def rename(self, name: str) -> None: ...

    def set(self, **attributes: str | float | bool) -> None: ...

    def fail(self, error: str) -> None: ...

    def end(self) -> None: ...


def _context_of(traceparent: str) -> SpanContext | None:
    parts = traceparent.split("-")
    if len(parts) != 4:
        return None
    try:
        found = SpanContext(int(parts[1], 16), int(parts[2], 16), True, TraceFlags(int(parts[3], 16)))
    except ValueError:
        return None
    return found if found.is_valid else None
