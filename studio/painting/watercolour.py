"""The watercolour finish: a hand's wobble, pigment at the edges, wash, paper. All numpy."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


def paint(drawing: Image.Image) -> Image.Image:
    """A rendered drawing (RGB) as an RGB picture on paper, of the same size."""
    flat = np.asarray(drawing)
    textures = _textures(flat.shape[1], flat.shape[0])
    moved: Pixels = flat.reshape(-1, 3)[textures.wobble]
    grey = Image.fromarray(moved).convert("L")
    blurred = grey.filter(ImageFilter.BoxBlur(max(1.0, 5 * textures.scale)))
    light = np.asarray(grey, np.float32)
    pooled = np.abs(light - np.asarray(blurred, np.float32))
    # Pigment gathers where colours meet: those edges darken, by a seventh at most.
    shade = 1 - np.minimum(pooled * np.float32(0.6 / 255), np.float32(0.15))
    light *= np.float32(1 / 255)
    shade *= 1 + textures.wash * (np.float32(1.45) - light)
    shade *= textures.paper
    colours = moved * shade[..., None]
    np.clip(colours, 0, 255, out=colours)
    return Image.fromarray(colours.astype(np.uint8))


class _Textures:
    """What depends on the size alone: made once, kept for the next picture."""

    def __init__(self, width: int, height: int) -> None:
        self.scale = min(width, height) / 1024
        size = (width, height)
        sway = [_noise(size, 46, 2, seed) - np.float32(0.5) for seed in (1, 2)]
        reach = np.float32(9.0 * self.scale)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.int32)
        moved_x = np.clip(columns + (sway[0] * reach).astype(np.int32), 0, width - 1)
        moved_y = np.clip(rows + (sway[1] * reach).astype(np.int32), 0, height - 1)
        self.wobble = (moved_y * width + moved_x).astype(np.int32)
        self.wash: Floats = (_noise(size, 210, 4, 9) - np.float32(0.5)) * np.float32(0.22)
        self.wash += (_noise(size, 34, 3, 10) - np.float32(0.5)) * np.float32(0.12)
        self.paper = self._paper(size)

    def _paper(self, size: tuple[int, int]) -> Floats:
        """Light from the upper left on the paper's tooth, and a vignette towards the corners."""
        tooth = _noise(size, 3.2, 3, 5) + np.float32(0.5) * _noise(size, 9, 2, 6)
        down, across = np.gradient(tooth)
        grain = np.clip(1 - (down + across) * np.float32(0.22), 0.90, 1.06)
        y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
        corner = np.clip(np.hypot(x, y) - 0.82, 0, 1)
        paper: Floats = (grain * (1 - 0.28 * corner)).astype(np.float32)
        return paper


@lru_cache(maxsize=4)
def _textures(width: int, height: int) -> _Textures:
    return _Textures(width, height)


def _noise(size: tuple[int, int], grain: float, octaves: int, seed: int) -> Floats:
    """Smooth noise, 0-1, with features of about `grain` pixels of a 1024-pixel picture."""
    width, height = size
    chance = np.random.default_rng(seed)
    unit = max(1.0, grain * min(size) / 1024)
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = (max(2, round(width / unit * 2**octave)), max(2, round(height / unit * 2**octave)))
        cells = (min(cells[0], width), min(cells[1], height))
        coarse = Image.fromarray(chance.random((cells[1], cells[0]), np.float32))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) * np.float32(0.5**octave)
    total -= total.min()
    total /= np.float32(float(total.max()) or 1)
    return total
