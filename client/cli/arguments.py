"""What words on the command line mean: ids, durations, briefs, texts."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from cyclopts import Parameter

from .app import converted
from .config import UsageError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}

AssetName: TypeAlias = Literal[
    "content", "cover", "scene_1", "scene_2", "scene_3", "scene_4", "audio", "activities", "pdf", "epub"
]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f"{text!r} is no id: an id is a UUID, as `storyloom list` shows it.") from None


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([smh]?)", text, re.ASCII)
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is no duration like 90s, 30m or 2h.")
    return float(int(found[1]) * _UNITS[found[2]])


def _number(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise ValueError(f"{text!r} is no whole number.")
    return int(text)


Number: TypeAlias = Annotated[int, converted(_number)]
StoryId: TypeAlias = Annotated[UUID, converted(_uuid), Parameter(name="ID", help="The story's.")]
WebhookId: TypeAlias = Annotated[UUID, converted(_uuid), Parameter(name="ID", help="The endpoint's.")]
DeliveryId: TypeAlias = Annotated[UUID, converted(_uuid), Parameter(name="DELIVERY", help="As listed.")]
Timeout: TypeAlias = Annotated[
    float, converted(_duration), Parameter(name="--timeout", help="How long to wait, like 90s or 1h. Without: 30m.")
]
Overlap: TypeAlias = Annotated[float | None, converted(lambda text: 0.0 if text in ("0", "0s") else _duration(text))]


@dataclass(frozen=True, slots=True)
class BriefOptions:
    """What a story should be: a brief, and options that take the place of its members."""

    brief: Annotated[
        str | None,
        Parameter(help="A JSON file, the body of POST /stories; - for stdin. What other options say comes first."),
    ] = None
    name: Annotated[str | None, Parameter(help="The hero's name.")] = None
    type: Annotated[str | None, Parameter(help="adventure, bedtime, birthday … Without: adventure.")] = None
    age: Annotated[Number | None, Parameter(help="The listener's, 3 to 12.")] = None
    premise: Annotated[str | None, Parameter(help="What it is about: a fox who has lost her lantern.")] = None
    setting: Annotated[str | None, Parameter(help="Where: a foggy forest.")] = None
    language: Annotated[str | None, Parameter(help="Like en or de.")] = None
    voice: Annotated[str | None, Parameter(help="Who reads it aloud.")] = None
    asset: Annotated[tuple[AssetName, ...], Parameter(help="Make this and what it needs; may be repeated.")] = ()
    text_only: Annotated[bool, Parameter(help="Make the text alone.")] = False
    priority: Annotated[Literal["urgent", "high", "normal"] | None, Parameter(help="How soon.")] = None
    approval: Annotated[str | None, Parameter(help="auto, or required: all but the text waits for `approve`.")] = None
    seed: Annotated[Number | None, Parameter(help="The same seed and brief are the same story, where possible.")] = None
    metadata: Annotated[tuple[str, ...], Parameter(help="key=value, kept with the story; may be repeated.")] = ()

    def read(self) -> dict[str, Any]:
        """The brief. Raises UsageError."""
        given = self._given()
        if self.brief is None and not given and sys.stdin.isatty():
            raise UsageError("Say what the story should be: --name Mira, or --brief file.json. --help shows all.")
        from_stdin = self.brief == "-" or (self.brief is None and not given)
        whole = given if self.brief is None and not from_stdin else read_json("-" if from_stdin else str(self.brief))
        if "characterName" in given:
            whole.pop("characters", None)
        if "assets" in given or "generateAssets" in given:
            whole = {name: value for name, value in whole.items() if name not in ("assets", "generateAssets")}
        return {"storyType": "adventure"} | whole | given

    def _given(self) -> dict[str, Any]:
        pairs = [one.partition("=") for one in self.metadata]
        if not all(sign for _, sign, _ in pairs):
            raise UsageError("--metadata is like orderId=A-17.")
        values: dict[str, Any] = {
            "characterName": self.name,
            "storyType": self.type,
            "age": self.age,
            "premise": self.premise,
            "setting": self.setting,
            "language": self.language,
            "voice": self.voice,
            "assets": [*self.asset] or None,
            "generateAssets": False if self.text_only else None,
            "priority": self.priority,
            "approval": self.approval,
            "seed": self.seed,
            "metadata": {name: value for name, _, value in pairs} or None,
        }
        return {name: value for name, value in values.items() if value is not None}


NO_OPTIONS = BriefOptions()
Options: TypeAlias = Annotated[BriefOptions, Parameter(name="*")]


def read_json(where: str) -> dict[str, Any]:
    """The object in a file, or on stdin (``-``). Raises UsageError."""
    name = "stdin" if where == "-" else where
    try:
        found = json.loads(read_text(where))
    except ValueError as error:
        raise UsageError(f"{name} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise UsageError(f"{name} holds no JSON object.")
    return found


def read_text(where: str) -> str:
    """What a file holds, or stdin (``-``). Raises UsageError."""
    name = "stdin" if where == "-" else where
    try:
        return sys.stdin.read() if where == "-" else Path(where).read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not text in UTF-8.") from None
