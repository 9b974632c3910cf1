"""A picture's bytes decoded and checked, and its colours for the child's lamp (Philips Hue)."""

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

from PIL import Image, ImageChops, ImageFilter, ImageOps

from storyloom.runtime.executors import run_in_thread
from storyloom.story.results import HexColour

FORMATS = ("PNG", "JPEG", "WEBP")
"""What OpenAI's picture endpoints can answer with, whatever they were asked for."""
MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 4096 * 4096
"""Pixels of a picture that is decoded; the largest that is ordered has a tenth of them."""
MAX_CROP = 0.08
"""The share of a picture's width or height that may be cut off to make it fit; beyond that somebody may be lost."""
_MARGIN_BLUR = 40
# What Pillow's decoders raise for damaged files; the bombs for a header that claims to be huge.
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

MIN_COLOUR_DISTANCE = 80.0
"""RGB distance that two colours of a palette have at least, where the picture has such colours."""
_THUMBNAIL_SIZE = 160
_MAX_COLOURS = 8
_MIN_SHARE = 0.004
_VIVID_COLOURS = 6
_MIN_CHROMA = 70  # of 255: what is paler is no colour on a wall
_NEW_DISTANCE = 24.0  # RGB: nearer than this it is a colour that the picture as a whole has given already

Rgb = tuple[int, int, int]


class NotAPictureError(Exception):
    """The bytes are no picture that the ordered one could be made of. The message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A whole PNG, its size in pixels and its three colours."""

    png: bytes
    width: int
    height: int
    hue_colours: tuple[HexColour, ...]


async def decode(data: bytes, size: tuple[int, int]) -> DecodedImage:
    """Decode a PNG, JPEG or WebP in a thread, and make a PNG of the ordered size of it. Raises NotAPictureError.

    A PNG that is as it was ordered stays as it came, byte for byte.
    """
    return await run_in_thread(_decode, data, size)


def _decode(data: bytes, size: tuple[int, int]) -> DecodedImage:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check(picture, data, size)
            picture.load()
            if _as_ordered(picture, size):
                return DecodedImage(data, *size, read_palette(picture))
            fitted = _fit(_flatten(picture), size)
    except _DECODE_ERRORS as error:
        raise NotAPictureError("it cannot be decoded") from error
    out = io.BytesIO()
    fitted.save(out, "PNG")
    return DecodedImage(out.getvalue(), *size, read_palette(fitted))


def _check(picture: Image.Image, data: bytes, size: tuple[int, int]) -> None:
    """By the header, before a pixel is decoded: a bomb is never unpacked."""
    if len(data) > MAX_BYTES:
        raise NotAPictureError("it is too large")
    wide, high = picture.size
    if wide * high > MAX_PIXELS or min(wide, high) * 2 < min(size):
        raise NotAPictureError(f"it is {wide}x{high}, not {size[0]}x{size[1]}")


def _as_ordered(picture: Image.Image, size: tuple[int, int]) -> bool:
    plain = picture.format == "PNG" and picture.mode == "RGB" and not picture.has_transparency_data
    return plain and picture.size == size and not getattr(picture, "is_animated", False)


def _flatten(picture: Image.Image) -> Image.Image:
    """The picture upright, on white where it was transparent, in three colours of eight bits."""
    upright = ImageOps.exif_transpose(picture)
    if not upright.has_transparency_data:
        return upright.convert("RGB")
    ground = Image.new("RGBA", upright.size, "white")
    ground.alpha_composite(upright.convert("RGBA"))
    return ground.convert("RGB")


