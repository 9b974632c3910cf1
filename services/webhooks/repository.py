"""What webhooks reads and writes in Postgres, by the statements of queries.sql. Safe for any number of replicas."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from storyloom.db.pool import Pool, dumps
from storyloom.db.queries import load_queries


def queries() -> Any:
    """The named statements of queries.sql."""
    return load_queries("services.webhooks")


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is this process's to send until ``claimed_until``, with all that it takes.

    ``attempts`` were made before, ``age`` is in seconds; ``steady``: its endpoint took the last one that it was sent.
    ``trace``: the traceparent of what it tells of, empty where that is no story's.
    """

    id: UUID
    endpoint_id: UUID
    event_id: str
    payload: str = field(repr=False)
    attempts: int
    age: float
    claimed_until: datetime
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    steady: bool
    type: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to. ``delay``: seconds until the next one, None where there is none.

    ``blames``: whether a failure is the endpoint's.
    """

    claim: Claim
    entry: Mapping[str, Any]
    delivered: bool
    gone: bool = False
    delay: float | None = None
    blames: bool = True


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that are due and claimed by nobody, how long the oldest is, and endpoints that fail just now."""

    due: int
    oldest_seconds: float
    failing: int


async def due_endpoints(pool: Pool, *, saturated: Collection[UUID], limit: int) -> list[UUID]:
    """Endpoints that have something due, those that work first; without those that have no room for more."""
    rows = queries().due_endpoints(pool, saturated=list(saturated), limit=limit)
    return [row["endpoint_id"] async for row in rows]


async def claim(
    pool: Pool,
    running: Mapping[UUID, int],
    *,
    per_endpoint: int,
    steady_room: int,
    other_room: int,
    lease: float,
) -> list[Claim]:
    """Claim what is due of some endpoints, given how many attempts run here to each; for ``lease`` seconds.

    ``per_endpoint``: the most at once for an endpoint that works; any other gets one. The rooms are for them all.
    """
    rows = queries().claim_deliveries(
        pool,
        endpoints=list(running),
        running=list(running.values()),
        per_endpoint=per_endpoint,
        steady_room=steady_room,
        other_room=other_room,
        lease=lease,
    )
    return [
        Claim(
            id=row["id"],
            endpoint_id=row["endpoint_id"],
            event_id=row["event_id"],
            payload=row["payload"],
            attempts=row["attempts"],
            age=row["age"],
            claimed_until=row["claimed_until"],
            url=row["url"],
            secrets=tuple(secret for secret in (row["secret"], row["old_secret"]) if secret is not None),
            steady=row["steady"],
            type=row["type"],
            trace=row["trace"],
        )
        async for row in rows
    ]


async def record(pool: Pool, results: Sequence[Result], *, patience: timedelta) -> tuple[set[UUID], dict[UUID, str]]:
    """Record attempts, and what they say of their endpoints, in one transaction; any number of results at once.

    Answers the deliveries that were recorded (one that is locked just now, or deleted, is not among them), and why
    which endpoints were disabled: ``gone``, or ``failing`` for longer than ``patience``.
    """
    health: dict[UUID, tuple[bool, bool]] = {}
    for result in results:
        if not result.blames:
            continue
        gone = result.gone or health.get(result.claim.endpoint_id, (False, False))[1]
        health[result.claim.endpoint_id] = result.delivered and not gone, gone
    async with pool.acquire() as connection, connection.transaction():
        noted = [
            row
            async for row in queries().note_health(
                connection,
                endpoints=list(health),
                worked=[worked for worked, _ in health.values()],
                gone=[gone for _, gone in health.values()],
                patience=patience,
            )
        ]
        recorded = queries().record_attempts(
            connection,
            ids=[result.claim.id for result in results],
            claims=[result.claim.claimed_until for result in results],
            delivered=[result.delivered for result in results],
            delays=[result.delay for result in results],
            entries=[dumps(dict(result.entry)) for result in results],
        )
        found = {row["id"] async for row in recorded}
        disabled = {row["id"]: str(row["disabled_reason"]) for row in noted if not row["enabled"]}
        if disabled:
            await queries().pause_deliveries(connection, endpoints=list(disabled))
    return found, disabled


async def release(pool: Pool, claims: Collection[Claim]) -> None:
    """Give claims back: whoever asks next may have them at once."""
    await queries().release_claims(pool, ids=[one.id for one in claims], claims=[one.claimed_until for one in claims])


async def tidy(pool: Pool, *, retention: timedelta, limit: int) -> int:
    """Delete settled deliveries that are old enough, and what deleted endpoints left; pause those of disabled ones.

    ``limit`` is for each statement. Answers how many were deleted: as many as the limit, and there may be more.
    """
    stray = [row async for row in queries().tidy_deliveries(pool)]
    if disabled := [row["endpoint_id"] for row in stray if not row["gone"]]:
        await queries().pause_deliveries(pool, endpoints=disabled)
    deleted: int = await queries().prune_deliveries(pool, retention=retention, limit=limit)
    if gone := [row["endpoint_id"] for row in stray if row["gone"]]:
        deleted = max(deleted, await queries().delete_deliveries(pool, endpoints=gone, limit=limit))
    return deleted


async def backlog(pool: Pool) -> Backlog:
    """What waits just now."""
    row = await queries().backlog(pool)
    return Backlog(row["due"], row["oldest_seconds"], row["failing"])
