"""``doctor --deep``: every ready asset has its objects and its manifest, and nothing in the store lacks a story."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Record

from ops.assets import Finding
from ops.connections import AwayError, Reach
from ops.sql import queries
from storyloom.storage.objects import Objects, manifest_key
from storyloom.story.assets import TEXTS, Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.fingerprint import Fingerprint

PAGE = 200
AT_ONCE = 8
AGAIN = 1.0
"""Seconds between two looks at what seems to be wrong: an asset may be made anew meanwhile."""
_FIRST = UUID(int=0)
_EDITED = frozenset({*TEXTS, Asset.CONTENT})
"""What a client may have written over: words of their own have no manifest."""


async def compare(reach: Reach, *, again: float = AGAIN) -> list[Finding]:
    """What the store lacks, and what it has too much of. Raises AwayError."""
    objects = Objects(reach.settings, threads=AT_ONCE)
    try:
        found = [finding async for finding in _lacking(reach, objects, again)]
        return found + [finding async for finding in _orphans(reach, objects)]
    except (RetryableError, PermanentError) as error:
        raise AwayError(f"The store cannot be asked: {error}.") from error
    finally:
        await objects.close()


async def _lacking(reach: Reach, objects: Objects, again: float) -> AsyncIterator[Finding]:
    async for ids in _pages(reach):
        suspects = await _examine(reach, objects, ids)
        if not suspects:
            continue
        await asyncio.sleep(again)
        still = await _examine(reach, objects, sorted({UUID(one.about.split(".")[0]) for one in suspects}))
        for finding in still:
            if finding in suspects:
                yield finding


async def _examine(reach: Reach, objects: Objects, ids: Sequence[UUID]) -> list[Finding]:
    rows: dict[UUID, list[Record]] = {story_id: [] for story_id in ids}
    async for row in queries().ready_assets(reach.pool, ids=list(ids)):
        rows[row["story_id"]].append(row)
    permits = asyncio.Semaphore(AT_ONCE)

    async def one(story_id: UUID) -> list[Finding]:
        async with permits:
            # Rows first, store second: what a row names was stored before the row was written.
            there = dict(await objects.list_keys(story_id))
        return [finding for row in rows[story_id] for finding in _compare_asset(row, there)]

    found = await asyncio.gather(*(one(story_id) for story_id in ids if rows[story_id]))
    return [finding for findings in found for finding in findings]


def _compare_asset(row: Record, there: Mapping[str, int]) -> Iterator[Finding]:
    asset = Asset(row["asset_type"])
    about = f"{row['story_id']}.{asset.value}"
    for key, size in _objects(row["result"]):
        if key not in there:
            yield Finding("object_missing", f"{about}.{key}", f"{key} is not in the store")
        elif there[key] != size:
            said = f"{key} has {there[key]:,} bytes, its row says {size:,}"
            yield Finding("object_size", f"{about}.{key}", said)
    if row["revision"] and asset in _EDITED:
        return
    manifest = manifest_key(row["story_id"], asset, Fingerprint(row["fingerprint"] or ""))
    if manifest not in there:
        yield Finding("manifest_missing", about, f"{manifest} is not in the store: made again, it would be paid again")


def _objects(value: Any) -> Iterator[tuple[str, int]]:
    """Key and size of every stored object that a result names."""
    if isinstance(value, dict):
        if isinstance(value.get("key"), str) and "sha256" in value:
            yield value["key"], int(value.get("size", 0))
        for part in value.values():
            yield from _objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part)


async def _orphans(reach: Reach, objects: Objects) -> AsyncIterator[Finding]:
    # The store first, rows second: a story's row is written before anything is stored for it.
    ids: list[UUID] = []
    async for story_id in objects.story_ids():
        ids.append(story_id)
        if len(ids) == PAGE:
            for finding in await _rowless(reach, ids):
                yield finding
            ids = []
    for finding in await _rowless(reach, ids):
        yield finding


async def _rowless(reach: Reach, ids: Sequence[UUID]) -> list[Finding]:
    if not ids:
        return []
    return [
        Finding("orphan", str(row["id"]), f"stories/{row['id']}/ is in the store, and there is no such story")
        async for row in queries().rowless_stories(reach.pool, ids=list(ids))
    ]


async def _pages(reach: Reach) -> AsyncIterator[list[UUID]]:
    last = _FIRST
    while True:
        ids: list[UUID] = [row["id"] async for row in queries().story_page(reach.pool, after=last, limit=PAGE)]
        if not ids:
            return
        yield ids
        last = ids[-1]
