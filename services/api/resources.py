"""What the api answers, as types: serializers.py makes them, the OpenAPI document describes them.

The rows hold what is answered already, in JSON. These are typed dictionaries, so that the type checker compares them
with what serializers.py writes and nothing is validated once more on the way out; tests validate every real answer.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter, with_config
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import TypedDict

from storyloom.story.brief import Character, StoryType
from storyloom.story.results import Activity, PremiseKind, Word

_DOCUMENTED = with_config(ConfigDict(use_attribute_docstrings=True))

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time in UTC, ISO 8601, to the millisecond."""
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Path = Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
"""A path on this API."""
AssetName = Literal[
    "content", "cover", "scene_1", "scene_2", "scene_3", "scene_4", "audio", "activities", "pdf", "epub"
]
"""What can be asked for, and is shown."""
StoryStatus = Literal["generating", "ready", "partial", "failed", "cancelled"]
"""``partial``: it has its text, but something else failed for good."""
HexColor = Annotated[str, Field(json_schema_extra={"pattern": "^#[0-9a-f]{6}$"})]


@_DOCUMENTED
class FailureCause(TypedDict):
    """Why something failed, in words of ours."""

    code: str
    """A stable word for programs."""
    message: str
    """A phrase for people."""
    cause: str
    """The asset that failed by itself."""
    retryable: bool
    """Whether the same may go well when it is asked for again."""


@_DOCUMENTED
class AssetStatus(TypedDict):
    """How an asset stands. What is not true of its status is absent."""

    status: Literal["pending", "generating", "retrying", "ready", "failed", "cancelled"]
    progress: Annotated[int, Field(ge=0, le=100)]
    """Per cent."""
    url: NotRequired[Path]
    """Where it is, once it is ready."""
    completedAt: NotRequired[Time]
    hueColors: NotRequired[list[HexColor]]
    """A picture's colours for a lamp, most dominant first."""
    attempt: NotRequired[int]
    """Which attempt comes next, while it waits for that."""
    retryAt: NotRequired[Time]
    late: NotRequired[bool]
    """True while it takes longer than all but the slowest did lately."""
    code: NotRequired[str | None]
    """Of the failure."""
    reason: NotRequired[str | None]
    """Of the failure, for people."""
    error: NotRequired[FailureCause]


@_DOCUMENTED
class ApprovalStatus(TypedDict):
    """How the approval stands of a story that asks for one."""

    status: Literal["pending", "awaited", "given"]
    """`pending`: there is nothing to approve yet. `awaited`: the text is written, and all that is
    not text waits."""
    textVersion: NotRequired[str]
    """Which text is to be approved, or was. An edit or a regeneration makes it another."""


class AssetGenerationStatus(TypedDict):
    """How a story stands: as a whole, and each asset that was asked for."""

    overall: StoryStatus
    assets: dict[AssetName, AssetStatus]
    approval: NotRequired[ApprovalStatus]


@_DOCUMENTED
class StoryLinks(TypedDict):
    """Where to go on."""

    self: Path
    events: Path
    """The progress stream."""
    cancel: NotRequired[Path]
    """Only while the story is generating."""
    approve: NotRequired[Path]
    """Only while its text waits to be approved."""


# Of these two others are made: they keep a description that stands in the type, but lose one that stands below it.
class StoryReference(TypedDict):
    """A story, as the answer to its creation and to every command has it."""

    id: Id
    status: StoryStatus
    realtimeChannel: Annotated[str, Field(description="The name of its progress stream: `stories:id=<id>`.")]
    assetGenerationStatus: AssetGenerationStatus
    links: StoryLinks
    queuePosition: NotRequired[Annotated[int, Field(ge=1)] | None]
    """Of a story that waits for others of yours to end before it begins: how many begin first, and it; else null."""


SecondsRange = TypedDict("SecondsRange", {"from": float, "to": float})
UsdRange = TypedDict("UsdRange", {"from": float, "to": float})


@_DOCUMENTED
class Estimate(TypedDict):
    """What a story is likely to take."""

    seconds: SecondsRange
    """From when it begins; what it waits in the queue before is not in it."""
    usd: UsdRange
    """By the price list."""
    learned: bool
    """Whether past stories of the same assets say so: eight of ten were within. Else it is what is typical."""


