"""Admission: a tenant has so many stories under way at most; what it asks for beyond waits, and comes in as others end.

One whose text waits to be approved is not under way; once it was, it goes on at once, beyond the limit if need be.

A story that waits is a row that nobody has begun: no event was published for it. To admit it is to date it and publish
its StoryRequested; a crash in between leaves a story that the reconciler finds as any whose request was lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from services.status.repository import WaitingStories
from services.status.transitions import Transition
from storyloom.db.errors import is_connection_error
from storyloom.messaging.connection import BusUnavailableError
from storyloom.story.events import StoryRequested
from storyloom.story.journey import awaits_approval

log = structlog.get_logger()

INTERVAL_SECONDS = 1.0
"""Between two looks at who waits, if no story ends meanwhile: other replicas' stories end unseen, or are deleted."""


class Admission:
    """Admits stories that wait. Any number of replicas: a tenant is served by one at a time."""

    def __init__(
        self,
        waiting: WaitingStories,
        publish: Callable[[StoryRequested], Awaitable[None]],
        *,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._waiting = waiting
        self._publish = publish
        self._interval = interval
        self._wake = asyncio.Event()

    def committed(self, transitions: Sequence[Transition]) -> None:
        """Look at once who may come in, if one of these ended a story, or left one waiting for its approval."""
        if any(one.effects.ended or awaits_approval(one.journey) for one in transitions):
            self._wake.set()

    async def run(self) -> None:
        """Admit for ever; cancel it to end it. What a round cannot reach, the next one will."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.admit()
            except Exception as error:
                if not (isinstance(error, BusUnavailableError) or is_connection_error(error)):
                    raise
                log.warning("admission.waiting", error=type(error).__name__)
                await asyncio.sleep(self._interval)

    async def admit(self) -> int:
        """Admit whoever there is room for; how many.

        Raises BusUnavailableError, when the reconciler publishes what is left, and what asyncpg raises.
        """
        count = 0
        for tenant_id in await self._waiting.tenants():
            admitted = await self._waiting.admit(tenant_id, datetime.now(UTC))
            count += len(admitted)
            for event in admitted:
                await self._publish(event)
        if count:
            log.info("admission.admitted", stories=count)
        return count
