"""What the API takes and answers, as types.

Made from the OpenAPI document by `python -m tools.docs`: not to be edited. Members that are not required may be absent.
"""

from typing import Any, Literal, NotRequired, TypedDict


class AcceptedEvent(TypedDict):
    """The event that a command became."""

    id: str
    event: Literal[
        "StoryCancelled", "AssetRetryRequested", "AssetRegenerateRequested", "SceneTextEdited", "StoryApproved"
    ]


class Adaptations(TypedDict):
    """How an activity changes for a younger child, an older one, and one who needs it otherwise."""

    younger: str
    older: str
    access_needs: str


class Appearance(TypedDict):
    """How a character looks; words, or hex colours."""

    skin: NotRequired[str | None]
    hair: NotRequired[str | None]
    eyes: NotRequired[str | None]
    clothing: NotRequired[str | None]


class ApprovalStatus(TypedDict):
    """How the approval stands of a story that asks for one."""

    status: Literal["pending", "awaited", "given"]
    """`pending`: there is nothing to approve yet. `awaited`: the text is written, and all that is not text waits."""
    textVersion: NotRequired[str]
    """Which text is to be approved, or was. An edit or a regeneration makes it another."""


class ApproveBody(TypedDict):
    """What is approved: the text of this version, as `approval` of the story names it."""

    textVersion: str


class Artefact(TypedDict):
    """Something that was made, by its hash."""

    asset: str
    sha256: str
    """Of the file's bytes; of `content`, of its four texts in UTF-8, with a blank line between them."""
    bytes: int


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


class BookPicture(TypedDict):
    """A picture of the book."""

    url: str
    width: int
    """In pixels."""
    height: int
    altText: str
    hueColors: list[str]
    """Its colours for a lamp, most dominant first."""


class BookNarration(TypedDict):
    """The whole story read aloud."""

    url: str
    """MP3, of a constant bit rate. With `&part=tagged` the cover is in it, for whoever keeps the file."""
    captions: str
    """WebVTT."""
    seconds: float


class StoryLinks(TypedDict):
    """Where to go on."""

    self: str
    events: str
    """The progress stream."""
    cancel: NotRequired[str]
    """Only while the story is generating."""
    approve: NotRequired[str]
    """Only while its text waits to be approved."""


class Companion(TypedDict):
    """Who shares the stage with the heroes, as the plan of the story has it."""

    name: str
    kind: str
    """What it is: a fox, a kite."""
    look: str


class ContentScene(TypedDict):
    """A scene's text."""

    scene: int
    text: str


class Cost(TypedDict):
    """What providers were paid."""

    usd: float
    """US dollars, by the price list."""


Priority = Literal["urgent", "high", "normal"]
"""How soon a story's jobs run; a lane of its own on the bus."""


class CreateWebhook(TypedDict):
    """A new endpoint: where it is, and which events it wants; without any, all of them, later ones too."""

    url: str
    eventTypes: NotRequired[
        list[
            Literal[
                "story.completed",
                "story.failed",
                "story.cancelled",
                "story.awaiting_approval",
                "story.reported",
                "asset.completed",
                "asset.failed",
            ]
        ]
    ]
    description: NotRequired[str]


class DayOfUsage(TypedDict):
    """What was used in a day."""

    date: str
    stories: int
    """Stories that were created, also those that were deleted since."""
    assets: dict[str, int]
    """How many assets were made, by kind; one that was made anew counts again."""
    usd: float
    """What providers were paid, in US dollars, by the price list."""


class DeliveryAttempt(TypedDict):
    """One attempt. `error` is a word for programs, `remedy` says what to do; both are absent when it was taken."""

    at: str
    status: int | None
    durationMs: int
    error: NotRequired[str | None]
    remedy: NotRequired[str | None]


class EditBody(TypedDict):
    """A scene's new text, as `text` with blank lines between paragraphs or as `paragraphs`, and its alt text."""

    text: NotRequired[str | None]
    paragraphs: NotRequired[list[str] | None]
    altText: NotRequired[str | None]


class ErasedRows(TypedDict):
    """How many rows were deleted."""

    stories: int
    assets: int
    events: int
    wishes: int
    deliveries: int


