"""Postgres in memory: the rows of stories, the inbox and the commands, with what queries.sql promises about them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from services.status.repository import (
    BacklogRepository,
    Dispatched,
    DuplicateEventError,
    JobKey,
    LockedStories,
    StoryRepository,
    WaitingStories,
)
from services.status.transitions import Transition
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.events import CommandEvent, StoryApproved, StoryRequested, story_requested
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import lane_of
from storyloom.story.journey import AssetState, Journey, awaits_approval, overall, text_version
from tests.unit.status.simulation.world import Process, World


@dataclass(eq=False)
class Row:
    """A story's row with its assets' rows and the updates for its readers."""

    first: Journey
    created_at: datetime
    assets: dict[Asset, AssetState]
    status: str = "generating"
    seq: int = 0
    version: int = 0
    admitted: bool = True
    """False: it waits until its tenant has room for it."""
    approved: bool = False
    awaits_approval: bool = False
    uses: bool = True
    """Whether its client may send commands yet."""
    began_at: datetime = field(init=False)
    queued_at: dict[Asset, datetime] = field(default_factory=dict)
    backlog: dict[Asset, str] = field(default_factory=dict)
    """The lanes of jobs that are not on the bus yet."""
    updates: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    """Ids of the events of written transitions, in the order of writing."""
    settled: Counter[tuple[Asset, int]] = field(default_factory=Counter)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.began_at = self.created_at

    @property
    def journey(self) -> Journey:
        first = self.first
        return Journey(
            first.story_id,
            first.tenant_id,
            first.trace,
            first.brief,
            dict(self.assets),
            self.seq,
            self.version,
            cancelled=self.status == "cancelled",
            approved=self.approved,
        )


@dataclass
class CommandRow:
    command: CommandEvent
    created_at: datetime
    handled_at: datetime | None = None


class Rows:
    """The database. ``inbox_holds`` and its like may be removed, to see that something breaks then."""

    inbox_holds = True
    versions_hold = True
    backlog_is_apart = True
    waiting_is_not_lost = True

    def __init__(self, world: World) -> None:
        self._world = world
        self.concurrent_stories = Random(world.seed).choice((1, 2, 9, 9, 9, 9))
        """How many the tenant may have under way. By a source of its own: the world's goes on as without a limit."""
        self.stories: dict[UUID, Row] = {}
        self.inbox: set[str] = set()
        self.commands: dict[str, CommandRow] = {}
        self.away_until = 0.0

    def add(self, journey: Journey) -> bool:
        """``create_story``: whether the story may begin, or waits until others have ended."""
        under_way = [row for row in self.stories.values() if row.status == "generating" and not row.awaits_approval]
        admitted = len(under_way) < self.concurrent_stories and all(row.admitted for row in under_way)
        self.stories[journey.story_id] = Row(journey, self._world.at, dict(journey.assets), admitted=admitted)
        return admitted

    @property
    def now(self) -> datetime:
        return self._world.at

    def note(self, what: str, process: Process, about: object) -> None:
        self._world.log(what, process.name, about)

    async def reach(self, process: Process) -> None:
        """A statement on its way to the server. Raises OSError when it does not get there."""
        await self._world.pass_time(process)
        if self.away_until > self._world.loop.time() or self._world.happens(self._world.faults.postgres):
            raise ConnectionResetError("Postgres is unreachable")

    async def answer(self, process: Process) -> None:
        """What the server did is done; the answer may be lost. Raises OSError then."""
        await self._world.pass_time(process)
        if self._world.happens(self._world.faults.postgres):
            raise ConnectionResetError("the answer was lost")

    def write(self, transitions: Iterable[Transition]) -> set[UUID]:
        """``write_transitions``: all or nothing. The stories' locks must be held."""
        transitions = list(transitions)
        current = [
            transition
            for transition in transitions
            if not self.versions_hold or self._row(transition).version == transition.version_before
        ]
        ids = [event_id for transition in current for event_id in transition.event_ids]
        if self.inbox_holds and any(event_id in self.inbox for event_id in ids):
            raise DuplicateEventError
        self.inbox.update(ids)
        for transition in current:
            self._apply(self._row(transition), transition)
        return {transition.journey.story_id for transition in current}

    def _row(self, transition: Transition) -> Row:
        return self.stories[transition.journey.story_id]

    def _apply(self, row: Row, transition: Transition) -> None:
        self._world.log(
            "wrote",
            transition.journey.story_id.int,
            transition.event_ids,
            [asset.value for asset in transition.effects.changed],
        )
        if not row.admitted and transition.effects.jobs + transition.effects.backlog:
            self._world.breaks("a story began before it was admitted", transition.event_ids)
        self._check_approval(row, transition)
        if row.status == "cancelled":
            self._world.breaks("a cancelled story changed", transition.event_ids)
        now, status = self._world.at, overall(transition.journey)
        for asset in transition.effects.changed:
            state = transition.journey.assets[asset]
            self._note_settled(row, asset, row.assets[asset], state)
            if state.status == "queued" and state.fingerprint != row.assets[asset].fingerprint:
                row.queued_at[asset] = now
                row.backlog.pop(asset, None)
            if state.status != "queued":
                row.backlog.pop(asset, None)
            elif asset in transition.effects.backlog:
                row.backlog[asset] = lane_of(asset, row.first.brief.priority)
            row.assets[asset] = state
        awaits = awaits_approval(transition.journey)
        if status == "generating" and not awaits and (row.status != "generating" or row.awaits_approval):
            row.began_at = now
        row.approved, row.awaits_approval = transition.journey.approved, awaits
        for update in transition.effects.updates:
            row.updates.append((update.event, update.data))
            if update.seq != len(row.updates):
                self._world.breaks("updates have a gap", update.seq, len(row.updates))
        row.status, row.seq, row.version = status, transition.journey.seq, transition.journey.version
        row.event_ids += transition.event_ids

    def _check_approval(self, row: Row, transition: Transition) -> None:
        """Nothing that waits for the approval begins without one, which names the text that is there."""
        if not row.first.asks_approval:
            return
        yes = any(".approve." in event_id for event_id in transition.event_ids)
        begun = transition.effects.jobs + transition.effects.backlog
        if any(GRAPH[asset].after_approval for asset in begun) and not (row.approved or yes):
            self._world.breaks("begun before the approval", transition.event_ids, begun)
        if not transition.journey.approved or row.approved:
            return
        named = [one.command for key in transition.event_ids if (one := self.commands.get(key)) is not None]
        texts = {text_version(state[Asset.CONTENT]) for state in (row.assets, transition.journey.assets)}
        if not any(isinstance(one, StoryApproved) and one.text_version in texts for one in named):
            self._world.breaks("approved unread", transition.event_ids)

    def _note_settled(self, row: Row, asset: Asset, was: AssetState, state: AssetState) -> None:
        if was.settled and was.revision == state.revision:
            self._world.breaks("a settled asset changed without starting over", asset.value, was.status, state.status)
        if state.settled:
            row.settled[asset, state.revision] += 1


