"""Bytes are found to be the picture that was ordered before anybody keeps them."""

import io
import struct
import zlib

import pytest
from PIL import Image

from services.images import palette
from services.images.palette import NotAPictureError, decode
from tests.unit.images.samples import png_of


async def test_a_whole_picture_is_developed() -> None:
    png = png_of((64, 96))
    image = await decode(png, (64, 96))
    assert (image.png, image.width, image.height, len(image.hue_colours)) == (png, 64, 96, 3)


async def test_a_cut_picture_is_none() -> None:
    png = png_of((64, 96))
    with pytest.raises(NotAPictureError, match="decoded"):
        await decode(png[: len(png) // 2], (64, 96))


async def test_other_bytes_are_none() -> None:
    for data in (b"", b"<html>", b"\x89PNG\r\n\x1a\n" + b"\0" * 64):
        with pytest.raises(NotAPictureError):
            await decode(data, (64, 96))


async def test_a_jpeg_is_none() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 96)).save(out, "JPEG")
    with pytest.raises(NotAPictureError):
        await decode(out.getvalue(), (64, 96))


async def test_another_size_is_refused() -> None:
    with pytest.raises(NotAPictureError, match="64x64, not 64x96"):
        await decode(png_of((64, 64)), (64, 96))


@pytest.mark.parametrize("side", [9_000, 12_000, 100_000])
async def test_a_bomb_is_never_unpacked(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(NotAPictureError):
        await decode(bomb, (64, 96))


async def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(palette, "MAX_BYTES", 100)
    with pytest.raises(NotAPictureError, match="too large"):
        await decode(png_of((64, 96)), (64, 96))
