"""What a story's resource says of what is to come: when it will be there, how much of it is done, what is late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storyloom.story.assets import GRAPH, Asset, Priority
from storyloom.story.eta import Eta, Past, estimate, late, progress, stage


@dataclass(frozen=True, slots=True)
class Forecast:
    """``progress`` in per cent; ``late``: the public assets that take longer than they should, or whose parts do."""

    progress: int
    eta: Eta | None = None
    late: frozenset[str] = frozenset()


def forecast(row: Mapping[str, Any], past: Past, at: datetime) -> Forecast:
    """Of a story's row with its assets (``story_with_results``). ``at`` is now."""
    statuses = {Asset(name): one["status"] for name, one in row["assets"].items()}
    done = progress(statuses)
    if row["status"] != "generating" or row["admitted_at"] is None:
        return Forecast(done)
    stages = {Asset(name): stage(_times(one)) for name, one in row["assets"].items()}
    slow = {(GRAPH[one.asset].shown_as or one.asset).value for one in late(stages, past, at)}
    return Forecast(done, estimate(stages, Priority(row["priority"]), past, at), frozenset(slow))


def shown(document: Mapping[str, Any], late_assets: frozenset[str]) -> Any:
    """A story's ``assetGenerationStatus``, with what is late marked."""
    shown_assets = document.get("assets", {})
    if not late_assets & shown_assets.keys():
        return document
    assets = {name: one | {"late": True} if name in late_assets else one for name, one in shown_assets.items()}
    return {**document, "assets": assets}


def _times(one: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has times as text."""
    times = ("queued_at", "started_at", "retry_at")
    return {**one, **{name: datetime.fromisoformat(one[name]) if one[name] else None for name in times}}
