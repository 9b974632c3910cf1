"""Postgres with its roles: every statement of a service runs under its role, no grant is idle, the rest is refused."""

import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiosql
import asyncpg
import pytest

from ops.deploy.database_grants import ROLES
from ops.deploy.database_roles import database_urls, execute, grant, grants_sql, hash_password, roles_sql
from ops.deploy.logins import Logins, add_login, drop_login, read_logins
from tests.conftest import Background
from tests.databases import Databases, database_at

ROOT = Path(__file__).parents[3]
SHARED = "storyloom/web/queries.sql"
FILES: Mapping[str, tuple[str, ...]] = {
    role: tuple(sorted(str(path.relative_to(ROOT)) for folder in own for path in (ROOT / folder).rglob("queries.sql")))
    for role, own in {
        "api": ("services/api",),
        "status": ("services/status", "storyloom/operations"),
        "webhooks": ("services/webhooks",),
        "ops": ("ops", "storyloom/operations"),
    }.items()
}
_LETTING_IN = ("valid_key", "ended_keys", "note_key_use", "past")
SHARED_STATEMENTS: Mapping[str, tuple[str, ...]] = {
    "api": (*_LETTING_IN, "add_stream_token"),
    "status": (*_LETTING_IN, "valid_stream_token"),
    "ops": ("add_tenant", "add_key", "keys", "rotate_key", "revoke_key", "tenants", "set_tenant"),
}
"""Of SHARED, by who runs them."""
VERSION = "SELECT max(version) FROM schema_migrations"


def statements_in(file: str) -> dict[str, str]:
    queries = aiosql.from_str((ROOT / file).read_text("utf-8"), "asyncpg", mandatory_parameters=False)
    names = [name for name in queries.available_queries if not name.endswith("_cursor")]
    return {name: getattr(queries, name).sql for name in names}


def statements(role: str) -> dict[str, str]:
    """What a role runs, by name; for operators the runbook's queries, too."""
    shared = statements_in(SHARED)
    found = {f"{SHARED}:{name}": shared[name] for name in SHARED_STATEMENTS.get(role, ())}
    for file in FILES[role]:
        found |= {f"{file}:{name}": sql for name, sql in statements_in(file).items()}
    if role == "ops":
        runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
        selects = re.findall(r"```sql\n(SELECT.*?)```", runbook, re.DOTALL)
        # :'id' is psql's variable.
        found |= {f"runbook {number}": sql.replace(":'id'", "$1") for number, sql in enumerate(selects)}
    return found | {"version": VERSION}


@dataclass
class Roles:
    """A database with roles of its own, and who logs in."""

    owner: str
    prefix: str
    logins: Logins

    def url(self, role: str) -> str:
        return database_urls(self.logins, self.prefix, self.owner)[role]

    async def apply(self, logins: Logins) -> None:
        """What the command does."""
        self.logins = logins
        await execute(self.owner, roles_sql(logins, self.prefix), grants_sql(self.prefix))


