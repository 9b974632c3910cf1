"""One schedule: everything that happens between the first story's arrival and the silence at the end, from one seed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from services.status.admission import Admission
from services.status.backlog import Backlog, BacklogSettings
from services.status.dispatch import Dispatcher
from services.status.projector import Projector
from services.status.reconciler import Reconciler, ReconcilerSettings
from storyloom.jobs.in_flight import InFlightJobs
from storyloom.messaging.connection import Bus
from tests.unit.status.simulation import checks
from tests.unit.status.simulation.bus import Server, SimBus, SimPullConsumer
from tests.unit.status.simulation.clients import Clients
from tests.unit.status.simulation.rows import Rows, SimBacklogRepository, SimRepository, SimWaitingStories
from tests.unit.status.simulation.unfinished_work import SimUnfinishedWork
from tests.unit.status.simulation.workers import Workers
from tests.unit.status.simulation.world import CALM, Faults, Process, World

FEW_SLOTS = BacklogSettings(interval=5, busy_interval=3, query_timeout=0, extra=1, unknown_slots=1)
"""Many jobs wait for a while."""
LIMIT = 400.0
"""Virtual seconds after healing until a story is stuck."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule is made of. The classes and switches are there to be exchanged for ones that lack a guard."""

    faults: Faults = CALM
    commands: int = 0
    """At most so many a client."""
    think_time: float = 8.0
    """Seconds between a client's commands at most, but for those who wait for the end."""
    approvals: float = 0.0
    """What share of the stories is to be approved."""
    reconciler_settings: ReconcilerSettings = ReconcilerSettings()  # noqa: RUF009 - it is frozen
    replicas: int = 2
    """How many projectors and reconcilers there are."""
    seconds: float = 9.0
    """How long things go wrong."""
    dispatcher: type[Dispatcher] = Dispatcher
    reconciler: type[Reconciler] = Reconciler
    backlog: type[Backlog] = Backlog
    admission: type[Admission] = Admission
    backlog_settings: BacklogSettings = FEW_SLOTS
    rows: type[Rows] = Rows
    put_back_carries_id: bool = False
    trusting: bool = False
    unresponsive: bool = False
    """No worker ever answers what it has in flight."""


async def _no_slots(_bus: Bus, _seconds: float) -> Sequence[InFlightJobs]:
    """How many slots there are is a setting here."""
    return ()


