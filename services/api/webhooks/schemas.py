"""Webhooks as clients write and read them: every request and every response of ``/webhooks``."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StrictBool, StringConstraints
from pydantic.alias_generators import to_camel

from storyloom.story.brief import PLAIN
from storyloom.story.notifications import EventType
from storyloom.web.egress import MAX_URL_LENGTH

MAX_OVERLAP_SECONDS = 7 * 86_400
DEFAULT_OVERLAP_SECONDS = 86_400


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _distinct(types: tuple[EventType, ...]) -> tuple[EventType, ...]:
    return tuple(dict.fromkeys(types))


Time = Annotated[datetime, PlainSerializer(_iso, return_type=str)]
"""A time in UTC, ISO 8601, to the millisecond."""
Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL_LENGTH)]
Description = Annotated[str, StringConstraints(pattern=PLAIN, max_length=200)]
EventTypes = Annotated[tuple[EventType, ...], Field(max_length=20), AfterValidator(_distinct)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class CreateWebhook(_Model):
    """A new endpoint: where it is, and which events it wants; without any, all of them, later ones too."""

    url: Url
    event_types: EventTypes = ()
    description: Description = ""


class UpdateWebhook(_Model):
    """What changes of an endpoint; what is left out stays. ``enabled: true`` also sends what was paused meanwhile."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    enabled: StrictBool | None = None


class RotateSecret(_Model):
    """For how long the old secret signs beside the new one, in seconds; 0 ends it at once."""

    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=MAX_OVERLAP_SECONDS)] = DEFAULT_OVERLAP_SECONDS


class SendTest(_Model):
    """Of which type the example is that is sent."""

    type: EventType = "story.completed"


class WebhookLinks(_Model):
    """Where an endpoint and the log of its deliveries are."""

    self: str
    deliveries: str


class Webhook(_Model):
    """An endpoint. ``disabledReason``: ``client`` by its own wish, ``gone`` (it answered 410), ``failing`` for days."""

    id: UUID
    url: str
    event_types: tuple[str, ...]
    description: str
    enabled: bool
    disabled_reason: Literal["client", "gone", "failing"] | None
    failing_since: Time | None
    old_secret_expires_at: Time | None
    created_at: Time
    links: WebhookLinks


class WebhookWithSecret(Webhook):
    """An endpoint with its secret (``whsec_…``), which is shown here and never again."""

    secret: str


class WebhookList(_Model):
    """All endpoints of a tenant, oldest first."""

    webhooks: tuple[Webhook, ...]


class DeliveryAttempt(_Model):
    """One attempt. ``error`` is a word for programs, ``remedy`` says what to do; both are absent when it was taken."""

    at: str
    status: int | None
    duration_ms: int
    error: str | None = None
    remedy: str | None = None


class Delivery(_Model):
    """An event for an endpoint. ``eventId`` is the header ``webhook-id``; ``payload`` the body that is sent.

    ``nextAttemptAt`` is null where none is planned, and while one is under way.
    """

    id: UUID
    event_id: str
    type: str
    state: Literal["pending", "delivered", "failed", "paused"]
    story_id: UUID | None
    payload: dict[str, Any]
    attempts: tuple[DeliveryAttempt, ...]
    next_attempt_at: Time | None
    settled_at: Time | None
    created_at: Time


class DeliveryPage(_Model):
    """Deliveries, newest first, and the cursor of the next page where there is one."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None
