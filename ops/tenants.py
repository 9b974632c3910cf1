"""``tenant``: who keys and stories belong to, their share of the workers and their limits."""

import math
import sys
from dataclasses import dataclass, fields
from typing import Annotated, TypeAlias

import orjson
from asyncpg import Record
from cyclopts import App, Parameter

from ops.cli import Injected, converted, moment_text
from ops.connections import NOTHING_FOUND, OK, USAGE, connect_postgres
from storyloom.operations.words import counted
from storyloom.web.tenants import BOUNDS, Setting, create_tenant, read_tenants, set_tenant

app = App(name="tenant")

_TENANT_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def _tenant_id(text: str) -> str:
    if not (1 <= len(text) <= 40 and set(text) <= _TENANT_CHARACTERS):
        raise ValueError(f"{text!r} is no tenant: 1 to 40 of a-z, 0-9, - and _ are possible.")
    return text


TenantId: TypeAlias = Annotated[str, converted(_tenant_id)]
"""A tenant's id on the command line."""


@dataclass(frozen=True, slots=True)
class Default:
    """What the installation has for all."""


def _setting(name: Setting, *, whole: bool = True) -> Parameter:
    """A number within the setting's bounds, or ``default``."""
    low, high = BOUNDS[name]

    def parse(text: str) -> float | Default:
        if text == "default":
            return Default()
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high or (whole and not number.is_integer()):
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"{kind} from {low:g} to {high:,.0f} is possible, or default.")
        return number

    return converted(parse)


Value: TypeAlias = float | Default | None


@dataclass(frozen=True, slots=True)
class Settings:
    """The options, one for each setting; None where it is not given."""

    weight: Annotated[
        Value,
        _setting("weight", whole=False),
        Parameter(help="Share of the workers, relative to others': 2 is double."),
    ] = None
    requests_per_minute: Annotated[Value, _setting("requests_per_minute"), Parameter(help="Beyond: 429.")] = None
    concurrent_stories: Annotated[
        Value, _setting("concurrent_stories"), Parameter(help="Made at a time; what exceeds them waits.")
    ] = None
    stories_per_day: Annotated[Value, _setting("stories_per_day"), Parameter(help="Beyond: 429.")] = None
    regenerations_per_story: Annotated[Value, _setting("regenerations_per_story"), Parameter(help="Beyond: 429.")] = (
        None
    )
    usd_per_day: Annotated[
        Value, _setting("usd_per_day", whole=False), Parameter(help="US dollars; beyond nothing new is paid for.")
    ] = None

    def given(self) -> dict[Setting, float | None]:
        """What is to be set; None for the default."""
        options = {option.name: getattr(self, option.name) for option in fields(self)}
        return {
            name: None if isinstance(value, Default) else value
            for name in BOUNDS
            if (value := options[name]) is not None
        }


NOTHING_GIVEN = Settings()
Options = Annotated[Settings, Parameter(name="*")]
Id = Annotated[TenantId, Parameter(name="ID")]


@app.command(help="Make a tenant, with limits of its own or the installation's (LIMIT_…).")
async def create(tenant_id: Id, /, *, settings: Options = NOTHING_GIVEN, operator: Injected) -> int:
    """The exit code. Raises UnavailableError, as all of them."""
    async with connect_postgres(operator.settings) as pool:
        if not await create_tenant(pool, tenant_id):
            operator.console.out(f"There is a tenant {tenant_id} already: `tenant set` changes it.", highlight=False)
            return NOTHING_FOUND
        await set_tenant(pool, tenant_id, settings.given())
    operator.console.out(f"created {tenant_id}", highlight=False)
    return OK


@app.command(name="set", help="Change what is named; `default` takes the installation's again.")
async def change(tenant_id: Id, /, *, settings: Options = NOTHING_GIVEN, operator: Injected) -> int:
    values = settings.given()
    if not values:
        sys.stderr.write(f"Say what to set: {', '.join('--' + name.replace('_', '-') for name in BOUNDS)}.\n")
        return USAGE
    async with connect_postgres(operator.settings) as pool:
        found = await set_tenant(pool, tenant_id, values)
    operator.console.out(f"set {tenant_id}" if found else f"There is no tenant {tenant_id}.", highlight=False)
    return OK if found else NOTHING_FOUND


@app.command(name="list", help="List tenants with their settings, keys, stories under way, and what they used today.")
async def list_tenants(
    *, as_json: Annotated[bool, Parameter(name="--json", help="A JSON object a line.")] = False, operator: Injected
) -> int:
    """A line each. What is the installation's is left out, or null in JSON."""
    async with connect_postgres(operator.settings) as pool:
        tenants = await read_tenants(pool)
    for tenant in tenants:
        operator.console.out(_json(tenant) if as_json else _line(tenant), highlight=False)
    if not tenants and not as_json:
        operator.console.print("There is no tenant.", style="dim")
    return OK if tenants else NOTHING_FOUND


def _line(tenant: Record) -> str:
    own = [f"{name.replace('_', ' ')} {tenant[name]:g}" for name in BOUNDS if tenant[name] is not None]
    return "  ".join(
        (
            tenant["id"],
            f"{tenant['created_at']:%Y-%m-%d}",
            counted(tenant["keys"], "key"),
            f"{tenant['admitted']:,} under way, {tenant['waiting']:,} waiting",
            f"today {counted(tenant['stories_today'], 'story', 'stories')}, {tenant['usd_today']:,.2f} USD",
            ", ".join(own),
        )
    )


def _json(tenant: Record) -> str:
    columns = {"id": tenant["id"], "createdAt": moment_text(tenant["created_at"])}
    settings = {_camel(name): tenant[name] for name in BOUNDS}
    counts = {_camel(name): tenant[name] for name in ("keys", "admitted", "waiting", "stories_today", "usd_today")}
    return orjson.dumps(columns | settings | counts).decode()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
