"""``deploy nats-accounts`` and ``deploy database-roles``: users, roles and passwords, and how they are rotated.

Both keep passwords in a folder that only its owner can read, and write what the servers are told, and what each service
is given, beside them. Run again, they change nothing.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

import asyncpg
from cyclopts import App, Parameter

from ops.cli import Injected, converted
from ops.connections import OK, UNAVAILABLE, USAGE
from ops.deploy import database_roles, nats_accounts
from ops.deploy.database_grants import ROLES
from ops.deploy.logins import Logins, LoginsError, add_login, drop_login, read_logins, write_logins, write_private
from storyloom.db.errors import is_connection_error

app = App(name="deploy")

FOLDER = Path("secrets")


def _account(text: str) -> str:
    if not text.isidentifier() or not text.isascii():
        raise ValueError(f"{text!r} is no account's name: letters, digits and _ are possible.")
    return text


def _host(text: str) -> str:
    if not urlsplit(text).netloc:
        raise ValueError(f"{text!r} is no URL.")
    return text


Folder: TypeAlias = Annotated[Path, Parameter(help="Where passwords are kept and files written.")]
Manifests: TypeAlias = Annotated[bool, Parameter(help="Secrets for Kubernetes on stdout, in place of .env files.")]
NatsUser: TypeAlias = Literal[
    "api", "status", "webhooks", "content", "images", "audio", "documents", "migrate", "ops", "sys"
]
DatabaseRole: TypeAlias = Literal["api", "status", "webhooks", "ops"]
Renew: TypeAlias = Annotated[tuple[NatsUser, ...], Parameter(help="A second login for this user; may be repeated.")]
RenewRole: TypeAlias = Annotated[tuple[DatabaseRole, ...], Parameter(help="A second login for it; may be repeated.")]
Retire: TypeAlias = Annotated[
    tuple[NatsUser, ...], Parameter(help="Drop its older login, once every replica has the newer one.")
]
RetireRole: TypeAlias = Annotated[
    tuple[DatabaseRole, ...], Parameter(help="Drop its older login, once every replica has the newer one.")
]


@app.command(
    name="nats-accounts", help="Users of NATS, one a service, each with its subjects: for the server's configuration."
)
async def nats(
    *,
    folder: Folder = FOLDER,
    url: Annotated[
        str | None, converted(_host), Parameter(help="Where services reach NATS. Without: NATS_URL.")
    ] = None,
    account: Annotated[
        str, converted(_account), Parameter(help="The account's name. Without: STORYLOOM.")
    ] = "STORYLOOM",
    rotate: Renew = (),
    retire: Retire = (),
    kubernetes: Manifests = False,
    operator: Injected,
) -> int:
    """The exit code. Nothing is asked of NATS: its server reads the file."""
    try:
        kept = folder / "nats-passwords.json"
        logins = _logins(kept, nats_accounts.USERS, rotate, retire, nats_accounts.hash_password)
        config = nats_accounts.accounts(logins, operator.settings, account=account)
        urls = nats_accounts.nats_urls(logins, url or operator.settings.nats_url)
        write_logins(kept, logins)
        written = [folder / "nats-accounts.conf"]
        write_private(written[0], config)
        if kubernetes:
            secrets = {"nats-accounts": {"nats-accounts.conf": config}}
            secrets |= {f"nats-{user}": {"NATS_URL": found} for user, found in urls.items()}
            _print_secrets(secrets)
        else:
            written += _write_environments(folder, "nats", "NATS_URL", urls)
    except (LoginsError, OSError) as error:
        return _refuse(error)
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"This command needs the package {missing.name}: install requirements/local.txt.\n")
        return UNAVAILABLE
    _say(
        written,
        "Include nats-accounts.conf in the server's configuration, and reload it (nats-server --signal reload).",
    )
    return OK


@app.command(name="database-roles", help="Roles in Postgres, one a service, each with its grants: as SQL, or applied.")
async def database(
    *,
    folder: Folder = FOLDER,
    url: Annotated[
        str | None, converted(_host), Parameter(help="Where services reach the database. Without: DATABASE_URL.")
    ] = None,
    rotate: RenewRole = (),
    retire: RetireRole = (),
    apply: Annotated[bool, Parameter(help="Run the SQL on DATABASE_URL, which must be the owner's.")] = False,
    exact: Annotated[
        bool, Parameter(help="Take away what an earlier release was granted: not while that one still runs.")
    ] = False,
    kubernetes: Manifests = False,
    operator: Injected,
) -> int:
    """The exit code."""
    owner, prefix = operator.settings.database_url.get_secret_value(), operator.settings.database_role_prefix
    try:
        kept = folder / "database-passwords.json"
        logins = _logins(kept, ROLES, rotate, retire, database_roles.hash_password)
        parts = database_roles.roles_sql(logins, prefix), database_roles.grants_sql(prefix, exact=exact)
        urls = database_roles.database_urls(logins, prefix, url or owner)
        urls = {**urls, "migrate": database_roles.at_server(owner, url or owner)}
        # Kept before they are applied: a password that only the server knows would be lost.
        write_logins(kept, logins)
        written = [folder / "database-roles.sql"]
        write_private(written[0], database_roles.HEAD + "".join(parts))
        if apply and (why := await _apply(owner, parts)):
            sys.stderr.write(f"{why}\n")
            return UNAVAILABLE
        if kubernetes:
            _print_secrets({f"database-{role}": {"DATABASE_URL": found} for role, found in urls.items()})
        else:
            written += _write_environments(folder, "database", "DATABASE_URL", urls)
    except (LoginsError, OSError) as error:
        return _refuse(error)
    _say(written, "The roles are as they must be." if apply else "Run database-roles.sql as the owner of the tables.")
    return OK


def _logins(
    path: Path,
    roles: Iterable[str],
    renewed: Sequence[str],
    retired: Sequence[str],
    hash_password: Callable[[str], str],
) -> Logins:
    """Raises LoginsError."""
    logins = read_logins(path, roles, hash_password)
    for role in retired:
        logins = drop_login(logins, role)
    for role in renewed:
        logins = add_login(logins, role, hash_password)
    return logins


async def _apply(url: str, parts: Sequence[str]) -> str:
    """Run the SQL; why that cannot be, in a sentence."""
    try:
        await database_roles.execute(url, *parts)
    except asyncpg.InsufficientPrivilegeError as error:
        return (
            f"DATABASE_URL's user may not do this ({error}): it must own the tables and may create roles;"
            " or have somebody who may run database-roles.sql."
        )
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        return f"The database was not migrated to this release ({error}): migrate it first."
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        return f"Postgres refuses DATABASE_URL ({type(error).__name__})."
    except Exception as error:
        if not is_connection_error(error):
            raise
        return f"Postgres is unavailable: {type(error).__name__}."
    return ""


def _write_environments(folder: Path, kind: str, variable: str, urls: Mapping[str, str]) -> list[Path]:
    written = []
    for role, url in urls.items():
        path = folder / f"{kind}-{role}.env"
        write_private(path, f"{variable}={url}\n")
        written.append(path)
    return written


def _print_secrets(secrets: Mapping[str, Mapping[str, str]]) -> None:
    """A list of Secrets, as ``kubectl apply -f -`` takes it."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"storyloom-{name}", "labels": {"app.kubernetes.io/part-of": "storyloom"}},
            "type": "Opaque",
            "stringData": dict(data),
        }
        for name, data in secrets.items()
    ]
    sys.stdout.write(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2) + "\n")


def _say(written: Sequence[Path], what_next: str) -> None:
    sys.stderr.write(f"Written: {', '.join(str(path) for path in written)}\n{what_next}\n")


def _refuse(error: Exception) -> int:
    sys.stderr.write(f"{error}\n")
    return USAGE
