"""The one reader of request bodies: bounded, plain JSON (RFC 8259, I-JSON), strict types; what is wrong in our words.

What a client sent is quoted nowhere but in pointers (RFC 6901), where it is escaped and cut short.
"""

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import orjson
from aiohttp import http_exceptions, web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from storyloom.web.problems import Problem

MAX_BODY_BYTES = 64 * 1024
LARGER_BODIES: web.AppKey[Mapping[str, int]] = web.AppKey("larger_bodies", dict)
"""The paths that take more than MAX_BODY_BYTES, each with its own limit; set before the application is served."""
MAX_DEPTH = 32
"""Of lists and objects in one another."""
MAX_INTEGER = 2**53
"""What every JSON reader can hold exactly (RFC 8259, section 6)."""
MAX_ERRORS = 20
MAX_POINTER_PART = 64
BODY_SECONDS = 15.0
"""From the end of a request's head to the end of its body."""

M = TypeVar("M", bound=BaseModel)
Location = tuple[int | str, ...]

_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def check_head(request: web.BaseRequest, *, most: int = MAX_BODY_BYTES) -> None:
    """Refuse a body by the request's head: before it is read, and before anybody asks whose it is.

    Raises a Problem: 413 for more than ``most`` bytes, 415 for a body that would have to be inflated.
    """
    if (request.content_length or 0) > most:
        raise _too_large(most)
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise Problem(415, "encoded_body", "Send the body as it is, without a Content-Encoding.", headers=_AS_IT_IS)


_AS_IT_IS = {"Accept-Encoding": "identity"}


async def read_json(
    request: web.Request,
    *,
    what: str = "body",
    required: bool = False,
    seconds: float = BODY_SECONDS,
    most: int = MAX_BODY_BYTES,
) -> dict[str, Any]:
    """The JSON object in a request's body; no body is an empty one, unless it is ``required``.

    ``what``: its name in errors. ``most``: bytes; more than MAX_BODY_BYTES only for a path of LARGER_BODIES.
    Raises a Problem: 415 for another media type, 413, 408 for one that takes longer than ``seconds``, 400 for what is
    no JSON, 422 for what is no object.
    """
    check_head(request, most=most)
    raw = await _read(request, seconds, most)
    if not raw and not required:
        return {}
    charset = request.headers.get("Content-Type", "").partition("charset=")[2].strip(' "').lower()
    if request.content_type != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise Problem(415, "not_json", f"Send the {what} as application/json, in UTF-8.")
    value = parse(raw)
    if not isinstance(value, dict):
        errors = [{"pointer": "", "detail": "is no object"}]
        raise Problem(422, f"bad_{what}", "The body must be a JSON object.", errors=errors)
    return value


async def _read(request: web.Request, seconds: float, most: int) -> bytes:
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while chunk := await request.content.readany():
                found += chunk
                if len(found) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Problem(408, "too_slow_request", "The body did not come in time.") from None
    except (web.RequestPayloadError, http_exceptions.HttpProcessingError):
        raise Problem(400, "bad_http", "The body is not framed as its head says.") from None
    return bytes(found)


def parse(raw: bytes) -> Any:
    """A JSON text's value.

    Raises a 400 Problem for what is no JSON or not in UTF-8, with the place where it goes wrong; and with pointers for
    names that stand twice, numbers that not every reader can hold, and halves of surrogate pairs.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_json(f"it is not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise _no_json("it begins with a byte order mark")
    _check_depth(text)
    reader = _Reader(text)
    try:
        value = reader.read()
    except json.JSONDecodeError as error:
        where = "it ends too soon" if error.pos >= len(text.rstrip()) else f"it goes wrong at {_place(text, error.pos)}"
        raise _no_json(where) from None
    if reader.flawed and (errors := list(islice(_flaws(value, ()), MAX_ERRORS))):
        raise Problem(400, "bad_json", "The body is not JSON as this API takes it.", errors=errors)
    return value


class _Reader:
    """Reads a JSON text, and notes whether its value must be searched for what json takes and we do not."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.flawed = _SURROGATE.search(text) is not None

    def read(self) -> Any:
        """Raises json.JSONDecodeError, or a Problem."""
        return json.loads(
            self._text,
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._real,
            parse_constant=_refuse_constant,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        whole = dict(pairs)
        if len(whole) == len(pairs):
            return whole
        self.flawed = True
        return _Repeated(whole, {name for name, times in Counter(name for name, _ in pairs).items() if times > 1})

    def _integer(self, digits: str) -> Any:
        if len(digits) <= 17 and abs(number := int(digits)) <= MAX_INTEGER:
            return number
        self.flawed = True
        return _TOO_LARGE

    def _real(self, digits: str) -> Any:
        if math.isfinite(number := float(digits)):
            return number
        self.flawed = True
        return _TOO_LARGE


class _Repeated(dict[str, Any]):
    """An object in which names stand twice."""

    def __init__(self, whole: dict[str, Any], names: set[str]) -> None:
        super().__init__(whole)
        self.names = names


_TOO_LARGE = object()


def _flaws(value: Any, location: Location) -> Iterator[dict[str, str]]:
    if value is _TOO_LARGE:
        yield {"pointer": pointer(location), "detail": "is a number that not every program can hold"}
    elif isinstance(value, str):
        if not _is_unicode(value):
            yield {"pointer": pointer(location), "detail": "holds half of a surrogate pair"}
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _flaws(item, (*location, place))
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(value, _Repeated) and name in value.names:
                yield {"pointer": pointer((*location, name)), "detail": "stands twice"}
            if not _is_unicode(name):
                yield {"pointer": pointer(location), "detail": "holds a name with half of a surrogate pair"}
            yield from _flaws(item, (*location, name))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _STRUCTURE.finditer(text):
        sign = found.group()
        if sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _no_json(f"it is deeper than {MAX_DEPTH} at {_place(text, found.start())}")
        elif sign in "]}":
            depth -= 1


def _refuse_constant(_name: str) -> Any:
    raise _no_json("NaN and Infinity are no JSON")


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)} (character {position})"


