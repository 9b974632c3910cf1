"""Which jobs nobody wants any more: StopWork, as far as this process has heard it."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested, StopWork

MEMORY = timedelta(minutes=10)
MOST = 20_000
"""How many jobs, or whole stories, are remembered: the newest."""
SLACK = timedelta(seconds=2)
"""A job requested this long after the stop may still be an older command: clocks differ, and put-backs cross it."""

_What = tuple[UUID, tuple[Asset, Fingerprint] | None]


def _now() -> datetime:
    return datetime.now(UTC)


class CancelledJobs:
    """Remembers what was stopped, so that a job which arrives after its stop is not begun.

    Only jobs that were requested before the stop are meant. A stop may be mistaken: its sender looked a moment too soon
    at an asset that was just starting over. Such a job is put back, dated later than the stop, and must be taken then.
    """

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._heard: OrderedDict[_What, datetime] = OrderedDict()

    def add(self, stop: StopWork) -> None:
        """Remember it; forget the oldest where there are too many."""
        at = self._now()
        for job in (None,) if stop.jobs is None else stop.jobs:
            self._heard[stop.story_id, job] = at
            self._heard.move_to_end((stop.story_id, job))
        while self._heard and (len(self._heard) > MOST or next(iter(self._heard.values())) < at - MEMORY):
            self._heard.popitem(last=False)

    def contains(self, job: AssetRequested) -> bool:
        """Whether nobody wants this job."""
        if not self._heard:
            return False
        now = self._now()
        for what in ((job.story_id, None), (job.story_id, (job.asset, job.fingerprint))):
            heard = self._heard.get(what)
            if heard is not None and heard > now - MEMORY and job.at <= heard + SLACK:
                return True
        return False


def matches(stop: StopWork, job: AssetRequested) -> bool:
    """Whether a stop is about this job."""
    if stop.story_id != job.story_id:
        return False
    return stop.jobs is None or (job.asset, job.fingerprint) in stop.jobs
