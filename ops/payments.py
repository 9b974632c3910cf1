"""``doctor --ledger``: calls that a provider was paid for, and that no row knows."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ops.assets import Finding
from ops.connections import AwayError, Reach
from ops.sql import queries

PATIENCE = ClientTimeout(total=30)
THE_STUDIOS = "/studio/ledger"


class PaidCall(BaseModel):
    """One line of a ledger. ``mark`` is what we called the request: ``<16 hex digits of the job>-<number>``."""

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
    """The paid calls of a ledger: a JSON file, a URL of one, or the studio's origin. Raises AwayError."""
    parts = urlsplit(source)
    try:
        if parts.scheme in ("http", "https"):
            data = await _fetch(source if parts.path.strip("/") else source.rstrip("/") + THE_STUDIOS)
        else:
            data = await asyncio.to_thread(Path(source).read_bytes)
        told: Any = orjson.loads(data)
        calls = _LEDGER.validate_python(told.get("calls") if isinstance(told, dict) else told)
    except (ClientError, OSError, TimeoutError) as error:
        raise AwayError(f"The ledger cannot be read: {type(error).__name__}.") from error
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise AwayError("The ledger is not a JSON list of calls, each with request_id and at.") from error
    return [call for call in calls if call.cost_usd > 0]


async def compare(reach: Reach, calls: Sequence[PaidCall]) -> tuple[list[Finding], str]:
    """The calls that no row knows, and a sentence about all of them.

    A call of a job that is being made now is written down when the job ends, and is none of them: it is told by its
    mark, or, where the ledger has no marks, by its time.
    """
    ids = sorted({call.request_id for call in calls})
    known = {row["id"] async for row in queries().known_calls(reach.pool, ids=ids)}
    under_way = [row async for row in queries().under_way(reach.pool)]
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
    said = f"{len(calls):,} paid calls for {usd:.2f} US$ in the ledger: {len(unknown):,} that no row knows"
    return unknown, said + (f", {pending:,} of jobs that are under way." if pending else ".")


def _finding(call: PaidCall) -> Finding:
    said = f"{call.endpoint or 'call'} {call.request_id} of {call.at:%Y-%m-%d %H:%M:%S} cost {call.cost_usd:.4f} US$"
    return Finding("call_unknown", call.request_id, f"{said} and is in no row (a story that was deleted has none)")


async def _fetch(url: str) -> bytes:
    async with ClientSession(timeout=PATIENCE) as http, http.get(url) as answer:
        answer.raise_for_status()
        return await answer.read()
