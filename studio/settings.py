"""What can be set about a studio, and where it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

LatencyProfile = Literal["instant", "realistic"]
Engine = Literal["piper", "espeak"]
_BOUNDS = {
    "port": (0, 65_535),
    "latency_scale": (0, 1_000),
    "painters": (1, 64),
    "speakers": (1, 64),
    "ledger_rows": (1, 10_000_000),
}
_CHOICES = {"latency": get_args(LatencyProfile), "voice": get_args(Engine)}


class WrongSettingError(ValueError):
    """A setting has a value that the studio cannot use. The message names the setting and what it may be."""


@dataclass(frozen=True, slots=True)
class StudioSettings:
    """One studio's settings. Raises WrongSettingError for a value out of its bounds.

    `port` 0 takes any free one. `latency_scale` multiplies every pause of the realistic profile.
    `painters` and `speakers` are worker processes. `refused_keys` are answered with 401, as are empty keys
    and those that begin with "wrong". `ledger_rows` bounds the ledger's memory; its totals are never cut.
    """

    host: str = "127.0.0.1"
    port: int = 0
    latency: LatencyProfile = "instant"
    latency_scale: float = 1.0
    voice: Engine = "piper"
    painters: int = 2
    speakers: int = 1
    refused_keys: frozenset[str] = frozenset()
    ledger_rows: int = 200_000

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise WrongSettingError(f"{_variable(name)} must be a number from {least} to {most}, not {value}.")
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise WrongSettingError(f"{_variable(name)} must be one of {', '.join(choices)}, not {value!r}.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> StudioSettings:
        """Read STUDIO_*; what is not set keeps its default. Raises WrongSettingError."""
        default = cls()
        given: dict[str, Any] = {
            name: _read(name, environ[_variable(name)], type(getattr(default, name)))
            for name in default.__slots__
            if environ.get(_variable(name))
        }
        return cls(**given)


def _variable(name: str) -> str:
    return f"STUDIO_{name.upper()}"


def _read(name: str, text: str, kind: type[Any]) -> Any:
    if kind is frozenset:
        return frozenset(part.strip() for part in text.split(",") if part.strip())
    try:
        return kind(text)
    except ValueError as error:
        raise WrongSettingError(f"{_variable(name)} must be a number, not {text!r}.") from error
