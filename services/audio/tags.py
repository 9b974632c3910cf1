"""What an MP3 says of itself to players and shelves: ID3 tags, written by libav.

The title may hold the child's name, as the printed book's does: the file is the parent's. Its name and key never do.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import av
import structlog
from av.container import OutputContainer
from av.error import FFmpegError
from langcodes import Language

CONTAINER: Mapping[str, str] = {"id3v2_version": "3"}
"""What libav's MP3 is written with: ID3v2.3, which Windows and car radios read, too; 2.4 many of them do not."""
COVER_SIDE = 600
"""Pixels of the cover's longer side: sharp on a phone's lock screen, and a tenth of the sound's bytes."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tags:
    """A recording's title, the language that is spoken (BCP 47), and its cover as a JPEG (``shrink_cover``)."""

    title: str | None = None
    language: str | None = None
    cover: bytes | None = None

    def entries(self) -> dict[str, str]:
        """By libav's names; ID3 has languages by three letters (ISO 639-2)."""
        entries = {} if self.title is None else {"title": self.title}
        if self.language is not None:
            entries["language"] = Language.get(self.language).to_alpha3()
        return entries

    def add_cover(self, container: OutputContainer) -> None:
        """Add the picture, after the sound's stream was added and before anything else is written."""
        if self.cover is None:
            return
        stream = container.add_stream("mjpeg")
        stream.width, stream.height, stream.pix_fmt = COVER_SIDE, COVER_SIDE, "yuvj420p"
        stream.metadata["comment"] = "Cover (front)"  # by this libav knows ID3's picture type 3
        packet = av.Packet(self.cover)
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        container.mux(packet)


NO_TAGS = Tags()


def shrink_cover(picture: bytes) -> bytes | None:
    """A picture (PNG) as a JPEG of a cover's size; None if it cannot be decoded, which is no reason to lose a story."""
    try:
        with av.open(io.BytesIO(picture), "r") as container:
            frame = next(container.decode(video=0))
        scale = COVER_SIDE / max(frame.width, frame.height)
        wide, high = (max(2, round(side * scale)) for side in (frame.width, frame.height))
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mjpeg") as out:
            stream = out.add_stream("mjpeg", rate=1)
            stream.width, stream.height, stream.pix_fmt = wide, high, "yuvj420p"
            stream.codec_context.options = {"qmin": "3", "qmax": "3"}
            out.mux(stream.encode(frame.reformat(wide, high, "yuvj420p")))
            out.mux(stream.encode(None))
    except (FFmpegError, StopIteration, ValueError) as error:
        log.warning("audio.cover_unreadable", error=type(error).__name__)
        return None
    return buffer.getvalue()
