"""Whom Postgres runs as: it refuses root, so that started by root it runs as ``nobody``."""

import os
import pwd
import subprocess
from pathlib import Path

from local.errors import UserError

User = tuple[int, int]
"""(uid, gid)"""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
"""The whole environment of programs that run as another user."""


def postgres_user() -> User | None:
    """Whom Postgres runs as when root starts it, None when we are not root. Raises UserError."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise UserError("Postgres cannot run as root and there is no user nobody: use an ordinary user.") from error
    return entry.pw_uid, entry.pw_gid


def run_as(user: User | None, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end as ``user``, with nothing of our environment; stdout holds stderr too."""
    uid, gid = user or (None, None)
    return subprocess.run(  # noqa: S603 - our own programs
        command,
        cwd="/",
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        user=uid,
        group=gid,
        extra_groups=None if user is None else [],
    )


def can_enter(folder: Path, user: User) -> bool:
    """Whether a user can use what is in a folder, as far as the folders on the way go."""
    return run_as(user, "/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)).returncode == 0
