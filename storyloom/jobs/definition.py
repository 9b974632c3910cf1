"""What a worker's own code is: a function from a job to a result, and what it may say on the way."""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

from storyloom.messaging.broker import Router
from storyloom.story.assets import Asset, Service
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Result

R_co = TypeVar("R_co", bound=Result, covariant=True)


class Report(Protocol):
    """Tells the reader how far a running job is. Best effort, never raises, cheap: call it as often as it helps."""

    async def __call__(self, progress: int, text: str | None = None) -> None:
        """``progress`` 0 to 100; ``text`` is the whole of what has been written so far, where words are being made."""


REPORT: ContextVar[Report | None] = ContextVar("report", default=None)
"""Tells the progress of the job that runs in this task."""


async def report_progress(progress: int, text: str | None = None) -> None:
    """Tell how far the job is that runs in this task; outside of jobs nobody hears it."""
    report = REPORT.get()
    if report is not None:
        await report(progress, text)


class Handler(Protocol[R_co]):
    """Makes one asset. Raises RetryableError or PermanentError; anything else it raises is a bug and fails the asset
    as one.

    It may be cancelled at any await (time-out, shutdown, the client's command), and it may be called twice for one job:
    what it stores goes under content hashes, so that twice is no harm.
    """

    async def __call__(self, job: AssetRequested, report: Report) -> R_co:
        """Answer the asset's result, its bytes stored already."""


async def _nothing_to_close() -> None:
    """Close nothing."""


@dataclass(frozen=True, slots=True)
class WorkerDefinition:
    """A worker service, composed. ``jobs`` and ``questions`` are what it consumes and publishes, as app.py declares it.

    ``handlers`` are those behind it, by what they make; storyloom.jobs.runner does what stands around each job.
    """

    service: Service
    handlers: Mapping[Asset, Handler[Result]]
    jobs: Router
    questions: Router | None = None
    """What other services may ask over core NATS."""
    close: Callable[[], Awaitable[None]] = _nothing_to_close
