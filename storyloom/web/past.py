"""What this installation's assets took lately, and how long jobs wait: asked of Postgres twice a minute a process.

It is asked when it is needed and old; whoever asks meanwhile gets what was known before.
"""

import time
from collections.abc import Callable

from storyloom.db.pool import Pool
from storyloom.story.assets import Asset
from storyloom.story.eta import QUANTILES, Past, PastAsset, Seconds
from storyloom.web.keys import queries

VALID_SECONDS = 30.0
"""How long an answer is used."""
RECENT_STORIES = 300
"""So many stories, those that ended last, are looked at."""

_NAMES = frozenset(asset.value for asset in Asset)


class PastAssets:
    """Knows the past. One to a process."""

    def __init__(self, pool: Pool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._known = Past()
        self._asked: float | None = None

    async def read(self) -> Past:
        """What is known, half a minute old at most. Raises what asyncpg raises."""
        now = self._clock()
        if self._asked is None or now - self._asked >= VALID_SECONDS:
            before, self._asked = self._asked, now
            try:
                await self._ask()
            except BaseException:
                self._asked = before
                raise
        return self._known

    async def _ask(self) -> None:
        assets, waits = dict(self._known.assets), dict[str, Seconds]()
        rows = queries().past(self._pool, stories=RECENT_STORIES, quantiles=list(QUANTILES))
        async for row in rows:
            low, median, high, slowest = row["seconds"]
            if row["kind"] == "lane":
                # Those that wait have waited for half of it, on average.
                waits[row["name"]] = Seconds(median, 2 * high)
            elif row["name"] in _NAMES:
                assets[Asset(row["name"])] = PastAsset(row["samples"], low, median, high, slowest)
        self._known = Past(assets, waits)
