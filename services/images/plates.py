"""Plates: a picture's bytes, found to be what they should be before anybody keeps or shows them."""

import io
from dataclasses import dataclass

from PIL import Image

from services.images.palette import read_palette
from storyloom.runtime.executors import run_in_thread
from storyloom.story.results import HexColour

MOST_BYTES = 32 * 1024 * 1024


# What Pillow raises for damaged files; the last two for a header that claims to be huge.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, Image.DecompressionBombWarning)


class NotAPictureError(Exception):
    """The bytes are no PNG of the size that was ordered. The message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A whole PNG, its size in pixels and its three colours."""

    png: bytes
    width: int
    height: int
    hue_colours: tuple[HexColour, ...]


async def develop(png: bytes, size: tuple[int, int]) -> DecodedImage:
    """Decode the bytes in a thread. Raises NotAPictureError."""
    return await run_in_thread(_develop, png, size)


def _develop(png: bytes, size: tuple[int, int]) -> DecodedImage:
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
            _check(picture, png, size)
            picture.load()
            return DecodedImage(png, *picture.size, read_palette(picture))
    except _DAMAGE as error:
        raise NotAPictureError("it cannot be decoded") from error


def _check(picture: Image.Image, png: bytes, size: tuple[int, int]) -> None:
    """By the header, before a pixel is decoded: a bomb is never unpacked."""
    if len(png) > MOST_BYTES:
        raise NotAPictureError("it is too large")
    if picture.size != size:
        raise NotAPictureError(f"it is {picture.width}x{picture.height}, not {size[0]}x{size[1]}")
