"""Handlers that only take time, and record what they do line by line: a process that is killed leaves its records."""

import asyncio
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import UUID

from storyloom.story.assets import PICTURES, Asset
from storyloom.story.jobs import AssetRequested

What = Literal["began", "ended", "stopped"]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a handler recorded: epoch seconds, its process, what it did with which job."""

    at: float
    pid: int
    what: What
    asset: Asset
    story_id: UUID
    priority: str

    @property
    def job(self) -> tuple[UUID, Asset]:
        return self.story_id, self.asset


@dataclass(frozen=True, slots=True)
class Durations:
    """How long handlers take, in seconds: for most assets, and for those that are named."""

    seconds: float
    by_asset: dict[Asset, float] = field(default_factory=dict)

    def of(self, asset: Asset) -> float:
        # Handlers differ; in step, all stories would wait for the same moments.
        return self.by_asset.get(asset, self.seconds) * random.uniform(0.8, 1.2)


class Recorder:
    """What a process's handlers do, in a file of its own."""

    def __init__(self, folder: Path, durations: Durations) -> None:
        self._durations = durations
        self._file = os.open(folder / f"moments-{os.getpid()}.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def take_time(self, job: AssetRequested) -> None:
        """Work like a provider: wait, and record when it began and when and how it ended."""
        self._record("began", job)
        try:
            await asyncio.sleep(self._durations.of(job.asset))
        except asyncio.CancelledError:
            self._record("stopped", job)
            raise
        self._record("ended", job)

    def _record(self, what: What, job: AssetRequested) -> None:
        line = (time.time(), os.getpid(), what, job.asset.value, str(job.story_id), job.priority.value)
        os.write(self._file, json.dumps(line).encode() + b"\n")


def read_moments(folder: Path) -> list[Moment]:
    """Everything that was recorded so far, in the order of time."""
    return sorted(_read(folder), key=lambda moment: moment.at)


def _read(folder: Path) -> Iterator[Moment]:
    for path in folder.glob("moments-*.txt"):
        for line in path.read_text().splitlines():
            at, pid, what, asset, story_id, priority = json.loads(line)
            yield Moment(at, pid, what, Asset(asset), UUID(story_id), priority)


def unfinished_pictures(moments: list[Moment]) -> list[Moment]:
    """The pictures that were begun and not ended, each by whoever began it last."""
    begun: dict[tuple[UUID, Asset], Moment] = {}
    for moment in moments:
        if moment.asset in PICTURES:
            begun.pop(moment.job, None)
            if moment.what == "began":
                begun[moment.job] = moment
    return [*begun.values()]
