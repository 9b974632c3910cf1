"""What can be set about a studio, and where it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from studio.backends import EngineName

LatencyProfile = Literal["instant", "realistic"]
_PREFIX = "STUDIO_"
_Processes = Annotated[int, Field(ge=1, le=64)]


class InvalidSettingError(ValueError):
    """A setting has a value that the studio cannot use. The message names the setting and what it may be."""


def _split(keys: Any) -> Any:
    return [key.strip() for key in keys.split(",") if key.strip()] if isinstance(keys, str) else keys


class StudioSettings(BaseModel):
    """One studio's settings. Raises pydantic's ValidationError for a value out of its bounds.

    `port` 0 takes any free one. `latency_scale` multiplies every pause of the realistic profile.
    `painters` and `speakers` are worker processes. `refused_keys` are answered with 401, as are empty keys
    and those that begin with "wrong". `ledger_rows` bounds the ledger's memory; its totals are never cut.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    latency: LatencyProfile = "instant"
    latency_scale: Annotated[float, Field(ge=0, le=1_000)] = 1.0
    voice: EngineName = "piper"
    painters: _Processes = 2
    speakers: _Processes = 1
    refused_keys: Annotated[frozenset[str], BeforeValidator(_split)] = frozenset()
    ledger_rows: Annotated[int, Field(ge=1, le=10_000_000)] = 200_000

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], **instead: Any) -> StudioSettings:
        """Read STUDIO_*, and `instead` of them what is given. What is not set keeps its default.

        Raises InvalidSettingError.
        """
        given = {name: environ.get(_variable(name)) for name in cls.model_fields}
        try:
            return cls.model_validate({name: value for name, value in given.items() if value} | instead)
        except ValidationError as error:
            wrong = error.errors()[0]
            must_be = wrong["msg"].replace("Input should be", "must be")
            raise InvalidSettingError(
                f"{_variable(str(wrong['loc'][0]))} {must_be}, not {wrong['input']!r}."
            ) from error


def _variable(name: str) -> str:
    return _PREFIX + name.upper()
