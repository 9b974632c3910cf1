"""``key``: API keys made, listed and revoked. A key is printed once, when it is made; the database has its hash."""

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from ops.cli import Injected, converted
from ops.connections import NOTHING_FOUND, OK, connect_postgres
from storyloom.web.keys import SCOPES, Scope, add_key, read_keys, revoke_key

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


@app.command(help="Make a key and print it, once.")
async def add(
    *,
    tenant: Annotated[str, converted(_name), Parameter(help="Whose stories it reaches; created where new.")],
    name: Annotated[str, converted(_name), Parameter(help="What to know it by in the list.")],
    scope: Annotated[
        tuple[Scope, ...], Parameter(help=f"What it allows; may be repeated. Without any: {' and '.join(SCOPES)}.")
    ] = SCOPES,
    operator: Injected,
) -> int:
    """The exit code. Raises UnavailableError, as all of them."""
    async with connect_postgres(operator.settings) as pool:
        operator.console.out(await add_key(pool, tenant, name, scopes=scope), highlight=False)
    return OK


@app.command(name="list", help="List keys, oldest first, never the keys themselves.")
async def list_keys(
    *, tenant: Annotated[str | None, converted(_name), Parameter(help="Only this tenant's.")] = None, operator: Injected
) -> int:
    """A line each: id, tenant, name, scopes, day of creation, and whether it is valid or since when revoked."""
    async with connect_postgres(operator.settings) as pool:
        keys = await read_keys(pool, tenant)
    for key in keys:
        state = f"revoked {key['revoked_at']:%Y-%m-%d}" if key["revoked_at"] else "valid"
        columns = (str(key["id"]), key["tenant_id"], key["name"], ",".join(key["scopes"]))
        operator.console.out("  ".join((*columns, f"{key['created_at']:%Y-%m-%d}", state)), highlight=False)
    if not keys:
        operator.console.print("There is no key.", style="dim")
    return OK if keys else NOTHING_FOUND


@app.command(help="Revoke a key, at once and for good.")
async def revoke(
    key_id: Annotated[UUID, converted(_key_id), Parameter(name="ID", help="As listed.")], /, *, operator: Injected
) -> int:
    async with connect_postgres(operator.settings) as pool:
        revoked = await revoke_key(pool, key_id)
    operator.console.print(f"revoked {key_id}" if revoked else "There is no valid key of this id.")
    return OK if revoked else NOTHING_FOUND
