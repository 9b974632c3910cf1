"""What readers get: a story as a book, and the links to it, as types that the OpenAPI document describes."""

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from services.api.resources import HexColor, Id, Path, StoryStatus, Time
from storyloom.story.results import Activity

_DOCUMENTED = with_config(ConfigDict(use_attribute_docstrings=True))


@_DOCUMENTED
class BookPicture(TypedDict):
    """A picture of the book."""

    url: Path
    width: int
    """In pixels."""
    height: int
    altText: str
    hueColors: list[HexColor]
    """Its colours for a lamp, most dominant first."""


@_DOCUMENTED
class BookPage(TypedDict):
    """A scene: its text, and its picture beside it."""

    scene: Annotated[int, Field(ge=1, le=4)]
    text: str | None
    """Paragraphs, with a blank line between them; null until it is written."""
    words: str | None
    """The same as escaped HTML, in which every spoken word is marked with its times; null until it is narrated."""
    picture: BookPicture | None


@_DOCUMENTED
class BookNarration(TypedDict):
    """The whole story read aloud."""

    url: Path
    """MP3, of a constant bit rate. With `&part=tagged` the cover is in it, for whoever keeps the file."""
    captions: Path
    """WebVTT."""
    seconds: float


@_DOCUMENTED
class Book(TypedDict):
    """A story for its readers: nothing of how it was asked for, and what it cost. Not made yet is null."""

    id: Id
    status: StoryStatus
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
    printed: Path | None
    """The book as a PDF."""
    ebook: Path | None
    """The book as an EPUB 3 that reads itself aloud; null in stories that were made before there was one."""
    activities: list[Activity] | None


@_DOCUMENTED
class Share(TypedDict):
    """A link to a story."""

    id: Id
    createdAt: Time
    expiresAt: Time
    status: Literal["valid", "paused", "expired", "revoked"]
    """`paused`: somebody has said that something is wrong with the book; `resumeShares` opens it again."""
    url: NotRequired[Path]
    """The link with its secret behind the `#`. Told once, when it is made."""


class ShareList(TypedDict):
    """The links of a story, oldest first."""

    shares: list[Share]
