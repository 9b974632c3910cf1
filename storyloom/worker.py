"""A worker service: takes jobs from its lanes, hands them to its makers, answers health. The same for all four."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
import structlog
from aiohttp import web
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from storyloom import running
from storyloom.bus.connection import Bus, connect
from storyloom.bus.streams import missing, provision
from storyloom.bus.working import Working
from storyloom.health import add_health, listen
from storyloom.objects import Objects
from storyloom.settings import Settings
from storyloom.story.assets import Priority
from storyloom.story.errors import GiveUp, TryAgain
from storyloom.work import Question, Workshop

log = structlog.get_logger()

Compose = Callable[[Settings, Objects], Workshop]
WHO_HOLDS_WHAT = "workers.held"
"""Core NATS: every worker answers with the jobs that it works on."""


@dataclass
class RunningWorker:
    """One worker service, taking jobs."""

    name: str
    url: str
    working: Working
    _broker: NatsBroker
    _bus: Bus
    _objects: Objects
    _workshop: Workshop
    _runner: web.AppRunner
    _stopped: bool = False

    async def stop(self) -> None:
        """Finish or hand back what runs, then close everything."""
        if self._stopped:
            return
        self._stopped = True
        await self.working.drain()
        try:
            await asyncio.wait_for(self._broker.stop(), 5)
        except (TimeoutError, NatsError) as error:
            log.debug("worker.broker_left", error=type(error).__name__)
        await self._bus.close()
        await self._workshop.close()
        await self._objects.close()
        await self._runner.cleanup()


async def serve(compose: Compose, settings: Settings, *, objects: Objects | None = None) -> RunningWorker:
    """Start a worker service. Raises BusUnavailableError when NATS is away, OSError when the port is taken."""
    objects = objects or Objects(settings)
    workshop = compose(settings, objects)
    name = workshop.service.value
    bus = await connect(settings, name)
    # Whoever comes first lays the bus; it is the same hand that lays it for everybody.
    await provision(bus.js, settings)
    working = Working(bus, objects, workshop, settings)
    broker = _broker(bus, settings, workshop, working)
    await broker.start()
    await bus.client.subscribe(bus.names.subject(WHO_HOLDS_WHAT), cb=_answer(working))
    for subject, question in workshop.questions.items():
        await bus.client.subscribe(bus.names.subject(subject), queue=name, cb=_ask(question))
    app = web.Application()

    async def bus_ready() -> str | None:
        if not bus.client.is_connected:
            return "NATS is away"
        return "; ".join(await missing(bus.js, settings)) or None

    async def store_ready() -> str | None:
        try:
            await objects.check()
        except (TryAgain, GiveUp) as error:
            return str(error)
        return None

    add_health(app, {"bus": bus_ready, "store": store_ready})
    runner, url = await listen(app, settings.http_host, settings.http_port)
    return RunningWorker(name, url, working, broker, bus, objects, workshop, runner)


def main(compose: Compose) -> None:
    """Run a worker service as a process of its own."""

    async def start(settings: Settings) -> RunningWorker:
        return await serve(compose, settings)

    running.run(compose.__module__.split(".")[1], start)


def _broker(bus: Bus, settings: Settings, workshop: Workshop, working: Working) -> NatsBroker:
    """FastStream over our lanes: one subscriber a slot, each fetching one job at a time: none waits unheld."""
    broker = NatsBroker(
        settings.nats_url,
        name=f"storyloom-{workshop.service.value}-jobs",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,  # type: ignore[arg-type] # FastStream says int, nats-py takes seconds
        graceful_timeout=1,
        apply_types=False,
        logger=None,
    )
    lanes = {
        Priority.NORMAL: settings.slots_normal,
        Priority.HIGH: settings.slots_high,
        Priority.URGENT: settings.slots_urgent,
    }
    for priority, slots in lanes.items():
        for slot in range(slots):
            broker.subscriber(
                bus.names.subject(f"job.{workshop.service.value}.{priority.value}.>"),
                stream=JStream(bus.names.jobs, declare=False),
                durable=bus.names.lane(workshop.service, priority),
                pull_sub=PullSub(batch_size=1, timeout=2),
                ack_policy=AckPolicy.MANUAL,
                decoder=_as_it_is,
                include_in_schema=slot == 0,
            )(working.on_message)
    return broker


async def _as_it_is(message: NatsMessage) -> NatsMessage:
    # The job is read where a message that is none can be buried; here it only passes.
    return message


def _answer(working: Working) -> Callable[[Msg], Awaitable[None]]:
    async def answer(message: Msg) -> None:
        await message.respond(orjson.dumps(working.held))

    return answer


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
