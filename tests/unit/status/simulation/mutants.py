"""The product without one of its guards each: some schedule must fail then, or the simulation proves nothing."""

import asyncio
from collections.abc import Collection, Sequence

from services.status.admission import Admission
from services.status.backlog import Backlog
from services.status.dispatch import Dispatcher
from services.status.reconciler import Reconciler
from services.status.repository import DispatchedJob
from services.status.transitions import Transition
from storyloom.messaging.connection import BusUnavailableError, Parents
from storyloom.story.events import StoryCompleted
from storyloom.story.jobs import AssetRequested
from tests.unit.status.simulation.rows import Rows


class WithoutInbox(Rows):
    """Nobody knows what was folded in."""

    inbox_holds = False


class WithoutVersions(Rows):
    """A story that has moved on is overwritten."""

    versions_hold = False


class BacklogCountsAsDispatched(Rows):
    """The reconciler misses on the bus what waits in the backlog."""

    backlog_is_apart = False


class WaitingCountsAsLost(Rows):
    """The reconciler misses the events of stories that were not admitted yet."""

    waiting_is_not_lost = False


class AdmitsNobody(Admission):
    """Leaves stories waiting."""

    async def admit(self) -> int:
        return 0


class ServesNoBacklog(Backlog):
    """Leaves jobs in the backlog."""

    async def serve(self) -> None:
        self._wake.clear()


class ForgetsItsBacklog(Backlog):
    """Knows only of jobs that it put into the backlog itself."""

    async def _look_at_all(self) -> None:
        """Do nothing."""


class WaitsForNoJobs(Dispatcher):
    """Purges what its own earlier publishing has not published yet."""

    async def _publish(
        self,
        jobs: Sequence[AssetRequested],
        completed: Sequence[StoryCompleted],
        purging: Sequence[Transition],
        earlier: Collection[asyncio.Task[None]],
        parents: Parents,
    ) -> None:
        await super()._publish(jobs, completed, purging, frozenset(), parents)


class PublishesJobsFirst(Dispatcher):
    """Publishes what is new before it has purged what is old."""

    async def _publish(
        self,
        jobs: Sequence[AssetRequested],
        completed: Sequence[StoryCompleted],
        purging: Sequence[Transition],
        earlier: Collection[asyncio.Task[None]],
        parents: Parents,
    ) -> None:
        try:
            await self._bus.enqueue(jobs)
            for transition in purging:
                await self._purge(transition)
        except BusUnavailableError:
            """The reconciler repairs it."""


class NeverPurges(Dispatcher):
    """Leaves unwanted jobs where they are."""

    async def _purge(self, transition: Transition) -> None:
        """Do nothing."""


class WithoutFence(Reconciler):
    """Does not wait for the projector."""

    async def _projector_caught_up(self) -> bool:
        return True


class IgnoresLiveJobs(Reconciler):
    """Takes no notice of what lives on the bus."""

    async def _requeue_jobs(self, dispatched: Sequence[DispatchedJob], live: Collection[str]) -> int:
        return await super()._requeue_jobs(dispatched, frozenset())


class ConfirmsNoOrphans(Reconciler):
    """Looks at a job the first time that it seems unwanted."""

    async def _purge_unwanted(
        self, dispatched: Sequence[DispatchedJob], past_grace: Sequence[DispatchedJob], live: Collection[str]
    ) -> int:
        self._orphan_candidates = frozenset(live)
        return await super()._purge_unwanted(dispatched, past_grace, live)


class PurgesNothing(Reconciler):
    """Leaves unwanted jobs and their workers alone."""

    async def _purge_unwanted(
        self, dispatched: Sequence[DispatchedJob], past_grace: Sequence[DispatchedJob], live: Collection[str]
    ) -> int:
        return 0

    async def _cancel_unwanted(self) -> None:
        """Do nothing."""


class RepairsNoTopology(Reconciler):
    """Does not recreate a bus that was wiped."""

    async def ensure_topology(self, *, full_check: bool = True) -> None:
        """Do nothing."""


class RequeuesNoEvents(Reconciler):
    """Requeues no story and no command."""

    async def _requeue_stories(self, before: object) -> int:
        return 0

    async def _requeue_commands(self, before: object) -> int:
        return 0


class RequeuesNoJobs(Reconciler):
    """Requeues no job."""

    async def _requeue_jobs(self, dispatched: Sequence[DispatchedJob], live: Collection[str]) -> int:
        return 0
