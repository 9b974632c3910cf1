"""What can be set about a studio, and where it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

LatencyProfile = Literal["instant", "realistic"]
Engine = Literal["piper", "espeak"]


class WrongSettingError(ValueError):
    """A setting has a value that the studio cannot use. The message names the setting and what it may be."""


@dataclass(frozen=True, slots=True)
class StudioSettings:
    """One studio's settings.

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

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> StudioSettings:
        """Read STUDIO_*; what is not set keeps its default. Raises WrongSettingError."""
        default = cls()
        keys = environ.get("STUDIO_REFUSED_KEYS", "")
        return cls(
            host=environ.get("STUDIO_HOST", default.host),
            port=_number(environ, "STUDIO_PORT", default.port, 0, 65535),
            latency=cast("LatencyProfile", _choice(environ, "STUDIO_LATENCY", default.latency, LatencyProfile)),
            latency_scale=_scale(environ, default.latency_scale),
            voice=cast("Engine", _choice(environ, "STUDIO_VOICE", default.voice, Engine)),
            painters=_number(environ, "STUDIO_PAINTERS", default.painters, 1, 64),
            speakers=_number(environ, "STUDIO_SPEAKERS", default.speakers, 1, 64),
            refused_keys=frozenset(key.strip() for key in keys.split(",") if key.strip()),
            ledger_rows=_number(environ, "STUDIO_LEDGER_ROWS", default.ledger_rows, 1, 10_000_000),
        )


def _number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise WrongSettingError(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def _scale(environ: Mapping[str, str], default: float) -> float:
    text = environ.get("STUDIO_LATENCY_SCALE", str(default))
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 <= scale <= 1000:
        raise WrongSettingError(f"STUDIO_LATENCY_SCALE must be a number from 0 to 1000, not {text!r}.")
    return scale


def _choice(environ: Mapping[str, str], name: str, default: str, choices: object) -> str:
    text = environ.get(name, default)
    if text not in get_args(choices):
        raise WrongSettingError(f"{name} must be one of {', '.join(get_args(choices))}, not {text!r}.")
    return text
