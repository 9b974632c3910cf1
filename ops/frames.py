"""What ``top`` shows at one time: asked of bus, workers, rows and metrics, none of it growing with history."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
from nats.js.errors import NotFoundError

from ops.assets import AssetDiagnosis, Moment, Story, examine
from ops.connections import Reach
from ops.pages import read
from ops.rows import oldest_story
from ops.scraping import NONE, Sample, Window, scrape
from ops.snapshots import DiagnosisSettings, works
from ops.sql import queries
from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.messaging.lanes import Lane, ProjectorLag, dead_letters, lanes, projector

MINUTE = timedelta(minutes=1)
ANSWERS = 0.5
"""Seconds for workers to say what they hold."""


@dataclass(frozen=True, slots=True)
class Oldest:
    """The story that has been at it for longest, and where its unfinished assets stand."""

    story: Story
    standing: list[AssetDiagnosis]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the whole. ``window`` is over how many seconds ``grown`` counts; 0: since the processes began."""

    at: datetime
    lanes: list[Lane]
    projector: ProjectorLag
    dead: int
    held: list[InFlightJobs]
    unfinished: int
    unfinished_since: datetime | None
    commands: int
    ended: Counter[str]
    oldest: Oldest | None
    metrics: Sample = NONE
    grown: Sample = NONE
    window: float = 0.0


@dataclass
class Frames:
    """Takes one picture after the other; remembers what the last minute needs."""

    reach: Reach
    urls: Sequence[str] = ()
    _window: Window = field(default_factory=Window)
    _endings: deque[tuple[datetime, str]] = field(default_factory=deque)
    _heard: int = 0

    async def take(self) -> Frame:
        """One picture, as of now. Raises what bus and Postgres raise when they are away."""
        reach, now = self.reach, datetime.now(UTC)
        found, reading, dead, held, metrics = await asyncio.gather(
            lanes(reach.bus),
            projector(reach.bus),
            dead_letters(reach.bus),
            query_workers(reach.bus, ANSWERS),
            scrape(self.urls),
        )
        stories = await queries().unfinished_stories(reach.pool)
        commands = await queries().unhandled_commands(reach.pool)
        if self.urls:
            self._window.add(asyncio.get_running_loop().time(), metrics)
        return Frame(
            at=now,
            lanes=found,
            projector=reading,
            dead=dead,
            held=held,
            unfinished=stories["count"],
            unfinished_since=stories["oldest"],
            commands=commands["count"],
            ended=await self._ended(now),
            oldest=await self._oldest(held),
            metrics=metrics,
            grown=self._window.growth(),
            window=self._window.seconds,
        )

    async def _ended(self, now: datetime) -> Counter[str]:
        """How many stories ended within the last minute, by outcome, as the bus was told."""
        bus = self.reach.bus
        try:
            async for message in read(
                bus, bus.names.story, "story.evt.StoryCompleted.*", since=now - MINUTE, after=self._heard
            ):
                self._heard = message.metadata.sequence.stream
                self._endings.append((message.metadata.timestamp, str(orjson.loads(message.data).get("overall"))))
        except NotFoundError:
            self._heard = 0  # the stream is gone: the next one counts from one
        while self._endings and self._endings[0][0] < now - MINUTE:
            self._endings.popleft()
        return Counter(overall for _, overall in self._endings)

    async def _oldest(self, held: Sequence[InFlightJobs]) -> Oldest | None:
        story = await oldest_story(self.reach.pool)
        if story is None:
            return None
        bus = self.reach.bus
        subjects = bus.names.subject(f"job.*.*.{story.id}.>")
        try:
            info = await bus.js.stream_info(bus.names.jobs, subjects_filter=subjects)
        except NotFoundError:
            return Oldest(story, [])
        now: datetime = await queries().server_time(self.reach.pool)
        moment = Moment(
            now=now,
            before=now - timedelta(seconds=DiagnosisSettings().grace),
            alive={subject.removeprefix(bus.names.prefix) for subject in info.state.subjects or {}},
            held=works(held),
            asset_deadline=timedelta(seconds=self.reach.settings.asset_deadline),
            story_deadline=timedelta(seconds=self.reach.settings.story_deadline),
        )
        return Oldest(story, examine(story, moment)[0])
