"""Compose's users and roles: the files are what the commands write, the URLs are theirs, and nobody shares one."""

import base64
import hashlib
import hmac
import subprocess
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from local.nats import find_program
from ops.deploy import database_roles, nats_accounts
from ops.deploy.database_grants import ROLES as DATABASE_ROLES
from ops.deploy.logins import read_logins
from ops.deploy.nats_permissions import ROLES as NATS_ROLES
from storyloom.runtime.settings import NatsSettings

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "compose" / "access"
CONTAINERS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def unhashed(_password: str) -> str:
    raise AssertionError("every password in the file has its hash")


NATS = read_logins(FOLDER / "nats-passwords.json", nats_accounts.USERS, unhashed)
DATABASE = read_logins(FOLDER / "database-passwords.json", DATABASE_ROLES, unhashed)


def test_the_accounts_are_what_the_command_writes_and_nats_takes_them() -> None:
    config = FOLDER / "nats-accounts.conf"
    assert config.read_text("utf-8") == nats_accounts.accounts(NATS, NatsSettings(nats_subject_prefix=""))
    command = (find_program("nats-server", "NATS_URL"), "-t", "-js", "-c", str(config))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_every_hash_is_its_passwords() -> None:
    for (login,) in NATS.values():
        assert bcrypt.checkpw(login.password.encode(), login.hash.encode())
    for (login,) in DATABASE.values():
        rounds, salt = login.hash.removeprefix("SCRAM-SHA-256$").partition("$")[0].split(":")
        salted = hashlib.pbkdf2_hmac("sha256", login.password.encode(), base64.b64decode(salt), int(rounds))
        assert base64.b64encode(hmac.digest(salted, b"Server Key", "sha256")).decode() == login.hash.rpartition(":")[2]


@pytest.mark.parametrize("name", [*NATS_ROLES.keys() - {"migrate"}])
def test_every_container_has_its_own_user_and_role_and_no_other(name: str) -> None:
    variables = CONTAINERS[name]["environment"]
    assert variables["NATS_URL"] == nats_accounts.nats_urls(NATS, "nats://nats:4222")[name]
    url = "postgresql://postgres:5432/storyloom?sslmode=disable"
    assert variables.get("DATABASE_URL") == database_roles.database_urls(DATABASE, "storyloom", url).get(name)


def test_only_migrations_and_what_makes_the_roles_are_the_owner() -> None:
    owners = {name for name, one in CONTAINERS.items() if "//storyloom:storyloom@" in str(one.get("environment"))}
    assert owners == {"migrate", "roles"}
