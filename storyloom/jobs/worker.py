"""A worker service: takes jobs from its lanes, hands them to its makers, answers health. The same for all four."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from aiohttp import web
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from storyloom.jobs.definition import Question, WorkerDefinition
from storyloom.jobs.runner import JobRunner
from storyloom.messaging.connection import Bus, connect
from storyloom.messaging.consumer import PullConsumer
from storyloom.messaging.topology import CANCEL_JOBS, QUERY_WORKERS, provision, topology_differences
from storyloom.runtime import supervision
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import supervise
from storyloom.storage.objects import Objects
from storyloom.story.assets import Priority, Service
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.jobs import StopWork
from storyloom.web.health import add_health, listen

log = structlog.get_logger()

Compose = Callable[[Settings, Objects], WorkerDefinition]


@dataclass
class RunningWorker:
    """One worker service, taking jobs."""

    name: str
    url: str
    runner: JobRunner
    _lanes: list["Lane"]
    _loops: list[asyncio.Task[None]]
    _bus: Bus
    _objects: Objects
    _workshop: WorkerDefinition
    _runner: web.AppRunner
    _stopped: bool = False

    async def stop(self) -> None:
        """Finish or hand back what runs, then close everything."""
        if self._stopped:
            return
        self._stopped = True
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self.runner.drain()
        for lane in self._lanes:
            await lane.finish()
        await self._bus.close()
        await self._workshop.close()
        await self._objects.close()
        await self._runner.cleanup()


async def serve(compose: Compose, settings: Settings, *, objects: Objects | None = None) -> RunningWorker:
    """Start a worker service. Raises BusUnavailableError when NATS is away, OSError when the port is taken."""
    objects = objects or Objects(settings)
    workshop = compose(settings, objects)
    name = workshop.service.value
    lanes: list[Lane] = []

    async def reconnected() -> None:
        for lane in lanes:
            await lane.pull.repoll()

    bus = await connect(settings, name, on_reconnect=reconnected)
    # Whoever comes first lays the bus; it is the same hand that lays it for everybody.
    await provision(bus.js, settings)
    working = JobRunner(bus, objects, workshop, settings)
    lanes += _lanes(bus, settings, workshop.service, working)
    await bus.client.subscribe(bus.names.subject(QUERY_WORKERS), cb=_answer(working))
    await bus.client.subscribe(bus.names.subject(CANCEL_JOBS), cb=_stop(working))
    for subject, question in workshop.questions.items():
        await bus.client.subscribe(bus.names.subject(subject), queue=name, cb=_ask(question))
    app = web.Application()

    async def bus_ready() -> str | None:
        if not bus.client.is_connected:
            return "NATS is away"
        return "; ".join(await topology_differences(bus.js, settings)) or None

    async def store_ready() -> str | None:
        try:
            await objects.check()
        except (RetryableError, PermanentError) as error:
            return str(error)
        return None

    add_health(app, {"bus": bus_ready, "store": store_ready})
    runner, url = await listen(app, settings.http_host, settings.http_port)
    loops = [asyncio.create_task(supervise(f"{name} lane", lane.run)) for lane in lanes]
    return RunningWorker(name, url, working, lanes, loops, bus, objects, workshop, runner)


def main(compose: Compose) -> None:
    """Run a worker service as a process of its own."""

    async def start(settings: Settings) -> RunningWorker:
        return await serve(compose, settings)

    supervision.run(compose.__module__.split(".")[1], start)


class Lane:
    """The jobs of one priority: as many at once as the lane has slots, none fetched before there is one free.

    The lanes are apart, so that urgent jobs never wait behind normal ones and normal ones always have their slots.
    """

    def __init__(self, bus: Bus, durable: str, working: JobRunner, *, slots: int) -> None:
        self.pull = PullConsumer(bus, bus.names.jobs, durable, room=slots)
        self._working = working
        self._slots = slots
        self._jobs: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take jobs for ever; cancel it to take no more. Jobs under way go on."""
        await self.pull.open()
        try:
            while True:
                for message in await self.pull.take(self._slots):
                    job = asyncio.create_task(self._one(message))
                    self._jobs.add(job)
                    job.add_done_callback(self._jobs.discard)
        finally:
            await self.pull.close()

    async def finish(self) -> None:
        """Wait for jobs that come to their end; what cannot end, such as a letter to a bus that is away, is let go."""
        if self._jobs:
            _, late = await asyncio.wait(self._jobs, timeout=2)
            for job in late:
                job.cancel()

    async def _one(self, message: Msg) -> None:
        try:
            await self._working.on_message(message)
        finally:
            await self.pull.done(1)


def _lanes(bus: Bus, settings: Settings, service: Service, working: JobRunner) -> list[Lane]:
    slots = {
        Priority.URGENT: settings.slots_urgent,
        Priority.HIGH: settings.slots_high,
        Priority.NORMAL: settings.slots_normal,
    }
    return [Lane(bus, bus.names.lane(service, priority), working, slots=number) for priority, number in slots.items()]


def _answer(working: JobRunner) -> Callable[[Msg], Awaitable[None]]:
    async def answer(message: Msg) -> None:
        with suppress(NatsError):  # whoever asks without an inbox hears nothing
            await message.respond(working.in_flight.body)

    return answer


def _stop(working: JobRunner) -> Callable[[Msg], Awaitable[None]]:
    async def stop(message: Msg) -> None:
        try:
            wanted = StopWork.model_validate_json(message.data)
        except ValidationError as error:
            log.warning("worker.unreadable_stop", errors=error.error_count())
            return
        if cancelled := working.cancel(wanted):
            log.info("worker.stopped_jobs", story_id=str(wanted.story_id), jobs=cancelled)

    return stop


def _ask(question: Question) -> Callable[[Msg], Awaitable[None]]:
    async def answer(message: Msg) -> None:
        try:
            await message.respond(await question(message.data))
        except Exception:
            # Whoever asked hears nothing and goes on without: a question is never a must.
            log.exception("worker.question_failed")

    async def apart(message: Msg) -> None:
        # nats-py waits for a callback before it calls the next: questions must not queue behind one another.
        task = asyncio.create_task(answer(message))
        asking.add(task)
        task.add_done_callback(asking.discard)

    asking: set[asyncio.Task[None]] = set()
    return apart
