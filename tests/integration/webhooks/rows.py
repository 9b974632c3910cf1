"""Endpoints and deliveries as rows, as api and status write them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from asyncpg import Record

from storyloom.db.pool import Pool
from storyloom.story.notifications import encode
from tests.integration.webhooks.receiver import SECRET

TENANT = "tests"


async def add_endpoint(pool: Pool, url: str, *, secret: str = SECRET, **columns: Any) -> UUID:
    """An enabled endpoint of the tenant ``tests``; its id."""
    await pool.execute("INSERT INTO tenants (id) VALUES ($1) ON CONFLICT DO NOTHING", TENANT)
    names = ["tenant_id", "url", "secret", *columns]
    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    sql = f"INSERT INTO webhook_endpoints ({', '.join(names)}) VALUES ({places}) RETURNING id"
    found: UUID = await pool.fetchval(sql, TENANT, url, secret, *columns.values())
    return found


async def add_delivery(pool: Pool, endpoint: UUID, *, payload: str | None = None) -> UUID:
    """A delivery of some event that is due; its id."""
    event_id = f"evt_{uuid4().hex}"
    body = payload or encode("story.completed", datetime.now(UTC), {"storyId": str(uuid4()), "status": "ready"})
    found: UUID = await pool.fetchval(
        "INSERT INTO webhook_deliveries (endpoint_id, event_id, type, payload, next_at)"
        " VALUES ($1, $2, 'story.completed', $3, now()) RETURNING id",
        endpoint,
        event_id,
        body,
    )
    return found


async def delivery(pool: Pool, delivery_id: UUID) -> Record:
    row = await pool.fetchrow("SELECT * FROM webhook_deliveries WHERE id = $1", delivery_id)
    assert row is not None
    return row


async def endpoint(pool: Pool, endpoint_id: UUID) -> Record:
    row = await pool.fetchrow("SELECT * FROM webhook_endpoints WHERE id = $1", endpoint_id)
    assert row is not None
    return row
