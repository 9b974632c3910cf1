"""What the worker processes can do. Each craft is loaded by the worker that plies it, never by the server."""

# ruff: noqa: PLC0415 - the imports are the heavy part, and the reason why there are workers

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from studio.parts import PictureOrder

Craft = Mapping[str, Callable[..., Any]]
_DESCRIPTION = 0x010E  # EXIF ImageDescription: where jpeg and webp keep what png keeps in its text chunks


def learn(trade: str) -> Craft:
    """Load a trade and warm it up: `painting`, or the voice of an engine, `piper` or `espeak`."""
    if trade == "painting":
        draw(PictureOrder(prompt="Hero: a human child", size="64x64", seed=0), None)  # loads all that drawing needs
        return {"draw": draw, "look": look}
    speak("Once.", "warm", {}, trade, 0)  # loads the engine's model
    return {"speak": speak}


def draw(order: PictureOrder, reference: bytes | None) -> bytes:
    """Draw a picture and encode it."""
    from studio.painting.picture import draw as paint

    width, _, height = order.size.partition("x")
    drawing = paint(order.prompt, size=(int(width), int(height)), seed=order.seed, reference=reference, miss=order.miss)
    return drawing.png if order.output_format == "png" else _encode(drawing.png, drawing.drawn, order)


def look(picture: bytes) -> dict[str, Any] | None:
    """What a picture shows, by its metadata; None for one that was not drawn here. Raises ValueError for no picture."""
    from PIL import Image, UnidentifiedImageError

    from studio.painting.looking import look as see

    try:
        with Image.open(io.BytesIO(picture)) as image:
            if image.format == "PNG":
                return see(picture)
            described = image.getexif().get(_DESCRIPTION)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError("not a picture") from error
    try:
        seen = json.loads(described) if isinstance(described, str) else None
    except ValueError:
        return None
    return seen if isinstance(seen, dict) else None


def speak(
    text: str, voice_id: str, settings: Mapping[str, float], engine: str, seed: int
) -> tuple[bytes, list[str], list[float], list[float]]:
    """Read a text aloud: MP3, characters, starts, ends. Raises ValueError if there is nothing to say."""
    from studio.voice.speaking import speak_now

    spoken = speak_now(text, voice_id=voice_id, settings=settings, engine=engine, seed=seed)
    return spoken.mp3, spoken.characters, spoken.starts, spoken.ends


def _encode(png: bytes, drawn: Mapping[str, Any], order: PictureOrder) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        exif = Image.Exif()
        exif[_DESCRIPTION] = json.dumps(drawn)
        encoded = io.BytesIO()
        image.convert("RGB").save(encoded, order.output_format.upper(), quality=order.compression, exif=exif)
    return encoded.getvalue()
