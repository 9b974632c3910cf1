"""Stories: taken in one transaction, then told to the bus; read as their rows say."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import structlog
from nats.errors import Error as NatsError
from pydantic import ValidationError

from services.api import serializers
from services.api.repository import queries
from services.api.requests import Page, cursor
from storyloom.db.pool import Pool, dumps
from storyloom.messaging.connection import BusUnavailableError
from storyloom.messaging.endpoints import EventPublisher, Question
from storyloom.story.assets import PUBLIC, Asset
from storyloom.story.brief import Brief
from storyloom.story.events import story_requested
from storyloom.story.fingerprint import canonical
from storyloom.story.journey import begin, document
from storyloom.story.screening import Verdict
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem, not_found

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stories:
    """What clients may do with stories."""

    pool: Pool
    events: EventPublisher
    screening: Question[Verdict]
    screening_seconds: float

    async def create(self, who: Caller, brief: Brief, *, trace: str, idempotency_key: str | None = None) -> UUID:
        """Take a brief; answer its story's id. With a key, the same brief again is the same story.

        Raises a Problem: 422 when moderation flags the brief or the key came with another brief before.
        """
        digest = hashlib.sha256(canonical(brief.wire())).digest()
        if idempotency_key and (known := await self._known(who, idempotency_key, digest)):
            return known
        await self._screen(brief)
        story_id = uuid4()
        journey = begin(story_id, who.tenant_id, trace, brief)
        try:
            await queries().create_story(
                self.pool,
                id=story_id,
                tenant_id=who.tenant_id,
                request=brief.wire(),
                priority=brief.priority.value,
                trace=trace,
                document=dumps(document(journey)),
                idempotency_key=idempotency_key,
                request_hash=digest,
                assets=[asset.value for asset in journey.assets],
            )
        except asyncpg.UniqueViolationError:
            # Somebody with the same key was quicker.
            if idempotency_key and (known := await self._known(who, idempotency_key, digest)):
                return known
            raise
        try:
            await self.events.publish(story_requested(story_id, who.tenant_id, trace, datetime.now(UTC)))
        except BusUnavailableError:
            log.warning("story.untold", story_id=str(story_id))  # the reconciler will tell it
        log.info("story.taken", story_id=str(story_id), story_type=brief.story_type, assets=len(journey.assets))
        return story_id

    async def get(self, who: Caller, story_id: UUID) -> tuple[dict[str, Any], int]:
        """The story as it stands, and its version. Raises a 404 Problem for what is not the caller's."""
        row = await queries().story(self.pool, id=story_id, tenant_id=who.tenant_id)
        if row is None:
            raise not_found("story")
        found = queries().results(self.pool, id=story_id, assets=serializers.SHOWN_RESULTS)
        results = {result["asset_type"]: result["result"] async for result in found}
        return serializers.story(row, results), row["version"]

    async def list(self, who: Caller, page: Page) -> dict[str, Any]:
        """A page of the caller's stories, newest first, and the cursor of the next."""
        found = queries().page(
            self.pool,
            tenant_id=who.tenant_id,
            before_at=page.before_at,
            before_id=page.before_id,
            limit=page.limit + 1,
        )
        rows = [row async for row in found]
        shown = rows[: page.limit]
        more = len(rows) > page.limit
        return {
            "stories": [serializers.summary(row) for row in shown],
            "nextCursor": cursor(shown[-1]["created_at"], shown[-1]["id"]) if more else None,
        }

    async def result(self, who: Caller, story_id: UUID, name: str) -> tuple[Asset, Mapping[str, Any]]:
        """A ready public asset's result. Raises 404 for what there is not, 409 for what is not ready."""
        asset = next((asset for asset in PUBLIC if asset.value == name), None)
        if asset is None:
            raise not_found("asset")
        row = await queries().asset(self.pool, id=story_id, tenant_id=who.tenant_id, asset=name)
        if row is None:
            raise not_found("asset")
        if row["status"] != "ready":
            status = row["status"] if row["status"] in ("failed", "cancelled") else "being made"
            raise Problem(409, "asset_not_ready", f"{name} is not ready: it is {status}.")
        return asset, row["result"]

    async def _known(self, who: Caller, idempotency_key: str, digest: bytes) -> UUID | None:
        row = await queries().story_of_idempotency_key(
            self.pool, tenant_id=who.tenant_id, idempotency_key=idempotency_key
        )
        if row is None:
            return None
        if row["request_hash"] != digest:
            raise Problem(422, "key_reused", "This Idempotency-Key came with another brief before.")
        known: UUID = row["id"]
        return known

    async def _screen(self, brief: Brief) -> None:
        """Ask the content service whether the brief may be told. No answer is no refusal: the outline asks again."""
        try:
            verdict = await self.screening.ask(brief, timeout=self.screening_seconds)
        except (NatsError, TimeoutError, ValidationError) as error:
            log.warning("story.unscreened", error=type(error).__name__)
            return
        if verdict.flagged:
            named = ", ".join(verdict.categories)
            raise Problem(
                422,
                "brief_flagged",
                f"This brief cannot become a children's story: it was flagged for {named}.",
                categories=list(verdict.categories),
            )