SecondsRange = TypedDict("SecondsRange", {"from": float, "to": float})

UsdRange = TypedDict("UsdRange", {"from": float, "to": float})

Eta = TypedDict("Eta", {"from": str, "to": str})


class EventsToken(TypedDict):
    """What opens a story's progress stream without a key."""

    token: str
    expiresAt: str
    """A stream that was opened before goes on."""
    url: str
    """The stream's address, with the token: for an EventSource."""


class FieldError(TypedDict):
    """What is wrong with one field."""

    pointer: str
    """A JSON pointer into the body (RFC 6901)."""
    detail: str


class MeasuredError(TypedDict):
    """How often the evaluator erred when it was tried."""

    defects: int
    """Known defects that it was shown."""
    found: int
    """Those that it found."""
    sound: int
    """What it was shown that has no defect."""
    falseAlarms: int
    """Where it claimed one."""


class NewAppearance(TypedDict):
    """How a character looks; words, or hex colours."""

    skin: NotRequired[str | None]
    hair: NotRequired[str | None]
    eyes: NotRequired[str | None]
    clothing: NotRequired[str | None]


class PauseBody(TypedDict):
    """What something is wrong with."""

    scene: NotRequired[int | None]


class PendingCommand(TypedDict):
    """A command that was accepted, and has not changed the story yet."""

    id: str
    event: Literal[
        "StoryCancelled", "AssetRetryRequested", "AssetRegenerateRequested", "SceneTextEdited", "StoryApproved"
    ]


class PremisePart(TypedDict):
    """One thing that the brief asks for, and what became of it."""

    kind: Literal["who", "want", "loss", "place", "must_be_there", "must_not_be_there"]
    asks: str
    """In the plan's own words."""
    scenes: list[int]
    """Where the plan honours it; none where it does not."""
    honoured: bool | None
    """Whether the finished texts do; null where they were not read for it."""
    why: str | None
    """Why not, as far as that is known."""


class ReceiptModel(TypedDict):
    """A model that had a part in it, as its provider names it."""

    provider: str
    model: str


class ReceiptSignature(TypedDict):
    """What shows that the receipt was not changed."""

    algorithm: Literal["HMAC-SHA256"]
    keyId: str
    """The first 16 digits of the key's SHA-256."""
    value: str
    """Over the receipt without its signature, as JSON: keys in order, no spaces, UTF-8."""


class RegenerateBody(TypedDict):
    """What is wanted of the new version, in words; without it, it is made from the brief alone."""

    hint: NotRequired[str | None]


class RetryBody(TypedDict):
    """Which assets to retry; all that failed if none is named."""

    assets: NotRequired[
        list[
            Literal[
                "content", "cover", "scene_1", "scene_2", "scene_3", "scene_4", "audio", "activities", "pdf", "epub"
            ]
        ]
    ]


class RotateSecret(TypedDict):
    """For how long the old secret signs beside the new one, in seconds; 0 ends it at once."""

    overlapSeconds: NotRequired[int]


class Scene(TypedDict):
    """A scene, of which the text or the picture or both are made."""

    scene: int
    text: str | None
    """Paragraphs, with a blank line between them."""
    altText: str | None
    imageUrl: str | None
    width: int | None
    """Of the picture, in pixels."""
    height: int | None


class SendTest(TypedDict):
    """Of which type the example is that is sent."""

    type: NotRequired[
        Literal[
            "story.completed",
            "story.failed",
            "story.cancelled",
            "story.awaiting_approval",
            "story.reported",
            "asset.completed",
            "asset.failed",
        ]
    ]


class Share(TypedDict):
    """A link to a story."""

    id: str
    createdAt: str
    expiresAt: str
    status: Literal["valid", "paused", "expired", "revoked"]
    """`paused`: somebody has said that something is wrong with the book; `resumeShares` opens it again."""
    url: NotRequired[str]
    """The link with its secret behind the `#`. Told once, when it is made."""


class ShareBody(TypedDict):
    """How long a link is valid."""

    expiresInDays: NotRequired[int]


class Word(TypedDict):
    """A spoken word; seconds from the start of its file.

    `estimated`: no times came with its sound, and it has an even share of it. Left out where it is false.
    """

    txt: str
    start: float
    end: float
    estimated: NotRequired[bool]


