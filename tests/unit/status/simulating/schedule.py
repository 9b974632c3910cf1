"""One schedule: everything that happens between the first story's arrival and the silence at the end, from one seed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from services.status.dispatch import Dispatcher
from services.status.projector import Projector
from services.status.reconciler import Reconciler, ReconcilerSettings
from tests.unit.status.simulating import checks
from tests.unit.status.simulating.bus import Server, SimBus, SimPull
from tests.unit.status.simulating.clients import Clients
from tests.unit.status.simulating.rows import Rows, SimRecords
from tests.unit.status.simulating.unfinished import SimUnfinished
from tests.unit.status.simulating.workers import Workers
from tests.unit.status.simulating.world import CALM, Faults, Process, World

LIMIT = 400.0
"""Virtual seconds after healing until a story is stuck."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a schedule is made of. The classes and switches are there to be exchanged for ones that lack a guard."""

    faults: Faults = CALM
    commands: int = 0
    """At most so many a client."""
    patience: float = 8.0
    """Seconds between a client's commands at most, but for those who wait for the end."""
    pace: ReconcilerSettings = ReconcilerSettings()  # noqa: RUF009 - it is frozen
    replicas: int = 2
    """How many projectors and reconcilers there are."""
    seconds: float = 9.0
    """How long things go wrong."""
    dispatcher: type[Dispatcher] = Dispatcher
    reconciler: type[Reconciler] = Reconciler
    rows: type[Rows] = Rows
    put_back_carries_id: bool = False
    trusting: bool = False
    silent: bool = False
    """No worker ever says what it holds."""


class Schedule:
    """A world and who lives in it."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.seed = seed
        self.plan = plan
        self.world = World(seed, plan.faults)
        self.server = Server(self.world, put_back_carries_id=plan.put_back_carries_id)
        self.rows = plan.rows(self.world)
        self.workers = Workers(self.world, self.server, trusting=plan.trusting, silent=plan.silent)
        self.clients = Clients(self.world, self.rows, self.server, commands=plan.commands, patience=plan.patience)
        self._status: list[tuple[Process, Callable[[], None]]] = []

    @property
    def wrong(self) -> list[str]:
        """What must never be and was; where nothing went wrong, there was nothing to mend either."""
        mended = +self.server.mended if self.plan.faults == CALM else None
        return self.world.broken + ([f"mended without need: {dict(mended)}"] if mended else [])

    def run(self) -> "Schedule":
        """Play it, to the end."""
        loop = self.world.loop
        loop.set_exception_handler(lambda _, context: self.world.breaks("unheard error", context))
        try:
            loop.run_until_complete(self._play())
            self._end_all()
        finally:
            loop.close()
        return self

    async def _play(self) -> None:
        for _ in range(self.plan.replicas):
            self._start(self._projector)
            self._start(self._reconciler)
        self.clients.begin()
        if self.plan.faults.blows:
            await self._strike()
        self._heal()
        await self._quiet()
        for row in self.rows.stories.values():
            checks.check(self.world, self.server, row)
        checks.check_bills(self.world)

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
            and not self.server.gone
            and self.server.story.floor is None
            and not self.server.jobs.standing
            and self.workers.idle
        )

    def _stuck(self) -> str:
        unsettled = {
            f"{key.int}.{asset.value}": state.status
            for key, row in self.rows.stories.items()
            for asset, state in row.assets.items()
            if not state.settled
        }
        left = list(self.server.jobs.standing), self.server.story.floor, self.workers.idle, self.clients.busy
        return f"{unsettled} {left} commands {self.rows.commands.keys() - self.rows.inbox}"

    def _projector(self, process: Process) -> Callable[[], None]:
        bus = SimBus(self.server, process)
        dispatcher = self.plan.dispatcher(bus)
        projector = Projector(bus, SimRecords(self.rows, process), dispatcher)
        projector.consumer = SimPull(bus)
        self.world.start(process, projector.run())

        def kill() -> None:
            process.kill()
            dispatcher.cancel()

        return kill

    def _reconciler(self, process: Process) -> Callable[[], None]:
        bus, unfinished = SimBus(self.server, process), SimUnfinished(self.world, self.rows, process)
        pace = replace(self.plan.pace, interval=self.plan.pace.interval * self.world.chance.uniform(0.8, 1.2))
        self.world.start(process, self.plan.reconciler(bus, unfinished, bus, pace, self.workers.ask).run())
        return process.kill

    def _start(self, begin: Callable[[Process], Callable[[], None]]) -> None:
        process = Process(begin.__name__.strip("_"))
        entry = (process, begin(process))
        self._status.append(entry)

    async def _strike(self) -> None:
        """Blow after blow, at times of chance."""
        chance, end = self.world.chance, self.plan.seconds
        blows = (self._crash, self._crash, self._freeze, self._outage, self._wipe, self._purge, self._work)
        while self.world.loop.time() < end:
            await asyncio.sleep(chance.expovariate(1 / self.plan.faults.blows))
            chance.choice(blows)()

    def _crash(self) -> None:
        entry = self.world.chance.choice(self._status)
        process, kill = entry
        self.world.say("crash", process.name)
        kill()
        self._status.remove(entry)
        begin = self._projector if process.name == "projector" else self._reconciler
        self.world.loop.call_later(self.world.chance.uniform(0, 3), lambda: self._start(begin))

    def _freeze(self) -> None:
        process, _ = self.world.chance.choice(self._status)
        seconds = self.world.chance.uniform(0.1, 20)
        self.world.say("freeze", process.name, round(seconds, 1))
        process.stands_until = self.world.loop.time() + seconds

    def _outage(self) -> None:
        until = self.world.loop.time() + self.world.chance.uniform(0.1, 5)
        if self.world.chance.random() < 0.5:
            self.world.say("bus away")
            self.server.away_until = until
        else:
            self.world.say("Postgres away")
            self.rows.away_until = until

    def _wipe(self) -> None:
        self.server.wipe()

    def _purge(self) -> None:
        self.world.say("somebody purged JOBS")
        self.server.jobs.lose()

    def _work(self) -> None:
        if self.workers.crew:
            self.world.chance.choice((self.workers.crash, self.workers.freeze))()

    def _heal(self) -> None:
        self.world.heal()
        now = self.world.loop.time()
        for process, _ in self._status:
            process.stands_until = min(process.stands_until, now)
        self.server.away_until = min(self.server.away_until, now)
        self.rows.away_until = min(self.rows.away_until, now)
