"""The renderer: WeasyPrint in a process of its own, which turns a book's sheet into a PDF.

A book costs a second of pure CPU and 150 MB, and WeasyPrint takes seconds to import: none of it belongs in the event
loop, and none of it should stay. The process (render_process.py) is retired after some books or some idle seconds.
"""

import asyncio
import ctypes
import json
import struct
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import structlog

from services.documents.book.fonts import ATKINSON
from services.documents.book.render_process import File
from storyloom.runtime.executors import ProcessExecutor
from storyloom.story.assets import Priority
from storyloom.story.errors import PermanentError, RetryableError

log = structlog.get_logger()

SCRIPT = Path(__file__).resolve().with_name("render_process.py")
_FONTS = str(files(ATKINSON.package) / "files")

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
    """A book ready to render: its HTML, and the files that it names as ``book:<name>``."""

    html: str
    files: Mapping[str, File] = field(default_factory=dict)
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class RenderedBook:
    """A rendered book. ``remarks`` is what WeasyPrint found odd; empty for a sheet without faults."""

    pdf: bytes
    pages: int
    remarks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Scripts of letters that no font has: they are printed as empty boxes."""
    overflows: tuple[str, ...] = ()
    """Elements whose text leaves its place or is cut off."""


class DamagedPictureError(Exception):
    """A picture of the sheet cannot be decoded; the book can be rendered without it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Renderer:
    """Renders one sheet at a time, the urgent first, but never they alone. ``close`` it when done."""

    def __init__(
        self, *, timeout: float = 90, books: int = 25, idle: float = 20, command: tuple[str, ...] = ()
    ) -> None:
        """The process is retired after ``books``, or ``idle`` seconds without one."""
        command = command or (sys.executable, "-P", str(SCRIPT), _FONTS)
        self._executor = ProcessExecutor("renderer", command, timeout=timeout, most=books, idle=idle)
        self._warming: asyncio.Task[None] | None = None

    @property
    def process(self) -> Process | None:
        """The process that renders, None while there is none."""
        return self._executor.process

    @property
    def pid(self) -> int | None:
        """That process's id."""
        return self.process.pid if self.process else None

    async def start(self) -> None:
        """Start the process and have it import what it needs. Cheap when that is done already."""
        if self.process is None:
            await self._request(Sheet(""))

    def warm_up(self) -> None:
        """A book will come soon: start in the background. Never raises; what is wrong will show with the book."""
        if self.process is None and (self._warming is None or self._warming.done()):
            self._warming = asyncio.create_task(self._start_quietly(), name="renderer.warm_up")

    async def render(self, sheet: Sheet) -> RenderedBook:
        """Render a book.

        Raises RetryableError when the process died or took too long (it has been replaced by then), PermanentError when
        the sheet cannot be rendered at all, DamagedPictureError when it could without one of its pictures.
        """
        header, made = await self._request(sheet)
        return RenderedBook(
            made["book.pdf"][1],
            header["pages"],
            tuple(header["remarks"]),
            tuple(header.get("missing", ())),
            tuple(header.get("overflows", ())),
        )

    async def close(self) -> None:
        """End the process for good; books under way or in the queue raise RetryableError. Safe to call twice."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        await self._executor.close()

    async def _start_quietly(self) -> None:
        try:
            await self.start()
        except (RetryableError, PermanentError, OSError) as error:
            log.warning("renderer.warm_up_failed", reason=str(error))

    async def _request(self, sheet: Sheet) -> tuple[dict[str, Any], dict[str, File]]:
        header, files = await self._executor.run(partial(_exchange, sheet), sheet.priority)
        match header.get("error"):
            case None:
                return header, files
            case "missing_library":
                raise PermanentError(INSTALL, code="missing_library", details={"reason": header["reason"]})
            case "damaged_picture":
                raise DamagedPictureError(header["picture"])
            case _:
                raise PermanentError(f"renderer: the book cannot be set ({header['reason']})", code="bug")


async def _exchange(sheet: Sheet, process: Process) -> tuple[dict[str, Any], dict[str, File]]:
    """One message either way: its form is described in render_process.py."""
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
