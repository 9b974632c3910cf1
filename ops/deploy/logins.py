"""The passwords of services: made once, kept in a file of mode 0600, rotated without a moment in which one is refused.

A role has one login, or two while its password is rotated: the servers take both, services are given the newest. The
second goes by another name, so that it has rights, inboxes and connections of its own.
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

NUMBERS = (1, 2)
"""What tells the logins of a role apart: a rotation takes the number that is free."""
SHORTEST = 16
"""Characters of a given password. The servers' hashes are cheap to compute: a password has to be long."""
_GIVEN = re.compile(r"[A-Za-z0-9._~-]+")
"""What stands in a URL as it is."""


class LoginsError(Exception):
    """The file cannot be used, or what is asked cannot be done; the message is a sentence without a password."""


@dataclass(frozen=True, slots=True)
class Login:
    """One login of a role. ``hash`` is what the server keeps of the password."""

    number: int
    password: str = field(repr=False)
    hash: str = field(repr=False)


Logins = Mapping[str, tuple[Login, ...]]
"""By role; the newest last."""


def read_logins(path: Path, roles: Iterable[str], hash_password: Callable[[str], str]) -> Logins:
    """The logins in a file, for every role at least one: what is missing (passwords, hashes, the file) is made.

    Raises LoginsError.
    """
    kept = _read(path)
    roles = tuple(roles)
    if strangers := kept.keys() - set(roles):
        raise LoginsError(f"{path}: {', '.join(sorted(strangers))}: there is no such role.")
    return {role: tuple(_complete(path, role, kept.get(role) or [{}], hash_password)) for role in roles}


def add_login(logins: Logins, role: str, hash_password: Callable[[str], str]) -> Logins:
    """A second login for a role, which services are to use from now on. Raises LoginsError while it has two already."""
    (old, *more) = logins[role]
    if more:
        raise LoginsError(f"{role} is being rotated already: retire the old login first (--retire {role}).")
    (number,) = set(NUMBERS) - {old.number}
    return {**logins, role: (old, _make(number, hash_password))}


def drop_login(logins: Logins, role: str) -> Logins:
    """Without the older login of a role. Raises LoginsError where there is but one."""
    if len(logins[role]) < 2:
        raise LoginsError(f"{role} has one login alone: rotate it first (--rotate {role}).")
    return {**logins, role: logins[role][-1:]}


def write_logins(path: Path, logins: Logins) -> None:
    """Keep them, for their owner's eyes."""
    kept = {role: [asdict(login) for login in own] for role, own in logins.items()}
    write_private(path, json.dumps(kept, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at one stroke; one that holds this already is left as it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists() and path.read_text("utf-8") == text:
        path.chmod(0o600)
        return
    making = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    making.replace(path)


def _read(path: Path) -> dict[str, list[dict[str, object]]]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LoginsError(f"{path} cannot be read ({type(error).__name__}).") from error
    well_formed = isinstance(found, dict) and all(
        isinstance(own, list) and len(own) <= len(NUMBERS) and all(isinstance(one, dict) for one in own)
        for own in found.values()
    )
    if not well_formed:
        raise LoginsError(f"{path} does not hold logins by role, as this command writes them.")
    kept: dict[str, list[dict[str, object]]] = found
    return kept


def _complete(
    path: Path, role: str, own: Iterable[dict[str, object]], hash_password: Callable[[str], str]
) -> Iterable[Login]:
    free = list(NUMBERS)
    for one in own:
        number = one.get("number", free[0])
        if number not in free:
            raise LoginsError(f"{path}: {role}: a login's number is 1 or 2, each once.")
        free.remove(number)
        if not one.get("password"):
            yield _make(number, hash_password)
            continue
        password = str(one["password"])
        if len(password) < SHORTEST or not _GIVEN.fullmatch(password):
            raise LoginsError(
                f"{path}: {role}: a password has {SHORTEST} characters or more, of A to Z, a to z, 0 to 9 and ._~-"
            )
        yield Login(number, password, str(one.get("hash") or hash_password(password)))


def _make(number: int, hash_password: Callable[[str], str]) -> Login:
    password = secrets.token_urlsafe(32)
    return Login(number, password, hash_password(password))
