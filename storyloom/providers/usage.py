"""What a job asks of providers: each call under way, and the usage that it is written down in."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from storyloom.providers.errors import Outcome
from storyloom.runtime.metrics import PROVIDER_CALLS, PROVIDER_COST, PROVIDER_SECONDS
from storyloom.runtime.spans import NO_SPAN, SPANS, Span
from storyloom.story.assets import Priority
from storyloom.story.results import ProviderCall

CLIENT_REQUEST_ID = "X-Client-Request-Id"
"""Names a request of ours to the provider (OpenAI's API reference, "Debugging requests": ASCII, up to 512 signs)."""


@dataclass
class ProviderUsage:
    """What one attempt at a job has asked of providers so far. The clients of the providers write it.

    ``client_request_id`` names the job to a provider (it identifies no person), so that its own log can be
    compared with ours.
    """

    client_request_id: str
    calls: list[ProviderCall] = field(default_factory=list)
    requests: int = 0
    priority: Priority = Priority.NORMAL
    """Who is served first where calls wait for their provider (storyloom.providers.resilience.gate)."""

    @property
    def has_paid(self) -> bool:
        """Whether the attempt would lose something that is paid for if the job were handed back now."""
        return any(call.cost_usd > 0 and call.error is None for call in self.calls)

    def next_client_request_id(self) -> str:
        """What to call the next request: ``<client_request_id>-<number>``."""
        self.requests += 1
        return f"{self.client_request_id}-{self.requests}"


PROVIDER_USAGE: ContextVar[ProviderUsage | None] = ContextVar("provider_usage", default=None)
"""The usage of the job that runs in this task; None outside of jobs."""


@dataclass(slots=True)
class Call:
    """A call under way. The client fills in what it learns; ``outcome`` where a good answer is of no use all the
    same.
    """

    provider: str
    endpoint: str
    model: str
    purpose: str
    headers: dict[str, str] = field(default_factory=dict)
    """What the request carries beside the SDK's own."""
    answered_by: str = ""
    """The model that the provider says it was, where it says so: an alias has a version, a stand-in a name of its own.
    Prices and metrics go by the model that was asked."""
    request_id: str = ""
    cost_usd: float = 0.0
    outcome: Outcome = Outcome.OK
    started: float = field(default_factory=time.monotonic)
    _span: Span = NO_SPAN

    def begin(self, usage: ProviderUsage | None) -> None:
        """It is about to be sent: its time runs, and within a job it has a name."""
        if usage is not None:
            self.headers[CLIENT_REQUEST_ID] = usage.next_client_request_id()
        attributes = {"gen_ai.provider.name": self.provider, "gen_ai.request.model": self.model}
        self._span = SPANS.get().start(f"{self.provider} {self.endpoint}", "client", attributes=attributes)
        self.started = time.monotonic()

    def entry(self) -> ProviderCall:
        """The call so far, as it stands in a usage."""
        return ProviderCall(
            provider=self.provider,
            model=self.answered_by or self.model,
            request_id=self.request_id,
            seconds=time.monotonic() - self.started,
            cost_usd=self.cost_usd,
            purpose=self.purpose,
            error=None if self.outcome is Outcome.OK else self.outcome.value,
        )

    def end(self, usage: ProviderUsage | None) -> None:
        """Write it down, however it ended: in the metrics, and in the job's usage."""
        entry = self.entry()
        PROVIDER_CALLS.labels(self.provider, self.outcome.value).inc()
        PROVIDER_SECONDS.labels(self.provider, self.endpoint).observe(entry.seconds)
        PROVIDER_COST.labels(self.provider, self.model).inc(entry.cost_usd)
        self._end_span(entry)
        if usage is not None:
            usage.calls.append(entry)

    def _end_span(self, entry: ProviderCall) -> None:
        """The provider's request id leads to its own log; no prompt and no answer stands in a span."""
        self._span.set(
            gen_ai__response__id=entry.request_id,
            storyloom__client_request_id=self.headers.get(CLIENT_REQUEST_ID, ""),
            storyloom__purpose=entry.purpose,
            storyloom__cost_usd=entry.cost_usd,
        )
        if entry.error is not None:
            self._span.fail(entry.error)
        self._span.end()