class CreatedStory(StoryReference):
    """A story that was created."""

    estimate: Estimate


class StorySummary(StoryReference):
    """A story in a list. What is not made yet is null."""

    title: str | None
    logline: Annotated[str | None, Field(description="The story in a sentence.")]
    storyType: StoryType
    age: Annotated[int, Field(description="The listener's age, in years.")]
    characters: list[Character]
    priority: Literal["urgent", "high", "normal"]
    createdAt: Time | None
    startedAt: Time | None
    completedAt: Time | None
    error: Annotated[FailureCause | None, Field(description="Why, where the story failed or is partial.")]
    metadata: Annotated[dict[str, str], Field(description="The client's own, as it was sent.")]


class StoryPage(TypedDict):
    """A page of stories, newest first."""

    stories: list[StorySummary]
    nextCursor: Annotated[str | None, Field(description="The `cursor` of the next page; null on the last one.")]


@_DOCUMENTED
class Scene(TypedDict):
    """A scene, of which the text or the picture or both are made."""

    scene: Annotated[int, Field(ge=1, le=4)]
    text: str | None
    """Paragraphs, with a blank line between them."""
    altText: str | None
    imageUrl: Path | None
    width: int | None
    """Of the picture, in pixels."""
    height: int | None


@_DOCUMENTED
class Companion(TypedDict):
    """Who shares the stage with the heroes, as the plan of the story has it."""

    name: str
    kind: str
    """What it is: a fox, a kite."""
    look: str


@_DOCUMENTED
class PremisePart(TypedDict):
    """One thing that the brief asks for, and what became of it."""

    kind: PremiseKind
    asks: str
    """In the plan's own words."""
    scenes: list[int]
    """Where the plan honours it; none where it does not."""
    honoured: bool | None
    """Whether the finished texts do; null where they were not read for it."""
    why: str | None
    """Why not, as far as that is known."""


@_DOCUMENTED
class PremiseCheck(TypedDict):
    """Whether the story is what the brief's premise and setting ask for."""

    honoured: bool | None
    """False where anything is missing; null where the texts were not read for it."""
    parts: list[PremisePart]
    alsoMissing: list[str]
    """What is missing besides, in a sentence each."""


class Cost(TypedDict):
    """What providers were paid."""

    usd: Annotated[float, Field(ge=0, description="US dollars, by the price list.")]


@_DOCUMENTED
class PendingCommand(TypedDict):
    """A command that was accepted, and has not changed the story yet."""

    id: str
    event: Literal[
        "StoryCancelled", "AssetRetryRequested", "AssetRegenerateRequested", "SceneTextEdited", "StoryApproved"
    ]


Eta = TypedDict("Eta", {"from": Time, "to": Time})
"""When a story will be there: not before `from`, and hardly after `to`."""


@_DOCUMENTED
class Story(StorySummary):
    """The whole story. What is not made yet is null or absent, never invented."""

    progress: Annotated[int, Field(ge=0, le=100)]
    """How much of the work is done, in per cent, by what is settled. A revision may make it less."""
    eta: Eta | None
    """When it will be there, by what such assets took here lately; null where that is not known yet, while the story
    waits in the queue, and once it has ended. An `ETag` does not change with it alone."""
    language: str
    """What it is told in, as BCP 47 has it."""
    premise: str | None
    setting: str | None
    typeDetails: dict[str, str | int]
    seed: int | None
    companion: Companion | None
    """Whom the story adds to your characters; null before its plan is made, and where it needs nobody."""
    premiseCheck: PremiseCheck | None
    """What became of `premise` and `setting`; null before the text is whole, and where nothing was asked for."""
    scenes: list[Scene]
    activities: list[Activity] | None
    hueExtractedColors: dict[str, list[HexColor]] | None
    """By picture, its colours for a lamp, most dominant first."""
    audioWords: list[Word] | None
    """Every spoken word, in seconds from the start of the asset `audio`."""
    audioBlocks: dict[str, str] | None
    """By scene, its text as escaped HTML in which every spoken word is marked."""
    audioSeconds: float | None
    """How long the asset `audio` is."""
    cost: Cost | None
    """So far, with attempts that came to nothing; null before anything was paid for."""
    models: list[str]
    """The models that were paid for it, by their names."""
    pendingCommands: list[PendingCommand]
    """What was asked of the story and is not done yet."""


