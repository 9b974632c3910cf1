"""A service that cannot start says why in a sentence."""

import json
import os
import socket
import subprocess
import sys

import asyncpg
import pytest
from pydantic import SecretStr

from storyloom.db.pool import open_pool
from storyloom.messaging.connection import BusUnavailableError
from storyloom.runtime.settings import DatabaseSettings
from storyloom.runtime.supervision import why_it_cannot_start


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (asyncpg.InvalidPasswordError("for user teller"), "Postgres refuses the password in DATABASE_URL."),
        (
            asyncpg.InvalidAuthorizationSpecificationError("no pg_hba.conf entry for host"),
            "Postgres refuses the user in DATABASE_URL, or this machine.",
        ),
        (asyncpg.InvalidCatalogNameError("teller's"), "The database in DATABASE_URL does not exist."),
        (
            asyncpg.CannotConnectNowError("the database system is starting up"),
            "Postgres in DATABASE_URL takes no connections now: it is starting, stopping or recovering.",
        ),
        (
            asyncpg.TooManyConnectionsError("sorry, too many clients already"),
            "Postgres in DATABASE_URL has no connection left: raise its max_connections, or lower DATABASE_POOL.",
        ),
        (TimeoutError(), "a server did not answer in time"),
        (BusUnavailableError("no NATS"), "no NATS"),
        (asyncpg.UndefinedTableError("stories"), None),
        (KeyError("bug"), None),
    ],
)
def test_what_is_unavailable_or_set_wrong_is_a_sentence_and_a_bug_is_none(
    error: Exception, sentence: str | None
) -> None:
    assert why_it_cannot_start(error) == sentence


SCRIPT = """
import asyncpg
from storyloom.runtime import supervision

async def serve(settings):
    raise asyncpg.InvalidPasswordError("password authentication failed for user secret_user")

supervision.run("api", serve)
"""


def test_a_wrong_password_is_one_line_of_json_without_a_traceback() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False, env={**os.environ}
    )
    (line,) = (ended.stdout + ended.stderr).splitlines()
    said = json.loads(line)
    assert (ended.returncode, said["event"]) == (1, "service.cannot_start")
    assert said["error"] == "Postgres refuses the password in DATABASE_URL."


async def test_a_database_that_is_not_there_is_named_with_its_setting_and_without_its_password() -> None:
    with socket.socket() as taken:  # bound and never listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = DatabaseSettings(database_url=SecretStr(f"postgresql://teller:hush@{where}/tales?sslmode=disable"))
        with pytest.raises(OSError, match="DATABASE_URL") as refused:
            await open_pool(settings)
    said = why_it_cannot_start(refused.value)
    assert said is not None
    assert said.startswith(f"Postgres cannot be reached at {where} (DATABASE_URL): ")
    assert "hush" not in said
