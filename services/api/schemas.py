"""The bodies of what clients want of a story that exists. Bounded, camelCase; unknown fields are refused."""

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from storyloom.story.brief import PLAIN

LONGEST_TEXT = 4000
"""Characters of one scene."""
MOST_PARAGRAPHS = 30
_BLANK = re.compile(r"\n[^\S\n]*\n")


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise ValueError("is empty")
    return text


def _sized(paragraphs: tuple[str, ...]) -> tuple[str, ...]:
    text = "\n\n".join(paragraphs)
    if not any(character.isalnum() for character in text):
        raise ValueError("holds no words")
    if len(paragraphs) > MOST_PARAGRAPHS:
        raise ValueError(f"has {len(paragraphs)} paragraphs; at most {MOST_PARAGRAPHS} are taken")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"has {len(text)} characters; at most {LONGEST_TEXT} are taken")
    return paragraphs


def _in_paragraphs(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "\n\n".join(_sized(tuple(" ".join(part.split()) for part in _BLANK.split(text) if part.strip())))


Typed = Annotated[str, StringConstraints(pattern=PLAIN)]
Text = Annotated[Typed, AfterValidator(_in_paragraphs)]
Paragraphs = Annotated[
    tuple[Annotated[Typed, AfterValidator(_one_line)], ...], Field(min_length=1), AfterValidator(_sized)
]
AltText = Annotated[str, StringConstraints(pattern=PLAIN, max_length=600), AfterValidator(_one_line)]


@dataclass(frozen=True, slots=True)
class Passage:
    """A scene's new text, each paragraph on one line. Without an alt text the scene keeps its own."""

    paragraphs: tuple[str, ...]
    alt_text: str | None = None


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class RetryBody(_Body):
    """Which assets to try again; all that failed if none is named."""

    assets: Annotated[tuple[str, ...], Field(max_length=20)] = ()


class EditBody(_Body):
    """A scene's new text: ``text``, its paragraphs apart by blank lines, or ``paragraphs``; and what it shows."""

    text: Text | None = None
    paragraphs: Paragraphs | None = None
    alt_text: AltText | None = None

    @model_validator(mode="after")
    def _has_one_text(self) -> Self:
        if (self.text is None) == (self.paragraphs is None):
            raise ValueError("holds either text or paragraphs")
        return self

    def passage(self) -> Passage:
        """The new text, whichever way it was sent."""
        paragraphs = self.paragraphs or tuple((self.text or "").split("\n\n"))
        return Passage(paragraphs, self.alt_text)