class TotalUsage(TypedDict):
    """All days together."""

    stories: int
    assets: dict[str, int]
    """How many assets were made, by kind; one that was made anew counts again."""
    usd: float
    """What providers were paid, in US dollars, by the price list."""


class UpdateWebhook(TypedDict):
    """What changes of an endpoint; what is left out stays. `enabled: true` also sends what was paused meanwhile."""

    url: NotRequired[str | None]
    eventTypes: NotRequired[
        list[
            Literal[
                "story.completed",
                "story.failed",
                "story.cancelled",
                "story.awaiting_approval",
                "story.reported",
                "asset.completed",
                "asset.failed",
            ]
        ]
        | None
    ]
    description: NotRequired[str | None]
    enabled: NotRequired[bool | None]


class WebhookLinks(TypedDict):
    """Where an endpoint and the log of its deliveries are."""

    self: str
    deliveries: str


class Activity(TypedDict):
    """Something to do after reading, made from this story."""

    id: str
    title: str
    description: str
    type: Literal[
        "creative_arts",
        "physical_movement",
        "dramatic_play",
        "science_exploration",
        "literacy_extension",
        "math_concepts",
        "social_emotional",
        "sensory_play",
        "music_rhythm",
        "cooking_baking",
        "nature_outdoor",
        "building_construction",
    ]
    age_range: str
    duration: str
    materials: list[str]
    instructions: list[str]
    learning_objectives: list[str]
    story_connection: str
    adaptations: Adaptations
    safety_notes: list[str]
    parent_tips: list[str]


class Character(TypedDict):
    """A hero of the story."""

    name: str
    age: NotRequired[int | None]
    species: NotRequired[
        Literal["human", "monster", "robot", "animal", "fantasy_being", "dinosaur", "alien", "superhero", "elemental"]
    ]
    pronouns: NotRequired[str]
    appearance: NotRequired[Appearance]
    traits: NotRequired[list[str]]
    features: NotRequired[list[str]]
    personality: NotRequired[list[str]]


class AssetStatus(TypedDict):
    """How an asset stands. What is not true of its status is absent."""

    status: Literal["pending", "generating", "retrying", "ready", "failed", "cancelled"]
    progress: int
    """Per cent."""
    url: NotRequired[str]
    """Where it is, once it is ready."""
    completedAt: NotRequired[str]
    hueColors: NotRequired[list[str]]
    """A picture's colours for a lamp, most dominant first."""
    attempt: NotRequired[int]
    """Which attempt comes next, while it waits for that."""
    retryAt: NotRequired[str]
    late: NotRequired[bool]
    """True while it takes longer than all but the slowest did lately."""
    code: NotRequired[str | None]
    """Of the failure."""
    reason: NotRequired[str | None]
    """Of the failure, for people."""
    error: NotRequired[FailureCause]


class BookPage(TypedDict):
    """A scene: its text, and its picture beside it."""

    scene: int
    text: str | None
    """Paragraphs, with a blank line between them; null until it is written."""
    words: str | None
    """The same as escaped HTML, in which every spoken word is marked with its times; null until it is narrated."""
    picture: BookPicture | None


class Content(TypedDict):
    """The asset `content`: the story's title, logline and text."""

    title: str
    logline: str
    scenes: list[ContentScene]


class Delivery(TypedDict):
    """An event for an endpoint. `eventId` is the header `webhook-id`; `payload` the body that is sent.

    `nextAttemptAt` is null where none is planned, and while one is under way.
    """

    id: str
    eventId: str
    type: str
    state: Literal["pending", "delivered", "failed", "paused"]
    storyId: str | None
    payload: dict[str, Any]
    attempts: list[DeliveryAttempt]
    nextAttemptAt: str | None
    settledAt: str | None
    createdAt: str


class ErasureReceipt(TypedDict):
    """What was erased of a story."""

    id: str
    erasedAt: str
    rows: ErasedRows
    objects: int
    """Stored files."""
    bytes: int
    messages: int
    """Messages on the bus."""
    complete: bool
    """False while the bus or the store was not reachable: erasing goes on, and asking again tells."""


