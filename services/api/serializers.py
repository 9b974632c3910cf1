"""Responses: a story's rows as the public resource, in JSON. What is not made yet is null or absent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web

from services.api.commands import CommandResult
from services.api.forecast import Forecast, shown
from services.api.resources import (
    AcceptedEvent,
    CommandAccepted,
    Companion,
    Content,
    ContentScene,
    Eta,
    EventsToken,
    PremiseCheck,
    Scene,
    Story,
    StoryLinks,
    StoryPage,
    StoryReference,
    StorySummary,
)
from services.api.schemas import encode_cursor
from storyloom.story.assets import Asset
from storyloom.web.stream_tokens import PARAMETER, StreamToken

BASE = "/api/v1"


def json_response(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A response with a JSON body."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)


def story_summary(row: Mapping[str, Any]) -> StorySummary:
    """A story in a list."""
    brief, base = row["request"], f"{BASE}/stories/{row['id']}"
    # A story that is being made again keeps in its row how it ended before.
    generating = row["status"] == "generating"
    links: StoryLinks = {"self": base, "events": f"{base}/events"}
    if generating:
        links["cancel"] = f"{base}/cancel"
    if row["asset_generation_status"].get("approval", {}).get("status") == "awaited":
        links["approve"] = f"{base}/approve"
    return {
        "id": str(row["id"]),
        "status": row["status"],
        "realtimeChannel": f"stories:id={row['id']}",
        "title": row["title"],
        "logline": row["logline"],
        "storyType": brief["storyType"],
        "age": brief["age"],
        "characters": brief["characters"],
        "assetGenerationStatus": row["asset_generation_status"],
        "priority": row["priority"],
        "queuePosition": row["queue_position"],
        "createdAt": _iso(row["created_at"]),
        "startedAt": None if row["admitted_at"] is None else _iso(row["asset_generation_started_at"]),
        "completedAt": None if generating else _iso(row["asset_generation_completed_at"]),
        "error": row["error"] if row["status"] in ("failed", "partial") else None,
        "metadata": brief["metadata"],
        "links": links,
    }


def story_reference(row: Mapping[str, Any]) -> StoryReference:
    """A story as the answer to its creation, and to every command on it, has it."""
    summary = story_summary(row)
    found: StoryReference = {
        "id": summary["id"],
        "status": summary["status"],
        "realtimeChannel": summary["realtimeChannel"],
        "assetGenerationStatus": summary["assetGenerationStatus"],
        "links": summary["links"],
    }
    if row["queue_position"] is not None:
        found["queuePosition"] = row["queue_position"]
    return found


def story_page(rows: Sequence[Mapping[str, Any]], *, more: bool) -> StoryPage:
    """A page of stories, and the cursor of the next where there are more."""
    return {
        "stories": [story_summary(row) for row in rows],
        "nextCursor": encode_cursor(rows[-1]["created_at"], rows[-1]["id"]) if more else None,
    }


def story_resource(row: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]], ahead: Forecast) -> Story:
    """The whole story, given its ready results by asset (repository.RESOURCE_RESULTS)."""
    activities = results.get(Asset.ACTIVITIES.value)
    audio = row["asset_generation_status"]["assets"].get(Asset.AUDIO.value, {})
    narrated = audio.get("status") == "ready"  # the row keeps the words of a narration that is being made again
    brief, assets = row["request"], row["assets"]
    calls = [call for one in assets.values() for call in (*(one["calls"] or ()), *(one["spent"] or ()))]
    return {
        **story_summary(row),
        "assetGenerationStatus": shown(row["asset_generation_status"], ahead.late),
        "progress": ahead.progress,
        "eta": _eta(ahead),
        "language": brief["language"],
        "premise": brief["premise"],
        "setting": brief["setting"],
        "typeDetails": brief["typeDetails"],
        "seed": brief["seed"],
        "companion": _companion(assets.get(Asset.OUTLINE.value, {}).get("companion")),
        "premiseCheck": _premise_check(assets.get(Asset.CONTENT.value, {}).get("premise")),
        "scenes": [scene for k in (1, 2, 3, 4) if (scene := _scene(row, results, k)) is not None],
        "activities": None if activities is None else activities["activities"],
        "hueExtractedColors": row["hue_extracted_colors"],
        "audioWords": row["audio_words"] if narrated else None,
        "audioBlocks": row["audio_blocks"] if narrated else None,
        "audioSeconds": assets.get(Asset.AUDIO.value, {}).get("seconds"),
        "cost": {"usd": round(sum(call["cost_usd"] for call in calls), 6)} if calls else None,
        "models": sorted({call["model"] for call in calls}),
        "pendingCommands": row["pending"],
    }


def accepted_command(result: CommandResult) -> CommandAccepted:
    """The answer to a command: the story, the command's event as ``wish``, and an edit's findings."""
    event = result.event
    wish: AcceptedEvent | None = None if event is None else {"id": event.id, "event": event.event}
    story = story_reference(result.row)
    body: CommandAccepted = {
        "id": story["id"],
        "status": story["status"],
        "realtimeChannel": story["realtimeChannel"],
        "assetGenerationStatus": story["assetGenerationStatus"],
        "links": story["links"],
        "wish": wish,
    }
    if "queuePosition" in story:
        body["queuePosition"] = story["queuePosition"]
    if result.findings is not None:
        body["findings"] = list(result.findings)
    return body


def events_token(story_id: UUID, made: StreamToken, public_url: str) -> EventsToken:
    """A token for a story's stream. ``public_url``: the API's origin, where it is known."""
    url = f"{public_url}{BASE}/stories/{story_id}/events?{PARAMETER}={made.token}"
    at = made.expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"token": made.token, "expiresAt": at, "url": url}


def content(result: Mapping[str, Any]) -> Content:
    """The asset ``content``: the story's title, logline and text."""
    scenes: list[ContentScene] = [
        {"scene": text["scene"], "text": "\n\n".join(text["paragraphs"])} for text in result["scenes"]
    ]
    return {"title": result["title"], "logline": result["logline"], "scenes": scenes}


def _eta(ahead: Forecast) -> Eta | None:
    return None if ahead.eta is None else {"from": _iso(ahead.eta.begin) or "", "to": _iso(ahead.eta.end) or ""}


def _scene(row: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]], k: int) -> Scene | None:
    text, picture = results.get(f"text_{k}"), results.get(f"scene_{k}")
    if text is None and picture is None:
        return None
    return {
        "scene": k,
        "text": None if text is None else "\n\n".join(text["paragraphs"]),
        "altText": (text or picture or {}).get("alt_text"),  # the writer's, who knows what the picture is for
        "imageUrl": None if picture is None else f"{BASE}/stories/{row['id']}/assets/scene_{k}",
        "width": None if picture is None else picture["width"],
        "height": None if picture is None else picture["height"],
    }


def _companion(figure: Mapping[str, Any] | None) -> Companion | None:
    return None if figure is None else {"name": figure["name"], "kind": figure["kind"], "look": figure["look"]}


def _premise_check(verdict: Mapping[str, Any] | None) -> PremiseCheck | None:
    if verdict is None:
        return None
    return {
        "honoured": verdict["honoured"],
        "parts": [
            {
                "kind": part["kind"],
                "asks": part["asks"],
                "scenes": part["scenes"],
                "honoured": part["honoured"],
                "why": part["why"],
            }
            for part in verdict["parts"]
        ],
        "alsoMissing": verdict["also_missing"],
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
