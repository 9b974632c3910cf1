"""Reading a request: its body, its page, its keys, its trace. Whatever is wrong becomes a problem with pointers."""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from storyloom.story.brief import PLAIN, Brief
from storyloom.web.problems import Problem, not_found

LONGEST_BODY = 64 * 1024
_WITH_ZONE = "%Y-%m-%dT%H:%M:%S.%f%z"
_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")


M = TypeVar("M", bound=BaseModel)


async def brief(request: web.Request) -> tuple[Brief, dict[str, Any]]:
    """The brief in the body, and the body as it came. Raises a Problem that names every wrong field."""
    body = await _object(request, "brief")
    try:
        return Brief.asked(body), body
    except ValidationError as error:
        raise _wrong(error, body, "brief", Brief) from None


async def body(request: web.Request, model: type[M]) -> M:
    """The body as a model by its names on the wire. No body at all is an empty one. Raises Problems like ``brief``."""
    sent = await _object(request, "body") if await request.read() else {}
    try:
        return model.model_validate(sent, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _wrong(error, sent, "body", model) from None


def idempotency_key(request: web.Request) -> str | None:
    """The key under which the client asks, so that asking again is no second wish."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 200 and key.isascii()):
        raise Problem(400, "bad_idempotency_key", "Idempotency-Key holds 1 to 200 ASCII characters.")
    return key


def story_id(request: web.Request) -> UUID:
    """The id in the address. What is no id is no story."""
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        raise not_found("story") from None


def trace(request: web.Request) -> str:
    """The caller's trace context (W3C traceparent) if it sent one, else a new one."""
    sent = request.headers.get("traceparent", "")
    return sent if _TRACEPARENT.match(sent) else f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: ``limit`` items that come before (created_at, id), newest first."""

    limit: int
    before_at: datetime | None = None
    before_id: UUID | None = None


def page(request: web.Request) -> Page:
    """The page asked for by ``limit`` (1 to 100) and ``cursor``."""
    text = request.query.get("limit", "20")
    if not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= 100:
        raise Problem(400, "bad_limit", "limit is a number from 1 to 100.")
    cursor = request.query.get("cursor")
    if cursor is None:
        return Page(int(text))
    try:
        at, key = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").split("/")
        return Page(int(text), datetime.strptime(at, _WITH_ZONE).astimezone(UTC), UUID(key))
    except (ValueError, OverflowError, binascii.Error):
        raise Problem(400, "bad_cursor", "cursor is not one that this API has given.") from None


def cursor(created_at: datetime, key: UUID) -> str:
    return base64.urlsafe_b64encode(f"{created_at.strftime(_WITH_ZONE)}/{key}".encode()).decode()


async def _object(request: web.Request, what: str) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Problem(415, "not_json", f"Send the {what} as application/json.")
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise Problem(400, "bad_json", f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    if not isinstance(body, dict):
        errors = [{"pointer": "", "detail": "is no object"}]
        raise Problem(422, f"bad_{what}", "The body must be a JSON object.", errors=errors)
    return body


def _wrong(error: ValidationError, body: dict[str, Any], what: str, model: type[BaseModel]) -> Problem:
    errors = _errors(error, body, model)
    many = "One field" if len(errors) == 1 else f"{len(errors)} fields"
    return Problem(
        422, f"bad_{what}", f"{many} of the {what} {'is' if len(errors) == 1 else 'are'} wrong.", errors=errors
    )


def _errors(error: ValidationError, body: dict[str, Any], model: type[BaseModel]) -> list[dict[str, str]]:
    """Each wrong place once, with all that is said of it."""
    found: dict[str, list[str]] = {}
    told = error.errors(include_url=False, include_input=False)
    places = [one["loc"] for one in told]
    for one in told:
        if one["type"] == "too_short" and any(_within(place, one["loc"]) for place in places):
            continue  # pydantic drops wrong items and then counts too few
        place = _place(_as_sent(one["loc"], body, model), body, lacking=one["type"] == "missing")
        pointer = "".join(f"/{_escaped(str(part))}" for part in place)
        if "characterName" in body and pointer.startswith("/characters"):
            pointer = "/characterName"
        found.setdefault(pointer, []).append(_said(one))
    return [{"pointer": pointer, "detail": "; ".join(dict.fromkeys(said))} for pointer, said in found.items()]


def _within(place: tuple[int | str, ...], whole: tuple[int | str, ...]) -> bool:
    return len(place) > len(whole) and place[: len(whole)] == whole


def _as_sent(loc: tuple[int | str, ...], body: dict[str, Any], model: type[BaseModel]) -> tuple[int | str, ...]:
    """The location in the body's own words: a default that is wrong is told of by our name for the field."""
    field = model.model_fields.get(str(loc[0])) if loc and loc[0] not in body else None
    return (field.alias, *loc[1:]) if field is not None and field.alias else loc


def _place(loc: tuple[int | str, ...], body: Any, *, lacking: bool) -> tuple[int | str, ...]:
    """The part of a location that is in the body: pydantic adds names of union members, which point nowhere."""
    known = 0
    for part in loc:
        inside = isinstance(body, dict) and part in body
        if not inside and not (isinstance(body, list) and isinstance(part, int) and part < len(body)):
            break
        body = body[part]
        known += 1
    return loc[: known + lacking] if known else loc


def _said(one: ErrorDetails) -> str:
    if one.get("ctx", {}).get("pattern") == PLAIN:
        return "holds control characters"
    return one["msg"].removeprefix("Value error, ")


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")  # RFC 6901
