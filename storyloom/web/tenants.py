"""Tenants: who keys and stories belong to, and what they may use. Here they are made, listed and changed."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from asyncpg import Record

from storyloom.db.pool import Pool
from storyloom.web.keys import queries

Setting: TypeAlias = Literal[
    "weight",
    "requests_per_minute",
    "concurrent_stories",
    "stories_per_day",
    "regenerations_per_story",
    "usd_per_day",
]
"""What can be set of a tenant: its share of the workers relative to others', and its limits."""
BOUNDS: Mapping[Setting, tuple[float, float]] = {
    "weight": (0.01, 1000),
    "requests_per_minute": (1, 1_000_000),
    "concurrent_stories": (1, 1_000_000),
    "stories_per_day": (0, 10_000_000),
    "regenerations_per_story": (0, 1_000_000),
    "usd_per_day": (0, 10_000_000),
}
"""What is possible, both ends included; what the columns check."""


async def create_tenant(pool: Pool, tenant_id: str) -> bool:
    """Make a tenant. False if there is one of this id."""
    return bool(await queries().add_tenant(pool, id=tenant_id))


async def read_tenants(pool: Pool) -> list[Record]:
    """Rows of all tenants by id: their settings (NULL: the installation's), valid keys, stories under way, today's use.

    {id, created_at, weight, …, keys, admitted, waiting, stories_today, usd_today}
    """
    return [row async for row in queries().tenants(pool)]


async def set_tenant(pool: Pool, tenant_id: str, values: Mapping[Setting, float | None]) -> bool:
    """Change some settings of a tenant; None: as the installation has it. False if there is no such tenant.

    Raises asyncpg.CheckViolationError for what is out of bounds.
    """
    weight = values.get("weight", None)
    limits = {name: values.get(name) for name in BOUNDS if name != "weight"}
    numbers = {name: value if name == "usd_per_day" or value is None else int(value) for name, value in limits.items()}
    names = list(values)
    return bool(await queries().set_tenant(pool, id=tenant_id, names=names, weight=weight, **numbers))
