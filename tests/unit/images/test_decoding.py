"""Bytes are found to be the picture that was ordered before anybody keeps them."""

import contextlib
import io
import random
import struct
import zlib
from typing import Any

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


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def sample(mode: str = "RGB", size: tuple[int, int] = (64, 96)) -> Image.Image:
    with Image.open(io.BytesIO(png_of(size))) as picture:
        picture.load()
        return picture.convert(mode)


def see(png: bytes) -> Image.Image:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        picture.load()
        return picture


CLEAR = Image.new("RGBA", (64, 96), (200, 30, 30, 0))
CLEAR.paste((20, 160, 80, 255), (0, 0, 64, 48))


@pytest.mark.parametrize(
    "data",
    [
        encoded(sample(), "JPEG"),
        encoded(sample(), "JPEG", progressive=True, quality=40),
        encoded(sample("CMYK"), "JPEG"),
        encoded(sample("L"), "JPEG"),
        encoded(sample(), "WEBP"),
        encoded(sample(), "WEBP", lossless=True),
        encoded(sample(), "WEBP", save_all=True, append_images=[Image.new("RGB", (64, 96))]),
        encoded(sample("RGBA"), "PNG"),
        encoded(sample("P"), "PNG"),
        encoded(sample("P"), "PNG", transparency=0),
        encoded(sample("L"), "PNG"),
        encoded(sample("1"), "PNG"),
        encoded(sample("LA"), "PNG"),
        encoded(Image.new("I;16", (64, 96), 30_000), "PNG"),
        encoded(sample(), "PNG", save_all=True, append_images=[Image.new("RGB", (64, 96))]),
        encoded(CLEAR, "PNG"),
        encoded(CLEAR, "WEBP"),
    ],
)
async def test_a_picture_of_another_form_becomes_a_png_of_three_colours(data: bytes) -> None:
    image = await decode(data, (64, 96))
    made = see(image.png)
    assert (made.size, made.mode, made.format) == ((64, 96), "RGB", "PNG")
    assert (image.width, image.height, len(image.hue_colours)) == (64, 96, 3)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
async def test_what_was_transparent_is_white(form: str) -> None:
    image = await decode(encoded(CLEAR, form, lossless=True), (64, 96))
    made = see(image.png)
    assert made.getpixel((32, 90)) == (255, 255, 255)
    assert made.getpixel((32, 10)) == (20, 160, 80)


async def test_a_picture_that_lies_on_its_side_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = await decode(encoded(sample(size=(96, 64)), "JPEG", exif=exif), (64, 96))
    assert see(image.png).size == (64, 96)


@pytest.mark.parametrize(
    "size", [(64, 64), (96, 64), (128, 192), (60, 96), (65, 97), (1024, 1024), (32, 48), (640, 200)]
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
async def test_another_size_is_made_the_ordered_one(size: tuple[int, int], form: str) -> None:
    image = await decode(encoded(sample(size=size), form), (64, 96))
    assert see(image.png).size == (image.width, image.height) == (64, 96)


async def test_of_a_picture_of_another_shape_nobody_at_its_edges_is_lost() -> None:
    square = Image.new("RGB", (96, 96), "#204080")
    square.paste("#c03020", (0, 0, 4, 96))
    square.paste("#20a050", (92, 0, 96, 96))
    made = see((await decode(encoded(square, "PNG"), (64, 96))).png)
    edges: Any = made.getpixel((0, 48)), made.getpixel((63, 48))
    assert palette.distance(edges[0], (0xC0, 0x30, 0x20)) < 15
    assert palette.distance(edges[1], (0x20, 0xA0, 0x50)) < 15


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (31, 200)])
async def test_a_picture_that_is_far_too_small_is_none(size: tuple[int, int]) -> None:
    with pytest.raises(NotAPictureError, match=f"{size[0]}x{size[1]}, not 64x96"):
        await decode(png_of(size), (64, 96))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_that_is_cut_anywhere_is_none_or_whole_and_never_an_error_of_ours(form: str) -> None:
    data = encoded(sample(), form)
    for end in range(0, len(data), max(1, len(data) // 60)):
        with contextlib.suppress(NotAPictureError):
            await decode(data[:end], (64, 96))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
async def test_a_picture_with_any_byte_spoiled_is_no_error_of_ours(form: str) -> None:
    data = encoded(sample(), form)
    rng = random.Random(7)
    for _ in range(150):
        spoiled = bytearray(data)
        for at in rng.sample(range(len(data)), 3):
            spoiled[at] = rng.randrange(256)
        with contextlib.suppress(NotAPictureError):
            await decode(bytes(spoiled), (64, 96))


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "ICO"])
async def test_other_kinds_of_pictures_are_none(form: str) -> None:
    with pytest.raises(NotAPictureError):
        await decode(encoded(sample(), form), (64, 96))


@pytest.mark.parametrize(
    ("side", "why"), [(4_097, "4097x4097"), (9_000, "9000x9000"), (12_000, "decoded"), (100_000, "decoded")]
)
async def test_a_bomb_is_never_unpacked(side: int, why: str) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(64))), chunk(b"IEND", b""))
    with pytest.raises(NotAPictureError, match=why):
        await decode(b"\x89PNG\r\n\x1a\n" + b"".join(parts), (64, 96))


async def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(palette, "MAX_BYTES", 100)
    with pytest.raises(NotAPictureError, match="too large"):
        await decode(png_of((64, 96)), (64, 96))
