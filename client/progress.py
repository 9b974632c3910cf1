"""What is known of a story while it is made: the fold of its events, and each event's facts in words."""

from dataclasses import dataclass, field
from typing import Any

from .stream import StoryEvent

LABELS = {
    "content": "Story",
    "cover": "Cover",
    "scene_1": "Picture 1",
    "scene_2": "Picture 2",
    "scene_3": "Picture 3",
    "scene_4": "Picture 4",
    "audio": "Narration",
    "activities": "Activities",
    "pdf": "Book",
    "epub": "E-book",
}
SETTLED = frozenset({"ready", "failed", "cancelled"})


@dataclass(slots=True)
class AssetProgress:
    """One asset: its status, progress 0 to 100, and the seconds it had taken when it settled."""

    status: str = "pending"
    progress: int = 0
    seconds: float | None = None


@dataclass(slots=True)
class Progress:
    """All that a reader sees. ``apply`` folds an event in and answers what is new in it, a line a fact."""

    title: str = ""
    logline: str = ""
    overall: str = "generating"
    assets: dict[str, AssetProgress] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    """Scene by scene, as far as it is written."""
    newest: int = 0
    """The scene whose text moved last, 0 before the first."""
    stale: set[int] = field(default_factory=set)
    """Scenes that are being written anew: what comes may be shorter than what is there."""

    def apply(self, event: StoryEvent, seconds: float) -> list[str]:
        """``seconds`` have passed since the story was asked for. Events that nobody knows say nothing."""
        facts: list[str] = []
        match event.name:
            case "snapshot":
                facts = self._snapshot(event.data, seconds)
            case "outline":
                facts = self._outline(event.data)
            case "asset":
                facts = self._asset(str(event.data.get("asset", "")), event.data, seconds)
            case "text":
                facts = self._text(event.data)
            case "story":
                facts = self._stands(str(event.data.get("overall", "")))
            case "deleted":
                facts = self._deleted()
            case "queue" | "late" | "approval" | "eta":
                facts = _passing(event.name, event.data)
            case "progress":
                self._moved(event.data)
        return facts

    def _snapshot(self, data: dict[str, Any], seconds: float) -> list[str]:
        document = data.get("assetGenerationStatus")
        document = document if isinstance(document, dict) else {}
        assets = document.get("assets")
        facts = self._outline(data)
        for name, status in (assets if isinstance(assets, dict) else {}).items():
            facts += self._asset(name, status, seconds)
        return facts + self._stands(str(document.get("overall", "")))

    def _outline(self, data: dict[str, Any]) -> list[str]:
        facts = []
        for name in ("title", "logline"):
            value = data.get(name)
            if isinstance(value, str) and value and value != getattr(self, name):
                setattr(self, name, value)
                facts.append(f"{name}: {value}")
        return facts

    def _asset(self, name: str, data: Any, seconds: float) -> list[str]:
        if not name or not isinstance(data, dict):
            return []
        known = name in self.assets
        asset = self.assets.setdefault(name, AssetProgress())
        status = str(data.get("status", asset.status))
        new = status != asset.status or (not known and status != "pending")
        if name == "content" and asset.status in SETTLED and status not in SETTLED:
            self.stale.update(self.texts)
        asset.status = status
        asset.progress = 100 if status == "ready" else _percent(data.get("progress"), asset.progress)
        if status not in SETTLED:
            asset.seconds = None
        elif asset.seconds is None:
            asset.seconds = seconds
        return [f"{name}: {status}"] if new else []

    def _text(self, data: dict[str, Any]) -> list[str]:
        scene, text = data.get("scene"), data.get("text")
        if not isinstance(scene, int) or not isinstance(text, str):
            return []
        self.texts[scene] = text
        self.stale.discard(scene)
        self.newest = scene
        return [f"scene {scene} text: {' '.join(text.split())}"]

    def _moved(self, data: dict[str, Any]) -> None:
        asset = self.assets.get(str(data.get("asset", "")))
        # Progress is sent past the log of events: it may come late, and an ended asset has ended.
        if asset is not None and asset.status not in SETTLED:
            asset.progress = _percent(data.get("progress"), asset.progress)
        scene, text = data.get("scene"), data.get("text")
        if not isinstance(scene, int) or not isinstance(text, str):
            return
        if scene in self.stale or len(text) > len(self.texts.get(scene, "")):
            self.stale.discard(scene)
            self.texts[scene] = text
            self.newest = scene

    def _deleted(self) -> list[str]:
        """Nobody makes it any more, and nobody will say so."""
        for asset in self.assets.values():
            if asset.status not in SETTLED:
                asset.status = "cancelled"
        return self._stands("deleted")

    def _stands(self, overall: str) -> list[str]:
        if not overall or overall == self.overall:
            return []
        self.overall = overall
        return [f"story: {overall}"]


def _passing(name: str, data: dict[str, Any]) -> list[str]:
    """What is so for now, and changes nothing of the story."""
    eta = data.get("eta")
    words = {
        "queue": f"place {data.get('queuePosition')}",
        "late": str(data.get("asset", "")),
        "approval": str(data.get("status", "")),
        "eta": f"{eta.get('from')} to {eta.get('to')}" if isinstance(eta, dict) else "unknown",
    }
    return [f"{name}: {words[name]}"]


def _percent(value: Any, otherwise: int) -> int:
    return min(100, max(0, value)) if isinstance(value, int) else otherwise
