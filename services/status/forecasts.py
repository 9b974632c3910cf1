"""Forecasts: readers are told when their story will be there, and which of its assets are late.

Best effort, without a place in history. A story is looked at when something of it changed, and when an asset of it
would become late or its estimate is over: all that are due in one statement, however many readers there are.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from services.status import repository
from services.status.hub import Hub, Updates
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.runtime.metrics import LATE_ASSETS
from storyloom.story.assets import GRAPH, Asset, Priority
from storyloom.story.eta import Eta, Stage, estimate, late, next_late, progress, stage
from storyloom.web.past import PastAssets

log = structlog.get_logger()

INTERVAL_SECONDS = 1.0
"""Between two looks."""
MAX_STORIES = 50
"""Stories that are looked at in one statement: some milliseconds of work, between which updates are passed on."""
ETA_EVENT, LATE_EVENT = "eta", "late"
"""The events' names on the progress stream; they have no id."""


@dataclass(slots=True)
class _Story:
    """A story that has readers here. ``due``: when it is to be looked at, None where nothing is to be expected."""

    readers: int = 0
    due: datetime | None = None
    eta: Eta | None = None
    told: Updates = field(default_factory=list)
    """What holds, for readers that join: the estimate, and what is late."""
    late: set[tuple[Asset, datetime]] = field(default_factory=set)
    """Which attempts were told to be late: an asset, and since when."""


class Forecasts:
    """The stories of this process's readers. ``run`` tells what is new of them."""

    def __init__(self, pool: Pool, hub: Hub, past: PastAssets, *, interval: float = INTERVAL_SECONDS) -> None:
        self._pool = pool
        self._hub = hub
        self._past = past
        self._interval = interval
        self._stories: dict[UUID, _Story] = {}
        hub.on_update = self.touch

    @contextmanager
    def watched(self, story_id: UUID) -> Iterator[None]:
        """Tell a story's readers as long as the block lasts."""
        story = self._stories.setdefault(story_id, _Story(due=datetime.now(UTC)))
        story.readers += 1
        try:
            yield
        finally:
            story.readers -= 1
            if not story.readers:
                self._stories.pop(story_id, None)

    def touch(self, story_id: UUID) -> None:
        """Something of a story changed."""
        if (story := self._stories.get(story_id)) is not None:
            story.due = datetime.now(UTC)

    def known(self, story_id: UUID) -> Updates:
        """What others were told of a story, and holds: for a reader that joins."""
        story = self._stories.get(story_id)
        return [] if story is None else story.told

    async def run(self) -> None:
        """Tell for ever; cancel it to end it."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.tell(datetime.now(UTC))
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.debug("forecasts.postgres_unreachable", error=type(error).__name__)

    async def tell(self, now: datetime) -> None:
        """Look at the stories that are due by ``now``, and tell what is new. Raises what asyncpg raises."""
        due = [key for key, story in self._stories.items() if story.due is not None and story.due <= now]
        for start in range(0, len(due), MAX_STORIES):
            await self._tell(due[start : start + MAX_STORIES], now)

    async def _tell(self, ids: list[UUID], now: datetime) -> None:
        found: dict[UUID, list[Any]] = {}
        async for row in repository.queries().asset_stages(self._pool, ids=ids):
            found.setdefault(row["story_id"], []).append(row)
        past = await self._past.read() if found else None
        for story_id in ids:
            story = self._stories.get(story_id)
            if story is None or story.due is None or story.due > now:
                continue  # its readers went, or it changed meanwhile
            rows = found.get(story_id)
            if rows is None or past is None:
                story.due, story.eta, story.told = None, None, []  # it has ended, or has not begun
                continue
            stages = {Asset(row["asset_type"]): stage(row) for row in rows}
            eta = estimate(stages, Priority(rows[0]["priority"]), past, now)
            lates = late(stages, past, now)
            story.due = _next(stages, eta, next_late(stages, past, now), now)
            news: Updates = []
            done = {"progress": progress({Asset(row["asset_type"]): row["status"] for row in rows})}
            if eta is None:
                story.eta = None
            elif eta.differs(story.eta, now):
                story.eta = eta
                news.append(_event(ETA_EVENT, {"eta": eta.wire(), **done}))
            newly = [one for one in lates if (one.asset, one.since) not in story.late]
            for one in newly:
                LATE_ASSETS.labels(service=GRAPH[one.asset].service.value).inc()
            news += [_event(LATE_EVENT, one.wire()) for one in newly]
            story.late = {(one.asset, one.since) for one in lates}
            story.told = [_event(ETA_EVENT, {"eta": story.eta.wire(), **done})] if story.eta is not None else []
            story.told += [_event(LATE_EVENT, one.wire()) for one in lates]
            if news:
                self._hub.offer(story_id, news)


def _next(stages: dict[Asset, Stage], eta: Eta | None, late_at: datetime | None, now: datetime) -> datetime | None:
    """When a story is to be looked at again, if nothing happens."""
    if all(one.settled for one in stages.values()):
        return None
    moments = [late_at] if late_at is not None else []
    if eta is not None:
        moments.append(max(eta.end, now) + timedelta(seconds=1))
    return min(moments, default=None)


def _event(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"seq": 0, "event": name, "data": data}
