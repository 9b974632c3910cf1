"""Rows against the store (``doctor --deep``), and against the providers' list of paid calls (``--ledger``)."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from asyncpg import Record
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ops.connections import UnavailableError, queries
from storyloom.jobs.manifest import manifest_key
from storyloom.operations.diagnosis import Finding
from storyloom.operations.sources import Connections
from storyloom.storage.objects import Objects
from storyloom.story.assets import TEXTS, Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.fingerprint import Fingerprint

STORIES_PER_PAGE = 200
MAX_CONCURRENCY = 8
RECHECK_DELAY_SECONDS = 1.0
"""Seconds until what seems wrong is compared again: an asset may be made again meanwhile."""
_FIRST = UUID(int=0)
_EDITED = frozenset({*TEXTS, Asset.CONTENT})
"""What a client may have edited: a text of their own has no manifest."""


async def compare_store(connections: Connections, *, recheck_delay: float = RECHECK_DELAY_SECONDS) -> list[Finding]:
    """What is missing in the store, and what is there without a story. Raises UnavailableError."""
    objects = Objects(connections.settings, threads=MAX_CONCURRENCY)
    try:
        found = [finding async for finding in _missing(connections, objects, recheck_delay)]
        return found + [finding async for finding in _orphaned(connections, objects)]
    except (RetryableError, PermanentError) as error:
        raise UnavailableError(f"The store is unavailable: {error}.") from error
    finally:
        await objects.close()


async def _missing(connections: Connections, objects: Objects, recheck_delay: float) -> AsyncIterator[Finding]:
    async for ids in _pages(connections):
        suspects = await _examine(connections, objects, ids)
        if not suspects:
            continue
        await asyncio.sleep(recheck_delay)
        still = await _examine(connections, objects, sorted({UUID(one.about.split(".")[0]) for one in suspects}))
        for finding in still:
            if finding in suspects:
                yield finding


async def _examine(connections: Connections, objects: Objects, ids: Sequence[UUID]) -> list[Finding]:
    rows: dict[UUID, list[Record]] = {story_id: [] for story_id in ids}
    async for row in queries().ready_assets(connections.pool, ids=list(ids)):
        rows[row["story_id"]].append(row)
    permits = asyncio.Semaphore(MAX_CONCURRENCY)

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
            yield Finding("object_size_mismatch", f"{about}.{key}", said)
    if row["revision"] and asset in _EDITED:
        return
    manifest = manifest_key(row["story_id"], asset, Fingerprint(row["fingerprint"] or ""))
    if manifest not in there:
        yield Finding(
            "manifest_missing", about, f"{manifest} is not in the store: made again, the asset would be paid for again"
        )


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


async def _orphaned(connections: Connections, objects: Objects) -> AsyncIterator[Finding]:
    # The store first, rows second: a story's row is written before anything is stored for it.
    ids: list[UUID] = []
    async for story_id in objects.story_ids():
        ids.append(story_id)
        if len(ids) == STORIES_PER_PAGE:
            for finding in await _rowless(connections, ids):
                yield finding
            ids = []
    for finding in await _rowless(connections, ids):
        yield finding


async def _rowless(connections: Connections, ids: Sequence[UUID]) -> list[Finding]:
    if not ids:
        return []
    return [
        Finding("objects_orphaned", str(row["id"]), f"stories/{row['id']}/ is in the store, and there is no such story")
        async for row in queries().rowless_stories(connections.pool, ids=list(ids))
    ]


async def _pages(connections: Connections) -> AsyncIterator[list[UUID]]:
    last = _FIRST
    while True:
        ids: list[UUID] = [
            row["id"] async for row in queries().story_page(connections.pool, after=last, limit=STORIES_PER_PAGE)
        ]
        if not ids:
            return
        yield ids
        last = ids[-1]


LEDGER_HTTP_TIMEOUT = ClientTimeout(total=30)
STUDIO_LEDGER_PATH = "/studio/ledger"


class PaidCall(BaseModel):
    """One line of a ledger. ``mark`` is the client's request id: ``<16 hex digits of the job>-<number>``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    request_id: str = Field(min_length=1)
    at: datetime
    endpoint: str = ""
    cost_usd: float = Field(default=0, ge=0)
    mark: str | None = Field(
        default=None, validation_alias=AliasChoices("mark", "client_request_id", "clientRequestId")
    )


_LEDGER: TypeAdapter[list[PaidCall]] = TypeAdapter(list[PaidCall])


async def read_ledger(source: str) -> list[PaidCall]:
    """The paid calls of a ledger: a JSON file, a URL of one, or the studio's origin. Raises UnavailableError."""
    parts = urlsplit(source)
    try:
        if parts.scheme in ("http", "https"):
            data = await _fetch(source if parts.path.strip("/") else source.rstrip("/") + STUDIO_LEDGER_PATH)
        else:
            data = await asyncio.to_thread(Path(source).read_bytes)
        document: Any = orjson.loads(data)
        calls = _LEDGER.validate_python(document.get("calls") if isinstance(document, dict) else document)
    except (ClientError, OSError, TimeoutError) as error:
        raise UnavailableError(f"The ledger cannot be read: {type(error).__name__}.") from error
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise UnavailableError("The ledger is not a JSON list of calls, each with request_id and at.") from error
    return [call for call in calls if call.cost_usd > 0]


async def compare_ledger(connections: Connections, calls: Sequence[PaidCall]) -> tuple[list[Finding], str]:
    """The calls that no row records, and a sentence about all of them.

    A call of a job in flight is recorded when the job ends, and is none of them: it is recognised by its mark, or,
    where the ledger has no marks, by its time.
    """
    ids = sorted({call.request_id for call in calls})
    known = {row["id"] async for row in queries().known_calls(connections.pool, ids=ids)}
    under_way = [row async for row in queries().under_way(connections.pool)]
    marks = {row["mark"] for row in under_way}
    since = min((row["queued_at"] for row in under_way), default=None)
    unknown, pending = [], 0
    for call in calls:
        if call.request_id in known:
            continue
        if call.mark.split("-")[0] in marks if call.mark else since is not None and call.at >= since:
            pending += 1
        else:
            unknown.append(_finding(call))
    usd = sum(call.cost_usd for call in calls)
    said = f"{len(calls):,} paid calls for {usd:.2f} US$ in the ledger: {len(unknown):,} that no row records"
    return unknown, said + (f", {pending:,} of jobs in flight." if pending else ".")


def _finding(call: PaidCall) -> Finding:
    said = f"{call.endpoint or 'call'} {call.request_id} of {call.at:%Y-%m-%d %H:%M:%S} cost {call.cost_usd:.4f} US$"
    return Finding("call_unrecorded", call.request_id, f"{said} and is recorded in no row (a deleted story has none)")


async def _fetch(url: str) -> bytes:
    async with ClientSession(timeout=LEDGER_HTTP_TIMEOUT) as http, http.get(url) as answer:
        answer.raise_for_status()
        return await answer.read()
