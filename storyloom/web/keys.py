"""API keys: random, stored hashed, of one tenant. Here they are made, listed, rotated and revoked.

Requests are authenticated in authentication.py.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from asyncpg import Record

from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.web.problems import Problem

PREFIX = "sk_"
Scope: TypeAlias = Literal["stories:read", "stories:write", "webhooks", "admin", "operator"]
"""What a key allows; ``admin`` allows everything of its tenant. ``operator`` is no tenant's: it lets the operators'
page replay what any tenant's stories left behind, and nothing of the API."""
SCOPES: tuple[Scope, ...] = ("stories:read", "stories:write")
"""The scopes of a key that is made without naming any."""
OVERLAP_SECONDS = 86_400.0
"""How long a key that was rotated lives on beside the new one."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and what they may do. ``key_id``: by which key.

    ``requests_per_minute``: the tenant's own limit, None where it has the installation's.
    """

    tenant_id: str
    scopes: frozenset[str]
    key_id: UUID | None = None
    requests_per_minute: int | None = None

    def require(self, scope: Scope) -> None:
        """Raise a 403 Problem unless the caller's key has the scope (``admin`` has them all, but for ``operator``)."""
        if scope not in self.scopes and ("admin" not in self.scopes or scope == "operator"):
            raise Problem(403, "scope_missing", f"This key lacks the scope {scope}.")


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """A key that takes another one's place, and when that one ends."""

    key: str
    key_id: UUID
    old_ends_at: datetime


async def find_caller(pool: Pool, key: str) -> Caller | None:
    """The tenant and the scopes of a key; None unless it is valid."""
    row = await find_key(pool, key)
    return None if row is None else caller_of(row)


async def find_key(pool: Pool, key: str) -> Record | None:
    """The row of a valid key: {id, tenant_id, scopes, requests_per_minute, seconds_left, unnoted}."""
    if not is_key(key):
        return None
    row: Record | None = await queries().valid_key(pool, secret_hash=digest(key))
    return row


def is_key(text: str) -> bool:
    """Whether a text can be a key at all."""
    # A header may hold any bytes; what is not ASCII cannot even be hashed.
    return text.startswith(PREFIX) and len(text) < 200 and text.isascii()


def caller_of(row: Record) -> Caller:
    """The caller whose key a row is."""
    return Caller(row["tenant_id"], frozenset(row["scopes"]), row["id"], row["requests_per_minute"])


async def add_key(
    pool: Pool, tenant_id: str, name: str, *, scopes: Sequence[Scope] = SCOPES, lifetime: float | None = None
) -> str:
    """Make a key for a tenant, who is created where new. Returns the key: the database keeps only its hash.

    ``lifetime``: seconds that it is valid for, None for ever.
    """
    key = new_key()
    await queries().add_tenant(pool, id=tenant_id)
    await queries().add_key(
        pool, tenant_id=tenant_id, name=name, secret_hash=digest(key), scopes=list(scopes), lifetime=lifetime
    )
    return key


async def read_keys(pool: Pool, tenant_id: str | None = None) -> list[Record]:
    """Rows of all keys, or a tenant's, oldest first; ``state`` is valid, expired or revoked.

    {id, tenant_id, name, scopes, created_at, expires_at, revoked_at, last_used_at, replaced_by, state}
    """
    return [row async for row in queries().keys(pool, tenant_id=tenant_id)]


async def rotate_key(pool: Pool, key_id: UUID, *, overlap: float = OVERLAP_SECONDS) -> RotatedKey | None:
    """Make another key of the same tenant, name, scopes and lifetime. The old one is valid ``overlap`` seconds longer.

    None if no valid key has this id, or if it was rotated before.
    """
    key = new_key()
    row = await queries().rotate_key(pool, id=key_id, secret_hash=digest(key), overlap=overlap)
    return None if row is None else RotatedKey(key, row["id"], row["expires_at"])


async def revoke_key(pool: Pool, key_id: UUID) -> bool:
    """Revoke a key for good; every process refuses it within seconds. False if no valid key has this id."""
    return bool(await queries().revoke_key(pool, id=key_id))


def new_key() -> str:
    """A fresh key: 256 random bits, URL-safe."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> bytes:
    """What is stored of a key. A plain SHA-256: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(key.encode()).digest()


def queries() -> Any:
    """The named queries of this package."""
    return load_queries("storyloom.web")
