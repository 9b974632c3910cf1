"""Answers spoiled on request: text that no client should keep, pictures in a form that nobody asked for."""

from __future__ import annotations

import base64
import io
import json
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from typing import Any

from studio.faults import Dirt, PictureForm

_ENDLESS = 20_000  # characters
_LINE = 76  # characters of a line of wrapped base64 (RFC 2045, 6.8)
_BOMB_SIDE = 60_000  # pixels, in a picture of a hundred bytes
_DIRT: dict[Dirt, str] = {
    "nul": "\0",
    "escape": "\x1b[31m",
    "surrogate": "\ud83d",
    "noncharacter": "\ufffe",
    "markup": "<b>",
    "bidi": "\u202e",
    "line_breaks": "\r\n\u2028",
}


def spoil_text(text: str, dirt: Dirt, field: str | None = None) -> str:
    """JSON with one string spoiled: the longest of all or of those under `field`. As it was if there is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    found = sorted(_strings(value, field), key=lambda place: -len(place[0][place[1]]))
    for holder, key in found[:1]:
        holder[key] = _spoil(holder[key], dirt)
    return json.dumps(value)  # ASCII, since half of a surrogate pair can only be sent as an escape


def _spoil(text: str, dirt: Dirt) -> str:
    match dirt:
        case "endless":
            return (text or "and ") * (1 + _ENDLESS // max(len(text), 1))
        case "decomposed":
            return unicodedata.normalize("NFD", f"{text} é")
        case _:
            middle = len(text) // 2
            return text[:middle] + _DIRT[dirt] + text[middle:]


def _strings(value: Any, field: str | None, name: str | None = None) -> Iterator[tuple[Any, Any]]:
    """Where strings stand: what holds them, and under which key. An item of a list goes by the name of its list."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        own = key if isinstance(key, str) else name
        if isinstance(part, str):
            if field in {None, own}:
                yield value, key
        else:
            yield from _strings(part, field, own)


def spoil_picture(picture: bytes, form: PictureForm) -> bytes:
    """The picture see-through in a corner, cut off, or no picture at all; as it is for forms that are only wrapped."""
    match form:
        case "alpha":
            return _see_through(picture)
        case "truncated":
            return picture[: len(picture) // 2]
        case "no_picture":
            return b"<html><body>Bad gateway</body></html>"
        case "bomb":
            return _bomb()
        case _:
            return picture


def encode_picture(picture: bytes, form: PictureForm | None) -> str:
    """Base64, as a data URL or in lines if that is the form."""
    text = base64.b64encode(picture).decode()
    match form:
        case "data_url":
            return f"data:image/png;base64,{text}"
        case "wrapped":
            return "\r\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
        case _:
            return text


def other_size(size: str) -> str:
    """A size that was not asked for."""
    return "1536x1024" if size == "1024x1024" else "1024x1024"


def _see_through(picture: bytes) -> bytes:
    from PIL import Image  # noqa: PLC0415 - heavy, and of no use to a server that behaves

    out = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        clear = opened.convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, clear.width // 8, clear.height // 8))
    clear.save(out, "PNG")
    return out.getvalue()


def _bomb() -> bytes:
    """A PNG (RFC 2083) of which only the header is true."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", _BOMB_SIDE, _BOMB_SIDE, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
