"""What a worker service brings: handlers from a job to a result, and the routers that declare its endpoints."""

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
    """Publishes a running job's progress. Best effort, never raises, cheap: call it as often as it helps."""

    async def __call__(self, progress: int, text: str | None = None) -> None:
        """``progress`` in percent, 0 to 100; ``text`` is all that has been written so far, for assets that are text."""


REPORT: ContextVar[Report | None] = ContextVar("report", default=None)
"""Publishes the progress of the job that runs in this task; None outside of jobs."""


async def report_progress(progress: int, text: str | None = None) -> None:
    """Publish the progress of the job that runs in this task; does nothing outside of jobs."""
    report = REPORT.get()
    if report is not None:
        await report(progress, text)


class Handler(Protocol[R_co]):
    """Makes one asset. Raises RetryableError or PermanentError; anything else it raises is a bug and fails the asset
    as one.

    It may be cancelled at any await (time-out, shutdown, the client's command), and it must be safe to
    call twice for one job: what it stores goes under content hashes.
    """

    async def __call__(self, job: AssetRequested, report: Report) -> R_co:
        """Return the asset's result, its bytes stored already."""


async def _nothing_to_close() -> None:
    """Close nothing."""


@dataclass(frozen=True, slots=True)
class WorkerDefinition:
    """A worker service, composed. ``jobs`` and ``questions`` are what it consumes and publishes, as app.py declares it.

    ``handlers`` are what those endpoints call, by asset; storyloom.jobs.runner is the middleware around each job.
    """

    service: Service
    handlers: Mapping[Asset, Handler[Result]]
    jobs: Router
    questions: Router | None = None
    """Requests over core NATS that the service answers."""
    close: Callable[[], Awaitable[None]] = _nothing_to_close