class Estimate(TypedDict):
    """What a story is likely to take."""

    seconds: SecondsRange
    """From when it begins; what it waits in the queue before is not in it."""
    usd: UsdRange
    """By the price list."""
    learned: bool
    """Whether past stories of the same assets say so: eight of ten were within. Else it is what is typical."""


class ProblemDetails(TypedDict):
    """An error (RFC 9457)."""

    type: str
    """The page that says what it means and what to do."""
    title: str
    status: int
    detail: str
    """What is wrong here, for people."""
    instance: NotRequired[str]
    """A URI of this occurrence, for whoever runs Storyloom."""
    code: str
    """What is wrong, for programs: stable."""
    retryable: bool
    """Whether the same request, unchanged, may go well later."""
    traceId: NotRequired[str]
    """The trace that the request belongs to: the client's own (W3C traceparent), or one of ours."""
    errors: NotRequired[list[FieldError]]
    categories: NotRequired[list[str]]
    """Of `topic_refused`, `brief_flagged`, `text_flagged` and `hint_flagged`."""
    assets: NotRequired[dict[str, str]]
    """Of `asset_not_failed`: how the assets stand."""
    limit: NotRequired[int]
    """Of `too_many_webhooks`: how many there may be."""


class ReceiptClaim(TypedDict):
    """One claim. There is no total: a story is not better for a claim more."""

    claim: str
    """A stable word for programs."""
    title: str
    """What is claimed, for people."""
    outcome: Literal["pass", "fail", "not_checked"]
    value: float | None
    """What was measured."""
    unit: str
    atLeast: float | None
    """The threshold: what the value must be at least, or at most."""
    atMost: float | None
    reason: str
    """What was found, or why nothing was checked."""
    evaluator: str
    version: int
    """Of the evaluator: another one may judge otherwise."""
    independent: bool
    """False: it is what the maker's own check said."""
    error: MeasuredError | None
    """Null where it was not tried on known defects."""


class NewCharacter(TypedDict):
    """A hero of the story to be made."""

    name: str
    age: NotRequired[int | None]
    species: NotRequired[
        Literal["human", "monster", "robot", "animal", "fantasy_being", "dinosaur", "alien", "superhero", "elemental"]
    ]
    pronouns: NotRequired[str]
    appearance: NotRequired[NewAppearance]
    traits: NotRequired[
        list[
            Literal[
                "adhd",
                "albinism",
                "asthma",
                "autism",
                "birthmark_large",
                "burn_scars",
                "cerebral_palsy",
                "childhood_cancer",
                "cleft_lip",
                "cochlear_implant_external",
                "cranial_helmet",
                "crutches",
                "deaf",
                "dialysis_access",
                "down_syndrome",
                "dwarfism",
                "dyslexia",
                "facial_differences",
                "feeding_tube_gtube",
                "halo_cervical_orthosis",
                "hearing_aids",
                "intellectual_disability",
                "iv_picc_line",
                "limb_difference_arm_missing",
                "limb_length_discrepancy",
                "medical_alert_symbol",
                "orthotic_devices",
                "oxygen_cannula",
                "port_a_cath",
                "prosthetic_arm",
                "prosthetic_leg",
                "scoliosis_brace",
                "tracheostomy",
                "type1_diabetes",
                "visual_impairment",
                "vitiligo",
                "walker",
                "wheelchair_manual",
                "wheelchair_power",
            ]
        ]
    ]
    features: NotRequired[list[str]]
    personality: NotRequired[list[str]]


class PremiseCheck(TypedDict):
    """Whether the story is what the brief's premise and setting ask for."""

    honoured: bool | None
    """False where anything is missing; null where the texts were not read for it."""
    parts: list[PremisePart]
    alsoMissing: list[str]
    """What is missing besides, in a sentence each."""


class ShareList(TypedDict):
    """The links of a story, oldest first."""

    shares: list[Share]


Usage = TypedDict("Usage", {"from": str, "to": str, "days": list[DayOfUsage], "total": TotalUsage})


class Webhook(TypedDict):
    """An endpoint. `disabledReason`: `client` by its own wish, `gone` (it answered 410), `failing` for days."""

    id: str
    url: str
    eventTypes: list[str]
    description: str
    enabled: bool
    disabledReason: Literal["client", "gone", "failing"] | None
    failingSince: str | None
    oldSecretExpiresAt: str | None
    createdAt: str
    links: WebhookLinks


