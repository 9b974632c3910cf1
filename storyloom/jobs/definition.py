"""What a worker's own code is: a function from a job to a result, and what it may say on the way."""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from storyloom.story.assets import Asset, Priority, Service
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import ProviderCall, Result


@dataclass
class ProviderUsage:
    """What one attempt at a job has asked of providers so far. The doors to the providers write it.

    ``mark`` names the job to a provider (no person can be told from it), so that its own log can be compared with ours.
    """

    client_request_id: str
    calls: list[ProviderCall] = field(default_factory=list)
    asked: int = 0
    priority: Priority = Priority.NORMAL
    """Who is served first where calls wait for their provider (storyloom.providers.resilience.gate)."""

    def next_client_request_id(self) -> str:
        """What to call the next request: ``<mark>-<number>``."""
        self.asked += 1
        return f"{self.client_request_id}-{self.asked}"


PROVIDER_USAGE: ContextVar[ProviderUsage | None] = ContextVar("bill", default=None)
"""The bill of the job that runs in this task; None outside of jobs."""


class Report(Protocol):
    """Tells the reader how far a running job is. Best effort, never raises, cheap: call it as often as it helps."""

    async def __call__(self, progress: int, text: str | None = None) -> None:
        """``progress`` 0 to 100; ``text`` is the whole of what has been written so far, where words are being made."""


class Handler(Protocol):
    """Makes one asset. Raises RetryableError or PermanentError; anything else it raises is a bug and fails the asset
    as one.

    It may be cancelled at any await (time-out, shutdown, the client's command), and it may be called twice for one job:
    what it stores goes under content hashes, so that twice is no harm.
    """

    async def __call__(self, job: AssetRequested, report: Report) -> Result:
        """Answer the asset's result, its bytes stored already."""


Question = Callable[[bytes], Awaitable[bytes]]


async def _nothing_to_close() -> None:
    """Close nothing."""


@dataclass(frozen=True, slots=True)
class WorkerDefinition:
    """A worker service, composed: which assets it makes and with what. ``bus`` and ``worker`` do the rest."""

    service: Service
    handlers: Mapping[Asset, Handler]
    questions: Mapping[str, Question] = field(default_factory=dict)
    """What other services may ask over core NATS, by subject; replicas share the asking among them."""
    close: Callable[[], Awaitable[None]] = _nothing_to_close
