"""A journey as rows of Postgres, and rows as a journey: what stands in which column. Pure."""

from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record
from pydantic import TypeAdapter

from services.status.transitions import Transition
from storyloom.db.pool import dumps
from storyloom.story.assets import GRAPH, PICTURES, Asset
from storyloom.story.brief import Brief
from storyloom.story.causes import Cause
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.journey import AssetState, Journey, Status, awaits_approval, document, failure, overall
from storyloom.story.results import AnyResult, Audio, Outline, Picture, ProviderCall

_RESULT: TypeAdapter[AnyResult] = TypeAdapter(AnyResult)
_CALLS: TypeAdapter[tuple[ProviderCall, ...]] = TypeAdapter(tuple[ProviderCall, ...])


def story_row(transition: Transition) -> tuple[Any, ...]:
    """The columns of a story that a transition wrote, in the order of ``write_transitions``."""
    journey, changed = transition.journey, transition.effects.changed
    status = overall(journey)
    title = logline = hues = words = blocks = error = None
    if Asset.OUTLINE in changed and isinstance(outline := journey.assets[Asset.OUTLINE].result, Outline):
        title, logline = outline.title, outline.logline
    if Asset.AUDIO in changed:
        audio = journey.assets[Asset.AUDIO].result
        # While it is made anew the old words fit nothing: "null" removes them.
        words = dumps([word.model_dump() for word in audio.words]) if isinstance(audio, Audio) else "null"
        blocks = dumps(audio.blocks) if isinstance(audio, Audio) else "null"
    if any(picture in changed for picture in PICTURES):
        hues = dumps(_hues(journey))
    if status in ("failed", "partial") and (why := failure(journey)) is not None:
        error = dumps(why.wire())
    ended_at = None if status == "generating" else transition.at
    shown = dumps(document(journey))
    approval = "given" if journey.approved else journey.brief.approval
    return (
        journey.story_id, transition.version_before, journey.version, journey.seq, status, shown, ended_at, title,
        logline, error, hues, words, blocks, approval, awaits_approval(journey),
    )  # fmt: skip


def _hues(journey: Journey) -> dict[str, list[str]]:
    pictures = ((asset, journey.assets[asset].result) for asset in PICTURES if asset in journey.assets)
    return {asset.value: list(result.hue_colours) for asset, result in pictures if isinstance(result, Picture)}


def asset_row(story_id: UUID, asset: Asset, state: AssetState, backlog_lane: str | None) -> tuple[Any, ...]:
    """The columns of an asset that changed, in the order of ``write_transitions``.

    ``backlog_lane``: where its job waits that is not to be published yet.
    """
    result = None if state.result is None else state.result.body.decode()
    metadata: dict[str, Any] = {}
    if state.code:
        metadata["code"] = state.code
    if state.hint is not None:
        metadata["hint"] = state.hint
    if state.cause:
        metadata["cause"] = {"asset": state.cause.asset.value, "code": state.cause.code}
    if state.retry_at:
        metadata["retryAt"] = state.retry_at.isoformat()
    if state.tried and not state.settled:
        metadata["tried"] = True
    if state.spent:
        metadata["spent"] = [call.model_dump() for call in state.spent]
    if state.result is not None and state.result.calls:
        metadata["calls"] = [call.model_dump() for call in state.result.calls]
    return (
        story_id, asset.value, state.status, state.revision, state.fingerprint, result, state.started_at,
        state.completed_at, state.reason, state.attempts_failed, dumps(metadata) if metadata else None, backlog_lane,
    )  # fmt: skip


def _cause(stored: dict[str, str] | None) -> Cause | None:
    return None if stored is None else Cause(Asset(stored["asset"]), stored["code"])


def journey_of(story: Record, rows: dict[str, AssetState]) -> Journey:
    """The journey of a story's row and its assets, by name."""
    approval = story["approval"]
    return Journey(
        story_id=story["id"],
        tenant_id=story["tenant_id"],
        trace=story["trace"],
        brief=Brief.model_validate(story["request"] | {"approval": "auto" if approval == "auto" else "required"}),
        assets={asset: rows[asset.value] for asset in GRAPH if asset.value in rows},
        seq=story["seq"],
        version=story["version"],
        cancelled=story["status"] == "cancelled",
        approved=approval == "given",
    )


def asset_state(row: Record) -> AssetState:
    """The state that an asset's row holds. Raises pydantic.ValidationError for a result that no version wrote."""
    metadata = row["metadata"] or {}
    retry_at = metadata.get("retryAt")
    # 'generating' is a queued job that a worker has started: operators see it, no decision rests on it.
    status: Status = "queued" if row["status"] == "generating" else row["status"]
    return AssetState(
        status=status,
        revision=row["revision"],
        fingerprint=Fingerprint(row["fingerprint"]) if row["fingerprint"] else None,
        result=None if row["result"] is None else _RESULT.validate_python(row["result"]),
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        attempts_failed=row["retry_count"],
        retry_at=datetime.fromisoformat(retry_at) if retry_at else None,
        tried=metadata.get("tried", False),
        code=metadata.get("code"),
        cause=_cause(metadata.get("cause")),
        spent=_CALLS.validate_python(metadata.get("spent", ())),
        reason=row["error_message"],
        hint=metadata.get("hint"),
    )
