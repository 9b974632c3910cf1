"""The narration as it is kept: its stored sound, behind an ID3 tag that has the cover.

The stored file has no cover, since the voice does not wait for the painting; so whoever fetches it gets another tag in
front of the same sound. ID3v2.3 (https://id3.org/id3v2.3.0), which Windows and car radios read, too. The title may hold
the child's name, as the printed book's does: the file is the parent's.
"""

import asyncio
import hashlib
import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from langcodes import Language

from storyloom.runtime.executors import run_in_thread
from storyloom.storage.objects import DamagedObjectError, Objects
from storyloom.story.results import StoredObject

log = structlog.get_logger()

HEADER_BYTES = 10
MAX_STORED_TAG_BYTES = 4096
"""Of the stored file's own tag: a title, a language and the encoder are some hundreds."""
MAX_COVER_BYTES = 200_000
SIDES = (1000, 700, 500, 350)
"""Pixels of the cover's longer side: the first at which it is small enough. At the last one nothing is larger."""
QUALITY = 85
MAX_PIXELS = 16_000_000
"""Of a painting; ours have one million."""
AT_ONCE = 2
"""Covers in memory: of each some MB as it was painted, and in pixels."""
ARTIST = "Storyloom"
"""As the e-book's creator."""
STORED_TAG = b"storyloom/stored-tag\0"
"""Owner of the private frame that holds the stored file's own tag: with it a receipt's hash can be compared."""
_LATIN, _UTF_16, _FRONT_COVER = b"\0", b"\x01", b"\x03"


@dataclass(frozen=True, slots=True)
class Front:
    """What is sent before a stored object, in the place of its first ``skip`` bytes."""

    data: bytes = b""
    skip: int = 0

    def etag(self, stored: Mapping[str, Any]) -> str:
        """Of all that is sent: other bytes have another one."""
        whole = hashlib.sha256(self.data + stored["sha256"].encode()).hexdigest() if self.data else stored["sha256"]
        return f'"{whole[:32]}"'


NO_FRONT = Front()


class Covers:
    """Makes tags' pictures. One to a process: it holds few paintings at once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def jpeg(self, stored: Mapping[str, Any]) -> bytes | None:
        """A stored picture as a small JPEG; None where it is damaged. Raises as Objects do."""
        async with self._turns:
            try:
                painted = await self._objects.get(StoredObject.model_validate(stored))
                return await run_in_thread(to_jpeg, painted)
            except (DamagedObjectError, ValueError) as error:
                log.warning("recording.without_cover", reason=str(error))
                return None


def front(head: bytes, cover: bytes, title: str | None, language: str) -> Front:
    """A tag for a recording that begins with ``head``, its first MAX_STORED_TAG_BYTES; none where its own is longer.

    ``cover`` is a JPEG, ``language`` BCP 47: ID3 has three letters (ISO 639-2).
    """
    skip = tag_bytes(head)
    if skip > len(head):
        return NO_FRONT
    frames = [] if title is None else [_frame("TIT2", _UTF_16 + b"\xff\xfe" + title.encode("utf-16-le"))]
    frames += [
        _frame("TPE1", _LATIN + ARTIST.encode("latin-1")),
        _frame("TLAN", _LATIN + Language.get(language).to_alpha3().encode("latin-1")),
        _frame("APIC", _LATIN + b"image/jpeg\0" + _FRONT_COVER + b"\0" + cover),
        _frame("PRIV", STORED_TAG + head[:skip]),
    ]
    body = b"".join(frames)
    return Front(b"ID3\x03\0\0" + bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0)) + body, skip)


def tag_bytes(head: bytes) -> int:
    """How long the ID3v2 tag is that a file begins with, its header included; 0 where it has none."""
    if len(head) < HEADER_BYTES or head[:3] != b"ID3":
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:HEADER_BYTES], (21, 14, 7, 0), strict=True))
    return HEADER_BYTES + size


def _frame(name: str, body: bytes) -> bytes:
    return name.encode() + struct.pack(">IH", len(body), 0) + body


def to_jpeg(data: bytes) -> bytes:
    """A picture as JPEG of at most MAX_COVER_BYTES, without metadata. Raises ValueError if it cannot be read."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - most replicas never need it

    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError("larger than 16 megapixels")
            flat = picture.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(type(error).__name__) from error
    out = io.BytesIO()
    for side in SIDES:
        out = io.BytesIO()
        flat.thumbnail((side, side), Image.Resampling.LANCZOS)
        flat.save(out, "JPEG", quality=QUALITY)
        if out.tell() <= MAX_COVER_BYTES:
            break
    return out.getvalue()
