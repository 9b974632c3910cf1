"""Events: what happened to a story, past tense. Each docstring says what may begin now.

Versioned and additive: a reader drops fields that it does not know and refuses versions that it does not know.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from pydantic import Field, TypeAdapter

from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, Value


class Event(Value):
    """What every event carries. ``id`` is deterministic: the same fact told twice has the same id."""

    version: Literal[1] = 1
    id: str = Field(min_length=1, max_length=200)
    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime

    @property
    def body(self) -> bytes:
        """The event as JSON."""
        return self.model_dump_json().encode()


class StoryRequested(Event):
    """A story is stored and wants to be made. Its first assets may start."""

    event: Literal["StoryRequested"] = "StoryRequested"


class AssetCompleted(Event):
    """An asset's bytes and result are stored. Whatever waited on it may start."""

    event: Literal["AssetCompleted"] = "AssetCompleted"
    asset: Asset
    fingerprint: Fingerprint
    started_at: datetime
    result: AnyResult

    @property
    def body(self) -> bytes:
        """The event as JSON. The result is most of it, and its manifest needs the same words."""
        head = {name: getattr(self, name) for name in _HEAD}
        return b'%s,"result":%s}' % (orjson.dumps(head, str, option=orjson.OPT_UTC_Z)[:-1], self.result.body)


_HEAD = tuple(name for name in AssetCompleted.model_fields if name != "result")


class AssetFailed(Event):
    """An asset will not come. What needs it fails with it; what only waited for it to settle may start."""

    event: Literal["AssetFailed"] = "AssetFailed"
    asset: Asset
    fingerprint: Fingerprint
    started_at: datetime
    code: str
    reason: str
    request_id: str | None = None


class AssetRetrying(Event):
    """An attempt failed and the job waits for the next. Nothing may start; the reader sees `retrying`."""

    event: Literal["AssetRetrying"] = "AssetRetrying"
    asset: Asset
    fingerprint: Fingerprint
    attempt: int = Field(ge=1)
    reason: str
    retry_at: datetime


class StoryCancelled(Event):
    """The client wants no more of it. Nothing may start; what runs is dropped, finished assets stay."""

    event: Literal["StoryCancelled"] = "StoryCancelled"


class StoryCompleted(Event):
    """Every asset is settled. Whoever tells the outside world may do so."""

    event: Literal["StoryCompleted"] = "StoryCompleted"
    overall: Literal["ready", "partial", "failed", "cancelled"]


AnyEvent = Annotated[
    StoryRequested | AssetCompleted | AssetFailed | AssetRetrying | StoryCancelled | StoryCompleted,
    Field(discriminator="event"),
]
EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
"""Reads any event from its JSON; raises pydantic.ValidationError."""


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


def subject(event: Event) -> str:
    """Where an event is told: ``story.evt.<event>.<story_id>``."""
    return f"story.evt.{type(event).__name__}.{event.story_id}"


def story_requested(story_id: UUID, tenant_id: str, trace: str, at: datetime) -> StoryRequested:
    """The event of a new story; its id is the same whoever tells it."""
    return StoryRequested(id=f"{story_id}.requested", story_id=story_id, tenant_id=tenant_id, trace=trace, at=at)
