"""``python -m local.all_in_one``: the services in one process, one event loop.

Imports begin at once, while the servers still start; then it waits for its settings, a JSON file of environment
variables that the launcher writes when they are known (``STORYLOOM_ENVIRONMENT`` names it).
"""

import asyncio
import importlib
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx  # noqa: F401 - elevenlabs imports it in a thread, and openai would look into it half imported
import structlog
import uvloop
from pydantic import SecretStr

from local.memory import trim_heap
from local.own_urls import own_urls
from local.programs import PUBLIC, SERVICES
from storyloom.messaging.connection import BusUnavailableError
from storyloom.runtime.logs import log_loop_error, set_up
from storyloom.runtime.settings import InvalidSettingError, LogSettings, Settings, load_settings
from storyloom.runtime.supervision import Running, Serve, settle

SLOW_IMPORTS = ("openai", "elevenlabs")
"""What services import when they first need it. Here that would stop all of them for seconds."""

TRIM_INTERVAL_SECONDS = 15.0

log = structlog.get_logger(__name__)


def main() -> int:
    """Run until SIGINT or SIGTERM."""
    starts = {name: _serve(name) for name in SERVICES}
    return uvloop.run(_run(starts))


async def _run(starts: dict[str, Serve]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    while not (environment := _read(Path(os.environ["STORYLOOM_ENVIRONMENT"]))):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.02)
    os.environ.update(environment)
    try:
        settings = load_settings()
    except InvalidSettingError as error:
        set_up(LogSettings.model_construct(), "local")
        return _cannot_start(error)
    set_up(settings, "local")
    try:
        running = await _start(starts, settings)
    except ExceptionGroup as group:
        reason = group.split((OSError, BusUnavailableError))[0]
        if reason is None:
            raise
        return _cannot_start(reason.exceptions[0])
    settle()
    threading.Thread(target=_import_heavy, name="imports", daemon=True).start()
    tidying = asyncio.create_task(_trim_periodically())
    await stop.wait()
    tidying.cancel()
    await asyncio.gather(*(service.stop() for service in running), return_exceptions=True)
    return 0


def _cannot_start(error: Exception) -> int:
    """Say why, in the log's last line, which the launcher repeats."""
    log.error("service.cannot_start", error=str(error))
    return 1


def _read(path: Path) -> dict[str, str]:
    """The variables, none while they are not known yet."""
    try:
        return {str(name): str(value) for name, value in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}


async def _start(starts: dict[str, Serve], settings: Settings) -> list[Running]:
    async def start(name: str) -> Running:
        structlog.contextvars.bind_contextvars(service=name)  # each runs in a task, so in a context of its own
        own: dict[str, Any] = {"internal_port": int(os.environ[f"{name.upper()}_INTERNAL_PORT"])}
        if name in PUBLIC:
            own["http_port"] = int(os.environ[f"{name.upper()}_PORT"])
        urls = own_urls(name, os.environ)
        own |= {"nats_url": urls["NATS_URL"]} if "NATS_URL" in urls else {}
        own |= {"database_url": SecretStr(urls["DATABASE_URL"])} if "DATABASE_URL" in urls else {}
        return await starts[name](settings.model_copy(update=own))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(start(name)) for name in starts]
    return [task.result() for task in tasks]


def _serve(name: str) -> Serve:
    """How a service starts: api, status and webhooks say it themselves, the workers are composed."""
    app = importlib.import_module(f"services.{name}.app")
    if hasattr(app, "serve"):
        serve: Serve = app.serve
        return serve
    worker = importlib.import_module("storyloom.jobs.worker")

    async def serve_worker(settings: Settings) -> Running:
        running: Running = await worker.serve(app.compose, settings)
        return running

    return serve_worker


async def _trim_periodically() -> None:
    """Return, again and again, what pictures and sound left in the allocator's free lists."""
    while True:
        await asyncio.sleep(TRIM_INTERVAL_SECONDS)
        await asyncio.to_thread(trim_heap)


def _import_heavy() -> None:
    for module in SLOW_IMPORTS:
        with suppress(ImportError, OSError):
            importlib.import_module(module)


if __name__ == "__main__":
    sys.exit(main())
