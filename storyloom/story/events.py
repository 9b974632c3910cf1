"""Events: what happened to a story, past tense. Each docstring says what may begin now.

Versioned and additive: a reader drops fields that it does not know, and takes its own version and the one before it.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import orjson
from pydantic import Field, RootModel, TypeAdapter

from storyloom.story.assets import ADDED, Asset
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, ProviderCall, Readability, SceneText, Value


class Event(Value):
    """What every event carries. ``id`` is deterministic: the same fact published twice has the same id."""

    version: Literal[1] = 1
    id: str = Field(min_length=1, max_length=200)
    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime

    @property
    def about(self) -> tuple[Asset, ...]:
        """The assets that it names."""
        return ()

    @property
    def wire_version(self) -> int:
        """Its version on the wire: the highest of its kind where it names an asset that the release before does not
        know, whose replicas leave it to newer ones then.
        """
        return _NEWEST[type(self).__name__] if not ADDED.isdisjoint(self.about) else self.version

    @property
    def body(self) -> bytes:
        """The event as JSON."""
        version = self.wire_version
        event = self if version == self.version else self.model_copy(update={"version": version})
        return event.model_dump_json().encode()


class AssetEvent(Event):
    """What became of one asset. Version 2, or the next after those that there are, is of one that the release before
    does not know.
    """

    version: Literal[1, 2] = 1  # type: ignore[assignment]  # wider than an event's: it reads the one before, too
    asset: Asset

    @property
    def about(self) -> tuple[Asset, ...]:
        """The asset."""
        return (self.asset,)


class StoryRequested(Event):
    """A story is stored and wants to be made. Its first assets may start."""

    event: Literal["StoryRequested"] = "StoryRequested"


class AssetCompleted(AssetEvent):
    """An asset's bytes and result are stored. Whatever waited on it may start."""

    event: Literal["AssetCompleted"] = "AssetCompleted"
    fingerprint: Fingerprint
    started_at: datetime
    result: AnyResult

    @property
    def body(self) -> bytes:
        """The event as JSON. The result is most of it, and its manifest needs the same words."""
        head = {name: getattr(self, name) for name in _HEAD} | {"version": self.wire_version}
        return b'%s,"result":%s}' % (orjson.dumps(head, str, option=orjson.OPT_UTC_Z)[:-1], self.result.body)


_HEAD = tuple(name for name in AssetCompleted.model_fields if name not in ("version", "result"))


class AssetFailed(AssetEvent):
    """An asset will not come. What needs it fails with it; what only waited for it to settle may start.

    Version 2 adds ``calls``: what was paid for it all the same.
    """

    event: Literal["AssetFailed"] = "AssetFailed"
    version: Literal[1, 2, 3] = 2  # type: ignore[assignment]  # wider than an event's: it reads the one before, too
    fingerprint: Fingerprint
    started_at: datetime
    code: str
    reason: str
    request_id: str | None = None
    calls: tuple[ProviderCall, ...] = ()


class AssetRetrying(AssetEvent):
    """An attempt failed and the job waits for the next. Nothing may start; the reader sees `retrying`."""

    event: Literal["AssetRetrying"] = "AssetRetrying"
    fingerprint: Fingerprint
    attempt: int = Field(ge=1)
    reason: str
    retry_at: datetime
    waits: bool = False
    """True: no attempt was made, since what it needs is not available; the asset's deadline does not run meanwhile."""


class StoryCancelled(Event):
    """The client wants no more of it. Nothing may start; what runs is dropped, finished assets stay."""

    event: Literal["StoryCancelled"] = "StoryCancelled"


class AssetRetryRequested(Event):
    """The client wants failed assets tried again, all of them if none is named. They and what waits on them start over.

    An asset that has not failed stays as it is.
    """

    event: Literal["AssetRetryRequested"] = "AssetRetryRequested"
    version: Literal[1, 2] = 1  # type: ignore[assignment]  # wider than an event's: it reads the one before, too
    assets: tuple[Asset, ...] = ()

    @property
    def about(self) -> tuple[Asset, ...]:
        """Those that are named."""
        return self.assets


