"""Who may do what on this machine's own NATS and Postgres: the users and roles that an installation has, too.

Passwords are made once and kept in the state folder. What is external has users of its own: nothing of this is used
there. Imported when it is needed: it imports NATS's client, and until then the services' imports go before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.deploy import database_roles, nats_accounts
from ops.deploy.database_grants import ROLES as DATABASE_ROLES
from ops.deploy.logins import Logins, read_logins, write_logins, write_private
from storyloom.messaging import topology
from storyloom.messaging.connection import connect
from storyloom.runtime.settings import DatabaseSettings, NatsSettings

OWNER = "local"
"""A user of NATS beside the services', who may do everything: whoever sits at this machine."""


@dataclass(frozen=True, slots=True)
class NatsAccess:
    """The part of the server's configuration that says who may do what, and the password of each."""

    config: Path
    logins: Logins

    def urls(self, url: str) -> Mapping[str, str]:
        """The URL of each user at the server that answers at ``url``."""
        return nats_accounts.nats_urls(self.logins, url)


def nats_access(folder: Path) -> NatsAccess:
    """Users for the embedded server. Raises LoginsError when the folder holds what nobody has written there."""
    kept = folder / "nats-passwords.json"
    logins = read_logins(kept, (*nats_accounts.USERS, OWNER), nats_accounts.hash_password)
    write_logins(kept, logins)
    config = folder / "nats-accounts.conf"
    write_private(config, nats_accounts.accounts(logins, NatsSettings()))
    return NatsAccess(config, logins)


async def provision(url: str) -> None:
    """Make the streams and consumers, as the user that may. Raises BusUnavailableError, and nats errors."""
    settings = NatsSettings(nats_url=url)
    bus = await connect(settings, "migrate")
    try:
        await topology.provision(bus.js, settings)
    finally:
        await bus.close()


async def database_urls(folder: Path, url: str) -> Mapping[str, str]:
    """Have the roles in the embedded Postgres, which was migrated; the URL of each. ``url`` is the owner's."""
    kept = folder / "database-passwords.json"
    logins = read_logins(kept, DATABASE_ROLES, database_roles.hash_password)
    write_logins(kept, logins)
    prefix = DatabaseSettings().database_role_prefix
    await database_roles.execute(url, database_roles.roles_sql(logins, prefix), database_roles.grants_sql(prefix))
    return database_roles.database_urls(logins, prefix, url)
