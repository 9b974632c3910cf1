"""What ``top`` shows at one time: read from NATS, workers, rows and /metrics, none of it growing with history."""

import asyncio
import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from nats.js.errors import NotFoundError
from prometheus_client.parser import text_string_to_metric_families

from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.messaging.lanes import Lane, ProjectorLag, count_dead_letters, read_projector_lag
from storyloom.messaging.subjects import read_subjects
from storyloom.operations.diagnosis import AssetDiagnosis, Observation, Story, diagnose
from storyloom.operations.snapshot import DiagnosisSettings, index_in_flight, oldest_story
from storyloom.operations.sources import Connections, queries, read_stream
from storyloom.operations.webhooks import WebhookBacklog, read_webhook_backlog

MINUTE = timedelta(minutes=1)
WORKER_TIMEOUT_SECONDS = 0.5
"""Seconds for workers to answer what they have in flight."""
SCRAPE_HTTP_TIMEOUT = ClientTimeout(total=2)
WINDOW_SECONDS = 60.0
"""Seconds."""

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """All samples of all processes, summed: by name and by (label, value, label, value …), sorted by label."""

    values: Mapping[tuple[str, Labels], float]
    reached: int = 0
    missed: tuple[str, ...] = ()

    def total(self, name: str, **wanted: str) -> float:
        """The sum over all samples of a name that carry these labels."""
        pairs = set(wanted.items())
        return sum(value for (found, labels), value in self.values.items() if found == name and pairs <= _pairs(labels))

    def by(self, name: str, label: str, **wanted: str) -> dict[str, float]:
        """Sums by one label's values."""
        sums: dict[str, float] = defaultdict(float)
        pairs = set(wanted.items())
        for (found, labels), value in self.values.items():
            if found == name and pairs <= _pairs(labels):
                sums[dict(_pairs(labels)).get(label, "")] += value
        return dict(sums)


EMPTY_SAMPLE = Sample({})


async def scrape(urls: Sequence[str]) -> Sample:
    """Read all of them at once; those that do not answer are named, and missing from the sums."""
    async with ClientSession(timeout=SCRAPE_HTTP_TIMEOUT) as http:
        texts = await asyncio.gather(*(_read(http, url) for url in urls))
    values: dict[tuple[str, Labels], float] = defaultdict(float)
    for text in texts:
        if text is not None:
            _add(values, text)
    missed = tuple(url for url, text in zip(urls, texts, strict=True) if text is None)
    return Sample(values, len(urls) - len(missed), missed)


@dataclass
class Window:
    """Samples of the last minute."""

    _samples: deque[tuple[float, Sample]] = field(default_factory=deque)

    def add(self, at: float, sample: Sample) -> None:
        """``at`` is in seconds and never runs back."""
        self._samples.append((at, sample))
        while len(self._samples) > 2 and self._samples[1][0] <= at - WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def seconds(self) -> float:
        """How long the window is by now; 0 with its first sample."""
        return self._samples[-1][0] - self._samples[0][0] if self._samples else 0.0

    def growth(self) -> Sample:
        """How much each counter grew; where there is one sample alone, all that was counted since the processes began.

        A process that was started anew counts from zero: what it counted before is not subtracted.
        """
        if not self._samples:
            return EMPTY_SAMPLE
        last = self._samples[-1][1]
        if len(self._samples) == 1:
            return last
        first = self._samples[0][1].values
        grown = {key: value - first.get(key, 0.0) for key, value in last.values.items()}
        return Sample({key: value if value >= 0 else last.values[key] for key, value in grown.items()}, last.reached)


async def _read(http: ClientSession, url: str) -> str | None:
    try:
        async with http.get(url) as answer:
            return await answer.text() if answer.status == 200 else None
    except (ClientError, OSError, TimeoutError, UnicodeDecodeError):
        return None


def _add(values: dict[tuple[str, Labels], float], text: str) -> None:
    for family in text_string_to_metric_families(text):
        if not family.name.startswith("storyloom_"):
            continue
        for sample in family.samples:
            if not sample.name.endswith(("_created", "_bucket")) and not math.isnan(sample.value):
                values[sample.name, _flat(sample.labels.items())] += sample.value


