"""Endpoints and deliveries in Postgres, by the named statements of queries.sql. Each of them takes the caller's tenant.

Every function raises a 404 Problem for an endpoint that is not the caller's.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from services.api.schemas import Page
from services.api.webhooks.schemas import CreateWebhook, UpdateWebhook
from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.story.notifications import EventType, encode
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem, not_found

MAX_ENDPOINTS = 20
"""Endpoints of a tenant."""
SECRET_BYTES = 32
"""Random bytes of a secret; Standard Webhooks asks for 24 to 64."""
_EXAMPLE = UUID("00000000-0000-4000-8000-000000000000")

Row: TypeAlias = Mapping[str, Any]
"""A row by its columns' names: an asyncpg.Record."""


def queries() -> Any:
    """The named statements of queries.sql."""
    return load_queries("services.api.webhooks")


async def add_endpoint(pool: Pool, caller: Caller, body: CreateWebhook) -> Row:
    """Add an endpoint; its row, with its new secret. Raises a 409 Problem where there are MAX_ENDPOINTS."""
    async with pool.acquire() as connection, connection.transaction():
        await queries().lock_tenant(connection, tenant_id=caller.tenant_id)
        if await queries().count_endpoints(connection, tenant_id=caller.tenant_id) >= MAX_ENDPOINTS:
            detail = f"There are {MAX_ENDPOINTS} webhooks already, which is the most: delete one first."
            raise Problem(409, "too_many_webhooks", detail, limit=MAX_ENDPOINTS)
        row: Row = await queries().add_endpoint(
            connection,
            tenant_id=caller.tenant_id,
            url=body.url,
            event_types=list(body.event_types),
            description=body.description,
            secret=new_secret(),
        )
    return row


async def list_endpoints(pool: Pool, caller: Caller) -> list[Row]:
    """The caller's endpoints, oldest first."""
    return [row async for row in queries().endpoints(pool, tenant_id=caller.tenant_id)]


async def get_endpoint(pool: Pool, caller: Caller, endpoint_id: UUID) -> Row:
    """An endpoint's row."""
    return _found(await queries().endpoint(pool, id=endpoint_id, tenant_id=caller.tenant_id), "webhook")


async def update_endpoint(pool: Pool, caller: Caller, endpoint_id: UUID, body: UpdateWebhook) -> Row:
    """Change an endpoint; its row. Disabled, its deliveries are paused; enabled again, they are due."""
    key = {"id": endpoint_id, "tenant_id": caller.tenant_id}
    async with pool.acquire() as connection, connection.transaction():
        before = _found(await queries().endpoint_locked(connection, **key), "webhook")
        event_types = None if body.event_types is None else list(body.event_types)
        row: Row = await queries().update_endpoint(
            connection,
            **key,
            url=body.url,
            event_types=event_types,
            description=body.description,
            enabled=body.enabled,
        )
        if row["enabled"] and not before["enabled"]:
            await queries().resume_deliveries(connection, id=endpoint_id)
        elif before["enabled"] and not row["enabled"]:
            await queries().pause_deliveries(connection, id=endpoint_id)
    return row


async def rotate_secret(pool: Pool, caller: Caller, endpoint_id: UUID, *, overlap: int) -> Row:
    """Give an endpoint a new secret; the old one signs too, for ``overlap`` seconds. An older one ends at once."""
    key = {"id": endpoint_id, "tenant_id": caller.tenant_id}
    return _found(await queries().rotate_secret(pool, **key, overlap=overlap, secret=new_secret()), "webhook")


async def delete_endpoint(pool: Pool, caller: Caller, endpoint_id: UUID) -> None:
    """Delete an endpoint: nothing is sent to it any more."""
    if await queries().delete_endpoint(pool, id=endpoint_id, tenant_id=caller.tenant_id) is None:
        raise not_found("webhook")


async def list_deliveries(pool: Pool, caller: Caller, endpoint_id: UUID, page: Page) -> tuple[Sequence[Row], bool]:
    """A page of an endpoint's deliveries, newest first, and whether more come after it."""
    await get_endpoint(pool, caller, endpoint_id)
    found = queries().page_of_deliveries(
        pool,
        id=endpoint_id,
        tenant_id=caller.tenant_id,
        before_at=page.before_at,
        before_id=page.before_id,
        limit=page.limit + 1,
    )
    rows = [row async for row in found]
    return rows[: page.limit], len(rows) > page.limit


async def add_test(pool: Pool, caller: Caller, endpoint_id: UUID, kind: EventType) -> Row:
    """Make a delivery of an example. Raises a 409 Problem where the endpoint is disabled."""
    await _require_enabled(pool, caller, endpoint_id)
    row = await queries().add_delivery(
        pool,
        id=endpoint_id,
        tenant_id=caller.tenant_id,
        event_id=f"test_{uuid4().hex}",
        type=kind,
        payload=encode(kind, datetime.now(UTC), example(kind)),
    )
    return _found(row, "webhook")


async def redeliver(pool: Pool, caller: Caller, endpoint_id: UUID, delivery_id: UUID) -> Row:
    """Have a delivery sent again, whatever became of it. Raises Problems: 409 where the endpoint is disabled, 404."""
    await _require_enabled(pool, caller, endpoint_id)
    row = await queries().redeliver(pool, id=endpoint_id, tenant_id=caller.tenant_id, delivery_id=delivery_id)
    return _found(row, "delivery")


def new_secret() -> str:
    """A secret as Standard Webhooks writes it: ``whsec_`` and random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def example(kind: EventType) -> dict[str, Any]:
    """What an event of this type tells, of a story that there is not; ``test`` says that it is none."""
    base = f"/api/v1/stories/{_EXAMPLE}"
    told: dict[str, Any] = {"storyId": str(_EXAMPLE)}
    links = {"self": base, "events": f"{base}/events"}
    subject, _, end = kind.partition(".")
    told["status"] = "ready" if end == "completed" else end
    if subject == "asset":
        told["asset"] = "cover"
        links |= {"asset": f"{base}/assets/cover"} if end == "completed" else {}
    told["links"] = links
    if end == "failed":
        message = "picture not made in several attempts"
        told["error"] = {"code": "attempts_spent", "message": message, "cause": "cover", "retryable": True}
    return told | {"test": True}


async def _require_enabled(pool: Pool, caller: Caller, endpoint_id: UUID) -> None:
    if not (await get_endpoint(pool, caller, endpoint_id))["enabled"]:
        raise Problem(409, "webhook_disabled", "This webhook is disabled: enable it first.")


def _found(row: Row | None, what: str) -> Row:
    if row is None:
        raise not_found(what)
    return row
