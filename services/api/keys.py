"""Keys: ``python -m services.api.keys add|list|revoke`` for operators, and the key of this machine.

A key is shown once, when it is made; the database keeps its hash. Who holds one is asked in storyloom/web/keys.py.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from services.api.repository import queries
from storyloom.db.pool import AWAY, Pool, open_pool
from storyloom.runtime.settings import DatabaseSettings
from storyloom.web.keys import digest, new_key

LOCAL_TENANT = "local"
SCOPES = ("stories:read", "stories:write")
ALL_SCOPES = (*SCOPES, "admin")


async def add_key(
    pool: Pool, tenant_id: str, name: str, *, key: str | None = None, scopes: Sequence[str] = SCOPES
) -> str:
    """A key for a tenant, who is created where new. Answers the key, which is nowhere to be read again."""
    key = key or new_key()
    await queries().add_tenant(pool, id=tenant_id)
    await queries().add_key(pool, tenant_id=tenant_id, name=name, secret_hash=digest(key), scopes=list(scopes))
    return key


async def list_keys(pool: Pool, tenant_id: str | None = None) -> list[str]:
    """All keys, or a tenant's, oldest first, a line each: id, tenant, name, scopes, since when, until when."""
    rows = [row async for row in queries().keys(pool, tenant_id=tenant_id)]
    return [
        f"{row['id']}  {row['tenant_id']}  {row['name']}  {','.join(row['scopes'])}  {row['created_at']:%Y-%m-%d}  "
        + (f"revoked {row['revoked_at']:%Y-%m-%d}" if row["revoked_at"] else "valid")
        for row in rows
    ]


async def revoke_key(pool: Pool, key_id: UUID) -> bool:
    """End a key, at once and for good. False if there is none of this id that is still valid."""
    return bool(await queries().revoke_key(pool, id=key_id))


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


async def _ask(asked: argparse.Namespace) -> str | None:
    """Do what was asked; the lines to print, None where there is no such key."""
    pool = await open_pool(DatabaseSettings(), size=1)
    try:
        if asked.what == "add":
            return await add_key(pool, asked.tenant, asked.name, scopes=asked.scope or SCOPES)
        if asked.what == "list":
            return "\n".join(await list_keys(pool, asked.tenant))
        return f"revoked {asked.id}" if await revoke_key(pool, asked.id) else None
    finally:
        await pool.close()


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m services.api.keys", description="API keys, in DATABASE_URL.")
    ways = options.add_subparsers(dest="what", required=True)
    add = ways.add_parser("add", help="make a key and print it, once")
    add.add_argument("--tenant", required=True, type=_word, help="whose stories it reaches; created where new")
    add.add_argument("--name", required=True, type=_word, help="what to know it by in the list")
    add.add_argument("--scope", action="append", choices=ALL_SCOPES, help=f"may be repeated; {' and '.join(SCOPES)}")
    listed = ways.add_parser("list", help="list keys, never their secrets")
    listed.add_argument("--tenant", type=_word)
    revoke = ways.add_parser("revoke", help="end a key")
    revoke.add_argument("id", type=UUID, help="as listed")
    return options


def _word(text: str) -> str:
    if not (1 <= len(text) <= 100 and text.isprintable() and text == text.strip()):
        raise argparse.ArgumentTypeError("1 to 100 printable characters")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers the exit code: 0, or 1 with a sentence on stderr."""
    asked = _options().parse_args(arguments)
    try:
        lines = asyncio.run(_ask(asked))
    except (*AWAY, asyncpg.PostgresError) as error:
        sys.stderr.write(f"The database cannot be asked: {type(error).__name__}\n")
        return 1
    if lines is None:
        sys.stderr.write("There is no valid key of this id.\n")
        return 1
    if lines:
        sys.stdout.write(f"{lines}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