class ContentScene(TypedDict):
    """A scene's text."""

    scene: int
    text: str


class Content(TypedDict):
    """The asset `content`: the story's title, logline and text."""

    title: str
    logline: str
    scenes: list[ContentScene]


@_DOCUMENTED
class AcceptedEvent(TypedDict):
    """The event that a command became."""

    id: str
    event: Literal[
        "StoryCancelled", "AssetRetryRequested", "AssetRegenerateRequested", "SceneTextEdited", "StoryApproved"
    ]


@_DOCUMENTED
class CommandAccepted(StoryReference):
    """A command that was accepted. What comes of it is told on the progress stream."""

    wish: AcceptedEvent | None
    """Null where nothing had to change."""
    findings: NotRequired[list[str]]
    """What falls short of an edited text: advice, not a refusal."""


AssetText = Content | list[Activity]
"""The assets that are text: `content` and `activities`."""


class ErasedRows(TypedDict):
    """How many rows were deleted."""

    stories: int
    assets: int
    events: int
    wishes: int
    deliveries: int


@_DOCUMENTED
class ErasureReceipt(TypedDict):
    """What was erased of a story."""

    id: Id
    erasedAt: Time
    rows: ErasedRows
    objects: int
    """Stored files."""
    bytes: int
    messages: int
    """Messages on the bus."""
    complete: bool
    """False while the bus or the store was not reachable: erasing goes on, and asking again tells."""


@_DOCUMENTED
class EventsToken(TypedDict):
    """What opens a story's progress stream without a key."""

    token: str
    expiresAt: Time
    """A stream that was opened before goes on."""
    url: Path
    """The stream's address, with the token: for an EventSource."""


class FieldError(TypedDict):
    """What is wrong with one field."""

    pointer: Annotated[str, Field(description="A JSON pointer into the body (RFC 6901).")]
    detail: str


