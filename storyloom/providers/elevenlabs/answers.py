"""ElevenLabs' answers, checked: the SDK builds its types without looking at what is in them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from storyloom.providers.answers import Answer, find_header, read_answer, read_base64
from storyloom.providers.ports import Alignment

_MAX_CHARACTERS = 100_000  # characters; the longest text that ElevenLabs takes is 40,000


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound and times as they came: ``alignments`` hold any numbers, those of the text as sent first. None may be."""

    mp3: bytes
    alignments: tuple[Alignment, ...]
    request_id: str | None


class _Body(Answer):
    audio_base_64: str = Field(min_length=1)
    alignment: Any = None
    normalized_alignment: Any = None


def request_id(headers: Mapping[str, str]) -> str | None:
    """ElevenLabs' own name for a request."""
    return find_header(headers, "request-id", "x-request-id")


def characters_paid(headers: Mapping[str, str]) -> int:
    """How many characters an answer cost; 0 where it does not say."""
    paid = find_header(headers, "character-cost") or ""
    return int(paid) if paid.isdecimal() and len(paid) < 10 else 0


def read_speech(headers: Mapping[str, str], data: Any) -> Speech:
    """Check what the SDK hands over. RetryableError, with the request id, for anything that is not sound.

    The times are only read: what they are worth is known once the sound is decoded (alignment.py).
    """
    named = request_id(headers)
    body = read_answer(_Body, data, provider="ElevenLabs", request_id=named)
    mp3 = read_base64(body.audio_base_64, provider="ElevenLabs", request_id=named)
    alignments = map(_read_alignment, (body.alignment, body.normalized_alignment))
    return Speech(mp3, tuple(filter(None, alignments)), named)


def _read_alignment(sent: Any) -> Alignment | None:
    """As many characters as have a start and an end, NaN where that is no number; None if there are none."""
    lists = [_field(sent, name) for name in _LISTS]
    count = min(map(len, lists))
    if not 0 < count <= _MAX_CHARACTERS:
        return None
    characters, starts, ends = (found[:count] for found in lists)
    return Alignment(
        tuple(character if isinstance(character, str) else "" for character in characters),
        tuple(map(_seconds, starts)),
        tuple(map(_seconds, ends)),
    )


_LISTS = ("characters", "character_start_times_seconds", "character_end_times_seconds")


def _field(sent: Any, name: str) -> list[Any]:
    found = sent.get(name) if isinstance(sent, dict) else getattr(sent, name, None)
    return found if isinstance(found, list) else []


def _seconds(sent: Any) -> float:
    try:
        return float(sent) if isinstance(sent, int | float) and not isinstance(sent, bool) else math.nan
    except OverflowError:
        return math.nan
