"""The backlog: jobs wait in their rows, not on the bus, while no worker has a slot for them.

What stands on the bus is taken in its order: a thousand stories of one client would stand before another's one. So a
lane of JOBS holds little more than its workers can take, and what is beyond waits in the rows, from where it comes in
the tenants' fair order (fair_queueing.py) as slots become free. While there is room the projector publishes jobs at
once, as if there were no backlog.

Each replica keeps an estimate of the room in a lane, and looks again before it is used up; a lane that has a backlog is
closed to new jobs, which join it. Nothing depends on the estimate being right: too much room makes a lane longer than
need be, too little makes jobs wait for the next look.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.status.dispatch import Dispatcher, job_for
from services.status.repository import BacklogRepository, JobKey
from services.status.transitions import Transition
from storyloom.db.errors import is_connection_error
from storyloom.jobs.in_flight import InFlightJobs
from storyloom.messaging.connection import Bus, BusUnavailableError
from storyloom.messaging.lanes import Lane
from storyloom.story.assets import GRAPH, Asset, Priority, Service
from storyloom.story.events import AssetFailed
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import lane_of
from storyloom.story.journey import Journey

log = structlog.get_logger()

QueryWorkers = Callable[[Bus, float], Awaitable[Sequence[InFlightJobs]]]
"""Asks all workers what they have in flight and how many slots they have, for so many seconds."""

PublishFailure = Callable[[AssetFailed], Awaitable[None]]
"""Publishes the failure of an asset; twice is harmless. Raises BusUnavailableError."""

LANES = {f"{service.value}-{priority.value}": (service, priority) for service in Service for priority in Priority}


@dataclass(frozen=True, slots=True)
class BacklogSettings:
    """When the backlog is looked at, in seconds, and how many jobs a lane holds beyond its workers' slots."""

    interval: float = 2.0
    """Between two looks at everything: other replicas' backlogs, and how many slots the workers have."""
    busy_interval: float = 0.25
    """Between two looks at a lane with a backlog, if nothing happens that tells of free slots."""
    query_timeout: float = 0.3
    extra: int = 0
    """Each of these stands before whoever comes anew, in every step of its story. As many as ended between the last two
    looks come on top, at most one a slot: where jobs are short, a lane must not run dry until the next look."""
    unknown_slots: int = 8
    """Taken to be there while no worker of a service answers."""


@dataclass(slots=True)
class _LaneState:
    """What this replica knows of a lane: how many jobs may be published now, and whether others wait before them."""

    room: int
    closed: bool = False
    look: bool = True
    """Whether to look again as soon as possible."""
    ended: int = 0
    """Jobs that ended since the last look."""


