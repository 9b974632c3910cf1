"""The roles in Postgres, as SQL that changes nothing when it is run again.

A role such as ``storyloom_api`` holds what its service may do and lets nobody in; who logs in is ``storyloom_api_1``,
or ``storyloom_api_2`` while the password is rotated, a member of it. Tables belong to whoever migrates, the owner.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from ops.deploy.database_grants import ROLES
from ops.deploy.logins import NUMBERS, Login, Logins

HEAD = """\
-- The services' roles, their passwords (as SCRAM verifiers) and what each may read and write. Written by
-- `python -m ops deploy database-roles`. Run it as the owner of the tables, in one transaction: psql -1 -f …
"""
STATEMENT_TIMEOUTS: Mapping[str, str] = {"ops": "15min"}
"""Of the server's, by role; the others' is a minute: their pools give up after half of that."""
_LOCK = 7_304_114_860
"""Of the advisory lock: two that grant at once would break one another's statements ("tuple concurrently updated")."""
_ITERATIONS = 4096
"""As Postgres itself has it (scram_iterations)."""


def hash_password(password: str) -> str:
    """What Postgres keeps of a password (RFC 5803), so that neither its log nor a file of SQL ever has it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_text}${stored_text}:{server_text}"


def user_name(prefix: str, role: str, number: int) -> str:
    """Who logs in: ``storyloom_api_1``."""
    return f"{prefix}_{role}_{number}"


def roles_sql(logins: Logins, prefix: str) -> str:
    """Create roles and logins, set their passwords, drop logins that are retired. For whoever may create roles."""
    lines = [_lock()]
    for role, own in logins.items():
        group = f"{prefix}_{role}"
        lines.append(_create(group, "NOLOGIN"))
        for login in own:
            lines += _login(group, role, login)
        retired = set(NUMBERS) - {login.number for login in own}
        lines += [f"DROP ROLE IF EXISTS {group}_{number};" for number in sorted(retired)]
    return "\n".join(lines) + "\n"


def grants_sql(prefix: str, *, exact: bool = False) -> str:
    """Grant what each role may do, where there is such a role. For the owner of the tables, after every migration.

    ``exact``: take away first what an earlier release was granted. Not while that release still runs.
    """
    lines = [_lock()]
    for role, tables in ROLES.items():
        group = f"{prefix}_{role}"
        granted = [f"GRANT USAGE ON SCHEMA public TO {group};"]
        if exact:
            granted.insert(0, f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {group};")
        granted += [f"GRANT {privilege} ON {table} TO {group};" for table, own in tables.items() for privilege in own]
        lines.append(f"DO $do$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{group}') THEN")
        lines += [f"    {line}" for line in granted]
        lines.append("END IF; END $do$;")
    return "\n".join(lines) + "\n"


async def grant(url: str, prefix: str) -> None:
    """What a migration is followed by: its tables are let to the roles that there are. Raises what asyncpg raises."""
    await execute(url, grants_sql(prefix))


async def execute(url: str, *parts: str) -> None:
    """Run SQL in one transaction. Raises what asyncpg raises: InsufficientPrivilegeError where the user may not."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("BEGIN;\n" + "\n".join(parts) + "\nCOMMIT;")
    finally:
        await connection.close(timeout=10)


def database_urls(logins: Logins, prefix: str, url: str) -> Mapping[str, str]:
    """The ``DATABASE_URL`` of every role: that of its newest login, in the database that a URL names."""
    users = {role: f"{user_name(prefix, role, own[-1].number)}:{own[-1].password}" for role, own in logins.items()}
    return {role: at_server(f"//{user}@", url) for role, user in users.items()}


def at_server(url: str, server: str) -> str:
    """A URL of the one's user and password, and of the other's server and database."""
    user, host = urlsplit(url).netloc.rpartition("@")[0], urlsplit(server).netloc.rpartition("@")[2]
    return urlunsplit(urlsplit(server)._replace(netloc=f"{user}@{host}" if user else host))


def _login(group: str, role: str, login: Login) -> Iterable[str]:
    name = f"{group}_{login.number}"
    timeout = STATEMENT_TIMEOUTS.get(role, "1min")
    return (
        _create(name, "LOGIN"),
        f"ALTER ROLE {name} PASSWORD '{login.hash}';",
        f"GRANT {group} TO {name};",
        f"ALTER ROLE {name} SET statement_timeout = '{timeout}';",
        f"ALTER ROLE {name} SET idle_in_transaction_session_timeout = '1min';",
    )


def _create(name: str, options: str) -> str:
    return (
        f"DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}')"
        f" THEN CREATE ROLE {name} {options}; END IF; END $do$;"
    )


def _lock() -> str:
    return f"DO $do$ BEGIN PERFORM pg_advisory_xact_lock({_LOCK}); END $do$;"