@pytest.fixture(scope="module")
def roles(background: Background, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    """Made by an owner who is no superuser, as on a managed Postgres."""
    prefix = f"t{secrets.token_hex(4)}"
    owner, password = f"{prefix}_owner", secrets.token_hex(16)
    name = background.run(databases.take())
    superuser = database_at(databases.url, name)
    parts = urlsplit(superuser)
    url = urlunsplit(parts._replace(netloc=f"{owner}:{password}@{parts.netloc.rpartition('@')[2]}"))

    async def make() -> Roles:
        tables = await _each(superuser, "SELECT format('ALTER TABLE %I OWNER TO {0}', relname)", owner)
        await execute(
            superuser,
            f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD '{password}';",
            f'ALTER DATABASE "{name}" OWNER TO {owner};',
            f"ALTER SCHEMA public OWNER TO {owner};",
            *tables,
        )
        found = Roles(url, prefix, read_logins(tmp_path_factory.mktemp("roles") / "none.json", ROLES, hash_password))
        await found.apply(found.logins)
        return found

    async def drop(made: Roles) -> None:
        await databases.give_back(name)
        names = [f"{prefix}_{role}{end}" for role in ROLES for end in ("_1", "_2", "")]
        await databases.drop()
        await execute(databases.url, *(f"DROP ROLE IF EXISTS {one};" for one in (*names, owner)))

    made = background.run(make())
    yield made
    background.run(drop(made))


async def _each(url: str, select: str, owner: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            f"{select.format(owner)} FROM pg_class"
            " WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace"
        )
    finally:
        await connection.close()
    return [f"{row[0]};" for row in found]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def is_permitted(connection: "asyncpg.Connection[asyncpg.Record]", sql: str) -> bool:
    """Postgres checks permissions when it plans to execute; nothing is executed."""
    try:
        await connection.execute(f"EXPLAIN (GENERIC_PLAN) {sql}")
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


@pytest.mark.parametrize("role", ROLES)
async def test_every_statement_of_a_service_runs_under_its_role(roles: Roles, role: str) -> None:
    async with connected(roles.url(role)) as connection:
        refused = [name for name, sql in statements(role).items() if not await is_permitted(connection, sql)]
    assert refused == []


@pytest.mark.parametrize("role", ROLES)
async def test_every_grant_is_needed_by_some_statement(roles: Roles, role: str) -> None:
    idle, group = [], f"{roles.prefix}_{role}"
    known = statements(role)
    async with connected(roles.owner) as connection:
        await connection.execute(f"GRANT {group} TO CURRENT_USER WITH SET TRUE")
        for table, privileges in ROLES[role].items():
            using = [sql for sql in known.values() if re.search(rf"\b{table}\b", sql)]
            for privilege in privileges:
                async with connection.transaction():
                    await connection.execute(f"REVOKE {privilege} ON {table} FROM {group}")
                    await connection.execute(f"SET LOCAL ROLE {group}")
                    if await _all_permitted(connection, using):
                        idle.append(f"{privilege} ON {table}")
                    await connection.execute("RESET ROLE")
                    await connection.execute(f"GRANT {privilege} ON {table} TO {group}")
    assert idle == []


async def _all_permitted(connection: "asyncpg.Connection[asyncpg.Record]", statements: list[str]) -> bool:
    for sql in statements:
        savepoint = connection.transaction()
        await savepoint.start()
        permitted = await is_permitted(connection, sql)
        await savepoint.rollback()
        if not permitted:
            return False
    return True


_NOBODYS = (
    "CREATE TABLE mine (id int)",
    "DROP TABLE stories",
    "TRUNCATE inbox",
    "ALTER TABLE stories ADD COLUMN mine text",
    "CREATE ROLE mine",
    "DELETE FROM tenants",
    "DELETE FROM api_keys",
    "UPDATE schema_migrations SET version = '0'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
)
REFUSED: Mapping[str, tuple[str, ...]] = {
    "api": (
        "UPDATE stories SET status = 'ready'",
        "UPDATE stories SET tenant_id = 'another'",
        "UPDATE asset_generation_jobs SET status = 'ready'",
        "INSERT INTO inbox (event_id) VALUES ('1')",
        "DELETE FROM story_shares",
        "INSERT INTO api_keys (tenant_id, name, secret_hash) VALUES ('a', 'b', 'c')",
        "UPDATE api_keys SET scopes = '{everything}'",
        "UPDATE tenants SET usd_per_day = 1000000",
        "SELECT data FROM story_events",
    ),
    "status": (
        "INSERT INTO stories (id) VALUES (gen_random_uuid())",
        "DELETE FROM stories",
        "UPDATE stories SET tenant_id = 'another'",
        "UPDATE stories SET request = '{}'",
        "UPDATE command_outbox SET event = '{}'",
        "SELECT secret FROM webhook_endpoints",
        "SELECT url FROM webhook_endpoints",
        "SELECT payload FROM webhook_deliveries",
        "INSERT INTO webhook_endpoints (tenant_id, url, secret) VALUES ('a', 'b', 'c')",
        "INSERT INTO api_keys (tenant_id, name, secret_hash) VALUES ('a', 'b', 'c')",
        "SELECT receipt FROM erasures",
    ),
    "webhooks": (
        "INSERT INTO stories (id) VALUES (gen_random_uuid())",
        "SELECT title FROM stories",
        "SELECT secret_hash FROM api_keys",
        "SELECT * FROM tenants",
        "UPDATE webhook_endpoints SET url = 'https://elsewhere.example'",
        "INSERT INTO webhook_deliveries (endpoint_id) VALUES (gen_random_uuid())",
    ),
    "ops": (
        "SELECT request FROM stories",
        "SELECT title FROM stories",
        "SELECT secret FROM webhook_endpoints",
        "SELECT secret_hash FROM api_keys",
        "SELECT data FROM story_events",
        "SELECT payload FROM webhook_deliveries",
        "DELETE FROM stories",
        "UPDATE stories SET status = 'ready'",
        "UPDATE asset_generation_jobs SET status = 'queued'",
    ),
}


@pytest.mark.parametrize("role", ROLES)
async def test_what_is_not_a_roles_is_refused(roles: Roles, role: str) -> None:
    async with connected(roles.url(role)) as connection:
        for sql in (*_NOBODYS, *REFUSED[role]):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)


async def test_roles_are_made_again_without_harm_and_rotated_without_a_refusal(roles: Roles) -> None:
    before = roles.logins
    old = roles.url("api")
    async with connected(old) as connection:
        await roles.apply(add_login(before, "api", hash_password))
        new = roles.url("api")
        assert new != old
        for url in (old, new):
            async with connected(url) as another:
                assert await another.fetchval("SELECT count(*) FROM stories") == 0
                assert await another.fetchval("SHOW statement_timeout") == "1min"
        await roles.apply(drop_login(roles.logins, "api"))
        async with connected(new) as another:
            assert await another.fetchval("SELECT count(*) FROM stories") == 0
        assert not connection.is_closed()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(old)
    await roles.apply(before)


async def test_what_an_earlier_release_was_granted_stays_until_it_is_taken_away(roles: Roles) -> None:
    group = f"{roles.prefix}_webhooks"
    granted = f"SELECT has_table_privilege('{group}', 'tenants', 'SELECT')"
    async with connected(roles.owner) as connection:
        await connection.execute(f"GRANT SELECT ON tenants TO {group}")
        await execute(roles.owner, grants_sql(roles.prefix))
        assert await connection.fetchval(granted) is True
        await execute(roles.owner, grants_sql(roles.prefix, exact=True))
        assert await connection.fetchval(granted) is False


async def test_grants_are_nothing_where_there_are_no_roles(roles: Roles) -> None:
    await grant(roles.owner, f"{roles.prefix}_none")
