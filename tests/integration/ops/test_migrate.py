"""``migrate``: from empty servers to what the services need, by one command that may run again, or twice at once."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from ops.__main__ import main
from storyloom.db.migrate import migrations, schema_error, wanted_version
from storyloom.messaging.connection import bus_error
from storyloom.runtime.settings import Settings
from tests.conftest import Background
from tests.databases import database_at
from tests.integration.db.databases import roll_back

Migrate = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def empty_servers(
    monkeypatch: pytest.MonkeyPatch,
    background: Background,
    postgres_url: str,
    nats_url: str,
    store_settings: dict[str, Any],
) -> Iterator[str]:
    """The environment names a database, a prefix and a bucket that are not there yet; the database's URL."""
    name = f"new_{secrets.token_hex(4)}"
    url = database_at(postgres_url, name)
    environment = {
        "DATABASE_URL": url,
        "NATS_URL": nats_url,
        "NATS_SUBJECT_PREFIX": f"t{secrets.token_hex(4)}_",
        "JOBS_MAX_BYTES": str(16 << 20),
        "S3_ENDPOINT_URL": store_settings["s3_endpoint_url"],
        "AWS_ACCESS_KEY_ID": store_settings["aws_access_key_id"].get_secret_value(),
        "AWS_SECRET_ACCESS_KEY": store_settings["aws_secret_access_key"].get_secret_value(),
        "S3_BUCKET": f"bucket-{secrets.token_hex(4)}",
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    yield url
    background.run(statement(postgres_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@pytest.fixture
def migrate(capsys: pytest.CaptureFixture[str]) -> Migrate:
    """Run the command; its exit code, lines and complaints."""

    def run(*words: str) -> tuple[int, list[str], str]:
        code = main(["migrate", *words])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err

    return run


async def statement(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_one_command_brings_empty_servers_up_and_the_second_finds_nothing_to_do(
    empty_servers: str, migrate: Migrate, background: Background
) -> None:
    code, lines, _ = migrate("--check")
    assert (code, lines[-1]) == (3, f"{len(migrations()) + 17} things to be done.")
    assert f"schema: {migrations()[0]} is to be applied." in lines
    code, lines, _ = migrate("--make-bucket")
    assert (code, lines[-1]) == (0, f"{len(migrations()) + 17} things done.")
    assert f"schema: applied {migrations()[-1]}." in lines
    assert "streams: 16 differences put right." in lines
    assert background.run(statement(empty_servers, "SELECT max(version) FROM schema_migrations")) == wanted_version()
    for words in ((), ("--check",)):
        code, lines, _ = migrate(*words)
        assert (code, lines[-1][:7]) == (0, "Nothing")


def test_services_wait_for_the_schema_and_the_streams_and_name_the_command(
    empty_servers: str, migrate: Migrate, background: Background
) -> None:
    del empty_servers
    settings = Settings()
    assert background.run(schema_error(settings)) == "The database in DATABASE_URL does not exist."
    wrong = background.run(bus_error(settings, "tests"))
    assert wrong is not None
    assert wrong.endswith("documents-normal is missing: run `python -m ops migrate`")
    assert background.run(bus_error(settings, "tests", provisioned=False)) is None
    migrate("--make-bucket")
    assert background.run(schema_error(settings)) is None
    assert background.run(bus_error(settings, "tests")) is None


def test_what_a_release_adds_is_named_and_a_changed_setting_too(
    empty_servers: str, migrate: Migrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate("--make-bucket")
    roll_back(empty_servers)
    monkeypatch.setenv("ACK_WAIT", "9")
    code, lines, _ = migrate("--dry-run")
    assert code == 3
    assert f"schema: {migrations()[-1]} is to be applied." in lines
    assert "streams: consumer " in "\n".join(lines)
    assert lines[-1] == "14 things to be done."
    assert migrate()[0] == 0
    assert migrate("--check")[0] == 0


def test_two_at_once_are_harmless(empty_servers: str, migrate: Migrate) -> None:
    del empty_servers
    command = [sys.executable, "-m", "ops", "migrate", "--make-bucket"]
    both = [
        subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for one in both:
        out, complaints = one.communicate(timeout=120)
        assert one.returncode == 0, out + complaints
    assert migrate("--check")[0] == 0


def test_a_role_that_may_only_change_its_own_schema_is_enough(
    empty_servers: str, migrate: Migrate, background: Background, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can neither see the maintenance database nor make one."""
    name = urlsplit(empty_servers).path[1:]
    role = f"migrator_{secrets.token_hex(4)}"
    background.run(statement(postgres_url, f"CREATE ROLE {role} LOGIN PASSWORD 'word'"))
    background.run(statement(postgres_url, f'CREATE DATABASE "{name}"'))
    background.run(statement(empty_servers, f"GRANT CREATE, USAGE ON SCHEMA public TO {role}"))
    background.run(statement(postgres_url, f"REVOKE CONNECT ON DATABASE {urlsplit(postgres_url).path[1:]} FROM PUBLIC"))
    host = urlsplit(empty_servers).netloc.rpartition("@")[2]
    monkeypatch.setenv("DATABASE_URL", urlunsplit(urlsplit(empty_servers)._replace(netloc=f"{role}:word@{host}")))
    try:
        code, lines, _ = migrate("--skip", "streams", "--skip", "bucket")
        assert (code, lines[-1]) == (0, f"{len(migrations())} things done.")
        assert "streams: left out." in lines
    finally:
        background.run(
            statement(postgres_url, f"GRANT CONNECT ON DATABASE {urlsplit(postgres_url).path[1:]} TO PUBLIC")
        )
        background.run(statement(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)'))
        background.run(statement(postgres_url, f"DROP ROLE {role}"))


def test_what_is_missing_or_away_is_said_in_a_sentence(
    empty_servers: str, migrate: Migrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, lines, _ = migrate("--skip", "schema", "--skip", "streams")
    assert code == 1
    assert lines[-1] == f"Failed: the bucket {os.environ['S3_BUCKET']} is missing: make it, or add --make-bucket"
    monkeypatch.setenv("DATABASE_URL", urlunsplit(urlsplit(empty_servers)._replace(netloc="postgres@127.0.0.1:1")))
    code, _, complaint = migrate("--wait", "0s")
    assert (code, complaint) == (3, "Postgres is unavailable: ConnectionRefusedError.\n")
