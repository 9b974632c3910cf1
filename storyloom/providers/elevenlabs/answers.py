"""ElevenLabs' answers, checked: the SDK builds its types without looking at what is in them."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from storyloom.providers.voice import Heard
from storyloom.story.errors import RetryableError

Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
_MOST = 100_000  # characters; the longest text that ElevenLabs takes is 40,000


@dataclass(frozen=True, slots=True)
class Answer:
    """Sound and times, as far as they can be checked without decoding."""

    mp3: bytes
    heard: Heard
    request_id: str | None


class _Alignment(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    characters: list[str] = Field(max_length=_MOST)
    character_start_times_seconds: list[Seconds]
    character_end_times_seconds: list[Seconds]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        starts, ends = self.character_start_times_seconds, self.character_end_times_seconds
        if not len(self.characters) == len(starts) == len(ends):
            raise ValueError("the lists differ in length")
        if not "".join(self.characters).strip():
            raise ValueError("nothing was heard")
        if any(end < start for start, end in zip(starts, ends, strict=True)):
            raise ValueError("a character ends before it starts")
        if any(after < before for times in (starts, ends) for before, after in pairwise(times)):
            raise ValueError("time runs back")
        return self

    def heard(self) -> Heard:
        return Heard(
            tuple(self.characters),
            tuple(self.character_start_times_seconds),
            tuple(self.character_end_times_seconds),
        )


class _Body(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    audio_base_64: str = Field(min_length=1)
    alignment: _Alignment | None = None
    normalized_alignment: _Alignment | None = None


def find_header(headers: Mapping[str, str], *names: str) -> str | None:
    """The first of these headers that is there, in whatever case it came."""
    return next((value for key, value in headers.items() if key.lower() in names), None)


def request_id(headers: Mapping[str, str]) -> str | None:
    """ElevenLabs' own name for a request."""
    return find_header(headers, "request-id", "x-request-id")


def characters_paid(headers: Mapping[str, str]) -> int:
    """How many characters an answer cost; 0 where it does not say."""
    paid = find_header(headers, "character-cost") or ""
    return int(paid) if paid.isdecimal() and len(paid) < 10 else 0


def read_answer(headers: Mapping[str, str], data: Any) -> Answer:
    """Check what the SDK hands over. RetryableError, with the request id, for anything that is not sound and times.

    The times of the text as sent are preferred to those of the text as normalised.
    """
    asked = request_id(headers)
    try:
        body = _Body.model_validate(data)
        mp3 = base64.b64decode(body.audio_base_64, validate=True)
    except ValidationError as error:
        # Only what was wrong and where: the input itself is the child's story.
        places = "; ".join(f"{'.'.join(map(str, e['loc'][:2]))}: {e['type']}" for e in error.errors()[:3])
        raise RetryableError(f"ElevenLabs' answer is not as described ({places})", request_id=asked) from None
    except (binascii.Error, ValueError) as error:
        raise RetryableError("ElevenLabs' sound is not base64", request_id=asked) from error
    alignment = body.alignment or body.normalized_alignment
    if alignment is None:
        raise RetryableError("ElevenLabs sent no times", request_id=asked)
    return Answer(mp3, alignment.heard(), asked)