@_DOCUMENTED
class ProblemDetails(TypedDict):
    """An error (RFC 9457)."""

    type: Path
    """The page that says what it means and what to do."""
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    """What is wrong here, for people."""
    instance: NotRequired[str]
    """A URI of this occurrence, for whoever runs Storyloom."""
    code: str
    """What is wrong, for programs: stable."""
    retryable: bool
    """Whether the same request, unchanged, may go well later."""
    traceId: NotRequired[Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{32}$"})]]
    """The trace that the request belongs to: the client's own (W3C traceparent), or one of ours."""
    errors: NotRequired[list[FieldError]]
    categories: NotRequired[list[str]]
    """Of `topic_refused`, `brief_flagged`, `text_flagged` and `hint_flagged`."""
    assets: NotRequired[dict[AssetName, str]]
    """Of `asset_not_failed`: how the assets stand."""
    limit: NotRequired[int]
    """Of `too_many_webhooks`: how many there may be."""


@_DOCUMENTED
class BatchedStory(TypedDict):
    """What became of one brief of a batch: a story or a problem."""

    status: int
    """The status that the brief would have been answered with by itself: 202, or that of its problem."""
    story: NotRequired[StoryReference]
    replayed: NotRequired[bool]
    """Whether it was created before, by the same batch with the same `Idempotency-Key`."""
    problem: NotRequired[ProblemDetails]


@_DOCUMENTED
class StoryBatch(TypedDict):
    """What became of a batch."""

    stories: list[BatchedStory]
    """In the order of the briefs."""


# The progress stream.


class SnapshotData(TypedDict):
    """How the story stands, for a reader that begins."""

    seq: int
    status: StoryStatus
    assetGenerationStatus: AssetGenerationStatus


class OutlineData(TypedDict):
    """What the story will be called."""

    title: str
    logline: str


class TextData(TypedDict):
    """A scene's text is written, or was edited."""

    scene: int
    text: str
    altText: str | None


class AssetData(AssetStatus):
    """An asset changed."""

    asset: AssetName


class StoryData(TypedDict):
    """The story began again, or ended."""

    overall: StoryStatus
    completedAt: NotRequired[Time]
    error: NotRequired[FailureCause]


@_DOCUMENTED
class ProgressData(TypedDict):
    """How far something is that is being made. Told once, best effort; what it leads to is told by other events."""

    asset: str
    progress: Annotated[int, Field(ge=0, le=100)]
    """Of the whole asset, never less than before in the same attempt."""
    part: NotRequired[str]
    """What of the asset it is."""
    scene: NotRequired[int]
    text: NotRequired[str]
    """What has been written so far."""


class EtaData(TypedDict):
    """When the story will be there, and how much of it is done."""

    eta: Eta
    progress: Annotated[int, Field(ge=0, le=100)]


@_DOCUMENTED
class LateData(TypedDict):
    """An asset takes longer than all but the slowest did lately. It is over with the asset's next event."""

    asset: str
    part: NotRequired[str]
    """What of the asset it is."""
    since: Time
    """When the attempt began."""
    expected: Time
    """When it should have been there."""


class QueueData(TypedDict):
    """How many stories begin first, and this one."""

    queuePosition: Annotated[int, Field(ge=1)]


class EmptyData(TypedDict):
    """Nothing more to say."""


class JsonText:
    """Marks a string that holds JSON of a type."""

    def __init__(self, type_: Any) -> None:
        self._type = type_

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        inner = handler(TypeAdapter(self._type).core_schema)
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": inner}


EventId = Annotated[
    str, Field(json_schema_extra={"pattern": "^[0-9]+$"}, description="The event's place in the story.")
]


class SnapshotEvent(TypedDict):
    """`snapshot`"""

    id: EventId
    event: Literal["snapshot"]
    data: Annotated[str, JsonText(SnapshotData)]


class OutlineEvent(TypedDict):
    """`outline`"""

    id: EventId
    event: Literal["outline"]
    data: Annotated[str, JsonText(OutlineData)]


class TextEvent(TypedDict):
    """`text`"""

    id: EventId
    event: Literal["text"]
    data: Annotated[str, JsonText(TextData)]


class AssetEvent(TypedDict):
    """`asset`"""

    id: EventId
    event: Literal["asset"]
    data: Annotated[str, JsonText(AssetData)]


class ProgressEvent(TypedDict):
    """`progress`: without an id, since it has no place in the history."""

    event: Literal["progress"]
    data: Annotated[str, JsonText(ProgressData)]


class StoryEvent(TypedDict):
    """`story`"""

    id: EventId
    event: Literal["story"]
    data: Annotated[str, JsonText(StoryData)]


class ApprovalEvent(TypedDict):
    """`approval`: the text waits to be approved, or was approved."""

    id: EventId
    event: Literal["approval"]
    data: Annotated[str, JsonText(ApprovalStatus)]


class QueueEvent(TypedDict):
    """`queue`: the story waits for others of yours to end. Without an id."""

    event: Literal["queue"]
    data: Annotated[str, JsonText(QueueData)]


class EtaEvent(TypedDict):
    """`eta`: when the story will be there. Told again when that has changed by more than a little. Without an id."""

    event: Literal["eta"]
    data: Annotated[str, JsonText(EtaData)]


class LateEvent(TypedDict):
    """`late`: an asset takes unusually long. Told once of each attempt, without an id."""

    event: Literal["late"]
    data: Annotated[str, JsonText(LateData)]


class LastEvent(TypedDict):
    """`end`: nothing more comes; `deleted`, before it: the story was erased."""

    event: Literal["end", "deleted"]
    data: Annotated[str, JsonText(EmptyData)]


StreamItem = (
    SnapshotEvent
    | OutlineEvent
    | TextEvent
    | AssetEvent
    | ProgressEvent
    | StoryEvent
    | ApprovalEvent
    | QueueEvent
    | EtaEvent
    | LateEvent
    | LastEvent
)
"""One event of the progress stream."""
