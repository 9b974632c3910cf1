"""A worker service: the broker with what app.py declares, and health. The same for all four."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from storyloom.jobs.definition import WorkerDefinition
from storyloom.jobs.runner import JobRunner
from storyloom.messaging.asyncapi import ServiceApi, document
from storyloom.messaging.broker import Broker
from storyloom.messaging.connection import bus_error, wait_for_topology
from storyloom.messaging.observability import prometheus
from storyloom.messaging.topology import topology_differences
from storyloom.messaging.tracing import tracing
from storyloom.runtime import supervision
from storyloom.runtime.settings import Settings
from storyloom.runtime.spans import Spans, spans_of
from storyloom.storage.objects import Objects
from storyloom.storage.probe import StoreProbe
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.web.asyncapi import add_asyncapi
from storyloom.web.health import internal_app
from storyloom.web.server import listen

Compose = Callable[[Settings, Objects], WorkerDefinition]


@dataclass
class RunningWorker:
    """One worker service, taking jobs."""

    name: str
    url: str
    runner: JobRunner
    broker: Broker
    _objects: Objects
    _definition: WorkerDefinition
    _http: web.AppRunner
    _probing: asyncio.Task[None]
    _stopped: bool = False

    @property
    def internal_url(self) -> str:
        """Where it answers HTTP: it has no other port."""
        return self.url

    async def stop(self) -> None:
        """Finish or hand back what runs, then close everything."""
        if self._stopped:
            return
        self._stopped = True
        self.runner.drain()
        await supervision.cancel_and_wait(self._probing)
        await self.broker.stop()
        await self._definition.close()
        await self._objects.close()
        await self._http.cleanup()


async def serve(
    compose: Compose, settings: Settings, *, objects: Objects | None = None, spans: Spans | None = None
) -> RunningWorker:
    """Start a worker service. Raises BusUnavailableError when NATS is unreachable, OSError when the port is taken.

    ``spans``: other ones than the settings'.
    """
    objects = objects or Objects(settings)
    definition = compose(settings, objects)
    name = definition.service.value
    broker, runner = make_broker(definition, objects, settings, spans=spans)
    await broker.connect()

    async def bus_ready() -> str | None:
        if not broker.is_connected:
            return "NATS is not reachable"
        return "; ".join(await topology_differences(broker.bus.js, settings)) or None

    async def store_ready() -> str | None:
        if objects.write_error is not None:
            return objects.write_error
        try:
            await objects.check()
        except (RetryableError, PermanentError) as error:
            return str(error)
        return None

    app = internal_app({"bus": bus_ready, "store": store_ready, "loops": broker.bus.crashes.check})
    add_asyncapi(app, lambda: document([ServiceApi(name, broker)]))
    http, url = await listen(app, settings.internal_host, settings.internal_port)
    probe = StoreProbe(objects)
    await probe.probe()
    await wait_for_topology(broker.bus)
    probing = asyncio.create_task(
        supervision.supervise("store_probe", probe.run, broker.bus.crashes), name="store_probe"
    )
    await broker.start()
    return RunningWorker(name, url, runner, broker, objects, definition, http, probing)


def make_broker(
    definition: WorkerDefinition, objects: Objects, settings: Settings, *, spans: Spans | None = None
) -> tuple[Broker, JobRunner]:
    """The broker of a worker service, not connected yet, and its JobRunner."""
    name = definition.service.value
    spans = spans or spans_of(settings, name)
    observed = (prometheus(settings, name), *tracing(spans, settings.nats_subject_prefix))
    broker = Broker(settings, name, middlewares=observed, graceful_timeout=settings.drain_seconds)
    runner = JobRunner(broker, objects, definition, settings)
    broker.include_router(runner.router)
    broker.include_router(definition.jobs, middlewares=[runner.middleware])
    if definition.questions is not None:
        broker.include_router(definition.questions)
    return broker, runner


def main(compose: Compose, *, name: str = "") -> None:
    """Run a worker service as a process of its own. ``name``: what logs call it, instead of its package's name."""

    async def start(settings: Settings) -> RunningWorker:
        return await serve(compose, settings)

    name = name or compose.__module__.split(".")[1]
    supervision.run(name, start, {"bus": lambda settings: bus_error(settings, name)})