class Schedule:
    """A world and who lives in it."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.seed = seed
        self.plan = plan
        self.world = World(seed, plan.faults)
        self.server = Server(self.world, put_back_carries_id=plan.put_back_carries_id)
        self.rows = plan.rows(self.world)
        self.workers = Workers(self.world, self.server, trusting=plan.trusting, unresponsive=plan.unresponsive)
        self.clients = Clients(
            self.world,
            self.rows,
            self.server,
            commands=plan.commands,
            think_time=plan.think_time,
            approvals=plan.approvals,
        )
        self._status: list[tuple[Process, Callable[[], None]]] = []

    @property
    def wrong(self) -> list[str]:
        """What must never be and was; where nothing went wrong, there was nothing to repair either."""
        repairs = +self.server.repairs if self.plan.faults == CALM else None
        return self.world.broken + ([f"repaired without need: {dict(repairs)}"] if repairs else [])

    def run(self) -> "Schedule":
        """Run it, to the end."""
        loop = self.world.loop
        loop.set_exception_handler(lambda _, context: self.world.breaks("unhandled error", context))
        try:
            loop.run_until_complete(self._run_all())
            self._end_all()
        finally:
            loop.close()
        return self

    async def _run_all(self) -> None:
        for _ in range(self.plan.replicas):
            self._start(self._projector)
            self._start(self._reconciler)
        self.clients.begin()
        if self.plan.faults.incidents:
            await self._disturb()
        self._heal()
        await self._quiet()
        for row in self.rows.stories.values():
            checks.check(self.world, self.server, row)
        checks.check_payments(self.world)

    def _end_all(self) -> None:
        left = asyncio.all_tasks(self.world.loop)
        for process, _ in self._status:
            process.alive = False
        for task in left:
            task.cancel()
        if left:
            self.world.loop.run_until_complete(asyncio.wait(left))

    async def _quiet(self) -> None:
        """Wait until nothing is to come any more, and a little longer."""
        end, quiet = self.world.loop.time() + LIMIT, 0
        while quiet < 2:
            await asyncio.sleep(1)
            quiet = quiet + 1 if self._is_quiet() else 0
            if self.world.loop.time() > end:
                self.world.breaks("stuck", self._stuck())
                return

    def _is_quiet(self) -> bool:
        return (
            not self.clients.busy
            and all(row.status != "generating" for row in self.rows.stories.values())
            and self.rows.commands.keys() <= self.rows.inbox
            and not self.server.wiped
            and self.server.story.floor is None
            and not self.server.jobs.queued
            and not any(row.backlog for row in self.rows.stories.values())
            and self.workers.idle
        )

    def _stuck(self) -> str:
        unsettled = {
            f"{key.int}.{asset.value}": state.status
            for key, row in self.rows.stories.items()
            for asset, state in row.assets.items()
            if not state.settled
        }
        left = list(self.server.jobs.queued), self.server.story.floor, self.workers.idle, self.clients.busy
        return f"{unsettled} {left} commands {self.rows.commands.keys() - self.rows.inbox}"

    def _projector(self, process: Process) -> Callable[[], None]:
        bus = SimBus(self.server, process)
        dispatcher = self.plan.dispatcher(bus)
        rows = SimBacklogRepository(self.rows, process)
        backlog = self.plan.backlog(
            bus, rows, dispatcher, _no_slots, bus.publish_events, settings=self.plan.backlog_settings
        )
        admission = self.plan.admission(SimWaitingStories(self.rows, process), bus.publish_events, interval=3)
        projector = Projector(bus, SimRepository(self.rows, process), dispatcher, backlog, admission)
        projector.consumer = SimPullConsumer(bus)
        self.world.start(process, projector.run())
        self.world.start(process, backlog.run())
        self.world.start(process, admission.run())

        def kill() -> None:
            process.kill()
            dispatcher.cancel()

        return kill

    def _reconciler(self, process: Process) -> Callable[[], None]:
        bus, unfinished = SimBus(self.server, process), SimUnfinishedWork(self.world, self.rows, process)
        settings = replace(
            self.plan.reconciler_settings,
            interval=self.plan.reconciler_settings.interval * self.world.chance.uniform(0.8, 1.2),
        )
        self.world.start(process, self.plan.reconciler(bus, unfinished, bus, settings, self.workers.query).run())
        return process.kill

    def _start(self, begin: Callable[[Process], Callable[[], None]]) -> None:
        process = Process(begin.__name__.strip("_"))
        entry = (process, begin(process))
        self._status.append(entry)

    async def _disturb(self) -> None:
        """Incident after incident, at times of chance."""
        chance, end = self.world.chance, self.plan.seconds
        incidents = (self._crash, self._crash, self._freeze, self._outage, self._wipe, self._purge, self._work)
        while self.world.loop.time() < end:
            await asyncio.sleep(chance.expovariate(1 / self.plan.faults.incidents))
            chance.choice(incidents)()

    def _crash(self) -> None:
        entry = self.world.chance.choice(self._status)
        process, kill = entry
        self.world.log("crash", process.name)
        kill()
        self._status.remove(entry)
        begin = self._projector if process.name == "projector" else self._reconciler
        self.world.loop.call_later(self.world.chance.uniform(0, 3), lambda: self._start(begin))

    def _freeze(self) -> None:
        process, _ = self.world.chance.choice(self._status)
        seconds = self.world.chance.uniform(0.1, 20)
        self.world.log("freeze", process.name, round(seconds, 1))
        process.frozen_until = self.world.loop.time() + seconds

    def _outage(self) -> None:
        until = self.world.loop.time() + self.world.chance.uniform(0.1, 5)
        if self.world.chance.random() < 0.5:
            self.world.log("bus down")
            self.server.away_until = until
        else:
            self.world.log("Postgres down")
            self.rows.away_until = until

    def _wipe(self) -> None:
        self.server.wipe()

    def _purge(self) -> None:
        self.world.log("somebody purged JOBS")
        self.server.jobs.lose()

    def _work(self) -> None:
        if self.workers.processes:
            self.world.chance.choice((self.workers.crash, self.workers.freeze))()

    def _heal(self) -> None:
        self.world.heal()
        now = self.world.loop.time()
        for process, _ in self._status:
            process.frozen_until = min(process.frozen_until, now)
        self.server.away_until = min(self.server.away_until, now)
        self.rows.away_until = min(self.rows.away_until, now)