class SimRepository(StoryRepository):
    """The projector's own view of the rows, from one process."""

    def __init__(self, rows: Rows, process: Process) -> None:
        self._rows = rows
        self._process = process

    async def write(self, transitions: Sequence[Transition]) -> set[UUID]:
        await self._rows.reach(self._process)
        with_locks = [
            self._rows.stories[key] for key in sorted(transition.journey.story_id for transition in transitions)
        ]
        for row in with_locks:
            await row.lock.acquire()
        try:
            written = self._rows.write(transitions)
        finally:
            for row in with_locks:
                row.lock.release()
        await self._rows.answer(self._process)
        return written

    @asynccontextmanager
    async def locked(self, ids: Collection[UUID]) -> AsyncIterator[LockedStories]:
        await self._rows.reach(self._process)
        stories = {key: self._rows.stories[key] for key in sorted(ids) if key in self._rows.stories}
        taken: list[Row] = []
        try:
            for row in stories.values():
                await row.lock.acquire()
                taken.append(row)
            block = SimLocked(self._rows, self._process, {key: row.journey for key, row in stories.items()})
            yield block
            await self._rows.reach(self._process)
            block.commit()
        finally:
            for row in taken:
                row.lock.release()
        await self._rows.answer(self._process)

    async def reschedule_erasure(self, ids: Collection[UUID]) -> None:
        raise AssertionError("nothing is erased here")


