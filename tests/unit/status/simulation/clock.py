"""A loop whose time is not ours: when nothing is ready it jumps to the next timer, so that hours pass at once."""

import asyncio
import selectors
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.unit.status.random_walk import NOON


class _NothingToWaitFor(selectors.BaseSelector):
    """Selects nothing, at once, and moves the clock on by the time it was to wait. There are no files here."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing is to come")
        self.now += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        raise NotImplementedError

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        raise NotImplementedError

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without files, threads or waiting. ``time`` begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _NothingToWaitFor()
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._selector.now

    @property
    def at(self) -> datetime:
        """The virtual time as what Postgres's clock shows."""
        return NOON + timedelta(seconds=self.time())

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""
