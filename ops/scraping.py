"""Metrics of running services, read from their /metrics and summed; and how they grew within the last minute."""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families

PATIENCE = ClientTimeout(total=2)
WINDOW = 60.0
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


NONE = Sample({})


async def scrape(urls: Sequence[str]) -> Sample:
    """Read all of them at once; those that do not answer are named, and missing from the sums."""
    async with ClientSession(timeout=PATIENCE) as http:
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
        while len(self._samples) > 2 and self._samples[1][0] <= at - WINDOW:
            self._samples.popleft()

    @property
    def seconds(self) -> float:
        """How long the window is by now; 0 with its first sample."""
        return self._samples[-1][0] - self._samples[0][0] if self._samples else 0.0

    def growth(self) -> Sample:
        """How much each counter grew; where there is one sample alone, all that was counted since the processes began.

        A process that was started anew counts from zero: what it counted before is not taken away.
        """
        if not self._samples:
            return NONE
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