class Backlog:
    """Admits jobs to the bus, and takes those that wait out of the backlog. One to a projector."""

    def __init__(
        self,
        bus: Bus,
        rows: BacklogRepository,
        dispatcher: Dispatcher,
        query: QueryWorkers,
        publish: PublishFailure,
        *,
        settings: BacklogSettings | None = None,
    ) -> None:
        self._bus = bus
        self._rows = rows
        self._dispatcher = dispatcher
        self._query_workers = query
        self._publish = publish
        self._settings = settings or BacklogSettings()
        self._slots: dict[str, int] = {}
        self._lanes = {lane: _LaneState(self._settings.unknown_slots) for lane in LANES}
        self._wake = asyncio.Event()
        self._capped: frozenset[str] = frozenset()
        self._look_at_costs = False
        self._refusing = False
        self.cached: Callable[[UUID], Journey | None] = _not_cached
        """A journey that the projector remembers, so that it need not be read for a job of it."""

    def admit(self, transition: Transition) -> Transition:
        """The transition before it is written, with the jobs in its backlog for which there is no room now."""
        effects = transition.effects
        if not effects.jobs:
            return transition
        priority, tenant_id = transition.journey.brief.priority, transition.journey.tenant_id
        jobs: list[Asset] = []
        backlog: list[Asset] = []
        for asset in effects.jobs:
            if tenant_id in self._capped and not GRAPH[asset].finishing:
                self._refusing = True
                backlog.append(asset)
            else:
                (jobs if self._has_room(lane_of(asset, priority)) else backlog).append(asset)
        if not backlog:
            return transition
        return replace(transition, effects=replace(effects, jobs=tuple(jobs), backlog=tuple(backlog)))

    def committed(self, transitions: Sequence[Transition]) -> None:
        """Look at the lanes where these were written that put jobs into the backlog, or may have freed slots."""
        for transition in transitions:
            if transition.effects.usd or (self._refusing and transition.effects.backlog):
                self._look_at_costs = True
                self._wake.set()
            priority = transition.journey.brief.priority
            for asset in transition.effects.changed:
                state = self._lanes[lane_of(asset, priority)]
                state.ended += transition.journey.assets[asset].settled
                if state.closed and not state.look:
                    state.look = True
                    self._wake.set()

    def _has_room(self, lane: str) -> bool:
        state = self._lanes[lane]
        if state.closed or state.room <= 0:
            state.closed = state.look = True
            self._wake.set()
            return False
        state.room -= 1
        if not state.look and state.room < self._settings.extra + self._slots.get(lane, 0) // 2:
            state.look = True
            self._wake.set()
        return True

    async def run(self) -> None:
        """Serve the lanes for ever; cancel it to end it. What a round cannot reach, the next one will."""
        loop = asyncio.get_running_loop()
        next_full = loop.time()
        while True:
            try:
                if loop.time() >= next_full:
                    next_full = loop.time() + self._settings.interval
                    await self._look_at_all()
                if self._look_at_costs:
                    await self.refuse_capped()
                await self.serve()
            except Exception as error:
                if not (isinstance(error, BusUnavailableError) or is_connection_error(error)):
                    raise
                log.warning("backlog.waiting", error=type(error).__name__)
                await asyncio.sleep(self._settings.busy_interval)
            busy = any(state.closed for state in self._lanes.values())
            wait = min(next_full - loop.time(), self._settings.busy_interval if busy else self._settings.interval)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0, wait)):
                    await self._wake.wait()
                    continue
            for state in self._lanes.values():
                state.look = state.look or state.closed

    async def _look_at_all(self) -> None:
        """What other replicas put into the backlog, and which slots there are."""
        answers = await self._query_workers(self._bus, self._settings.query_timeout)
        slots: dict[str, int] = {}
        for answer in {answer.worker: answer for answer in answers}.values():
            for priority, count in answer.slots.items():
                lane = f"{answer.service.value}-{priority.value}"
                slots[lane] = slots.get(lane, 0) + count
        self._slots = slots
        await self.refuse_capped()
        for lane in await self._rows.lanes():
            if lane in self._lanes:  # or it is a newer version's
                self._lanes[lane].closed = True
        for state in self._lanes.values():
            state.look = True

    async def refuse_capped(self) -> None:
        """Fail what would have to be paid with money that a tenant has not left today. It stays until that is applied.

        Raises BusUnavailableError, and what asyncpg raises when Postgres is unreachable.
        """
        self._look_at_costs = self._refusing = False
        self._capped = await self._rows.capped_tenants()
        if self._capped:
            for failure in await self._rows.capped_jobs(self._capped, LANES, datetime.now(UTC)):
                await self._publish(failure)

    async def serve(self) -> None:
        """Look at the lanes that need it, and publish as many jobs of their backlogs as there is room for.

        Raises BusUnavailableError, and what asyncpg raises when Postgres is unreachable.
        """
        self._wake.clear()
        for lane, state in self._lanes.items():
            if state.look:
                await self._serve(lane, state)

    async def _serve(self, lane: str, state: _LaneState) -> None:
        state.look = False
        ended, state.ended = state.ended, 0
        try:
            room = self._room(lane, await self._bus.lane(*LANES[lane]), ended)
            if not state.closed:
                state.room = room
                return
            taken = await self._rows.take(lane, room) if room > 0 else None
        except BaseException:
            state.look = True
            raise
        if taken is None:
            return
        state.closed, state.room = taken.left, room - len(taken.jobs)
        if not taken.jobs:
            return
        jobs = [job_for(journey, asset, at=taken.at) for journey, asset in await self._journeys(taken.jobs)]
        # One that is lost on the way is requeued by the reconciler: its row says that it was dispatched.
        self._dispatcher.publish_jobs(jobs)

    async def _journeys(self, jobs: Sequence[tuple[JobKey, Fingerprint]]) -> list[tuple[Journey, Asset]]:
        """The jobs' journeys, without those that have moved on. All that a job is made of is in its fingerprint."""
        found: dict[UUID, Journey] = {}
        for (story_id, asset), fingerprint in jobs:
            if (journey := self.cached(story_id)) is not None and _is_for(journey, asset, fingerprint):
                found[story_id] = journey
        if missing := {story_id for (story_id, _), _ in jobs} - found.keys():
            found |= await self._rows.journeys(missing)
        return [
            (found[story_id], asset)
            for (story_id, asset), fingerprint in jobs
            if story_id in found and _is_for(found[story_id], asset, fingerprint)
        ]

    def _room(self, lane: str, counts: Lane, ended: int) -> int:
        """How many more jobs the lane may hold."""
        slots = self._slots.get(lane) or self._settings.unknown_slots
        extra = self._settings.extra + min(ended, slots)
        # Jobs that wait for their next attempt are unfinished, and take no slot: an open pull request tells of one.
        return max(slots + extra - counts.unfinished, max(1, extra) if counts.pulls and not counts.queued else 0)


def _is_for(journey: Journey, asset: Asset, fingerprint: Fingerprint) -> bool:
    state = journey.assets[asset]
    return state.status == "queued" and state.fingerprint == fingerprint


def _not_cached(_story_id: UUID) -> None:
    return None
