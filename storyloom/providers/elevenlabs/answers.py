"""ElevenLabs' answers, checked: the SDK builds its types without looking at what is in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from storyloom.providers.answers import Answer, find_header, read_answer, read_base64
from storyloom.providers.ports import Alignment
from storyloom.story.errors import RetryableError

Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
_MAX_CHARACTERS = 100_000  # characters; the longest text that ElevenLabs takes is 40,000


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound and times, as far as they can be checked without decoding."""

    mp3: bytes
    alignment: Alignment
    request_id: str | None


class _Alignment(Answer):
    characters: list[str] = Field(max_length=_MAX_CHARACTERS)
    character_start_times_seconds: list[Seconds]
    character_end_times_seconds: list[Seconds]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        starts, ends = self.character_start_times_seconds, self.character_end_times_seconds
        if not len(self.characters) == len(starts) == len(ends):
            raise ValueError("the lists differ in length")
        if not "".join(self.characters).strip():
            raise ValueError("no character has a time")
        if any(end < start for start, end in zip(starts, ends, strict=True)):
            raise ValueError("a character ends before it starts")
        if any(after < before for times in (starts, ends) for before, after in pairwise(times)):
            raise ValueError("time runs back")
        return self

    def convert(self) -> Alignment:
        return Alignment(
            tuple(self.characters),
            tuple(self.character_start_times_seconds),
            tuple(self.character_end_times_seconds),
        )


class _Body(Answer):
    audio_base_64: str = Field(min_length=1)
    alignment: _Alignment | None = None
    normalized_alignment: _Alignment | None = None


def request_id(headers: Mapping[str, str]) -> str | None:
    """ElevenLabs' own name for a request."""
    return find_header(headers, "request-id", "x-request-id")


def characters_paid(headers: Mapping[str, str]) -> int:
    """How many characters an answer cost; 0 where it does not say."""
    paid = find_header(headers, "character-cost") or ""
    return int(paid) if paid.isdecimal() and len(paid) < 10 else 0


def read_speech(headers: Mapping[str, str], data: Any) -> Speech:
    """Check what the SDK hands over. RetryableError, with the request id, for anything that is not sound and times.

    The times of the text as sent are preferred to those of the text as normalised.
    """
    named = request_id(headers)
    body = read_answer(_Body, data, provider="ElevenLabs", request_id=named)
    mp3 = read_base64(body.audio_base_64, provider="ElevenLabs", request_id=named)
    alignment = body.alignment or body.normalized_alignment
    if alignment is None:
        raise RetryableError("ElevenLabs sent no times", request_id=named)
    return Speech(mp3, alignment.convert(), named)
