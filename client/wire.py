"""What the API sends, as it stands on the wire: plain JSON under typed names."""

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict


class StoryError(TypedDict, total=False):
    """Why a story or an asset failed: the root's ``code``, words for people, and whether a retry may help.

    ``cause`` names the asset that failed by itself; what needed it failed with it. What ended before it was told apart
    has a code and a message alone.
    """

    code: str
    message: str
    cause: str
    retryable: bool


class AssetStatus(TypedDict, total=False):
    """How far one asset is: pending, generating, retrying, ready, failed or cancelled; ``progress`` 0 to 100.

    ``error`` goes with a failed one.
    """

    status: str
    progress: int
    url: str
    completedAt: str
    error: StoryError


class GenerationStatus(TypedDict):
    """The public document of a story's making."""

    overall: str
    assets: dict[str, AssetStatus]


class Scene(TypedDict, total=False):
    """One scene; what is not made yet is null or absent."""

    scene: int
    text: str | None
    altText: str | None
    imageUrl: str | None


class Word(TypedDict):
    """A spoken word; seconds from the start of the narration.

    ``estimated`` where the voice sent no times that fit its sound: the word has an even share of it.
    """

    txt: str
    start: float
    end: float
    estimated: NotRequired[bool]


class Story(TypedDict, total=False):
    """A story as GET /stories/{id} answers it."""

    id: str
    status: str
    title: str | None
    logline: str | None
    storyType: str
    age: int
    characters: list[dict[str, Any]]
    scenes: list[Scene]
    activities: list[dict[str, Any]] | None
    assetGenerationStatus: GenerationStatus
    hueExtractedColors: Any
    audioWords: list[Word] | None
    audioBlocks: Any
    priority: str
    createdAt: str
    startedAt: str | None
    completedAt: str | None
    error: StoryError | None
    metadata: dict[str, str]
    links: dict[str, str]


class Command(TypedDict):
    """A command that was accepted: its id, and the event that it was published as."""

    id: str
    event: str


class Taken(TypedDict, total=False):
    """What a command is answered by: the story as it stood, and the command; null where nothing had to change.

    ``findings``, of an edit alone: what falls short of the text for the story's age. It was taken all the same.
    """

    id: str
    status: str
    realtimeChannel: str
    assetGenerationStatus: GenerationStatus
    links: dict[str, str]
    command: Command | None
    findings: list[str]


class Receipt(TypedDict):
    """What went with a deleted story: rows by kind, objects and bytes in the store, messages on the bus.

    ``complete`` is false while something of it could not be reached; it goes on by itself.
    """

    id: str
    erasedAt: str
    rows: dict[str, int]
    objects: int
    bytes: int
    messages: int
    complete: bool


class StoryPage(TypedDict, total=False):
    """Stories, newest first. ``nextCursor`` is null or absent on the last page."""

    stories: list[Story]
    nextCursor: str | None


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event of a story's stream. ``seq`` is None for passing progress, which no replay repeats."""

    name: str
    data: dict[str, Any]
    seq: int | None = None