class WebhookWithSecret(TypedDict):
    """An endpoint with its secret (`whsec_…`), which is shown here and never again."""

    id: str
    url: str
    eventTypes: list[str]
    description: str
    enabled: bool
    disabledReason: Literal["client", "gone", "failing"] | None
    failingSince: str | None
    oldSecretExpiresAt: str | None
    createdAt: str
    links: WebhookLinks
    secret: str


class AssetGenerationStatus(TypedDict):
    """How a story stands: as a whole, and each asset that was asked for."""

    overall: Literal["generating", "ready", "partial", "failed", "cancelled"]
    assets: dict[str, AssetStatus]
    approval: NotRequired[ApprovalStatus]


class Book(TypedDict):
    """A story for its readers: nothing of how it was asked for, and what it cost. Not made yet is null."""

    id: str
    status: Literal["generating", "ready", "partial", "failed", "cancelled"]
    title: str | None
    logline: str | None
    heroes: list[str]
    """Their names."""
    age: int
    """The listener's, in years."""
    language: str
    """BCP 47."""
    direction: Literal["ltr", "rtl"]
    """Which way the language is written."""
    cover: BookPicture | None
    pages: list[BookPage]
    """Four, in their order."""
    narration: BookNarration | None
    printed: str | None
    """The book as a PDF."""
    ebook: str | None
    """The book as an EPUB 3 that reads itself aloud; null in stories that were made before there was one."""
    activities: list[Activity] | None


class DeliveryPage(TypedDict):
    """Deliveries, newest first, and the cursor of the next page where there is one."""

    deliveries: list[Delivery]
    nextCursor: str | None


class StoryReceipt(TypedDict):
    """What was checked of a story, by what, and with which outcome."""

    id: str
    madeAt: str
    status: Literal["generating", "ready", "partial", "failed", "cancelled"]
    """The story's."""
    artefacts: list[Artefact]
    models: list[ReceiptModel]
    claims: list[ReceiptClaim]
    evaluators: int
    """The version of all evaluators together."""
    signature: ReceiptSignature | None
    """Null where the installation has no key to sign with."""


class CreateStory(TypedDict):
    """What a story should be: either `characters`, or only the `characterName` of one.

    `generateAssets: false` makes the text alone, and excludes `assets`. Some story types need `typeDetails`.
    """

    storyType: Literal[
        "adventure",
        "bedtime",
        "birthday",
        "educational",
        "financial_literacy",
        "language_learning",
        "medical_bravery",
        "mental_health",
        "milestones",
        "new_chapter_sequel",
        "tech_readiness",
    ]
    characters: NotRequired[list[NewCharacter]]
    age: NotRequired[int]
    premise: NotRequired[str | None]
    setting: NotRequired[str | None]
    language: NotRequired[str]
    typeDetails: NotRequired[dict[str, Any]]
    assets: NotRequired[
        list[
            Literal[
                "content", "cover", "scene_1", "scene_2", "scene_3", "scene_4", "audio", "activities", "pdf", "epub"
            ]
        ]
    ]
    """What to make; all of it if left out. What an asset needs is made too."""
    voice: NotRequired[str]
    priority: NotRequired[Priority]
    approval: NotRequired[Literal["auto", "required"]]
    seed: NotRequired[int | None]
    metadata: NotRequired[dict[str, Any]]
    characterName: NotRequired[str]
    generateAssets: NotRequired[bool]


class WebhookList(TypedDict):
    """All endpoints of a tenant, oldest first."""

    webhooks: list[Webhook]


class CommandAccepted(TypedDict):
    """A command that was accepted. What comes of it is told on the progress stream."""

    id: str
    status: Literal["generating", "ready", "partial", "failed", "cancelled"]
    realtimeChannel: str
    """The name of its progress stream: `stories:id=<id>`."""
    assetGenerationStatus: AssetGenerationStatus
    links: StoryLinks
    queuePosition: NotRequired[int | None]
    wish: AcceptedEvent | None
    """Null where nothing had to change."""
    findings: NotRequired[list[str]]
    """What falls short of an edited text: advice, not a refusal."""


