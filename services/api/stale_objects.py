"""Deletes what no row refers to any more: objects of superseded revisions, and what interrupted jobs have left.

A story gets a row in ``stale_objects`` from the projector, with the transition that made something stale; nobody looks
for stale objects in stories without one, so that the work grows with what is superseded, never with history. A grace
later the story's keys are listed once and compared with its rows. Replicas share the stories by claims that expire, so
that what a replica that dies had claimed is only late. Safe to call twice.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from services.api.repository import queries
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Connection, Pool
from storyloom.jobs.manifest import answers_prefix, revision_prefix
from storyloom.runtime.metrics import STALE_OBJECTS
from storyloom.runtime.settings import InvalidSettingError, Settings
from storyloom.storage.objects import Objects, prefix_of
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.fingerprint import Fingerprint

log = structlog.get_logger()

POLL_INTERVAL_SECONDS = 5.0
"""Between two queries for stories that are due."""
LEASE_SECONDS = 300.0
"""How long a claim is valid, and how long to leave a story alone that could not be done with."""
MAX_CONCURRENT = 4
"""Stories at once in one process."""
_ASSETS = frozenset(asset.value for asset in Asset)


def check_grace(settings: Settings) -> None:
    """Raises InvalidSettingError where a presigned URL could outlive the object that it reads."""
    if settings.stale_object_grace <= settings.presign_seconds:
        raise InvalidSettingError(
            f"STALE_OBJECT_GRACE is {settings.stale_object_grace:g} and must be more than PRESIGN_SECONDS, "
            f"{settings.presign_seconds}: an object is kept for as long as a URL may read it."
        )


@dataclass(frozen=True, slots=True)
class _Claim:
    story_id: UUID
    since: datetime


@dataclass(frozen=True, slots=True)
class StaleObjectCollector:
    """Deletes stale objects ``grace`` seconds after they became so. Any number of them may run."""

    pool: Pool
    objects: Objects
    grace: float

    async def run(self) -> None:
        """Collect whatever is due, until cancelled."""
        while True:
            try:
                while await self.collect_due():
                    pass
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.warning("stale_objects.postgres_away", error=type(error).__name__)
            await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def collect_due(self) -> int:
        """Claim up to MAX_CONCURRENT stories that are due and collect them; returns how many."""
        rows = queries().claim_stale_objects(self.pool, grace=self.grace, limit=MAX_CONCURRENT, lease=LEASE_SECONDS)
        claims = [_Claim(row["story_id"], row["since"]) async for row in rows]
        await asyncio.gather(*(self._collect(claim) for claim in claims))
        return len(claims)

    async def _collect(self, claim: _Claim) -> None:
        try:
            # Listed before the rows are read: what is stored from now on is not looked at.
            keys = [key for key, _ in await self.objects.list_keys(claim.story_id)]
            async with self.pool.acquire() as connection, connection.transaction():
                await self._delete(connection, claim, keys)
        except (RetryableError, PermanentError) as error:
            log.warning("stale_objects.store_away", reason=error.reason)

    async def _delete(self, connection: Connection, claim: _Claim, keys: list[str]) -> None:
        """With the story locked, nothing of it can be asked for anew while what is stale is deleted."""
        story = await queries().story_to_collect(connection, id=claim.story_id)
        if story is None:
            return  # erased, which takes all of it; or at work just now: once more after the claim
        if story["status"] == "generating":
            await queries().postpone_stale_objects(connection, story_id=claim.story_id)
            return
        rows = [row async for row in queries().results_to_keep(connection, id=claim.story_id)]
        stale = stale_keys(claim.story_id, keys, rows)
        await self.objects.delete(stale)
        await queries().stale_objects_collected(connection, story_id=claim.story_id, since=claim.since)
        STALE_OBJECTS.inc(len(stale))
        log.info("stale_objects.deleted", story_id=str(claim.story_id), objects=len(stale))


def stale_keys(story_id: UUID, keys: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Those of an ended story's keys that none of its asset rows refers to.

    A row (``asset_type``, ``fingerprint``, ``result``) refers to the objects that its result names, and to what its
    fingerprint left beside them, but for the paid answers of an attempt. What lies elsewhere than assets' things do is
    nobody's business here.
    """
    kept: set[str] = set()
    folders: list[str] = []
    answers: list[str] = []
    for row in rows:
        kept.update(_keys_in(row["result"]))
        if row["fingerprint"]:
            revision = (story_id, Asset(row["asset_type"]), Fingerprint(row["fingerprint"]))
            folders.append(revision_prefix(*revision))
            answers.append(answers_prefix(*revision))
    return [
        key
        for key in keys
        if key not in kept
        and key.removeprefix(prefix_of(story_id)).split("/", 1)[0] in _ASSETS
        and (_lies_in(key, answers) or not _lies_in(key, folders))
    ]


def _lies_in(key: str, prefixes: Collection[str]) -> bool:
    return any(key.startswith(prefix) for prefix in prefixes)


def _keys_in(value: Any) -> Iterator[str]:
    """Every key of a stored object that a result names."""
    if isinstance(value, dict):
        if isinstance(value.get("key"), str) and "sha256" in value:
            yield value["key"]
        for part in value.values():
            yield from _keys_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _keys_in(part)
