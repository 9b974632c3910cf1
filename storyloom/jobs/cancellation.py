"""Cancelled jobs: the StopWork messages that this process has received."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested, StopWork

RETENTION = timedelta(minutes=10)
MAX_REMEMBERED = 20_000
"""How many jobs, or whole stories, are remembered: the newest."""
CLOCK_SLACK = timedelta(seconds=2)
"""A job requested this long after the StopWork may still be meant: clocks differ, and requeued jobs cross it."""

_Key = tuple[UUID, tuple[Asset, Fingerprint] | None]


def _now() -> datetime:
    return datetime.now(UTC)


class CancelledJobs:
    """Remembers StopWork messages, so that a job which is delivered after its StopWork is not begun.

    Only jobs that were requested before the stop are meant. A stop may be mistaken: its sender looked a moment too soon
    at an asset that was just starting over. Such a job is requeued, dated later than the stop, and must be taken then.
    """

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._cancelled_at: OrderedDict[_Key, datetime] = OrderedDict()

    def add(self, stop: StopWork) -> None:
        """Remember it; forget the oldest where there are too many."""
        at = self._now()
        for job in (None,) if stop.jobs is None else stop.jobs:
            self._cancelled_at[stop.story_id, job] = at
            self._cancelled_at.move_to_end((stop.story_id, job))
        while self._cancelled_at and (
            len(self._cancelled_at) > MAX_REMEMBERED or next(iter(self._cancelled_at.values())) < at - RETENTION
        ):
            self._cancelled_at.popitem(last=False)

    def contains(self, job: AssetRequested) -> bool:
        """Whether this job is cancelled."""
        if not self._cancelled_at:
            return False
        now = self._now()
        for what in ((job.story_id, None), (job.story_id, (job.asset, job.fingerprint))):
            cancelled_at = self._cancelled_at.get(what)
            if cancelled_at is not None and cancelled_at > now - RETENTION and job.at <= cancelled_at + CLOCK_SLACK:
                return True
        return False


def matches(stop: StopWork, job: AssetRequested) -> bool:
    """Whether a StopWork names this job."""
    if stop.story_id != job.story_id:
        return False
    return stop.jobs is None or (job.asset, job.fingerprint) in stop.jobs
