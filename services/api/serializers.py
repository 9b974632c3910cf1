"""Showing a story: its rows as the public resource. What is not made yet is null or absent, never invented."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.api.responses import BASE
from storyloom.story.assets import TEXTS, Asset

SHOWN_RESULTS = [*(asset.value for asset in TEXTS), *(f"scene_{k}" for k in (1, 2, 3, 4)), Asset.ACTIVITIES.value]
"""The results that the resource quotes."""


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """A story in a list."""
    brief, base = row["request"], f"{BASE}/stories/{row['id']}"
    # A story that is being made again keeps in its row how it ended before.
    under_way = row["status"] == "generating"
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
        "createdAt": _iso(row["created_at"]),
        "startedAt": _iso(row["asset_generation_started_at"]),
        "completedAt": None if under_way else _iso(row["asset_generation_completed_at"]),
        "error": row["error"] if row["status"] == "failed" else None,
        "metadata": brief["metadata"],
        "links": {"self": base, "events": f"{base}/events"} | ({"cancel": f"{base}/cancel"} if under_way else {}),
    }


def in_short(story: Mapping[str, Any]) -> dict[str, Any]:
    """What the taking of a story, and every wish about it, is answered by."""
    return {name: story[name] for name in ("id", "status", "realtimeChannel", "assetGenerationStatus", "links")}


def story(row: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The whole story as it stands."""
    activities = results.get(Asset.ACTIVITIES.value)
    audio = row["asset_generation_status"]["assets"].get(Asset.AUDIO.value, {})
    spoken = audio.get("status") == "ready"  # the row keeps the words of a narration that is being made anew
    return {
        **summary(row),
        "scenes": [scene for k in (1, 2, 3, 4) if (scene := _scene(row, results, k)) is not None],
        "activities": None if activities is None else activities["activities"],
        "hueExtractedColors": row["hue_extracted_colors"],
        "audioWords": row["audio_words"] if spoken else None,
        "audioBlocks": row["audio_blocks"] if spoken else None,
    }


def _scene(row: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]], k: int) -> dict[str, Any] | None:
    text, picture = results.get(f"text_{k}"), results.get(f"scene_{k}")
    if text is None and picture is None:
        return None
    return {
        "scene": k,
        "text": None if text is None else "\n\n".join(text["paragraphs"]),
        "altText": (picture or text or {}).get("alt_text"),
        "imageUrl": None if picture is None else f"{BASE}/stories/{row['id']}/assets/scene_{k}",
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
