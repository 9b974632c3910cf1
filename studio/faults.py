"""Misbehaviour on request: what to do wrong, on which calls, how often.

A fault is asked for by the control endpoint (it stays until it has struck `times` times) or by the header
`x-studio-fault` on the call itself: `rate_limit`, `stall; seconds=3`, `miss_trait; miss=wheelchair,cane`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studio.calls import Call, Endpoint

FaultName = Literal[
    "rate_limit", "server_error", "stall", "cut", "malformed", "refuse", "miss_trait", "flag_text"
]  # fmt: skip
# Where each fault has a meaning: moderation refuses nothing, and only pictures can miss a trait.
_MEANT_FOR: Mapping[str, frozenset[Endpoint]] = {
    "refuse": frozenset({"responses", "images.generate", "images.edit", "text_to_speech"}),
    "miss_trait": frozenset({"images.generate", "images.edit"}),
    "flag_text": frozenset({"moderations"}),
}


class WrongFaultError(ValueError):
    """A fault was asked for in a way that the studio does not understand."""


class Match(BaseModel):
    """Which calls a fault strikes: all that is given must hold. `asset` and `contains` are parts of the prompt."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    endpoint: Endpoint | None = None
    schema_name: str | None = Field(default=None, alias="schema")
    model: str | None = None
    asset: str | None = None
    contains: str | None = None

    def fits(self, call: Call) -> bool:
        """Does this call fit? Parts of the prompt are sought without regard to case."""
        prompt = call.prompt.casefold()
        return (
            self.endpoint in {None, call.endpoint}
            and self.schema_name in {None, call.schema}
            and self.model in {None, call.model}
            and all(part.casefold() in prompt for part in (self.asset, self.contains) if part)
        )


class Fault(BaseModel):
    """One order to misbehave. `times` null means until cleared; `miss` names the traits to leave out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    fault: FaultName
    match: Match = Match()
    times: Annotated[int, Field(ge=1)] | None = None
    retry_after: Annotated[float, Field(ge=0, le=3600)] = 1.0
    seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    miss: tuple[str, ...] = ()
    category: str = "violence"

    @model_validator(mode="after")
    def _a_missed_trait_has_a_name(self) -> Self:
        if self.fault == "miss_trait" and not self.miss:
            raise ValueError('miss_trait needs "miss", the traits to leave out')
        return self

    def strikes(self, call: Call) -> bool:
        """Would this fault strike that call?"""
        return call.endpoint in _MEANT_FOR.get(self.fault, {call.endpoint}) and self.match.fits(call)


class Faults:
    """The faults in force, oldest first. Used from the event loop alone, so that taking one is atomic."""

    def __init__(self) -> None:
        self._standing: dict[int, tuple[Fault, int | None, int]] = {}
        self._last = 0

    def add(self, fault: Fault) -> int:
        """Put a fault in force; its number comes back."""
        self._last += 1
        self._standing[self._last] = (fault, fault.times, 0)
        return self._last

    def clear(self) -> int:
        """Lift all faults; how many there were comes back."""
        count = len(self._standing)
        self._standing.clear()
        return count

    def listed(self) -> list[dict[str, object]]:
        """The faults in force, each with its number, how often it has struck and how often it still may."""
        return [
            {"id": number, **fault.model_dump(by_alias=True, exclude_none=True), "left": left, "struck": struck}
            for number, (fault, left, struck) in self._standing.items()
        ]

    def take(self, call: Call, header: str | None = None) -> Fault | None:
        """The fault that strikes this call, counted down; a header goes before what stands. Raises WrongFaultError."""
        if header:
            fault = read_header(header)
            return fault if fault.strikes(call) else None
        for number, (fault, left, struck) in self._standing.items():
            if fault.strikes(call):
                if left == 1:
                    del self._standing[number]
                else:
                    self._standing[number] = (fault, left - 1 if left else None, struck + 1)
                return fault
        return None


def read_header(header: str) -> Fault:
    """Read `name; key=value; key=value`. Raises WrongFaultError."""
    name, *pairs = [part.strip() for part in header.split(";")]
    order: dict[str, object] = {"fault": name}
    for pair in filter(None, pairs):
        key, _, value = pair.partition("=")
        order[key.strip()] = [part.strip() for part in value.split(",")] if key.strip() == "miss" else value.strip()
    return read_order(order)


def read_order(order: object) -> Fault:
    """Read the control endpoint's JSON. Raises WrongFaultError, which says what is wrong with it."""
    try:
        return Fault.model_validate(order)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise WrongFaultError(f"{where}: {first['msg']}" if where else first["msg"]) from error