def _flat(labels: Iterable[tuple[str, str]]) -> Labels:
    return tuple(part for pair in sorted(labels) for part in pair)


def _pairs(labels: Labels) -> set[tuple[str, str]]:
    return set(zip(labels[::2], labels[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class Oldest:
    """The story that has been generating for longest, and the states of its unfinished assets."""

    story: Story
    assets: list[AssetDiagnosis]


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that ``top`` shows. ``growth`` counts over ``window`` seconds; 0: since the processes began."""

    at: datetime
    lanes: list[Lane]
    projector: ProjectorLag
    dead_letters: int
    workers: list[InFlightJobs]
    unfinished: int
    unfinished_since: datetime | None
    commands: int
    ended: Counter[str]
    oldest: Oldest | None
    webhooks: WebhookBacklog = field(default_factory=WebhookBacklog)
    metrics: Sample = EMPTY_SAMPLE
    growth: Sample = EMPTY_SAMPLE
    window: float = 0.0


@dataclass
class Frames:
    """Takes one frame after the other; remembers what the last minute needs."""

    connections: Connections
    urls: Sequence[str] = ()
    _window: Window = field(default_factory=Window)
    _endings: deque[tuple[datetime, str]] = field(default_factory=deque)
    _last_seen: int = 0

    async def take(self) -> Frame:
        """One frame, as of now. Raises what NATS and Postgres clients raise when these are unavailable."""
        connections, now = self.connections, datetime.now(UTC)
        found, reading, dead, held, metrics = await asyncio.gather(
            connections.bus.lanes(ages=True),
            read_projector_lag(connections.bus.js, connections.bus.names),
            count_dead_letters(connections.bus.js, connections.bus.names),
            query_workers(connections.bus, WORKER_TIMEOUT_SECONDS),
            scrape(self.urls),
        )
        stories = await queries().unfinished_stories(connections.pool)
        commands = await queries().unhandled_commands(connections.pool)
        if self.urls:
            self._window.add(asyncio.get_running_loop().time(), metrics)
        return Frame(
            at=now,
            lanes=found,
            projector=reading,
            dead_letters=dead,
            workers=held,
            unfinished=stories["count"],
            unfinished_since=stories["oldest"],
            commands=commands["count"],
            ended=await self._ended(now),
            oldest=await self._oldest(held),
            webhooks=await read_webhook_backlog(self.connections.pool),
            metrics=metrics,
            growth=self._window.growth(),
            window=self._window.seconds,
        )

    async def _ended(self, now: datetime) -> Counter[str]:
        """How many stories ended within the last minute, by outcome, from the events on STORY."""
        bus = self.connections.bus
        try:
            async for message in read_stream(
                bus, bus.names.story, "story.evt.StoryCompleted.*", since=now - MINUTE, after=self._last_seen
            ):
                self._last_seen = message.metadata.sequence.stream
                self._endings.append((message.metadata.timestamp, str(orjson.loads(message.data).get("overall"))))
        except NotFoundError:
            self._last_seen = 0  # the stream was recreated: the next one counts from one
        while self._endings and self._endings[0][0] < now - MINUTE:
            self._endings.popleft()
        return Counter(overall for _, overall in self._endings)

    async def _oldest(self, held: Sequence[InFlightJobs]) -> Oldest | None:
        story = await oldest_story(self.connections.pool)
        if story is None:
            return None
        bus = self.connections.bus
        try:
            live = await read_subjects(bus.client, bus.names.jobs, bus.names.subject(f"job.*.*.{story.id}.>"))
        except NotFoundError:
            return Oldest(story, [])
        now: datetime = await queries().server_time(self.connections.pool)
        moment = Observation(
            now=now,
            before=now - timedelta(seconds=DiagnosisSettings().grace),
            live_subjects={subject.removeprefix(bus.names.prefix) for subject in live},
            in_flight=index_in_flight(held),
            asset_deadline=timedelta(seconds=self.connections.settings.asset_deadline),
            story_deadline=timedelta(seconds=self.connections.settings.story_deadline),
        )
        return Oldest(story, diagnose(story, moment)[0])