class SimLocked(LockedStories):
    """A transaction: what it writes is there for others when the block ends."""

    __slots__ = ("_process", "_recorded", "_rows", "_transitions")
    _rows: Rows
    _process: Process
    _transitions: list[Transition]
    _recorded: list[str]

    def __init__(self, rows: Rows, process: Process, journeys: dict[UUID, Journey]) -> None:
        known = {"journeys": journeys, "_rows": rows, "_process": process, "_transitions": [], "_recorded": []}
        for name, value in known.items():
            object.__setattr__(self, name, value)  # it is frozen

    async def known_events(self, event_ids: Sequence[str]) -> frozenset[str]:
        await self._rows.reach(self._process)
        return frozenset(event_ids) & self._rows.inbox if self._rows.inbox_holds else frozenset()

    async def write(self, transitions: Sequence[Transition]) -> None:
        await self._rows.reach(self._process)
        self._transitions.extend(transitions)

    async def record_events(self, event_ids: Sequence[str]) -> None:
        await self._rows.reach(self._process)
        self._recorded.extend(event_ids)

    def commit(self) -> None:
        self._rows.write(self._transitions)
        self._rows.inbox.update(self._recorded)


class SimWaitingStories(WaitingStories):
    """The stories that wait, in memory, from one process. There is one tenant here."""

    def __init__(self, rows: Rows, process: Process) -> None:
        self._rows = rows
        self._process = process

    async def tenants(self) -> list[str]:
        if all(row.admitted or row.status != "generating" for row in self._rows.stories.values()):
            return []
        await self._rows.reach(self._process)
        return ["tests"]

    async def admit(self, tenant_id: str, at: datetime) -> list[StoryRequested]:
        await self._rows.reach(self._process)
        under_way = {
            key: row
            for key, row in self._rows.stories.items()
            if row.status == "generating" and not row.awaits_approval
        }
        free = self._rows.concurrent_stories - sum(row.admitted for row in under_way.values())
        waiting = [
            (row.created_at, key) for key, row in under_way.items() if not row.admitted and not row.lock.locked()
        ]
        admitted = [key for _, key in sorted(waiting)[: max(0, free)]]
        for key in admitted:
            row = under_way[key]
            row.admitted, row.began_at = True, self._rows.now
        self._rows.note("admitted", self._process, [key.int for key in admitted])
        await self._rows.answer(self._process)
        return [story_requested(key, tenant_id, "", at) for key in admitted]


class SimBacklogRepository(BacklogRepository):
    """The backlog in memory, from one process. There is one tenant here: the oldest stories come first."""

    def __init__(self, rows: Rows, process: Process) -> None:
        self._rows = rows
        self._process = process

    async def capped_tenants(self) -> frozenset[str]:
        return frozenset()

    async def lanes(self) -> list[str]:
        await self._rows.reach(self._process)
        return sorted({lane for row in self._rows.stories.values() for lane in row.backlog.values()})

    async def take(self, lane: str, room: int) -> Dispatched:
        await self._rows.reach(self._process)
        waiting = [
            (row, key, asset)
            for key, row in sorted(self._rows.stories.items(), key=lambda one: one[1].began_at)
            for asset, its_lane in row.backlog.items()
            if its_lane == lane
        ]
        jobs: list[tuple[JobKey, Fingerprint]] = []
        now = self._rows.now
        for row, key, asset in waiting[:room]:
            del row.backlog[asset]
            row.queued_at[asset] = now
            if (fingerprint := row.assets[asset].fingerprint) is not None and row.status == "generating":
                jobs.append(((key, asset), fingerprint))
        self._rows.note("out of the backlog", self._process, [(key.int, asset.value) for (key, asset), _ in jobs])
        await self._rows.answer(self._process)
        return Dispatched(tuple(jobs), now, len(waiting) > room)

    async def journeys(self, ids: Collection[UUID]) -> dict[UUID, Journey]:
        await self._rows.reach(self._process)
        return {key: row.journey for key, row in self._rows.stories.items() if key in ids}
