"""The API key of this machine: in a file that only its user can read, and in the database of the stack."""

import os
from pathlib import Path

from storyloom.db.pool import Pool
from storyloom.web.keys import SCOPES, Scope, add_key, find_caller

LOCAL_TENANT = "local"
LOCAL_SCOPES: tuple[Scope, ...] = (*SCOPES, "webhooks")


async def ensure_local_key(pool: Pool, path: Path) -> str:
    """The key in the file if the database knows it with all LOCAL_SCOPES; else a new one, written there (mode 0600)."""
    key = _read(path)
    caller = await find_caller(pool, key)
    if caller is None or not caller.scopes.issuperset(LOCAL_SCOPES):
        key = await add_key(pool, LOCAL_TENANT, "local", scopes=LOCAL_SCOPES)
        _write(path, key)
    return key


def _read(path: Path) -> str:
    return path.read_text("utf-8").strip() if path.exists() else ""


def _write(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(key + "\n")
