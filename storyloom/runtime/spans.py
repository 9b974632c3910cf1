"""Spans, for code that does not care whether anybody collects them.

Nothing of OpenTelemetry is imported here: without an endpoint a span costs a call that does nothing. What belongs to
which span goes from service to service as a W3C ``traceparent``, in the headers of messages and requests.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from storyloom.runtime.settings import TracingSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Kind: TypeAlias = Literal["server", "client", "producer", "consumer", "internal"]
Attributes: TypeAlias = Mapping[str, str | int | float | bool]
NO_ATTRIBUTES: Attributes = {}


class Span(Protocol):
    """Something that takes time. Whoever starts one ends it."""

    @property
    def traceparent(self) -> str:
        """What others name as their parent; empty where spans are off."""

    @property
    def is_recording(self) -> bool:
        """Whether it is collected, and not over yet: only then do calls to servers get spans below it."""

    def rename(self, name: str) -> None:
        """Give it another name: bounded, whatever is made."""

    def set(self, **attributes: str | float | bool) -> None:
        """Add attributes; ``__`` in a name stands for a dot. No names, no texts, no prompts."""

    def fail(self, error: str) -> None:
        """It failed; ``error`` is a class or a code, never a message."""

    def end(self) -> None:
        """It is over. Safe to call twice."""


class Spans(Protocol):
    """One service's spans: those of storyloom.runtime.tracing, or OFF."""

    def start(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> Span:
        """Begin a span. ``parent`` and ``links`` are traceparents; without a parent it belongs to the one under way in
        this task (SPAN), if there is any.
        """

    def within(self, span: Span) -> AbstractContextManager[None]:
        """In the block SPAN is this one and SPANS are these: what is started there belongs to it. Does not end it."""


class _NoSpan:
    traceparent = ""
    is_recording = False

    def rename(self, name: str) -> None:
        """Nothing."""

    def set(self, **attributes: str | float | bool) -> None:
        """Nothing."""

    def fail(self, error: str) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


class _NoBlock:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_error: object) -> None:
        return None


class _NoSpans:
    def start(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> Span:
        """No span."""
        del name, kind, parent, links, attributes
        return NO_SPAN

    def within(self, span: Span) -> AbstractContextManager[None]:
        """Nothing."""
        del span
        return _NO_BLOCK


NO_SPAN: Span = _NoSpan()
_NO_BLOCK = _NoBlock()
OFF: Spans = _NoSpans()
"""Nobody collects spans."""
SPANS: ContextVar[Spans] = ContextVar("spans", default=OFF)
"""The spans of the service that a task works for: in one process there may be several."""
SPAN: ContextVar[Span] = ContextVar("span", default=NO_SPAN)
"""The span that is under way in a task."""


@contextmanager
def asking(
    name: str, attributes: Attributes = NO_ATTRIBUTES, *, answers: type[Exception] | None = None
) -> Iterator[None]:
    """The block is a question to a server: a span below the one that is under way in this task.

    None where that is not collected, or there is none: what services look for every second would begin traces of its
    own. ``answers``: raised by the block it is an answer, and no failure.
    """
    if not SPAN.get().is_recording:
        yield
        return
    span = SPANS.get().start(name, "client", attributes=attributes)
    try:
        yield
    except BaseException as error:
        if answers is None or not isinstance(error, answers):
            span.fail(type(error).__name__)
        raise
    finally:
        span.end()


def spans_of(settings: TracingSettings, service: str, provider: "TracerProvider | None" = None) -> Spans:
    """A service's spans; OFF without ``OTEL_EXPORTER_OTLP_ENDPOINT``, and with ``OTEL_SDK_DISABLED``.

    Sampling and export are set by OpenTelemetry's own variables (``OTEL_TRACES_SAMPLER`` …). ``provider``: whoever
    collects the spans, instead of that endpoint.
    """
    named = settings.otel_exporter_otlp_traces_endpoint or settings.otel_exporter_otlp_endpoint
    if provider is None and (settings.otel_sdk_disabled or not named):
        return OFF
    # Imported where it is used: OpenTelemetry's SDK and its exporter are 14 MB.
    from storyloom.runtime import tracing  # noqa: PLC0415

    return tracing.OpenTelemetrySpans(provider or tracing.otlp_provider(service))