class CreatedStory(TypedDict):
    """A story that was created."""

    id: str
    status: Literal["generating", "ready", "partial", "failed", "cancelled"]
    realtimeChannel: str
    """The name of its progress stream: `stories:id=<id>`."""
    assetGenerationStatus: AssetGenerationStatus
    links: StoryLinks
    queuePosition: NotRequired[int | None]
    estimate: Estimate


class Story(TypedDict):
    """The whole story. What is not made yet is null or absent, never invented."""

    id: str
    status: Literal["generating", "ready", "partial", "failed", "cancelled"]
    realtimeChannel: str
    """The name of its progress stream: `stories:id=<id>`."""
    assetGenerationStatus: AssetGenerationStatus
    links: StoryLinks
    queuePosition: NotRequired[int | None]
    title: str | None
    logline: str | None
    """The story in a sentence."""
    storyType: Literal[
        "adventure",
        "bedtime",
        "birthday",
        "educational",
        "financial_literacy",
        "language_learning",
        "medical_bravery",
        "mental_health",
        "milestones",
        "new_chapter_sequel",
        "tech_readiness",
    ]
    age: int
    """The listener's age, in years."""
    characters: list[Character]
    priority: Literal["urgent", "high", "normal"]
    createdAt: str | None
    startedAt: str | None
    completedAt: str | None
    error: FailureCause | None
    """Why, where the story failed or is partial."""
    metadata: dict[str, str]
    """The client's own, as it was sent."""
    progress: int
    """How much of the work is done, in per cent, by what is settled. A revision may make it less."""
    eta: Eta | None
    """When it will be there, by what such assets took here lately; null where that is not known yet, while the
    story waits in the queue, and once it has ended. An `ETag` does not change with it alone.
    """
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
    hueExtractedColors: dict[str, list[str]] | None
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


class StoryReference(TypedDict):
    """A story, as the answer to its creation and to every command has it."""

    id: str
    status: Literal["generating", "ready", "partial", "failed", "cancelled"]
    realtimeChannel: str
    """The name of its progress stream: `stories:id=<id>`."""
    assetGenerationStatus: AssetGenerationStatus
    links: StoryLinks
    queuePosition: NotRequired[int | None]
    """Of a story that waits for others of yours to end before it begins: how many begin first, and it; else null."""


class StorySummary(TypedDict):
    """A story in a list. What is not made yet is null."""

    id: str
    status: Literal["generating", "ready", "partial", "failed", "cancelled"]
    realtimeChannel: str
    """The name of its progress stream: `stories:id=<id>`."""
    assetGenerationStatus: AssetGenerationStatus
    links: StoryLinks
    queuePosition: NotRequired[int | None]
    title: str | None
    logline: str | None
    """The story in a sentence."""
    storyType: Literal[
        "adventure",
        "bedtime",
        "birthday",
        "educational",
        "financial_literacy",
        "language_learning",
        "medical_bravery",
        "mental_health",
        "milestones",
        "new_chapter_sequel",
        "tech_readiness",
    ]
    age: int
    """The listener's age, in years."""
    characters: list[Character]
    priority: Literal["urgent", "high", "normal"]
    createdAt: str | None
    startedAt: str | None
    completedAt: str | None
    error: FailureCause | None
    """Why, where the story failed or is partial."""
    metadata: dict[str, str]
    """The client's own, as it was sent."""


class CreateStories(TypedDict):
    """Briefs, each as the body of `createStory`. One that is wrong does not spoil the others."""

    stories: list[CreateStory | dict[str, Any]]


class BatchedStory(TypedDict):
    """What became of one brief of a batch: a story or a problem."""

    status: int
    """The status that the brief would have been answered with by itself: 202, or that of its problem."""
    story: NotRequired[StoryReference]
    replayed: NotRequired[bool]
    """Whether it was created before, by the same batch with the same `Idempotency-Key`."""
    problem: NotRequired[ProblemDetails]


class StoryPage(TypedDict):
    """A page of stories, newest first."""

    stories: list[StorySummary]
    nextCursor: str | None
    """The `cursor` of the next page; null on the last one."""


class StoryBatch(TypedDict):
    """What became of a batch."""

    stories: list[BatchedStory]
    """In the order of the briefs."""
