"""One at a time, by priority: a lock whose waiters are let in the urgent first, but never they alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storyloom.line import Line
from storyloom.story.assets import Priority


class Turns:
    """A lock for one event loop. Safe to cancel at any moment."""

    def __init__(self) -> None:
        self._line: Line[asyncio.Future[None]] = Line()
        self._taken = False

    @asynccontextmanager
    async def turn(self, priority: Priority) -> AsyncIterator[None]:
        """Wait for one's turn, and have it until the block ends."""
        await self._wait(priority)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, priority: Priority) -> None:
        if not self._taken:
            self._taken = True
            return
        called = asyncio.get_running_loop().create_future()
        place = self._line.join(called, priority)
        try:
            await called
        except asyncio.CancelledError:
            if self._line.leave(place) is None and not called.cancelled():
                self._pass_on()  # the turn had come in this very moment: it goes to the next
            raise

    def _pass_on(self) -> None:
        while self._line:
            called = self._line.next()
            if not called.done():
                called.set_result(None)
                return
        self._taken = False
