"""Where the API is, the key for it, and where this program keeps what it must remember."""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from ..resuming import ResumeFile


class UsageError(Exception):
    """What was asked for cannot be meant, or something that is needed was not said. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Config:
    """``url`` is the API's origin. The key is never shown."""

    url: str
    api_key: str = field(repr=False)


def read_config() -> Config:
    """STORYLOOM_URL and STORYLOOM_API_KEY, else the config file's ``url`` and ``api_key``. Raises UsageError."""
    path = _config_path()
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        found = {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not TOML"
        raise UsageError(f"{path} cannot be read: {reason}.") from None
    values = {
        name: os.environ.get(variable) or found.get(name)
        for name, variable in (("url", "STORYLOOM_URL"), ("api_key", "STORYLOOM_API_KEY"))
    }
    missing = [name for name, value in values.items() if not isinstance(value, str) or not value]
    if missing:
        examples = {"url": "STORYLOOM_URL=https://stories.example", "api_key": "STORYLOOM_API_KEY=sk_…"}
        wanted = " and ".join(examples[name] for name in missing)
        raise UsageError(f"Set {wanted} in the environment, or {' and '.join(missing)} in {path}.")
    return Config(str(values["url"]), str(values["api_key"]))


def resume_file(digest: str) -> ResumeFile:
    """Of the story with a brief, by its digest."""
    return ResumeFile(_state_folder() / f"{digest[:32]}.json")


def forget(story_id: str) -> None:
    """Keep nothing of a story that has ended: the same brief is another story from now on."""
    for path in _state_folder().glob("*.json"):
        file = ResumeFile(path)
        pending = file.read()
        if pending is not None and pending.story_id == story_id:
            file.done()


def _config_path() -> Path:
    named = os.environ.get("STORYLOOM_CONFIG")
    return Path(named).expanduser() if named else _folder("XDG_CONFIG_HOME", ".config") / "storyloom" / "config.toml"


def _state_folder() -> Path:
    """Stories that were asked for here and have not ended."""
    return _folder("XDG_STATE_HOME", ".local/state") / "storyloom" / "unfinished"


def _folder(variable: str, below_home: str) -> Path:
    """A folder of the XDG Base Directory Specification, where a relative one does not count."""
    named = os.environ.get(variable, "")
    return Path(named) if Path(named).is_absolute() else Path.home() / below_home
