"""The press: WeasyPrint in a process of its own, started when first needed, replaced when it hangs.

A book costs a second of pure CPU and 150 MB, and WeasyPrint takes seconds to import: none of it belongs in the event
loop, and none of it should stay. The process (printer.py) is retired after some books or some idle seconds.
"""

import asyncio
import ctypes
import json
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from services.documents.printer import File
from storyloom.runtime.priority import PriorityLock
from storyloom.story.assets import Priority
from storyloom.story.errors import PermanentError, RetryableError

log = structlog.get_logger()

PRINTER = Path(__file__).with_name("printer.py")

INSTALL = (
    "The book cannot be printed: the system library Pango is missing. Install it "
    "(Debian, Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0; macOS: brew install pango) and start again."
)
_LIBRARIES = {
    "Pango": ("libpango-1.0.so.0", "libpango-1.0.dylib", "libpango-1.0-0.dll", "libpango-1.0-0"),
    "PangoFT2": ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib", "libpangoft2-1.0-0.dll", "libpangoft2-1.0-0"),
}
"""What WeasyPrint loads (weasyprint/text/ffi.py); the rest of its libraries come with these two."""


def check_libraries(libraries: Mapping[str, tuple[str, ...]] = _LIBRARIES) -> None:
    """Raise PermanentError(code="missing_library") with what to install, unless the system can print books.
    Milliseconds.
    """
    for names in libraries.values():
        if not any(_loads(name) for name in names):
            raise PermanentError(INSTALL, code="missing_library")


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Sheet:
    """A book ready to print: its HTML, and the files that it names as ``book:<name>``."""

    html: str
    files: Mapping[str, File] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class Print:
    """A printed book. ``remarks`` is what WeasyPrint found odd; empty for a sheet without faults."""

    pdf: bytes
    pages: int
    remarks: tuple[str, ...] = ()


class DamagedPictureError(Exception):
    """A picture of the sheet cannot be decoded; the book can be printed without it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Press:
    """Prints one sheet at a time, the urgent first, but never they alone.

    ``close`` it when done; a press that is not closed ends with this process.

    Raises RetryableError when the process died or took longer than ``timeout`` seconds (it has been replaced by then),
    PermanentError when the sheet cannot be printed at all, DamagedPictureError when it could without one of its
    pictures.
    """

    def __init__(
        self, *, timeout: float = 90, books: int = 25, idle: float = 20, command: tuple[str, ...] = ()
    ) -> None:
        self._command = command or (sys.executable, "-P", str(PRINTER))
        self._timeout = timeout
        self._books = books
        self._idle = idle
        self._turns = PriorityLock()
        self._process: Process | None = None
        self._printed = 0
        self._closed = False
        self._warming: asyncio.Task[None] | None = None
        self._retirement: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The process that prints, None while there is none."""
        return self._process.pid if self._process else None

    async def warm(self) -> None:
        """Start the process and have it import what it needs. Cheap when that is done already."""
        if self._process is None:
            await self._ask(Sheet(""))

    def expect(self) -> None:
        """A book will come soon: warm up in the background. Never raises; what is wrong will show with the book."""
        if self._process is None and (self._warming is None or self._warming.done()):
            self._warming = asyncio.create_task(self._warm_quietly(), name="press.warm")

    async def print(self, sheet: Sheet) -> Print:
        """Print a book."""
        header, files = await self._ask(sheet)
        return Print(files["book.pdf"][1], header["pages"], tuple(header["remarks"]))

    async def close(self) -> None:
        """End the process for good; books under way or in the queue raise RetryableError. Safe to call twice."""
        self._closed = True
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        # Whoever waits for its answer hears of the end first and cleans up; two must not read one pipe.
        async with self._turns.turn(Priority.URGENT):
            await self._end()

    async def _warm_quietly(self) -> None:
        try:
            await self.warm()
        except (RetryableError, PermanentError, OSError) as error:
            log.warning("press.cold", reason=str(error))

    async def _ask(self, sheet: Sheet) -> tuple[dict[str, Any], dict[str, File]]:
        async with self._turns.turn(sheet.priority):
            if self._closed:
                raise RetryableError("press: the service is stopping")
            process = await self._start()
            try:
                async with asyncio.timeout(self._timeout):
                    header, files = await _exchange(process, sheet)
            except TimeoutError as error:
                await self._end()
                raise RetryableError(f"press: a book took longer than {self._timeout:g} s") from error
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                await self._end()
                raise RetryableError("press: the printing process ended in the middle of a book") from error
            except BaseException:
                # Cancelled in the middle: what is still in the pipe would be the next book's answer.
                await self._end()
                raise
            await self._rest()
        match header.get("error"):
            case None:
                return header, files
            case "missing_library":
                raise PermanentError(INSTALL, code="missing_library", details={"reason": header["reason"]})
            case "damaged_picture":
                raise DamagedPictureError(header["picture"])
            case _:
                raise PermanentError(f"press: the book cannot be set ({header['reason']})", code="bug")

    async def _start(self) -> Process:
        self._stay()
        if self._process is not None and self._process.returncode is not None:
            await self._end()
        if self._process is None:
            self._printed = 0
            # A session of its own: Ctrl-C in a terminal would else kill the book that a drain still waits for.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
            )
            log.info("press.started", pid=self._process.pid)
        return self._process

    async def _rest(self) -> None:
        """After a book: retire the process when it has printed enough, else soon, unless another book comes."""
        self._printed += 1
        if self._printed >= self._books:
            await self._end()
        else:
            self._retirement = asyncio.get_running_loop().call_later(self._idle, self._retire)

    def _stay(self) -> None:
        if self._retirement:
            self._retirement.cancel()
            self._retirement = None

    def _retire(self) -> None:
        """Close its stdin: it ends by itself. The next book starts another."""
        process, self._process, self._retirement = self._process, None, None
        if process is not None and process.stdin is not None:
            process.stdin.close()

    async def _end(self) -> None:
        self._stay()
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        # communicate() also reads the pipes to their end, so that their transports are closed.
        await process.communicate()


async def _exchange(process: Process, sheet: Sheet) -> tuple[dict[str, Any], dict[str, File]]:
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise ConnectionError
    listed = [[name, kind, len(data)] for name, (kind, data) in sheet.files.items()]
    head = json.dumps({"html": sheet.html, "files": listed}).encode()
    stdin.write(struct.pack(">I", len(head)) + head)
    for _, data in sheet.files.values():
        stdin.write(data)
        await stdin.drain()
    await stdin.drain()
    (length,) = struct.unpack(">I", await stdout.readexactly(4))
    header: dict[str, Any] = json.loads(await stdout.readexactly(length))
    files = {name: (kind, await stdout.readexactly(size)) for name, kind, size in header["files"]}
    return header, files