def _no_json(why: str) -> Problem:
    return Problem(400, "bad_json", f"The body is not JSON: {why}.")


def _too_large(most: int) -> Problem:
    return Problem(413, "body_too_large", f"The body is larger than {most // 1024} kB.")


def validate(model: type[M], body: Mapping[str, Any], *, what: str = "body") -> M:
    """A body as a model, by its aliases; types are as JSON has them, and none is made into another.

    Raises a 422 Problem with every wrong field.
    """
    try:
        return model.model_validate_json(orjson.dumps(body), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise invalid(error, body, model, what=what) from None


def invalid(error: ValidationError, body: Mapping[str, Any], model: type[BaseModel], *, what: str = "body") -> Problem:
    """The 422 Problem for what pydantic found wrong with a body, with one error for each wrong place."""
    details: dict[str, list[str]] = {}
    found = error.errors(include_url=False, include_input=False)
    locations = [one["loc"] for one in found]
    for one in found:
        if one["type"] == "too_short" and any(_is_inside(location, one["loc"]) for location in locations):
            continue  # pydantic drops wrong items and then counts too few
        location = _existing_part(_as_sent(one["loc"], body, model), body, missing=one["type"] == "missing")
        details.setdefault(pointer(location), []).append(wording(one))
    errors = [{"pointer": where, "detail": "; ".join(dict.fromkeys(said))} for where, said in details.items()]
    many = f"One field of the {what} is" if len(errors) == 1 else f"{len(errors)} fields of the {what} are"
    return Problem(422, f"bad_{what}", f"{many} wrong.", errors=errors[:MAX_ERRORS])


def pointer(location: Sequence[int | str]) -> str:
    """A JSON pointer (RFC 6901). Parts that a client may have named are cut off after MAX_POINTER_PART characters."""
    return "".join(f"/{_part(str(part))}" for part in location)


def _part(text: str) -> str:
    if len(text) > MAX_POINTER_PART:
        text = text[:MAX_POINTER_PART] + "…"
    text = "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
    return text.replace("~", "~0").replace("/", "~1")


def _is_inside(location: Location, outer: Location) -> bool:
    return len(location) > len(outer) and location[: len(outer)] == outer


def _as_sent(loc: Location, body: Mapping[str, Any], model: type[BaseModel]) -> Location:
    """A location by the field's alias: pydantic names a wrong default by the model's own name for the field."""
    field = model.model_fields.get(str(loc[0])) if loc and loc[0] not in body else None
    return (field.alias, *loc[1:]) if field is not None and field.alias else loc


def _existing_part(loc: Location, body: Any, *, missing: bool) -> Location:
    """The part of a location that is in the body: pydantic adds names of union members, which point nowhere."""
    depth = 0
    for part in loc:
        inside = isinstance(body, dict) and part in body
        if not inside and not (isinstance(body, list) and isinstance(part, int) and part < len(body)):
            break
        body = body[part]
        depth += 1
    return loc[: depth + missing] if depth else loc


def wording(error: ErrorDetails) -> str:
    """What is wrong with a field, as a predicate without its subject: "must be a whole number"."""
    say = WORDING.get(error["type"])
    if say is None:
        return "is not as it must be"
    return say if isinstance(say, str) else say(error.get("ctx", {}))


def _count(name: str, sentence: str, thing: str) -> Callable[[dict[str, Any]], str]:
    def say(context: dict[str, Any]) -> str:
        number = context[name]
        return sentence.format(f"{number} {thing}{'' if number == 1 else 's'}")

    return say


def _bound(name: str, sentence: str) -> Callable[[dict[str, Any]], str]:
    return lambda context: sentence.format(f"{context[name]:g}" if isinstance(context[name], float) else context[name])


def _one_of(context: dict[str, Any]) -> str:
    return f"must be one of {str(context['expected']).replace(chr(39), '')}"


def _pattern(context: dict[str, Any]) -> str:
    if r"\x00-\x08" in str(context["pattern"]):  # PLAIN of the brief
        return "holds control characters"
    return "is not written as it must be"


_OBJECT, _LIST, _TEXT = "must be an object", "must be a list", "must be text"
_WHOLE, _NUMBER, _BOOLEAN = "must be a whole number", "must be a number", "must be true or false"

WORDING: Mapping[str, str | Callable[[dict[str, Any]], str]] = {
    "missing": "is missing",
    "extra_forbidden": "is no field of this API",
    "none_required": "must be null",
    "string_type": _TEXT,
    "string_unicode": "is no Unicode text",
    "string_too_short": _count("min_length", "must have at least {}", "character"),
    "string_too_long": _count("max_length", "must have at most {}", "character"),
    "string_pattern_mismatch": _pattern,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "greater_than": _bound("gt", "must be more than {}"),
    "greater_than_equal": _bound("ge", "must be at least {}"),
    "less_than": _bound("lt", "must be less than {}"),
    "less_than_equal": _bound("le", "must be at most {}"),
    "literal_error": _one_of,
    "enum": _one_of,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "too_long": _count("max_length", "must hold at most {}", "item"),
    "too_short": _count("min_length", "must hold at least {}", "item"),
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "json_invalid": "is no JSON",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    # Raised by our own validators, in our own words.
    "value_error": lambda context: str(context["error"]),
    "short_form": lambda context: str(context["reason"]),
}
"""pydantic's types of errors, each in our words. A test walks those that the schemas of the API can raise."""
