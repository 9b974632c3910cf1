"""Cancelled jobs: the StopWork messages that this process has received."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested, StopWork

RETENTION_SECONDS = 600.0
"""How long a StopWork is remembered, by a clock that nobody sets."""
MAX_REMEMBERED = 20_000
"""How many jobs, or whole stories, are remembered: the newest."""
CLOCK_SLACK = timedelta(seconds=2)
"""A job requested this long after the StopWork may still be meant: clocks differ, and requeued jobs cross it."""

_Key = tuple[UUID, tuple[Asset, Fingerprint] | None]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Stop:
    """When a StopWork was received, by this machine's clock and by one that only goes on."""

    at: datetime
    received: float
    put_back: bool = False
    """Whether a job that was put back was dropped since."""


class CancelledJobs:
    """Remembers StopWork messages, so that a job which is delivered after its StopWork is not begun.

    Only jobs that were requested before the stop are meant. A stop may be mistaken: its sender looked a moment too soon
    at an asset that was just starting over. Such a job is requeued, dated later than the stop, and must be taken then.

    The date is another machine's. Where its clock is behind ours every job seems older than the stop; where it is ahead
    a job is made that nobody wants, and its result is ignored. So of the jobs that the reconciler puts back, who looks
    at the rows, no more than one is dropped: the next one is wanted, whatever the clocks say.
    """

    def __init__(self, now: Callable[[], datetime] = _now, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._monotonic = monotonic
        self._stops: OrderedDict[_Key, _Stop] = OrderedDict()

    def add(self, stop: StopWork) -> None:
        """Remember it; forget the oldest where there are too many."""
        at, received = self._now(), self._monotonic()
        for job in (None,) if stop.jobs is None else stop.jobs:
            self._stops[stop.story_id, job] = _Stop(at, received)
            self._stops.move_to_end((stop.story_id, job))
        while self._stops and (
            len(self._stops) > MAX_REMEMBERED
            or next(iter(self._stops.values())).received < received - RETENTION_SECONDS
        ):
            self._stops.popitem(last=False)

    def contains(self, job: AssetRequested) -> bool:
        """Whether this job is cancelled."""
        return bool(self._stops) and any(True for _ in self._of(job))

    def drop(self, job: AssetRequested) -> bool:
        """Whether this job is cancelled; it is dropped then, which is noted."""
        stops = [*self._of(job)] if self._stops else []
        for stop in stops:
            stop.put_back = stop.put_back or job.put_back
        return bool(stops)

    def _of(self, job: AssetRequested) -> Iterator[_Stop]:
        """The stops that mean this job."""
        oldest = self._monotonic() - RETENTION_SECONDS
        for what in ((job.story_id, None), (job.story_id, (job.asset, job.fingerprint))):
            stop = self._stops.get(what)
            if stop is None or stop.received <= oldest or (job.put_back and stop.put_back):
                continue
            if job.at <= stop.at + CLOCK_SLACK:
                yield stop


def matches(stop: StopWork, job: AssetRequested) -> bool:
    """Whether a StopWork names this job."""
    if stop.story_id != job.story_id:
        return False
    return stop.jobs is None or (job.asset, job.fingerprint) in stop.jobs
