"""Misbehaviour on request: what to do wrong, on which calls, how often.

A fault is asked for by the control endpoint (it stays until it has struck `times` times) or by the header
`x-studio-fault` on the call itself: `rate_limit`, `stall; seconds=3`, `miss_trait; miss=wheelchair,cane`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studio.api_call import ApiCall, Endpoint

FaultName = Literal[
    "rate_limit", "server_error", "stall", "cut", "malformed", "refuse", "refuse_uncoded", "miss_trait", "flag_text",
    "error_body", "incomplete", "odd_items", "dirty_text", "odd_picture", "odd_times", "refuse_key", "out_of_quota",
    "quote",
]  # fmt: skip
Dirt = Literal[
    "nul", "escape", "surrogate", "noncharacter", "markup", "bidi", "endless", "decomposed", "line_breaks"
]  # fmt: skip
PictureForm = Literal[
    "webp", "jpeg", "data_url", "wrapped", "other_size", "alpha", "truncated", "no_picture", "bomb"
]  # fmt: skip
TimesFlaw = Literal[
    "drift", "step_back", "repeat", "negative", "nan", "fewer", "more", "decomposed", "uneven",
    "empty_unused", "empty_used", "null", "none", "half", "unordered",
]  # fmt: skip
_OPENAI: frozenset[Endpoint] = frozenset({"responses", "images.generate", "images.edit", "moderations"})
_PICTURES: frozenset[Endpoint] = frozenset({"images.generate", "images.edit"})
# Where each fault has a meaning: moderation refuses nothing, and only pictures can miss a trait.
_ENDPOINTS: Mapping[str, frozenset[Endpoint]] = {
    "refuse": frozenset({"responses", "images.generate", "images.edit", "text_to_speech"}),
    "refuse_uncoded": _PICTURES,
    "miss_trait": _PICTURES,
    "odd_picture": _PICTURES,
    "odd_times": frozenset({"text_to_speech"}),
    "flag_text": frozenset({"moderations"}),
    "error_body": _OPENAI,
    "incomplete": frozenset({"responses"}),
    "odd_items": frozenset({"responses"}),
    "dirty_text": frozenset({"responses"}),
}


class InvalidFaultError(ValueError):
    """A fault was asked for in a way that the studio does not understand."""


class Match(BaseModel):
    """Which calls a fault strikes: all that is given must hold. `asset` and `contains` are parts of the prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    endpoint: Endpoint | None = None
    schema_name: str | None = Field(default=None, alias="schema")
    model: str | None = None
    asset: str | None = None
    contains: str | None = None

    def matches(self, call: ApiCall) -> bool:
        """Is it such a call? Parts of the prompt are sought without regard to case."""
        prompt = call.prompt.casefold()
        return (
            self.endpoint in {None, call.endpoint}
            and self.schema_name in {None, call.schema}
            and self.model in {None, call.model}
            and all(part.casefold() in prompt for part in (self.asset, self.contains) if part)
        )


class Fault(BaseModel):
    """What to do wrong, and where. `times` null means until cleared; `miss` names the traits to leave out.

    `tokens` is what an incomplete answer would have needed: whoever allows as many gets it whole. `share` is by how
    much times drift: -0.06 is 6 % early.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fault: FaultName
    match: Match = Match()
    times: Annotated[int, Field(ge=1)] | None = None
    retry_after: Annotated[float, Field(ge=0, le=3600)] = 1.0
    seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    miss: tuple[str, ...] = ()
    category: str = "violence"
    code: str = "server_error"
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    dirt: Dirt = "nul"
    field: str | None = None
    form: PictureForm = "webp"
    flaw: TimesFlaw = "drift"
    share: Annotated[float, Field(gt=-1, le=10)] = -0.06
    tokens: Annotated[int, Field(ge=1)] | None = None
    reasoning: bool = True

    @model_validator(mode="after")
    def _a_missed_trait_has_a_name(self) -> Self:
        if self.fault == "miss_trait" and not self.miss:
            raise ValueError('miss_trait needs "miss", the traits to leave out')
        return self

    @model_validator(mode="after")
    def _a_key_is_refused_with_401_or_403(self) -> Self:
        if self.fault == "refuse_key" and self.status not in {None, 401, 403}:
            raise ValueError("refuse_key answers 401 or 403")
        return self

    def applies_to(self, call: ApiCall) -> bool:
        """Would this fault strike that call?"""
        if self.tokens is not None and (call.max_output_tokens is None or call.max_output_tokens >= self.tokens):
            return False
        return call.endpoint in _ENDPOINTS.get(self.fault, {call.endpoint}) and self.match.matches(call)


class Faults:
    """The faults in force, oldest first. Used from the event loop alone, so that taking one is atomic."""

    def __init__(self) -> None:
        self._active: dict[int, tuple[Fault, int | None, int]] = {}
        self._last = 0

    def add(self, fault: Fault) -> int:
        """Put a fault in force; its number comes back."""
        self._last += 1
        self._active[self._last] = (fault, fault.times, 0)
        return self._last

    def clear(self) -> int:
        """Lift all faults; how many there were comes back."""
        count = len(self._active)
        self._active.clear()
        return count

    def listed(self) -> list[dict[str, object]]:
        """The faults in force, each with its number, how often it has struck and how often it still may."""
        return [
            {"id": number, **fault.model_dump(by_alias=True, exclude_none=True), "left": left, "struck": struck}
            for number, (fault, left, struck) in self._active.items()
        ]

    def take(self, call: ApiCall, header: str | None = None) -> Fault | None:
        """The fault that strikes this call, counted down; a header goes before them all. Raises InvalidFaultError."""
        if header:
            fault = parse_header(header)
            return fault if fault.applies_to(call) else None
        for number, (fault, left, struck) in self._active.items():
            if fault.applies_to(call):
                if left == 1:
                    del self._active[number]
                else:
                    self._active[number] = (fault, left - 1 if left else None, struck + 1)
                return fault
        return None


def parse_header(header: str) -> Fault:
    """Read `name; key=value; key=value`. Raises InvalidFaultError."""
    name, *pairs = [part.strip() for part in header.split(";")]
    values: dict[str, object] = {"fault": name}
    for pair in filter(None, pairs):
        key, _, value = pair.partition("=")
        values[key.strip()] = [part.strip() for part in value.split(",")] if key.strip() == "miss" else value.strip()
    return parse_fault(values)


def parse_fault(values: object) -> Fault:
    """Read the JSON of POST /studio/faults. Raises InvalidFaultError, which says what is wrong with it."""
    try:
        return Fault.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidFaultError(f"{where}: {first['msg']}" if where else first["msg"]) from error
