"""What worker processes can do. Each kind of worker loads its own part; the server loads none of it."""

# ruff: noqa: PLC0415 - the imports are the heavy part, and the reason why there are workers

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from studio.backends import ImageRequest, Speech

Tasks = Mapping[str, Callable[..., Any]]
_DESCRIPTION = 0x010E  # EXIF ImageDescription: where jpeg and webp keep what png keeps in its text chunks


def load_tasks(kind: str) -> Tasks:
    """Load and warm up what a kind of worker does: `painting`, or the voice of an engine, `piper` or `espeak`."""
    if kind == "painting":
        generate_image(ImageRequest(prompt="Hero: a human child", size="64x64", seed=0), None)  # loads all it needs
        return {"generate_image": generate_image, "describe_image": describe_image}
    synthesise_speech("Once.", "warm", {}, kind, 0)  # loads the engine's model
    return {"synthesise_speech": synthesise_speech}


def generate_image(order: ImageRequest, reference: bytes | None) -> bytes:
    """Draw a picture and encode it."""
    from studio.painting.picture import draw

    width, _, height = order.size.partition("x")
    drawing = draw(order.prompt, size=(int(width), int(height)), seed=order.seed, reference=reference, miss=order.miss)
    return drawing.png if order.output_format == "png" else _encode(drawing.png, drawing.drawn, order)


def describe_image(picture: bytes) -> dict[str, Any] | None:
    """What a picture shows, by its metadata; None for one that was not drawn here. Raises ValueError for no picture."""
    from PIL import Image, UnidentifiedImageError

    from studio.painting.metadata import read_metadata

    try:
        with Image.open(io.BytesIO(picture)) as image:
            if image.format == "PNG":
                return read_metadata(picture)
            described = image.getexif().get(_DESCRIPTION)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError("not a picture") from error
    try:
        seen = json.loads(described) if isinstance(described, str) else None
    except ValueError:
        return None
    return seen if isinstance(seen, dict) else None


def synthesise_speech(text: str, voice_id: str, settings: Mapping[str, float], engine: str, seed: int) -> Speech:
    """Read a text aloud. Raises ValueError if there is nothing to say."""
    from studio.voice.synthesis import synthesise

    return synthesise(text, voice_id=voice_id, settings=settings, engine=engine, seed=seed)


def _encode(png: bytes, drawn: Mapping[str, Any], order: ImageRequest) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        exif = Image.Exif()
        exif[_DESCRIPTION] = json.dumps(drawn)
        encoded = io.BytesIO()
        image.convert("RGB").save(encoded, order.output_format.upper(), quality=order.compression, exif=exif)
    return encoded.getvalue()
