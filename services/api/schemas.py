"""What clients send: briefs, the bodies of commands, and pages, read from a request and validated.

Bodies are bounded, camelCase, and have no unknown fields. What is wrong becomes a Problem that points to every wrong
field (RFC 6901).
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from storyloom.story.assets import PUBLIC
from storyloom.story.brief import PLAIN, Brief
from storyloom.web.bodies import invalid, read_json, validate
from storyloom.web.problems import Problem

MAX_TEXT_LENGTH = 4000
"""Characters of one scene."""
MAX_PARAGRAPHS = 30
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_TIME_WITH_ZONE = "%Y-%m-%dT%H:%M:%S.%f%z"

M = TypeVar("M", bound=BaseModel)


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise ValueError("is empty")
    return text


def _within_limits(paragraphs: tuple[str, ...]) -> tuple[str, ...]:
    text = "\n\n".join(paragraphs)
    if not any(character.isalnum() for character in text):
        raise ValueError("holds no words")
    if len(paragraphs) > MAX_PARAGRAPHS:
        raise ValueError(f"has {len(paragraphs)} paragraphs; at most {MAX_PARAGRAPHS} are possible")
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError(f"has {len(text)} characters; at most {MAX_TEXT_LENGTH} are possible")
    return paragraphs


def _split_paragraphs(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "\n\n".join(
        _within_limits(tuple(" ".join(part.split()) for part in _BLANK_LINE.split(text) if part.strip()))
    )


PlainText = Annotated[str, StringConstraints(pattern=PLAIN)]
SceneWords = Annotated[PlainText, AfterValidator(_split_paragraphs)]
Paragraphs = Annotated[
    tuple[Annotated[PlainText, AfterValidator(_one_line)], ...], Field(min_length=1), AfterValidator(_within_limits)
]
AltText = Annotated[str, StringConstraints(pattern=PLAIN, max_length=600), AfterValidator(_one_line)]


@dataclass(frozen=True, slots=True)
class Passage:
    """A scene's new text, each paragraph on one line. Without an alt text the scene keeps its own."""

    paragraphs: tuple[str, ...]
    alt_text: str | None = None


class WireBody(BaseModel):
    """A body: camelCase, without unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class RetryBody(WireBody):
    """Which assets to retry; all that failed if none is named."""

    # Whether a name is one of this story's is for its snapshot to say; the document names those that there are.
    assets: Annotated[
        tuple[str, ...],
        Field(max_length=20, json_schema_extra={"items": {"type": "string", "enum": [one.value for one in PUBLIC]}}),
    ] = ()


Hint = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=PLAIN), AfterValidator(_one_line)]


class RegenerateBody(WireBody):
    """What is wanted of the new version, in words; without it, it is made from the brief alone."""

    hint: Hint | None = None


class ApproveBody(WireBody):
    """What is approved: the text of this version, as ``approval`` of the story names it."""

    text_version: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class EditBody(WireBody):
    """A scene's new text, as ``text`` with blank lines between paragraphs or as ``paragraphs``, and its alt text."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["text"], "properties": {"text": {"type": "string"}, "paragraphs": {"type": "null"}}},
                {"required": ["paragraphs"], "properties": {"paragraphs": {"type": "array"}, "text": {"type": "null"}}},
            ]
        }
    )

    text: SceneWords | None = None
    paragraphs: Paragraphs | None = None
    alt_text: AltText | None = None

    @model_validator(mode="after")
    def _require_one_text(self) -> Self:
        if (self.text is None) == (self.paragraphs is None):
            raise ValueError("holds either text or paragraphs")
        return self

    def passage(self) -> Passage:
        """The new text, in whichever field it was sent."""
        paragraphs = self.paragraphs or tuple((self.text or "").split("\n\n"))
        return Passage(paragraphs, self.alt_text)


async def read_brief(request: web.Request) -> Brief:
    """The brief in the body.

    Raises a Problem: 415 for another media type, 400 for what is not JSON, 422 with every wrong field.
    """
    return parse_brief(await read_json(request, what="brief", required=True))


def parse_brief(body: dict[str, Any]) -> Brief:
    """A create body as a brief. Raises a 422 Problem with every wrong field."""
    try:
        return Brief.asked(body)
    except ValidationError as error:
        problem = invalid(error, body, Brief, what="brief")
        if "characterName" in body:
            # The short form's only character: what is wrong with it is wrong with its name.
            for one in problem.errors:
                if one["pointer"].startswith("/characters"):
                    one["pointer"] = "/characterName"
        raise problem from None


async def read_body(request: web.Request, model: type[M]) -> M:
    """The body as a model, by its aliases. No body at all is an empty one. Raises Problems like ``read_brief``."""
    return validate(model, await read_json(request))


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list, newest first: ``limit`` items that were created before (before_at, before_id)."""

    limit: int
    before_at: datetime | None = None
    before_id: UUID | None = None


def read_page(request: web.Request) -> Page:
    """The page that the query's ``limit`` (1 to 100) and ``cursor`` name. Raises a 400 Problem."""
    text = request.query.get("limit", "20")
    if not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= 100:
        raise Problem(400, "bad_limit", "limit is a number from 1 to 100.")
    cursor = request.query.get("cursor")
    if cursor is None:
        return Page(int(text))
    try:
        at, key = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split("/")
        return Page(int(text), datetime.strptime(at, _TIME_WITH_ZONE).astimezone(UTC), UUID(key))
    except (ValueError, OverflowError, binascii.Error):
        raise Problem(400, "bad_cursor", "cursor is not one that this API has given.") from None


def encode_cursor(created_at: datetime, key: UUID) -> str:
    """The cursor of the page after an item, opaque to clients: base64 of its time and id."""
    return base64.urlsafe_b64encode(f"{created_at.strftime(_TIME_WITH_ZONE)}/{key}".encode()).decode()
