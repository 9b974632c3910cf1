"""A story's journey: the state of each of its assets, and what the outside world is shown of it. Pure.

How a journey moves is decided in services/status/transitions.py alone; here is what it *is*.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from storyloom.story.assets import GRAPH, PICTURES, PUBLIC, Asset, closure
from storyloom.story.brief import Brief
from storyloom.story.causes import NEED_FAILED, Cause
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, Picture, ProviderCall

Status = Literal["pending", "held", "queued", "ready", "failed", "cancelled"]
"""``held``: pending, and not to begin before the text was approved."""
Overall = Literal["generating", "ready", "partial", "failed", "cancelled"]
SETTLED = frozenset({"ready", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class AssetState:
    """Where one asset stands. ``retry_at`` is set while a job waits for its next attempt.

    ``revision`` counts how often it started over, so that no two makings share a fingerprint. ``spent`` is what was
    paid for earlier versions and for attempts that failed; what the result itself cost is in the result. ``cause`` is
    set where an asset failed with one that it needs.
    """

    status: Status = "pending"
    revision: int = 0
    fingerprint: Fingerprint | None = None
    result: AnyResult | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempts_failed: int = 0
    retry_at: datetime | None = None
    tried: bool = False
    """Whether an attempt has failed since it last waited for what was not available: its deadline runs."""
    code: str | None = None
    reason: str | None = None
    cause: Cause | None = None
    spent: tuple[ProviderCall, ...] = ()
    hint: str | None = None
    """What the client wanted of it when it was last asked for anew."""

    @property
    def settled(self) -> bool:
        return self.status in SETTLED

    @property
    def begun(self) -> bool:
        """Whether a job of it was asked for."""
        return self.status not in ("pending", "held")


PENDING = AssetState()
HELD = AssetState("held")


@dataclass(frozen=True, slots=True)
class Journey:
    """One story on its way. ``seq`` is the number of the last update that its readers were sent, 0 before the first.

    ``version`` counts the writes of the story's row: a journey kept in memory is current while it agrees.
    """

    story_id: UUID
    tenant_id: str
    trace: str
    brief: Brief
    assets: Mapping[Asset, AssetState]
    seq: int = 0
    version: int = 0
    cancelled: bool = False
    approved: bool = False
    """Whether the text was approved that is there; never while the content is not ready."""

    @property
    def asks_approval(self) -> bool:
        """Whether pictures, narration and book wait until the text was approved."""
        return self.brief.approval == "required"


def begin(story_id: UUID, tenant_id: str, trace: str, brief: Brief) -> Journey:
    """The journey of a new story: all that was asked for, and all that it needs, pending.

    Where it asks for approval it has its whole text, whatever was asked for: that is what is approved.
    """
    asks = brief.approval == "required"
    assets = closure((*brief.assets, Asset.CONTENT) if asks else brief.assets)
    states = {asset: HELD if asks and GRAPH[asset].after_approval else PENDING for asset in assets}
    return Journey(story_id, tenant_id, trace, brief, states)


def awaits_approval(journey: Journey) -> bool:
    """Whether its text is written and something waits until it is approved."""
    content = journey.assets.get(Asset.CONTENT)
    if not journey.asks_approval or journey.cancelled or content is None or content.status != "ready":
        return False
    return any(state.status == "held" for state in journey.assets.values())


def text_version(content: AssetState) -> str | None:
    """What a text is called in an approval: another text, by whomever, is another version. None where there is none."""
    return content.fingerprint[:16] if content.status == "ready" and content.fingerprint is not None else None


def approval(journey: Journey) -> dict[str, Any] | None:
    """How the approval stands, as the world sees it; None where none is asked for."""
    if not journey.asks_approval:
        return None
    if journey.approved:
        return {"status": "given", "textVersion": text_version(journey.assets[Asset.CONTENT])}
    if awaits_approval(journey):
        return {"status": "awaited", "textVersion": text_version(journey.assets[Asset.CONTENT])}
    return {"status": "pending"}


def overall(journey: Journey) -> Overall:
    """How the story stands as a whole: derived, never set.

    A story has ended when every public asset is settled. Without its text it failed; with anything else missing it is
    partial.
    """
    if journey.cancelled:
        return "cancelled"
    ready = made = 0
    for asset in PUBLIC:
        state = journey.assets.get(asset)
        if state is None:
            continue
        if state.status not in SETTLED:
            return "generating"
        made += 1
        ready += state.status == "ready"
    content = journey.assets.get(Asset.CONTENT)
    if ready == 0 or (content is not None and content.status != "ready"):
        return "failed"
    return "ready" if ready == made else "partial"


def _parts() -> Mapping[Asset, tuple[Asset, ...]]:
    return {asset: tuple(part for part, recipe in GRAPH.items() if recipe.shown_as is asset) for asset in PUBLIC}


PARTS = _parts()
"""What is shown as part of a public asset: the texts of the content, the narrations of the audio."""


def view(journey: Journey, asset: Asset) -> dict[str, Any]:
    """What the world sees of a public asset: status, progress in per cent, and what goes with them."""
    state = journey.assets[asset]
    if state.status == "ready":
        return _ready(journey, asset, state)
    if state.status == "failed":
        shown = {"status": "failed", "progress": 0, "code": state.code, "reason": state.reason}
        return shown | {"error": cause(journey.assets, asset).wire()}
    if state.status == "cancelled":
        return {"status": "cancelled", "progress": 0}
    parts = [journey.assets[part] for part in PARTS[asset]]
    progress = 100 * sum(part.status == "ready" for part in parts) // (len(parts) + 1)
    waiting = next((s for s in (state, *parts) if s.retry_at is not None and not s.settled), None)
    if waiting is not None and waiting.retry_at is not None:
        retry_at = _iso(waiting.retry_at)
        return {"status": "retrying", "progress": progress, "attempt": waiting.attempts_failed + 1, "retryAt": retry_at}
    begun = state.begun or any(part.begun for part in parts)
    return {"status": "generating" if begun else "pending", "progress": progress}


def _ready(journey: Journey, asset: Asset, state: AssetState) -> dict[str, Any]:
    shown: dict[str, Any] = {"status": "ready", "progress": 100}
    shown["url"] = f"/api/v1/stories/{journey.story_id}/assets/{asset.value}"
    if state.completed_at is not None:
        shown["completedAt"] = _iso(state.completed_at)
    if isinstance(state.result, Picture) and asset in PICTURES:
        shown["hueColors"] = list(state.result.hue_colours)
    return shown


def document(journey: Journey) -> dict[str, Any]:
    """The public ``assetGenerationStatus``: overall, every public asset, and the approval where one is asked for."""
    assets = {asset.value: view(journey, asset) for asset in PUBLIC if asset in journey.assets}
    shown = {"overall": overall(journey), "assets": assets}
    return shown if (how := approval(journey)) is None else shown | {"approval": how}


def failure(journey: Journey) -> Cause | None:
    """Why a story failed or is partial: the root of its first public asset, in the graph's order, that failed.

    The text comes first: without it the story failed, whatever else did. None while the story is being made, and where
    nothing failed.
    """
    if overall(journey) not in ("failed", "partial"):
        return None
    failed = (asset for asset in PUBLIC if asset in journey.assets and journey.assets[asset].status == "failed")
    return next((cause(journey.assets, asset) for asset in failed), None)


def cause(assets: Mapping[Asset, AssetState], asset: Asset) -> Cause:
    """The root of a failed asset's failure: itself, or what failed by itself among all that it needs.

    Rows of older versions do not say which need it was: it is the first that failed.
    """
    state = assets[asset]
    if state.cause is not None:
        return state.cause
    failed = (need for need in GRAPH[asset].needs if need in assets and assets[need].status == "failed")
    if state.code == NEED_FAILED and (need := next(failed, None)) is not None:
        return cause(assets, need)
    return Cause(asset, state.code or "unknown")


@lru_cache(4096)  # a ready asset's time is shown again with every change of its story
def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
