"""Some workers in one process, of the release in PYTHONPATH: ``python worker_group.py content images``.

The services' own code and drain; they share the imports, which are most of a start. Nothing of the tests is imported.
"""

import asyncio
import importlib
import signal
import sys
from contextlib import suppress
from typing import Any

from storyloom.jobs import worker
from storyloom.runtime.logs import set_up
from storyloom.runtime.settings import load_settings


async def main(names: list[str]) -> None:
    """Run them until SIGTERM. The internal port answers once the last of them is ready."""
    settings = load_settings()
    set_up(settings, "workers")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with suppress(ModuleNotFoundError):  # a release that did not wait for what it needs
        waiting = importlib.import_module("storyloom.web.prerequisites")
        bus_error = importlib.import_module("storyloom.messaging.connection").bus_error
        await waiting.wait_for_prerequisites({"bus": lambda found: bus_error(found, "workers")}, settings)
    running: list[Any] = []
    for name in names:
        compose = importlib.import_module(f"services.{name}.app").compose
        port = settings.internal_port if name == names[-1] else 0
        running.append(await worker.serve(compose, settings.model_copy(update={"internal_port": port})))
    await stop.wait()
    await asyncio.gather(*(one.stop() for one in running))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
