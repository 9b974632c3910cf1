"""The product without one of its guards each: some schedule must fail then, or the simulation proves nothing."""

import asyncio
from collections.abc import Collection, Sequence

from services.status.projector import Projector
from services.status.reconciler import Reconciler
from services.status.repository import Transition
from services.status.unfinished import Dispatched
from storyloom.messaging.connection import BusUnavailableError
from storyloom.story.events import StoryCompleted
from storyloom.story.jobs import AssetRequested
from tests.unit.status.simulating.rows import Rows


class WithoutInbox(Rows):
    """Nobody knows what was folded in."""

    inbox_holds = False


class WithoutVersions(Rows):
    """A story that has moved on is overwritten."""

    versions_hold = False


class Impatient(Projector):
    """Withdraws what its own earlier sending has not sent yet."""

    async def _send(
        self,
        jobs: list[AssetRequested],
        done: list[StoryCompleted],
        unwanted: list[Transition],
        earlier: frozenset[asyncio.Task[None]],
    ) -> None:
        await super()._send(jobs, done, unwanted, frozenset())


class JobsFirst(Projector):
    """Sends what is new before it has withdrawn what is old."""

    async def _send(
        self,
        jobs: list[AssetRequested],
        done: list[StoryCompleted],
        unwanted: list[Transition],
        earlier: frozenset[asyncio.Task[None]],
    ) -> None:
        try:
            await self._bus.enqueue(jobs)
            for turn in unwanted:
                await self._withdraw(turn)
        except BusUnavailableError:
            """The reconciler mends it."""


class NeverWithdraws(Projector):
    """Leaves unwanted jobs where they are."""

    async def _withdraw(self, turn: Transition) -> None:
        """Do nothing."""


class Unfenced(Reconciler):
    """Does not wait for the projector."""

    async def _projector_caught_up(self) -> bool:
        return True


class Blind(Reconciler):
    """Does not look what lives on the bus."""

    async def _requeue_jobs(self, dispatched: Sequence[Dispatched], alive: Collection[str]) -> int:
        return await super()._requeue_jobs(dispatched, frozenset())


class Hasty(Reconciler):
    """Looks at a job the first time that it seems unwanted."""

    async def _purge_unwanted(
        self, dispatched: Sequence[Dispatched], long_since: Sequence[Dispatched], alive: Collection[str]
    ) -> int:
        self._orphan_candidates = frozenset(alive)
        return await super()._purge_unwanted(dispatched, long_since, alive)


class Lenient(Reconciler):
    """Leaves unwanted jobs and their workers alone."""

    async def _purge_unwanted(
        self, dispatched: Sequence[Dispatched], long_since: Sequence[Dispatched], alive: Collection[str]
    ) -> int:
        return 0

    async def _cancel_unwanted(self) -> None:
        """Do nothing."""


class Careless(Reconciler):
    """Does not lay a bus that is gone."""

    async def ensure_topology(self, *, full_check: bool = True) -> None:
        """Do nothing."""


class Deaf(Reconciler):
    """Puts no story and no command back."""

    async def _requeue_stories(self, before: object) -> int:
        return 0

    async def _requeue_commands(self, before: object) -> int:
        return 0


class Idle(Reconciler):
    """Puts no job back."""

    async def _requeue_jobs(self, dispatched: Sequence[Dispatched], alive: Collection[str]) -> int:
        return 0
