"""``key``: API keys made, listed, rotated and revoked.

A key is printed once, when it is made: the database has its hash. It is all that the command writes on stdout, so that
it can be piped; what there is to say besides is on stderr.
"""

import sys
from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
from asyncpg import Record
from cyclopts import App, Parameter

from ops.cli import Injected, converted, duration, moment_text
from ops.connections import NOTHING_FOUND, OK, connect_postgres
from ops.tenants import TenantId
from storyloom.operations.words import span
from storyloom.web.keys import OVERLAP_SECONDS, SCOPES, Scope, add_key, read_keys, revoke_key, rotate_key

app = App(name="key")


def _name(text: str) -> str:
    if not (1 <= len(text) <= 100 and text.isprintable() and text == text.strip()):
        raise ValueError("1 to 100 printable characters are possible, no space at either end.")
    return text


def _key_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f"{text!r} is no id: an id is a UUID, as listed.") from None


def _lifetime(text: str) -> float:
    if not (seconds := duration(text)):
        raise ValueError("a key must be valid for some time.")
    return seconds


KeyId = Annotated[UUID, converted(_key_id), Parameter(name="ID", help="As listed.")]


@app.command(name=("create", "add"), help="Make a key and print it, once.")
async def create(
    *,
    tenant: Annotated[TenantId, Parameter(help="Whose stories it reaches; created where new.")],
    name: Annotated[str, converted(_name), Parameter(help="What to know it by in the list.")],
    scope: Annotated[
        tuple[Scope, ...], Parameter(help=f"What it allows; may be repeated. Without any: {' and '.join(SCOPES)}.")
    ] = SCOPES,
    expires_in: Annotated[
        float | None, converted(_lifetime), Parameter(help="How long it is valid, like 12h or 90d. Without: for ever.")
    ] = None,
    operator: Injected,
) -> int:
    """The exit code. Raises UnavailableError, as all of them."""
    async with connect_postgres(operator.settings) as pool:
        operator.console.out(await add_key(pool, tenant, name, scopes=scope, lifetime=expires_in), highlight=False)
    return OK


@app.command(name="list", help="List keys, oldest first, never the keys themselves.")
async def list_keys(
    *,
    tenant: Annotated[TenantId | None, Parameter(help="Only this tenant's.")] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="A JSON object a line.")] = False,
    operator: Injected,
) -> int:
    """A line each: id, tenant, name, scopes, day of creation, last use, and whether it is valid, or since when not."""
    async with connect_postgres(operator.settings) as pool:
        keys = await read_keys(pool, tenant)
    for key in keys:
        operator.console.out(_json(key) if as_json else _line(key), highlight=False)
    if not keys and not as_json:
        operator.console.print("There is no key.", style="dim")
    return OK if keys else NOTHING_FOUND


@app.command(help="Make a key that takes another one's place, and print it, once: same tenant, name, scopes, lifetime.")
async def rotate(
    key_id: KeyId,
    /,
    *,
    overlap: Annotated[
        float,
        converted(duration),
        Parameter(help=f"How long the old one is valid beside it, like 0s or 24h. Without: {span(OVERLAP_SECONDS)}."),
    ] = OVERLAP_SECONDS,
    operator: Injected,
) -> int:
    async with connect_postgres(operator.settings) as pool:
        rotated = await rotate_key(pool, key_id, overlap=overlap)
    if rotated is None:
        sys.stderr.write("There is no valid key of this id, or it was rotated before.\n")
        return NOTHING_FOUND
    operator.console.out(rotated.key, highlight=False)
    sys.stderr.write(f"{key_id} ends at {moment_text(rotated.old_ends_at)}; {rotated.key_id} takes its place.\n")
    return OK


@app.command(help="Revoke a key for good: it is refused within 5 seconds, and its open streams end within 15.")
async def revoke(key_id: KeyId, /, *, operator: Injected) -> int:
    async with connect_postgres(operator.settings) as pool:
        revoked = await revoke_key(pool, key_id)
    operator.console.print(f"revoked {key_id}" if revoked else "There is no valid key of this id.")
    return OK if revoked else NOTHING_FOUND


def _line(key: Record) -> str:
    used = f"used {key['last_used_at']:%Y-%m-%d}" if key["last_used_at"] else "never used"
    columns = (str(key["id"]), key["tenant_id"], key["name"], ",".join(key["scopes"]))
    return "  ".join((*columns, f"{key['created_at']:%Y-%m-%d}", used, _state(key)))


def _state(key: Record) -> str:
    match key["state"]:
        case "revoked":
            return f"revoked {key['revoked_at']:%Y-%m-%d}"
        case "expired":
            return f"expired {moment_text(key['expires_at'])}"
        case _:
            ends = f" until {moment_text(key['expires_at'])}" if key["expires_at"] else ""
            return f"{'rotated, ' if key['replaced_by'] else ''}valid{ends}"


def _json(key: Record) -> str:
    columns = {
        "id": str(key["id"]),
        "tenant": key["tenant_id"],
        "name": key["name"],
        "scopes": key["scopes"],
        "state": key["state"],
        "replacedBy": key["replaced_by"] and str(key["replaced_by"]),
    }
    times = {
        "createdAt": "created_at",
        "expiresAt": "expires_at",
        "revokedAt": "revoked_at",
        "lastUsedAt": "last_used_at",
    }
    return orjson.dumps(columns | {name: _iso(key[column]) for name, column in times.items()}).decode()


def _iso(at: datetime | None) -> str | None:
    return None if at is None else moment_text(at)
