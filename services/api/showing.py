"""Showing a story: its rows as the public resource. What is not made yet is null or absent, never invented."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storyloom.story.assets import TEXTS, Asset

SHOWN_RESULTS = [*(asset.value for asset in TEXTS), *(f"scene_{k}" for k in (1, 2, 3, 4)), Asset.ACTIVITIES.value]
"""The results that the resource quotes."""


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """A story in a list."""
    brief, base = row["request"], f"/api/v1/stories/{row['id']}"
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
        "completedAt": _iso(row["asset_generation_completed_at"]),
        "error": row["error"],
        "metadata": brief["metadata"],
        "links": {"self": base, "events": f"{base}/events"},
    }


def story(row: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The whole story as it stands."""
    activities = results.get(Asset.ACTIVITIES.value)
    return {
        **summary(row),
        "scenes": [scene for k in (1, 2, 3, 4) if (scene := _scene(row, results, k)) is not None],
        "activities": None if activities is None else activities["activities"],
        "hueExtractedColors": row["hue_extracted_colors"],
        "audioWords": row["audio_words"],
        "audioBlocks": row["audio_blocks"],
    }


def _scene(row: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]], k: int) -> dict[str, Any] | None:
    text, picture = results.get(f"text_{k}"), results.get(f"scene_{k}")
    if text is None and picture is None:
        return None
    return {
        "scene": k,
        "text": None if text is None else "\n\n".join(text["paragraphs"]),
        "altText": (picture or text or {}).get("alt_text"),
        "imageUrl": None if picture is None else f"/api/v1/stories/{row['id']}/assets/scene_{k}",
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