class AssetRegenerateRequested(AssetEvent):
    """The client wants another version of an asset. It, its parts and whatever is made from it start over.

    ``hint`` is what the client wants of this version, moderated already; without one it is made from the brief alone.
    """

    event: Literal["AssetRegenerateRequested"] = "AssetRegenerateRequested"
    hint: str | None = Field(default=None, max_length=300, exclude_if=lambda hint: hint is None)


class SceneTextEdited(Event):
    """The client has written a scene's text anew. What quotes it starts over; pictures and other scenes stay.

    ``text`` is checked and measured already; ``whole`` is how hard the four texts are together, where all are there.
    """

    event: Literal["SceneTextEdited"] = "SceneTextEdited"
    text: SceneText
    whole: Readability | None = None


class StoryApproved(Event):
    """The client has approved the story's text. Pictures, narration and book may start, which waited for it.

    ``text_version`` names the text that was seen: where another one is there by now, nothing is approved.
    """

    event: Literal["StoryApproved"] = "StoryApproved"
    text_version: str = Field(min_length=1, max_length=64)


class StoryDeadlinePassed(Event):
    """The story has taken too long. What is not settled fails; nothing may start."""

    event: Literal["StoryDeadlinePassed"] = "StoryDeadlinePassed"
    seconds: float = Field(gt=0)


class StoryCompleted(Event):
    """Every asset is settled. Notifications to other systems may begin."""

    event: Literal["StoryCompleted"] = "StoryCompleted"
    overall: Literal["ready", "partial", "failed", "cancelled"]


AnyEvent = Annotated[
    StoryRequested
    | AssetCompleted
    | AssetFailed
    | AssetRetrying
    | StoryCancelled
    | AssetRetryRequested
    | AssetRegenerateRequested
    | SceneTextEdited
    | StoryApproved
    | StoryDeadlinePassed
    | StoryCompleted,
    Field(discriminator="event"),
]
CommandEvent = StoryCancelled | AssetRetryRequested | AssetRegenerateRequested | SceneTextEdited | StoryApproved
"""A client's command to a story that exists. It has a row of its own (table ``command_outbox``) until it is handled."""
EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
"""Reads any event from its JSON; raises pydantic.ValidationError."""


def is_newer(body: bytes) -> bool:
    """Whether an event that cannot be read was written by a newer version than this one.

    Either its name is unknown here, or its version is higher than any that this code reads.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(document, dict) or not isinstance(version := document.get("version"), int):
        return False
    return version > _NEWEST.get(str(document.get("event")), 0)


def _newest() -> dict[str, int]:
    kinds: tuple[type[Event], ...] = get_args(get_args(AnyEvent)[0])
    return {kind.__name__: max(get_args(kind.model_fields["version"].annotation)) for kind in kinds}


_NEWEST = _newest()


class AssetStarted(Value):
    """A worker took the job. Best effort on core NATS: losing one loses nothing."""

    story_id: UUID
    asset: Asset
    fingerprint: Fingerprint
    at: datetime


class AssetProgressed(Value):
    """How far a running job is, 0 to 100; ``text`` is what has been written so far. Best effort, like AssetStarted."""

    story_id: UUID
    asset: Asset
    progress: int = Field(ge=0, le=100)
    text: str | None = None


class StatusUpdate(Value):
    """One thing that is sent to readers of a story's progress. ``seq`` is its place in history, 0 for what has none."""

    seq: int = Field(ge=0)
    event: str
    data: Any = None


class StatusUpdates(RootModel[tuple[StatusUpdate, ...]]):
    """What is sent together to readers of one story, on core NATS: history has whatever they miss."""


def subject(event: Event) -> str:
    """The subject that an event is published on: ``story.evt.<event>.<story_id>``."""
    return f"story.evt.{type(event).__name__}.{event.story_id}"


def story_requested(story_id: UUID, tenant_id: str, trace: str, at: datetime) -> StoryRequested:
    """The event of a new story; its id is the same whoever publishes it."""
    return StoryRequested(id=f"{story_id}.requested", story_id=story_id, tenant_id=tenant_id, trace=trace, at=at)