def _fit(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture in the ordered size: a little of its edges cut off; of another shape, whole on a blur of itself."""
    if picture.size == size:
        return picture
    scales = [ordered / there for ordered, there in zip(size, picture.size, strict=True)]
    filled = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    if 1 - min(scales) / max(scales) <= MAX_CROP:
        return filled
    whole = ImageOps.contain(picture, size, Image.Resampling.LANCZOS)
    filled = filled.filter(ImageFilter.GaussianBlur(_MARGIN_BLUR))
    filled.paste(whole, ((size[0] - whole.width) // 2, (size[1] - whole.height) // 2))
    return filled


def read_palette(picture: Image.Image) -> tuple[HexColour, HexColour, HexColour]:
    """Three colours, the same for the same pixels. CPU work (50 ms): keep it out of the event loop.

    Method: Pillow's median cut with two k-means rounds on a thumbnail, and once more on its most saturated fifth alone:
    the mean of a meadow is mud, and what a lamp is to shine like is its poppies. Of all triples the deepest whose
    colours stand apart, else the one that stands furthest apart. A picture of fewer than three colours is filled up
    with shades.
    """
    shares = _quantise(picture)
    chosen = _choose(shares) if len(shares) >= 3 else list(shares)
    chosen.sort(key=lambda colour: (-shares[colour], colour))
    one, two, three = [*chosen, *_shades(chosen[0])][:3]
    return _hex(one), _hex(two), _hex(three)


def _quantise(picture: Image.Image) -> dict[Rgb, float]:
    """The main colours and what share of the picture each has, 0 to 1."""
    small = picture.convert("RGB")
    small.thumbnail((_THUMBNAIL_SIZE, _THUMBNAIL_SIZE))
    whole = small.width * small.height
    counts = _count(small, _MAX_COLOURS)
    seen = {colour: count / whole for colour, count in counts.items() if count / whole >= _MIN_SHARE}
    seen = seen or {max(counts, key=lambda colour: counts[colour]): 1.0}
    for colour, count in _count(_vivid(small), _VIVID_COLOURS).items():
        if count / whole >= _MIN_SHARE and all(distance(colour, other) >= _NEW_DISTANCE for other in seen):
            seen[colour] = count / whole
    return seen


def _vivid(picture: Image.Image) -> Image.Image | None:
    """The pixels of the most saturated fifth, in a row; None in a picture without colour."""
    _, saturation, value = picture.convert("HSV").split()
    chroma = ImageChops.multiply(saturation, value).tobytes()
    least = max(sorted(chroma)[len(chroma) * 4 // 5], _MIN_CHROMA)
    pixels = picture.tobytes()
    kept = b"".join(pixels[3 * place : 3 * place + 3] for place, much in enumerate(chroma) if much >= least)
    return Image.frombytes("RGB", (len(kept) // 3, 1), kept) if kept else None


def _count(picture: Image.Image | None, colours: int) -> dict[Rgb, int]:
    """Pixels of each main colour."""
    if picture is None:
        return {}
    quantised = picture.quantize(colours, Image.Quantize.MEDIANCUT, kmeans=2)
    table = quantised.getpalette() or []
    counts: dict[Rgb, int] = {}
    for count, index in quantised.getcolors() or []:
        assert isinstance(index, int), "a quantised picture holds indices"
        colour = (table[3 * index], table[3 * index + 1], table[3 * index + 2])
        counts[colour] = counts.get(colour, 0) + count
    return counts


def _choose(shares: dict[Rgb, float]) -> list[Rgb]:
    # The product, not the sum: one strong colour must not carry two dull ones.
    weights = {colour: share**0.35 * _depth(colour) for colour, share in shares.items()}
    triples = [*combinations(sorted(shares), 3)]
    apart = [triple for triple in triples if _closest(triple) >= MIN_COLOUR_DISTANCE]
    if apart:
        return list(max(apart, key=lambda triple: (prod(weights[colour] for colour in triple), triple)))
    furthest = max(triples, key=lambda triple: (_closest(triple), triple))
    return list(furthest)


def _depth(colour: Rgb) -> float:
    """How much a lamp can make of it: chroma counts, paper white and pitch black do not."""
    chroma = (max(colour) - min(colour)) / 255
    return 0.05 + chroma if max(colour) >= 40 else 0.02


def _closest(colours: Sequence[Rgb]) -> float:
    return min(distance(one, other) for one, other in combinations(colours, 2))


def distance(one: Rgb, other: Rgb) -> float:
    """Euclidean, 0 to 441."""
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)


def _shades(colour: Rgb) -> tuple[Rgb, Rgb]:
    """Two shades of a colour, darker or lighter, whichever there is room for."""
    bright = sum(colour) > 3 * 127
    red, green, blue = ([c // 2, c // 4] if bright else [c + (255 - c) // 2, c + (255 - c) * 3 // 4] for c in colour)
    return (red[0], green[0], blue[0]), (red[1], green[1], blue[1])


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
