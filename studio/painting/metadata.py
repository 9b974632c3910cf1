"""What was drawn, in a picture's own metadata: an iTXt chunk, `studio:drawn`, written and read back."""

import io
import json
from typing import Any

from PIL import Image, PngImagePlugin, UnidentifiedImageError

CHUNK = "studio:drawn"
LONGEST = 16_384


def build_chunk(drawn: dict[str, Any]) -> PngImagePlugin.PngInfo:
    """The chunk that says what was drawn, ASCII only. Raises ValueError beyond 16 KiB."""
    text = json.dumps(drawn, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    if len(text) > LONGEST:
        raise ValueError(f"too much drawn for a chunk: {len(text)} characters")
    info = PngImagePlugin.PngInfo()
    info.add_itxt(CHUNK, text)
    return info


def read_metadata(png: bytes) -> dict[str, Any] | None:
    """What the studio drew in this picture; None if the picture is not the studio's, or no picture."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            text = picture.info.get(CHUNK)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    try:
        drawn = json.loads(text)
    except ValueError:
        return None
    return drawn if isinstance(drawn, dict) else None
