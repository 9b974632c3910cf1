"""Results: what the making of an asset leaves behind, as it stands in manifests, events and rows.

Every result carries its ``kind`` and the provider calls that it cost. Bytes are in the store; a result names them.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

HexColour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class Value(BaseModel):
    """A frozen value. Unknown fields are dropped, so that a newer writer can add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Written(Value):
    """A value that is written as JSON again and again, and the same every time: ``body`` is made once."""

    @cached_property
    def body(self) -> bytes:
        """The value as JSON, by field names."""
        return self.model_dump_json().encode()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, but for the body, which is the original's own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("body", None)
        return copied


class ProviderCall(Value):
    """One paid call: who was asked, what it cost (US dollars, by the price list in force), how long it took.

    ``error`` says in a word why its answer was of no use; None for one that was.
    """

    provider: str
    model: str
    request_id: str
    seconds: float = Field(ge=0)
    cost_usd: float = Field(default=0, ge=0)
    purpose: str = ""
    error: str | None = None


class StoredObject(Value):
    """Bytes in the store. ``key`` holds their own content hash, so that an object never changes."""

    key: str
    sha256: str
    size: int = Field(ge=0)
    content_type: str


class Moderated(Value):
    """What moderation said of words that were kept, and nothing of the words.

    ``model``: the one that the provider named. ``texts``: how many were judged. ``score``: the highest (0 to 1) that
    any of them has in any category, and that ``category``; None where no scores came. ``categories``: how many were
    looked at.
    """

    model: str
    texts: int = Field(ge=1)
    score: float | None = Field(default=None, ge=0, le=1)
    category: str | None = None
    categories: int = Field(default=0, ge=0)


class Result(Written):
    """What every result has."""

    calls: tuple[ProviderCall, ...] = ()


TimeOfDay = Literal["day", "dawn", "dusk", "night"]
Weather = Literal["clear", "cloudy", "rain", "snow", "fog", "wind"]
Camera = Literal["wide", "medium", "close"]
Beat = Literal["call", "threshold", "ordeal", "return"]


class PictureBrief(Value):
    """What one picture shows. ``on_stage`` is the exact cast, by name: the picture check counts heads."""

    what_happens: str
    on_stage: tuple[str, ...] = Field(min_length=1, max_length=6)
    setting: str
    time_of_day: TimeOfDay
    weather: Weather
    props: tuple[str, ...] = ()
    action: str
    emotion: str
    camera: Camera


class SceneBrief(PictureBrief):
    """One scene of the story, told by text and picture alike."""

    beat: Beat


class Figure(Value):
    """A companion or helper who shares the stage with the heroes."""

    name: str
    kind: str
    look: str


class Elements(Value):
    """What drives the story; what is planted in the first scene pays off in the last."""

    want: str
    flaw: str
    place: str
    object: str
    obstacle: str
    planted: str
    payoff: str


PremiseKind = Literal["who", "want", "loss", "place", "must_be_there", "must_not_be_there"]


class PremisePart(Value):
    """One thing that the brief asks for, in the plan's own words, and the beats in which the plan honours it.

    ``shown_by``: single words of the plan by which one sees that it is there, or, of what must not be there, those that
    the plan lacks. No beats: it is not honoured, and ``why_not`` may say why.
    """

    kind: PremiseKind
    asks: str
    shown_by: tuple[str, ...] = Field(min_length=1, max_length=4)
    beats: tuple[Beat, ...] = Field(default=(), max_length=4)
    why_not: str | None = None


class Outline(Result):
    """The plan of the story: the pictures are drawn from it while the text is still being written."""

    kind: Literal["outline"] = "outline"
    title: str
    logline: str
    motif: str
    palette: tuple[HexColour, ...] = Field(min_length=5, max_length=5)
    elements: Elements
    companion: Figure | None = None
    helper: Figure | None = None
    cover: PictureBrief
    scenes: tuple[SceneBrief, SceneBrief, SceneBrief, SceneBrief]
    # Left out where there is none: the outlines of before, and the prompts that hold them, stay as they were.
    premise: tuple[PremisePart, ...] = Field(default=(), max_length=8, exclude_if=lambda parts: not parts)
    moderated: Moderated | None = Field(default=None, exclude_if=lambda moderated: moderated is None)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The characters that the plan adds to the brief's."""
        return tuple(figure for figure in (self.companion, self.helper) if figure)


class Readability(Value):
    """How hard a text is: Flesch–Kincaid grade, mean words a sentence, share of rare words (0 to 1)."""

    grade: float
    sentence_words: float
    rare_share: float


