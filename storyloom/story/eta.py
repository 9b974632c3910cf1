"""When a story will be there: a range, from what its assets took lately and how it stands. Pure.

Each asset brings the seconds in which nine of ten were made lately, at least and at most; they are added up along the
graph's longest path. Added up, and taken of the last of several, such seconds hold for nearly all stories: from a tenth
to nineteen twentieths is a range that holds more often than for one asset alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from storyloom.story.assets import GRAPH, PICTURES, Asset, Priority, Service
from storyloom.story.jobs import lane_of

QUANTILES = (0.1, 0.5, 0.95, 0.99)
"""Which quantiles are learned: the range's ends, the median, and beyond which an asset is late."""
LEAST_SAMPLES = 5
"""From fewer nothing is concluded."""
OVERRUN = 0.25
"""Of what something has taken that takes longer than it should: so much longer, at most, it may take yet."""
LATE_SECONDS: Mapping[Service, float] = {
    Service.CONTENT: 120.0,
    Service.IMAGES: 240.0,
    Service.AUDIO: 240.0,
    Service.DOCUMENTS: 120.0,
}
"""What is late where too little is known of an asset: what its provider's call may take, by default."""
LATE_FACTOR = 2.0
"""No asset is late that takes less than so many medians."""
LEAST_LATE_SECONDS = 10.0
"""Nor one that takes less than this: nobody wonders before."""

_WORK = {
    **dict.fromkeys(GRAPH, 6.0),
    **dict.fromkeys((Asset.PORTRAIT, *PICTURES), 25.0),
    Asset.OUTLINE: 10.0,
    Asset.CONTENT: 4.0,
    Asset.AUDIO: 2.0,
}
"""How much work an asset is, in seconds that it takes the vendors. Fixed, so that what is done never becomes less."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """A range of seconds."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PastAsset:
    """What an asset took lately, from the moment that a worker took its job. ``samples``: how many are known."""

    samples: int
    low: float
    median: float
    high: float
    slowest: float


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of this installation. ``waits``: by lane, how long its backlog keeps a job waiting just now."""

    assets: Mapping[Asset, PastAsset] = field(default_factory=dict)
    waits: Mapping[str, Seconds] = field(default_factory=dict)

    def known(self, asset: Asset) -> PastAsset | None:
        """What is known of an asset; None where it is too little."""
        found = self.assets.get(asset)
        return found if found is not None and found.samples >= LEAST_SAMPLES else None


@dataclass(frozen=True, slots=True)
class Stage:
    """How far one asset is. Not settled, and nothing else: it waits for what it needs.

    ``held``: it waits for an approval. ``begun``: since when the attempt is under way. ``waiting``: since when its job
    waits in a backlog. ``sent``: since when its job is on the bus, where no worker has taken it yet. ``retry``: when
    its next attempt comes.
    """

    settled: bool = False
    held: bool = False
    begun: datetime | None = None
    waiting: datetime | None = None
    sent: datetime | None = None
    retry: datetime | None = None


@dataclass(frozen=True, slots=True)
class Eta:
    """When a story will be there: not before, and hardly after."""

    begin: datetime
    end: datetime

    def wire(self) -> dict[str, str]:
        """As clients read it."""
        return {"from": _iso(self.begin), "to": _iso(self.end)}

    def differs(self, other: "Eta | None", at: datetime) -> bool:
        """Whether it is worth telling who knows the other: one end has moved by a tenth of what is left, and 2 s."""
        if other is None:
            return True
        little = max(2.0, 0.1 * (self.end - at).total_seconds())
        moved = max(abs((self.begin - other.begin).total_seconds()), abs((self.end - other.end).total_seconds()))
        return moved > little or other.end < at


@dataclass(frozen=True, slots=True)
class Late:
    """An asset that takes longer than it should. ``expected``: when it should have been there."""

    asset: Asset
    since: datetime
    expected: datetime

    def wire(self) -> dict[str, str]:
        """As clients read it: by the public asset that shows it."""
        recipe = GRAPH[self.asset]
        part = {} if recipe.public else {"part": self.asset.value}
        shown = (recipe.shown_as or self.asset).value
        return {"asset": shown, **part, "since": _iso(self.since), "expected": _iso(self.expected)}


def stage(row: Mapping[str, object]) -> Stage:
    """The stage of an asset's row: {status, queued_at, started_at, retry_at, in_backlog}."""
    status, queued, started, retry = (row[name] for name in ("status", "queued_at", "started_at", "retry_at"))
    if status in ("ready", "failed", "cancelled"):
        return Stage(settled=True)
    if status in ("pending", "held"):
        return Stage(held=status == "held")
    assert isinstance(queued, datetime | None)
    assert isinstance(started, datetime | None)
    assert isinstance(retry, datetime | None)
    if status == "generating" and started is not None:
        return Stage(begun=started)
    if retry is not None:
        return Stage(retry=retry)
    return Stage(waiting=queued) if row["in_backlog"] else Stage(sent=queued)


