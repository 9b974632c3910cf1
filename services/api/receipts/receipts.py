"""Receipts of stories: made when one is asked for, and kept until the story is another one.

Evaluating takes seconds, and is the documents service's. One evaluation of a story is under way in a process at most,
and goes on when its client has left.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from nats.errors import Error as NatsError
from pydantic import ValidationError

from services.api.receipts.resources import Artefact, ReceiptClaim, ReceiptModel, StoryReceipt
from services.api.receipts.signing import canonical, key_id, sign
from storyloom.db.pool import Pool, dumps
from storyloom.db.queries import load_queries
from storyloom.evaluators import VERSION
from storyloom.messaging.endpoints import Question
from storyloom.story.brief import Brief
from storyloom.story.evaluation import EvaluatedClaim, Evaluation, StoryToEvaluate
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem, not_found

log = structlog.get_logger()

EVALUATION_SECONDS = 120.0
"""An evaluation is waited for so long, whoever asked."""
PATIENCE_SECONDS = 2.5
"""A request waits so long for it; less than an answer may take."""
ASKED_FOR = frozenset({
    "outline", "content", "cover", "scene_1", "scene_2", "scene_3", "scene_4", "audio", "activities", "pdf", "epub",
})  # fmt: skip
"""Of which assets the evaluators read the result."""


def queries() -> Any:
    """The named statements of queries.sql."""
    return load_queries("services.api.receipts")


@dataclass(frozen=True, slots=True)
class _Story:
    """A story as a receipt is made of it."""

    id: UUID
    tenant_id: str
    row: Mapping[str, Any]
    basis: str


class Receipts:
    """Makes and keeps receipts. ``close`` it when done."""

    def __init__(self, pool: Pool, question: Question[Evaluation], key: str) -> None:
        self._pool = pool
        self._question = question
        self._key = key
        self._running: dict[tuple[UUID, str], asyncio.Task[StoryReceipt]] = {}

    async def of(self, caller: Caller, story_id: UUID) -> StoryReceipt:
        """The receipt of a story that has ended, as it is now.

        Raises a Problem: 404 where there is no such story, 409 while it is being made, 503 while it is being checked or
        cannot be.
        """
        row = await queries().story_to_evaluate(self._pool, id=story_id, tenant_id=caller.tenant_id)
        if row is None:
            raise not_found("story")
        if row["status"] == "generating":
            raise Problem(409, "receipt_not_ready", "The story is being made; ask again once it has ended.")
        basis = basis_of(row, self._key)
        if row["basis"] == basis:
            kept: StoryReceipt = row["receipt"]
            return kept
        return await self._made(_Story(story_id, caller.tenant_id, row, basis))

    async def close(self) -> None:
        """Give up what is under way. Safe to call twice."""
        for task in (running := list(self._running.values())):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _made(self, story: _Story) -> StoryReceipt:
        at = (story.id, story.basis)
        task = self._running.get(at)
        if task is None:
            task = self._running[at] = asyncio.create_task(self._make(story), name="receipt")
            task.add_done_callback(lambda done: self._end(at, done))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if not done:
            detail = "The story is being checked; ask again in a few seconds."
            raise Problem(503, "receipt_being_made", detail, headers={"Retry-After": "3"})
        return task.result()

    def _end(self, at: tuple[UUID, str], task: "asyncio.Task[StoryReceipt]") -> None:
        self._running.pop(at, None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Problem):  # a problem was logged where it was found
            log.warning("receipt.not_made", error=type(error).__name__)

    async def _make(self, story: _Story) -> StoryReceipt:
        results = {name: result for name, result in story.row["results"].items() if name in ASKED_FOR}
        asked = StoryToEvaluate(story_id=story.id, brief=Brief.model_validate(story.row["request"]), results=results)
        try:
            evaluation = await self._question.ask(asked, timeout=EVALUATION_SECONDS)
        except (NatsError, TimeoutError, ValidationError) as error:
            log.warning("receipt.not_evaluated", error=type(error).__name__)
            detail = "The story cannot be checked just now; try again."
            raise Problem(503, "evaluation_away", detail, headers={"Retry-After": "5"}) from None
        receipt = receipt_of(story.id, story.row, evaluation, self._key)
        if evaluation.version == VERSION:  # one of another release is answered, and not kept
            await queries().keep_receipt(
                self._pool, id=story.id, tenant_id=story.tenant_id, basis=story.basis, receipt=dumps(receipt)
            )
        return receipt


def basis_of(row: Mapping[str, Any], key: str) -> str:
    """The hash of what a receipt is of: another one is due where any result, an evaluator or the key has changed.

    Of the results all counts: the words' times and the premise's verdict may change, and no file with them.
    """
    signed = key_id(key) if key else ""
    whole = {"status": row["status"], "results": row["results"], "evaluators": VERSION, "key": signed}
    return hashlib.sha256(canonical(whole)).hexdigest()


def receipt_of(story_id: UUID, row: Mapping[str, Any], evaluation: Evaluation, key: str) -> StoryReceipt:
    """The receipt, signed where there is a key."""
    receipt: StoryReceipt = {
        "id": str(story_id),
        "madeAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "status": row["status"],
        "artefacts": list(artefacts_of(row["results"])),
        "models": list(models_of(row["results"])),
        "claims": [claim_of(claim) for claim in evaluation.claims],
        "evaluators": evaluation.version,
        "signature": None,
    }
    if key:
        receipt["signature"] = sign(receipt, key)
    return receipt


def artefacts_of(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Artefact]:
    """What was made, in the order of its names, by its hash: files, and the words."""
    for asset, result in sorted(results.items()):
        for name in ("image", "audio", "vtt", "pdf"):
            stored = result.get(name)
            if isinstance(stored, Mapping) and "sha256" in stored:
                part = f"{asset}.vtt" if name == "vtt" else asset
                yield {"asset": part, "sha256": stored["sha256"], "bytes": stored["size"]}
        if asset == "content":
            text = "\n\n".join("\n\n".join(scene["paragraphs"]) for scene in result["scenes"]).encode()
            yield {"asset": asset, "sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}


def models_of(results: Mapping[str, Mapping[str, Any]]) -> Iterator[ReceiptModel]:
    """Every model that had a part in it, once."""
    calls = (call for result in results.values() for call in result.get("calls", ()))
    for provider, model in sorted({(call["provider"], call["model"]) for call in calls}):
        yield {"provider": provider, "model": model}


def claim_of(claim: EvaluatedClaim) -> ReceiptClaim:
    """A claim as clients see it."""
    error = claim.error
    return {
        "claim": claim.claim,
        "title": claim.title,
        "outcome": claim.outcome,
        "value": claim.value,
        "unit": claim.unit,
        "atLeast": claim.at_least,
        "atMost": claim.at_most,
        "reason": claim.reason,
        "evaluator": claim.evaluator,
        "version": claim.version,
        "independent": claim.independent,
        "error": None
        if error is None
        else {
            "defects": error.defects,
            "found": error.found,
            "sound": error.sound,
            "falseAlarms": error.false_alarms,
        },
    }
