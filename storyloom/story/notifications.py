"""Notifications: what other systems are sent of a story's progress, by webhook. Pure.

An event is made from an update of the progress stream, whose number is unique in its story: so is the event's id. It
tells that something is ready or has failed, never what: no title, no text and no child's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args
from uuid import UUID, uuid4

import orjson

from storyloom.story.results import Value

EventType: TypeAlias = Literal[
    "story.completed",
    "story.failed",
    "story.cancelled",
    "story.awaiting_approval",
    "story.reported",
    "asset.completed",
    "asset.failed",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
MAX_PAYLOAD_BYTES = 20 * 1024
"""What Standard Webhooks advises as the most that a receiver need take; the rows allow no more."""

_STORY_EVENTS: Mapping[str, EventType] = {
    "ready": "story.completed",
    "partial": "story.completed",
    "failed": "story.failed",
    "cancelled": "story.cancelled",
}
_ASSET_EVENTS: Mapping[str, EventType] = {"ready": "asset.completed", "failed": "asset.failed"}


@dataclass(frozen=True, slots=True)
class Notification:
    """One event for other systems. ``payload`` is its body, JSON, the same to the byte in every attempt."""

    id: str
    type: EventType
    payload: str


class DeliveriesDue(Value):
    """Deliveries were committed that are due at once. Best effort on core NATS: the rows have whatever it loses."""

    endpoints: tuple[UUID, ...] = ()
    """The endpoints that they are for; empty: too many to be named."""


def notification(story_id: UUID, seq: int, event: str, data: Mapping[str, Any], at: datetime) -> Notification | None:
    """The event that an update of the progress stream is to other systems; None where it is none.

    ``seq``, ``event`` and ``data`` are the update's; ``at`` is when it happened.
    """
    base = f"/api/v1/stories/{story_id}"
    links = {"self": base, "events": f"{base}/events"}
    told: dict[str, Any] = {"storyId": str(story_id)}
    match event:
        case "asset" if (kind := _ASSET_EVENTS.get(data["status"])) is not None:
            told |= {"asset": data["asset"], "status": data["status"]}
            links |= {"asset": data["url"]} if "url" in data else {}
        case "story" if (kind := _STORY_EVENTS.get(data["overall"])) is not None:
            told |= {"status": data["overall"]}
        case "approval" if data["status"] == "awaited":
            kind = "story.awaiting_approval"
            told |= {"status": "generating", "textVersion": data["textVersion"]}
            links |= {"approve": f"{base}/approve"}
        case _:
            return None
    told["links"] = links
    if "error" in data:
        told["error"] = data["error"]
    return Notification(f"evt_{story_id.hex}_{seq}", kind, encode(kind, at, told))


def page_report(story_id: UUID, scene: int | None, at: datetime) -> Notification:
    """The event that something is wrong with a page, as a parent says; ``scene``: with which, None where none is named.

    It is of no update of the stream, hence its own id: what is said twice is told twice.
    """
    base = f"/api/v1/stories/{story_id}"
    told: dict[str, Any] = {"storyId": str(story_id), "status": "reported"}
    if scene is not None:
        told["scene"] = scene
    told["links"] = {"self": base, "events": f"{base}/events", "shares": f"{base}/shares"}
    return Notification(f"evt_{story_id.hex}_{uuid4().hex[:12]}", "story.reported", encode("story.reported", at, told))


def encode(kind: EventType, at: datetime, data: Mapping[str, Any]) -> str:
    """The body of an event. ``error`` is left out where it would be larger than MAX_PAYLOAD_BYTES."""
    timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = orjson.dumps({"type": kind, "timestamp": timestamp, "data": dict(data)})
    if len(body) > MAX_PAYLOAD_BYTES and "error" in data:
        return encode(kind, at, {name: value for name, value in data.items() if name != "error"})
    return body.decode()
