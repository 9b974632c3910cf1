"""Editing: "may this scene be published, how hard is it?", which the api asks the content service over core NATS."""

from typing import Annotated

from pydantic import Field

from storyloom.story.results import Readability, SceneText, Value

ASK_EDITING = "ask.content.editing"
"""The subject; the message is a SceneEdit's JSON, the answer an EditVerdict's."""

Scene = Annotated[int, Field(ge=1, le=4)]


class SceneEdit(Value):
    """A scene's text as a client has written it, tidied, and what is needed to judge it."""

    scene: Scene
    """Which scene, 1 to 4."""
    paragraphs: tuple[str, ...] = Field(min_length=1, max_length=30)
    """The new words."""
    alt_text: str
    """What the scene shows, for those who cannot see it."""
    age: int
    """Whom the story is for: what may be asked of a reader depends on it."""
    language: str
    """The brief's."""
    names: tuple[str, ...]
    """The cast: a name is never a hard word."""
    others: dict[Scene, str] = Field(default_factory=dict)
    """The other scenes' texts, as far as they are written."""


class EditVerdict(Value):
    """Whether moderation flags the words, by which of its categories; and where it does not, what they make."""

    flagged: bool
    """True: the words must not be published."""
    judged: bool = True
    """False: moderation is away, and nothing is known of them; there is no text then."""
    categories: tuple[str, ...] = ()
    """What they were flagged for."""
    text: SceneText | None = None
    """The scene's new text, measured; its findings say what falls short of the age. None for flagged words."""
    whole: Readability | None = None
    """How hard the four texts are together now; None where not all are written."""
