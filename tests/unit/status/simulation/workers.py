"""Workers: they take jobs, need a while, pay, leave a manifest and publish; they die, freeze and wake up too late."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from storyloom.jobs.cancellation import CancelledJobs, matches
from storyloom.jobs.in_flight import InFlightJob, InFlightJobs
from storyloom.messaging.connection import Bus, BusUnavailableError
from storyloom.story.assets import TEXTS, Service
from storyloom.story.events import AssetCompleted, AssetFailed, AssetRetrying, Event
from storyloom.story.jobs import AssetRequested, StopWork
from storyloom.story.results import AnyResult, StoryContent
from tests.unit.status.random_walk import NOON, STORY, result
from tests.unit.status.simulation.bus import Server, SimBus
from tests.unit.status.simulation.streams import ACK_WAIT, QueuedJob
from tests.unit.status.simulation.world import Process, World

ATTEMPTS = 4
YOUNG = timedelta(seconds=1)
"""A job younger than this cannot have been requeued and made before it came: nobody looks for its manifest."""


@dataclass(eq=False)
class Run:
    """A job that a worker works on."""

    message: QueuedJob
    attempt: int
    paying: bool = False


@dataclass(eq=False)
class Worker(Process):
    """One worker process, with slots for any number of jobs."""

    stopped: CancelledJobs = field(default_factory=CancelledJobs)
    running: dict[asyncio.Task[None], Run] = field(default_factory=dict)


class Workers:
    """All workers, and the lanes on which jobs reach them.

    ``trusting``: they take a late first delivery for the first. ``unresponsive``: they never answer what is in flight.
    """

    def __init__(self, world: World, server: Server, *, trusting: bool = False, unresponsive: bool = False) -> None:
        self._trusting = trusting
        self._silent = unresponsive
        self._world = world
        self._server = server
        self._luck = world.chance.choice((0.0, 0.04, 0.15))
        self._speed = world.chance.choice((0.3, 1.0, 3.0))
        self.processes = [self._worker(f"worker {k}") for k in range(2)]
        server.on_free = self._offer
        server.on_stop = self._stop

    @property
    def idle(self) -> bool:
        return not any(worker.running for worker in self.processes)

    def _worker(self, name: str) -> Worker:
        return Worker(name, stopped=CancelledJobs(lambda: self._world.at, self._world.loop.time))

    def crash(self) -> None:
        """One dies at any step; another takes its place after a while. The bus notices when heartbeats fail to come."""
        worker = self._world.chance.choice(self.processes)
        self._world.log("crash", worker.name, [run.message.job.asset.value for run in worker.running.values()])
        for run in worker.running.values():
            if run.paying:
                self._world.excused[run.message.job.fingerprint] += 1
            self._server.jobs.free_again(run.message, ACK_WAIT)
        worker.kill()
        self.processes.remove(worker)
        self._world.loop.call_later(
            self._world.chance.uniform(0, 3), lambda: self.processes.append(self._worker(worker.name))
        )

    def freeze(self) -> None:
        """One stands still for longer than the bus waits, and wakes up as if nothing had been."""
        if not self.processes:
            return
        worker = self._world.chance.choice(self.processes)
        seconds = self._world.chance.uniform(0.5, 2) * ACK_WAIT
        worker.frozen_until = max(worker.frozen_until, self._world.loop.time() + seconds)
        self._world.log("freeze", worker.name, round(seconds, 1))
        for run in worker.running.values():
            self._share(run)

    def _share(self, run: Run) -> None:
        """Somebody else may get the job too."""
        self._world.excused[run.message.job.fingerprint] += 1
        self._server.jobs.free_again(run.message, ACK_WAIT)

    async def query(self, bus: Bus, seconds: float) -> Sequence[InFlightJobs]:
        """Who has what in flight? Whoever stands still does not answer, and an answer may be lost."""
        await asyncio.sleep(self._world.chance.uniform(0.001, seconds))
        if isinstance(bus, SimBus):
            bus.process.queried_at = self._world.loop.time()
        answers: list[InFlightJobs] = []
        if self._silent:
            return answers
        for worker in self.processes:
            unresponsive = (
                worker.frozen_until > self._world.loop.time() or self._server.away_until > self._world.loop.time()
            )
            if unresponsive or self._world.happens(self._world.faults.lost):
                for run in worker.running.values():
                    self._world.excused[run.message.job.fingerprint] += 1
                continue
            held = tuple(_in_flight(run.message.job) for run in worker.running.values())
            answers.append(InFlightJobs.model_construct(worker=worker.name, service=Service.CONTENT, held=held))
        return answers

    def _offer(self, message: QueuedJob) -> None:
        self._world.loop.call_later(self._world.chance.random() ** 4, self._take, message)

    def _take(self, message: QueuedJob) -> None:
        now = self._world.loop.time()
        able = [worker for worker in self.processes if worker.frozen_until <= now]
        if not able or self._server.away_until > now:
            self._world.loop.call_later(1, self._take, message)
        elif self._server.jobs.take(message):
            worker = self._world.chance.choice(able)
            run = Run(message, message.delivered)
            task = self._world.start(worker, self._work(worker, run))
            worker.running[task] = run
            task.add_done_callback(worker.running.pop)
            if self._world.happens(self._world.faults.duplicated):  # its heartbeat was lost
                self._world.excused[message.job.fingerprint] += 1
                self._server.jobs.free_again(message, self._world.chance.random())

    def _stop(self, stop: StopWork) -> None:
        for worker in self.processes:
            if worker.frozen_until > self._world.loop.time() or self._world.happens(self._world.faults.lost):
                continue
            worker.stopped.add(stop)
            for task, run in worker.running.items():
                if matches(stop, run.message.job):
                    task.cancel()
                    self._server.jobs.free_again(run.message, ACK_WAIT)

    async def _work(self, worker: Worker, run: Run) -> None:
        job = run.message.job
        if not worker.stopped.drop(job) and not await self._attempt(worker, run):
            return
        await self._world.pass_time(worker)
        if not self._world.happens(self._world.faults.lost):
            self._server.jobs.ack(run.message)
        else:
            self._server.jobs.free_again(run.message, ACK_WAIT)

    async def _attempt(self, worker: Worker, run: Run) -> bool:
        """Whether the job has come to an end."""
        job, chance = run.message.job, self._world.chance
        bus = SimBus(self._server, worker)
        young = self._trusting or self._world.at - job.at < YOUNG
        looks = run.attempt > 1 or job.put_back or not young
        if not looks or job.fingerprint not in self._world.manifests:
            luck = chance.random()
            hangs = self._world.happens(self._world.faults.hangs)
            await asyncio.sleep(chance.choice((20, 40, 1e6)) if hangs else self._speed * chance.random())
            await self._world.pass_time(worker)
            if luck < self._luck * 2 and run.attempt < ATTEMPTS:
                await self._retry(bus, run)
                return False
            if luck < self._luck:
                await self._publish(bus, AssetFailed.model_construct(**_end(job, self._world, "failed"), **_WHY))
                return True
            await self._pay(worker, run)
        done = AssetCompleted.model_construct(**_end(job, self._world, "completed"), result=_made(job))
        await self._publish(bus, done)
        return True

    async def _pay(self, worker: Worker, run: Run) -> None:
        """The window in which a crash pays twice: between the provider's answer and the manifest."""
        fingerprint = run.message.job.fingerprint
        run.paying = True
        self._world.paid[fingerprint] += 1
        await self._world.pass_time(worker)
        self._world.manifests.add(fingerprint)
        run.paying = False

    async def _retry(self, bus: SimBus, run: Run) -> None:
        job, delay = run.message.job, self._world.chance.uniform(0.2, 3)
        retrying = AssetRetrying.model_construct(
            **_origin(job, self._world),
            id=f"{job.id}.retrying.{run.attempt}",
            attempt=run.attempt,
            reason="rate limit",
            retry_at=self._world.at + timedelta(seconds=delay),
        )
        await self._publish(bus, retrying)
        self._server.jobs.free_again(run.message, delay)

    async def _publish(self, bus: SimBus, event: Event) -> None:
        while True:
            try:
                await bus.publish_events(event)
            except BusUnavailableError:
                await asyncio.sleep(0.25)
            else:
                return


_WHY: dict[str, Any] = {"code": "content_refused", "reason": "refused", "request_id": None, "calls": ()}


def _made(job: AssetRequested) -> AnyResult:
    made = result(job.asset, STORY)
    if not isinstance(made, StoryContent):
        return made
    scenes = tuple(job.inputs[text] for text in TEXTS)
    return made if scenes == made.scenes else made.model_copy(update={"scenes": scenes})


def _origin(job: AssetRequested, world: World) -> dict[str, Any]:
    return {
        "version": 1,
        "story_id": job.story_id,
        "tenant_id": job.tenant_id,
        "trace": "",
        "at": world.at,
        "asset": job.asset,
        "fingerprint": job.fingerprint,
    }


def _end(job: AssetRequested, world: World, how: str) -> dict[str, Any]:
    return {**_origin(job, world), "id": f"{job.id}.{how}", "started_at": NOON}


def _in_flight(job: AssetRequested) -> InFlightJob:
    return InFlightJob.model_construct(story_id=job.story_id, asset=job.asset, fingerprint=job.fingerprint, since=NOON)