class SceneText(Result):
    """One scene's text. ``findings`` says what still fell short after the last attempt."""

    kind: Literal["text"] = "text"
    scene: int = Field(ge=1, le=4)
    paragraphs: tuple[str, ...] = Field(min_length=1)
    alt_text: str
    words: int = Field(ge=1)
    readability: Readability
    attempts: int = Field(default=1, ge=1)
    findings: tuple[str, ...] = ()
    # None, and left out: judged by a release that kept no record of it.
    moderated: Moderated | None = Field(default=None, exclude_if=lambda moderated: moderated is None)

    @property
    def text(self) -> str:
        """The paragraphs, separated by blank lines: what is read aloud and shown."""
        return "\n\n".join(self.paragraphs)


class PremiseOutcome(Value):
    """What became of one thing that the brief asks for. ``honoured`` None: the finished texts were not read for it."""

    kind: PremiseKind
    asks: str
    scenes: tuple[int, ...] = ()
    honoured: bool | None = None
    why: str | None = None


class PremiseVerdict(Value):
    """Whether the story is what the brief asks for: as a whole, and part by part.

    ``also_missing``: what the last reader misses that the plan did not name.
    """

    honoured: bool | None = None
    parts: tuple[PremiseOutcome, ...] = ()
    also_missing: tuple[str, ...] = ()


class StoryContent(Result):
    """The whole text, checked and final."""

    kind: Literal["content"] = "content"
    title: str
    logline: str
    scenes: tuple[SceneText, SceneText, SceneText, SceneText]
    readability: Readability
    findings: tuple[str, ...] = ()
    premise: PremiseVerdict | None = Field(default=None, exclude_if=lambda verdict: verdict is None)


class Picture(Result):
    """A picture: the portrait, the cover or a scene. ``hue_colours`` are for the child's lamp, most dominant first."""

    kind: Literal["picture"] = "picture"
    image: StoredObject
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    alt_text: str
    hue_colours: tuple[HexColour, ...] = Field(max_length=3)
    attempts: int = Field(default=1, ge=1)
    findings: tuple[str, ...] = ()


class Word(Value):
    """A spoken word; seconds from the start of its file.

    ``estimated``: no times came with its sound, and it has an even share of it. Left out where it is false.
    """

    txt: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    estimated: bool = Field(default=False, exclude_if=lambda estimated: not estimated)


class Narration(Result):
    """One scene read aloud. Times count from the start of this scene's own file."""

    kind: Literal["narration"] = "narration"
    scene: int = Field(ge=1, le=4)
    audio: StoredObject
    seconds: float = Field(gt=0)
    words: tuple[Word, ...] = Field(min_length=1)


class Audio(Result):
    """The whole story read aloud. Times count over the whole file; blocks are escaped HTML, one a scene."""

    kind: Literal["audio"] = "audio"
    audio: StoredObject
    vtt: StoredObject
    seconds: float = Field(gt=0)
    words: tuple[Word, ...] = Field(min_length=1)
    blocks: dict[str, str]


ActivityType = Literal[
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


class Adaptations(Value):
    """How an activity changes for a younger child, an older one, and one who needs it otherwise."""

    younger: str
    older: str
    access_needs: str


class Activity(Value):
    """Something to do after reading, made from this story."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)
    title: str
    description: str
    type: ActivityType
    age_range: str
    duration: str
    materials: tuple[str, ...]
    instructions: tuple[str, ...] = Field(min_length=1)
    learning_objectives: tuple[str, ...]
    story_connection: str
    adaptations: Adaptations
    safety_notes: tuple[str, ...]
    parent_tips: tuple[str, ...]


class Activities(Result):
    """Four activities."""

    kind: Literal["activities"] = "activities"
    activities: tuple[Activity, Activity, Activity, Activity]
    attempts: int = Field(default=1, ge=1)
    moderated: Moderated | None = Field(default=None, exclude_if=lambda moderated: moderated is None)


class Book(Result):
    """A book as one file: the printable one (PDF/UA-1), or the e-book (EPUB 3).

    ``pdf`` is that file, whichever it is: results of one kind are read by releases that knew the first alone.
    ``pages``: printed pages, or the documents of an e-book. ``spoken``: how many words of an e-book are lit as they are
    read aloud.
    """

    kind: Literal["book"] = "book"
    pdf: StoredObject
    pages: int = Field(gt=0)
    spoken: int = Field(default=0, ge=0, exclude_if=lambda spoken: not spoken)


AnyResult = Annotated[
    Outline | SceneText | StoryContent | Picture | Narration | Audio | Activities | Book,
    Field(discriminator="kind"),
]
