"""Assets as files: whole or not there at all, and resumed where a connection, or the process, was cut off."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from .errors import NO_ANSWER, StoryloomError, bad_answer
from .transport import FIRST_PAUSE, LONGEST_PAUSE, Transport, pause_before

CHUNK_BYTES = 1 << 16
ATTEMPTS = 5
"""In a row that may bring no byte, before a download is given up."""

TAGGED = "tagged"
"""The part of ``audio`` that is the narration with the cover in its tag."""
FILES: Mapping[str, tuple[str, str | None]] = {
    "cover.png": ("cover", None),
    "scene_1.png": ("scene_1", None),
    "scene_2.png": ("scene_2", None),
    "scene_3.png": ("scene_3", None),
    "scene_4.png": ("scene_4", None),
    "narration.mp3": ("audio", TAGGED),
    "narration.vtt": ("audio", "vtt"),
    "activities.json": ("activities", None),
    "book.pdf": ("pdf", None),
    "book.epub": ("epub", None),
}
"""File by file: the asset it comes from, and which part of it."""


class Download:
    """One asset on its way into a file. What has come so far stands beside it, under a name of this version's own."""

    def __init__(self, transport: Transport, path: str, part: str | None, into: Path) -> None:
        self._transport = transport
        self._path = path
        self._params = {} if part is None else {"part": part}
        self._into = into
        self._etag: str | None = None
        """Of the version that ``_partial`` is of; None where it cannot be resumed, or nothing has come yet."""
        self._partial = _beside(into, None)

    async def run(self) -> int:
        """Fetch the file; its size in bytes. Raises StoryloomError and OSError.

        Where it is given up, what has come stays for the next time, if the store names versions.
        """
        idle, had = 0, -1
        try:
            while True:
                try:
                    if (size := await self._attempt()) is not None:
                        return size
                except StoryloomError as error:
                    have = self._size()
                    idle, had = (0 if have > had else idle + 1), have
                    pause = pause_before(idle, error.retry_after, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
                    if not error.retryable or idle >= ATTEMPTS or pause > self._transport.retry_for:
                        raise
                    await asyncio.sleep(pause)
        finally:
            if self._etag is None:
                with suppress(OSError):
                    self._partial.unlink(missing_ok=True)

    async def _attempt(self) -> int | None:
        """The size of the whole file; None where what an earlier attempt has left is to be gone on with."""
        start = self._size() if self._etag else 0
        headers = {"Accept-Encoding": "identity"}  # offsets and sizes are the file's own
        if start and self._etag:
            headers |= {"Range": f"bytes={start}-", "If-Range": self._etag}
        # httpx drops the key on the way to another origin, so the store never sees it.
        async with self._transport.stream(
            "GET", self._path, params=self._params, headers=headers, follow_redirects=True
        ) as response:
            if response.status_code == httpx.codes.PARTIAL_CONTENT:
                total = _total_after(response, start)
                return await self._keep(response, total, start)
            total = _length(response)
            self._etag = _version(response)
            self._partial = _beside(self._into, self._etag)
            have = self._size() if self._etag else 0
            if have and have == total:
                return self._done(total)
            # Asked for the rest, and all of it comes: then it is taken, not asked for again.
            if start == 0 and total is not None and 0 < have < total:
                return None
            return await self._keep(response, total, 0)

    async def _keep(self, response: httpx.Response, total: int | None, start: int) -> int:
        size = start
        with self._partial.open("ab" if start else "wb") as file:
            async for chunk in response.aiter_bytes(CHUNK_BYTES):
                size += file.write(chunk)
                file.flush()  # what is here must not be asked for again, whatever becomes of this process
        if total is not None and size != total:
            detail = f"{size} of {total} bytes came"
            raise StoryloomError(NO_ANSWER, "no_answer", detail, retryable=True)
        return self._done(size)

    def _done(self, size: int) -> int:
        self._partial.replace(self._into)
        return size

    def _size(self) -> int:
        try:
            return self._partial.stat().st_size
        except FileNotFoundError:
            return 0


def _beside(into: Path, etag: str | None) -> Path:
    version = "" if etag is None else "." + hashlib.sha256(etag.encode()).hexdigest()[:16]
    return into.with_name(f".{into.name}{version}.part")


def _version(response: httpx.Response) -> str | None:
    """The entity tag that a range may be asked for by (RFC 9110, 13.1.5), if the server has ranges at all."""
    etag: str | None = response.headers.get("ETag")
    ranges = response.headers.get("Accept-Ranges", "bytes").lower()
    encoded = response.headers.get("Content-Encoding", "identity").lower() != "identity"
    return None if etag is None or etag.startswith("W/") or ranges == "none" or encoded else etag


def _length(response: httpx.Response) -> int | None:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return None
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _total_after(response: httpx.Response, start: int) -> int | None:
    """The whole file's size, of a part that begins where it was asked to. Raises StoryloomError."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    place, _, total = rest.partition("/")
    if unit != "bytes" or place.partition("-")[0] != str(start):
        raise bad_answer(response, "another part of the file than was asked for")
    return int(total) if total.isdecimal() else None
