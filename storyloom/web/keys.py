"""API keys: random, stored hashed, belonging to a tenant. Whoever serves clients asks here who is calling."""

import hashlib
import secrets
from dataclasses import dataclass

from storyloom.db.pool import Pool
from storyloom.web.problems import NOT_AUTHENTICATED, Problem

PREFIX = "sk_"

_HOLDER = """
SELECT tenant_id, scopes FROM api_keys WHERE secret_hash = $1 AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and what they may do."""

    tenant_id: str
    scopes: frozenset[str]

    def must(self, scope: str) -> None:
        """Raise a 403 unless the caller's key has the scope (``admin`` has them all)."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise Problem(403, "scope_missing", f"This key lacks the scope {scope}.")


def new_key() -> str:
    """A fresh key: 256 random bits, URL-safe."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> bytes:
    """What is stored of a key. A plain SHA-256: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(key.encode()).digest()


def _could_be(key: str) -> bool:
    # A header may hold any bytes; what is not ASCII cannot even be hashed.
    return key.startswith(PREFIX) and len(key) < 200 and key.isascii()


async def caller(pool: Pool, authorization: str | None) -> Caller:
    """Who sent this Authorization header. Raises a 401 Problem unless it is a valid key's."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        detail = "Send your key in the header: Authorization: Bearer sk_…"
        raise Problem(401, "key_missing", detail, headers=NOT_AUTHENTICATED)
    row = await pool.fetchrow(_HOLDER, digest(key)) if _could_be(key) else None
    if row is None:
        raise Problem(401, "key_unknown", "This key is not valid, or was revoked.", headers=NOT_AUTHENTICATED)
    return Caller(row["tenant_id"], frozenset(row["scopes"]))
