"""An images worker as a process of its own, to be frozen, woken and asked to stop."""

import asyncio
import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Self

from storyloom.jobs import worker
from storyloom.jobs.definition import Report
from storyloom.runtime.settings import Settings
from storyloom.runtime.supervision import Serve, _until_stopped
from storyloom.storage.objects import Objects
from storyloom.story.assets import Service
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Picture
from tests.integration.core.system import until
from tests.makers import QuickMakers

SIGNED = "drawn by the other process"


class UncancellableHandler(Objects):
    """A store that does not honour If-None-Match, as some do not: the last writer of a manifest wins."""

    async def _call(self, operation: str, **arguments: Any) -> Any:
        arguments.pop("IfNoneMatch", None)
        return await super()._call(operation, **arguments)


class Signing(QuickMakers):
    """Begins, waits for a file to appear, and signs what it made."""

    def __init__(self, began: Event, release: Path) -> None:
        super().__init__()
        self._told = began
        self._release = release

    async def make(self, job: AssetRequested, report: Report) -> Picture:
        self._told.set()
        while not self._release.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
        made = await super().make(job, report)
        assert isinstance(made, Picture)
        return made.model_copy(update={"alt_text": SIGNED})


def _serving(began: Event, release: Path) -> Serve:
    async def serve(settings: Settings) -> worker.RunningWorker:
        makers = Signing(began, release)
        return await worker.serve(makers.compose(Service.IMAGES), settings, objects=UncancellableHandler(settings))

    return serve


def _main(settings: Settings, began: Event, release: Path) -> None:
    asyncio.run(_until_stopped("images", _serving(began, release), settings))


class WorkerProcess:
    """A worker that makes what it is given once ``release`` is called. Use it as a context: it leaves no process."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._began = context.Event()
        self._release = folder / "release"
        self._process = context.Process(target=_main, args=(settings, self._began, self._release), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()

    async def began(self) -> None:
        """Wait until it makes something."""

        async def there() -> bool:
            return self._began.is_set()

        await until(there)

    def release(self) -> None:
        """Let it go on."""
        self._release.touch()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for its end; its exit code."""

        async def gone() -> bool:
            return not self._process.is_alive()

        await until(gone)
        assert self._process.exitcode is not None
        return self._process.exitcode

    def _signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)
