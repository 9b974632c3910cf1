"""Making keys: the one for this machine, and one for whoever an operator names. Reading them is storyloom/keys.py."""

import os
from pathlib import Path

from services.api.statements import queries
from storyloom.db.pool import Pool
from storyloom.keys import digest, new_key

LOCAL_TENANT = "local"
SCOPES = ["stories:read", "stories:write"]


async def add_key(pool: Pool, tenant_id: str, name: str, *, key: str | None = None) -> str:
    """A key for a tenant, who is created where new. Answers the key, which is nowhere to be read again."""
    key = key or new_key()
    await queries().add_tenant(pool, id=tenant_id)
    await queries().add_key(pool, tenant_id=tenant_id, name=name, secret_hash=digest(key), scopes=SCOPES)
    return key


async def ensure_local_key(pool: Pool, path: Path) -> str:
    """The key of this machine: the one in the file if the database knows it, else a new one, written there (0600)."""
    key = _read(path)
    if key and await queries().key_is_known(pool, secret_hash=digest(key)):
        return key
    key = await add_key(pool, LOCAL_TENANT, "local")
    _write(path, key)
    return key


def _read(path: Path) -> str:
    return path.read_text("utf-8").strip() if path.exists() else ""


def _write(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(key + "\n")
