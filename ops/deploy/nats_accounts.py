"""The part of a NATS server's configuration that says who its users are, and what each may do.

It is a file to be included: ``include "nats-accounts.conf"``. Passwords stand in it as their bcrypt hashes.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ops.deploy.logins import Login, Logins
from ops.deploy.nats_permissions import ROLES, permissions
from storyloom.runtime.settings import NatsSettings

SYSTEM_USER = "sys"
"""The one user of the system account: for ``nats server report``, never for a service."""
USERS = (*ROLES, SYSTEM_USER)
HEAD = """\
# Who may connect to NATS, and what each may publish and hear: one user a service. Written by
# `python -m ops deploy nats-accounts`; to be included in the server's configuration. Do not change it by hand.
"""
_BCRYPT_ROUNDS = 8
"""Two to the power of so many. Passwords are random and long, nothing can be guessed: what counts is that a server that
was restarted lets hundreds of clients in within seconds."""


def hash_password(password: str) -> str:
    """bcrypt, as nats-server compares it."""
    import bcrypt  # noqa: PLC0415 - of the operators' commands this alone needs it

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS)).decode()


def user_name(role: str, login: Login) -> str:
    """``images``, or ``images-2`` while its password is rotated."""
    return role if login.number == 1 else f"{role}-{login.number}"


def accounts(logins: Logins, settings: NatsSettings, *, account: str = "STORYLOOM") -> str:
    """The file, for the subject prefix that the settings have. Users that are no role's may do everything."""
    users = [_user(role, login, settings) for role, own in logins.items() if role != SYSTEM_USER for login in own]
    system = [{"user": user_name(SYSTEM_USER, login), "password": login.hash} for login in logins[SYSTEM_USER]]
    parts = {
        "accounts": {account: {"jetstream": "enabled", "users": users}, "SYS": {"users": system}},
        "system_account": "SYS",
    }
    return HEAD + "".join(f"{name}: {json.dumps(part, indent=2)}\n" for name, part in parts.items())


def nats_urls(logins: Logins, url: str) -> Mapping[str, str]:
    """The ``NATS_URL`` of every user: that of its newest login, at the server that a URL names."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return {
        role: urlunsplit(parts._replace(netloc=f"{user_name(role, own[-1])}:{own[-1].password}@{host}"))
        for role, own in logins.items()
    }


def _user(role: str, login: Login, settings: NatsSettings) -> dict[str, Any]:
    name = user_name(role, login)
    if role not in ROLES:
        return {"user": name, "password": login.hash}
    may = permissions(ROLES[role], name, settings)
    publish: dict[str, Any] = {"allow": [*may.publish]}
    if may.refused:
        publish["deny"] = [*may.refused]
    allowed: dict[str, Any] = {"publish": publish, "subscribe": {"allow": [*may.subscribe]}}
    if not may.publish:
        # An empty list would allow everything.
        allowed["publish"] = {"deny": [">"]}
    if may.answers:
        allowed["allow_responses"] = {"max": 1, "expires": "1m"}
    return {"user": name, "password": login.hash, "permissions": allowed}