def estimate(stages: Mapping[Asset, Stage], priority: Priority, past: Past, at: datetime) -> Eta | None:
    """When all of a story's assets will be settled; ``at`` is now.

    None where nothing is left to do, or too little is known of an asset that is, or something waits for an approval.
    """
    low: dict[Asset, float] = {}
    high: dict[Asset, float] = {}
    for asset in GRAPH:
        here = stages.get(asset)
        if here is None:
            continue
        if here.settled:
            low[asset] = high[asset] = 0.0
            continue
        known = past.known(asset)
        if known is None or here.held:
            return None
        left = _left(here, known, past.waits.get(lane_of(asset, priority)), at)
        low[asset] = left.low + max((low.get(need, 0.0) for need in GRAPH[asset].waits_for), default=0.0)
        high[asset] = left.high + max((high.get(need, 0.0) for need in GRAPH[asset].waits_for), default=0.0)
    if not low or all(one.settled for one in stages.values()):
        return None
    first, last = max(low.values()), max(high.values())
    return Eta(at + timedelta(seconds=first), at + timedelta(seconds=max(first, last)))


def _left(here: Stage, known: PastAsset, wait: Seconds | None, at: datetime) -> Seconds:
    """The seconds that an asset takes yet, once its needs are settled."""
    if here.begun is not None:
        return _rest(Seconds(known.low, known.high), here.begun, at)
    low, high = known.low, known.high
    if here.retry is not None:
        seconds = max(0.0, (here.retry - at).total_seconds())
        return Seconds(low + seconds, high + seconds)
    if here.sent is None and wait is not None:
        rest = wait if here.waiting is None else _rest(wait, here.waiting, at)
        return Seconds(low + rest.low, high + rest.high)
    return Seconds(low, high)


def _rest(whole: Seconds, since: datetime, at: datetime) -> Seconds:
    """What is left of something that began then. The longer it is overdue, the less is known of its end."""
    elapsed = max(0.0, (at - since).total_seconds())
    high = max(whole.high - elapsed, OVERRUN * elapsed)
    return Seconds(min(max(0.0, whole.low - elapsed), high), high)


def late_after(asset: Asset, past: Past) -> float:
    """The seconds after which an attempt at an asset is late."""
    known = past.known(asset)
    if known is None:
        return LATE_SECONDS[GRAPH[asset].service]
    return max(known.slowest, LATE_FACTOR * known.median, LEAST_LATE_SECONDS)


def begun_at(here: Stage, at: datetime) -> datetime | None:
    """Since when an asset should make progress; None while it waits for its needs, a backlog, or its next attempt."""
    if here.retry is not None:
        return here.retry if here.retry <= at else None
    return here.begun or here.sent


def late(stages: Mapping[Asset, Stage], past: Past, at: datetime) -> list[Late]:
    """The assets that take longer than all but the slowest did."""
    found = []
    for asset, here in stages.items():
        since = begun_at(here, at)
        if since is None or (at - since).total_seconds() <= late_after(asset, past):
            continue
        known = past.known(asset)
        expected = late_after(asset, past) if known is None else known.high
        found.append(Late(asset, since, since + timedelta(seconds=expected)))
    return found


def next_late(stages: Mapping[Asset, Stage], past: Past, at: datetime) -> datetime | None:
    """When an asset becomes late that is not, if nothing happens; None where none does."""
    moments = [
        moment
        for asset, here in stages.items()
        if (since := here.retry or begun_at(here, at)) is not None
        and (moment := since + timedelta(seconds=late_after(asset, past))) > at
    ]
    return min(moments, default=None)


def progress(statuses: Mapping[Asset, str]) -> int:
    """How much of a story's work is done, in per cent: 100 once every asset is settled, and not before.

    Work is counted by what it is worth, when it is done: a picture that is being drawn counts nothing yet.
    """
    whole = sum(_WORK[asset] for asset in statuses)
    done = sum(_WORK[asset] for asset, status in statuses.items() if status in ("ready", "failed", "cancelled"))
    return int(100 * done / whole) if whole else 100


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
