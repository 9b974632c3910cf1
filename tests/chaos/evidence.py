"""What a run leaves behind, as plain values: what clients saw and what the servers hold. The checker sees no more."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class Asked:
    """One command that a client sent, and what it was answered last (0: nothing)."""

    kind: str
    asset: str = ""
    scene: int = 0
    text: str = ""
    status: int = 0

    @property
    def granted(self) -> bool:
        return 200 <= self.status < 300


@dataclass
class Client:
    """One client's story. ``accepted``: a 202 came back; ``deleted``: its own delete was answered, or leaves a 404."""

    number: int
    key: str
    assets: tuple[str, ...]
    id: str = ""
    accepted: bool = False
    deleted: bool = False
    asked: list[Asked] = field(default_factory=list)

    def granted(self, kind: str) -> list[Asked]:
        """The commands of a kind that were accepted, in their order."""
        return [one for one in self.asked if one.kind == kind and one.granted]


@dataclass(frozen=True, slots=True)
class Line:
    """One event as a reader got it. ``id`` None: it has no place in history."""

    connection: int
    id: int | None
    event: str
    data: Any


@dataclass
class Transcript:
    """All that one reader of a story got, over all its connections. ``closing`` says how the last one ended."""

    story_id: str
    reader: str
    lines: list[Line] = field(default_factory=list)
    closing: str = "never opened"

    @property
    def seen(self) -> int:
        """The last id that it knows."""
        return next((line.id for line in reversed(self.lines) if line.id is not None), 0)


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook as another system got it. ``taken``: it has it, whether its answer arrived or not."""

    id: str
    body: str
    verified: bool
    taken: bool


@dataclass(frozen=True, slots=True)
class Incident:
    """A process that was killed, frozen or drained; epoch seconds from its beginning to its end."""

    kind: str
    process: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Stored:
    """One object in the store; ``value`` is what it holds if that is JSON."""

    size: int
    sha256: str
    value: Any = None


@dataclass
class Evidence:
    """Everything. Rows are as SQL gives them, with ids as strings; ``bus`` holds the subjects of each stream."""

    clients: list[Client] = field(default_factory=list)
    transcripts: list[Transcript] = field(default_factory=list)
    stories: dict[str, Row] = field(default_factory=dict)
    assets: list[Row] = field(default_factory=list)
    updates: dict[str, list[Line]] = field(default_factory=dict)
    commands: list[Row] = field(default_factory=list)
    erasures: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Stored] = field(default_factory=dict)
    ledger: list[Row] = field(default_factory=list)
    bus: dict[str, list[str]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    asked_at: float = 0.0
    """When the rows were read, in epoch seconds."""

    @property
    def deleted(self) -> set[str]:
        return {client.id for client in self.clients if client.deleted and client.id}

    def assets_of(self, story_id: str) -> dict[str, Row]:
        """A story's asset rows by their names."""
        return {row["asset_type"]: row for row in self.assets if row["story_id"] == story_id}

    def json(self) -> str:
        """For whoever looks into a failed run."""
        return json.dumps(asdict(self), default=str, indent=1)
