"""What all embedded servers have in common: a folder of their own, a lock on it, one child, one address."""

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Generic, TypeVar

from local.child import Child, StartError
from local.locks import FolderLock

Address = TypeVar("Address")

MAX_STARTS = 5


class Embedded(ABC, Generic[Address]):
    """One server over ``folder``, kept running: a crash restarts it on the same port with the same data.

    Either ``start`` and ``stop``, or ``async with``, which gives the address.
    """

    name: ClassVar[str]
    transient_errors: ClassVar[tuple[str, ...]]
    """What it writes when it could not start for a reason that passes: it is then started again."""

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.log = log or self.folder / "server.log"
        self.child: Child | None = None
        self._lock = FolderLock(self.folder, self.name)

    @property
    def pid(self) -> int | None:
        """The server's process, None while it is not running."""
        return None if self.child is None else self.child.pid

    async def start(self) -> Address:
        """Start it and answer its address when it is ready. Raises UserError."""
        self._lock.take()
        try:
            await self.prepare()
            for attempt in range(1, MAX_STARTS):
                try:
                    return await self.run()
                except StartError as ended:
                    if not any(sign in ended.tail for sign in self.transient_errors):
                        raise
                    await asyncio.sleep(0.2 * attempt)
            return await self.run()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop it; its data stays. Safe to call twice, and where another one runs in the folder."""
        if not self._lock.held:
            return
        try:
            if self.child is not None:
                await self.child.stop()
                self.child = None
            self.restore()
        finally:
            self._lock.release()

    def kill(self) -> None:
        """Kill it at once; the next start recovers."""
        if self.child is not None:
            self.child.kill()

    async def __aenter__(self) -> Address:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @abstractmethod
    async def prepare(self) -> None:
        """Make ready what the server needs in its folder, once a start."""

    def restore(self) -> None:
        """Undo what ``prepare`` did outside the folder, once the server has stopped."""

    @abstractmethod
    async def run(self) -> Address:
        """Choose ports, set ``child``, start it, answer the address."""
