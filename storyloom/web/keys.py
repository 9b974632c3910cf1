"""API keys: random, stored hashed, of one tenant. Here they are made, listed, revoked and authenticated."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from uuid import UUID

from asyncpg import Record

from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.web.problems import NOT_AUTHENTICATED, Problem

PREFIX = "sk_"
Scope: TypeAlias = Literal["stories:read", "stories:write", "webhooks", "admin"]
"""What a key allows; ``admin`` allows everything."""
SCOPES: tuple[Scope, ...] = ("stories:read", "stories:write")
"""The scopes of a key that is made without naming any."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and what they may do."""

    tenant_id: str
    scopes: frozenset[str]

    def require(self, scope: Scope) -> None:
        """Raise a 403 Problem unless the caller's key has the scope (``admin`` has them all)."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise Problem(403, "scope_missing", f"This key lacks the scope {scope}.")


async def authenticate(pool: Pool, authorization: str | None, *, scope: Scope) -> Caller:
    """The caller whose key an Authorization header holds.

    Raises a Problem: 401 without a valid key, 403 where the key lacks the scope.
    """
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        detail = "Send your key in the header: Authorization: Bearer sk_…"
        raise Problem(401, "key_missing", detail, headers=NOT_AUTHENTICATED)
    caller = await find_caller(pool, key)
    if caller is None:
        raise Problem(401, "key_unknown", "This key is not valid, or was revoked.", headers=NOT_AUTHENTICATED)
    caller.require(scope)
    return caller


async def find_caller(pool: Pool, key: str) -> Caller | None:
    """The tenant and the scopes of a key; None unless it is valid."""
    # A header may hold any bytes; what is not ASCII cannot even be hashed.
    if not (key.startswith(PREFIX) and len(key) < 200 and key.isascii()):
        return None
    row = await _queries().valid_key(pool, secret_hash=digest(key))
    return None if row is None else Caller(row["tenant_id"], frozenset(row["scopes"]))


async def add_key(pool: Pool, tenant_id: str, name: str, *, scopes: Sequence[Scope] = SCOPES) -> str:
    """Make a key for a tenant, who is created where new. Returns the key: the database keeps only its hash."""
    key = new_key()
    await _queries().add_tenant(pool, id=tenant_id)
    await _queries().add_key(pool, tenant_id=tenant_id, name=name, secret_hash=digest(key), scopes=list(scopes))
    return key


async def read_keys(pool: Pool, tenant_id: str | None = None) -> list[Record]:
    """Rows {id, tenant_id, name, scopes, created_at, revoked_at} of all keys, or a tenant's, oldest first."""
    return [row async for row in _queries().keys(pool, tenant_id=tenant_id)]


async def revoke_key(pool: Pool, key_id: UUID) -> bool:
    """Revoke a key, at once and for good. False if no valid key has this id."""
    return bool(await _queries().revoke_key(pool, id=key_id))


def new_key() -> str:
    """A fresh key: 256 random bits, URL-safe."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> bytes:
    """What is stored of a key. A plain SHA-256: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(key.encode()).digest()


def _queries() -> Any:
    return load_queries("storyloom.web")
