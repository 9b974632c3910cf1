"""Real servers for tests: those that the environment names, else embedded ones, else containers (``--containers``).

One Postgres, one NATS and one store a test process; a database and a bus prefix of its own for every test that asks.
Whatever tests write is below ``.pytest_tmp`` in the checkout, and they fail if something of theirs is left outside.
"""

import asyncio
import os
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import pytest
from pydantic import SecretStr

from local.nats import EmbeddedNats
from local.postgres import EmbeddedPostgres
from local.postgres_files import relocated, remove_relocated
from local.proxies import bypass_proxies
from local.store import EmbeddedStore
from storyloom.db.migrate import migrate
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from tests.databases import Databases, database_at

T = TypeVar("T")


ROOT = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary folders in the checkout, whatever TMPDIR is, and loopback off the environment's proxies."""
    folder = ROOT / ".pytest_tmp"
    folder.mkdir(exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))
    # The same examples every time; and how long one takes says how busy the machine is.
    hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("steady")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime's, which would be kept in ~/.cache
    bypass_proxies(os.environ)


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks when it sees the tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share something of their module's run in one process: a second one would make it once more."""
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
        shares = any(fixture.scope == "module" and fixture.baseid for each in fixtures for fixture in each)
        if shares and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.hookimpl(tryfirst=True)  # pytest removes the folders themselves last
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail when something is left outside, remove it, and name it."""
    if hasattr(session.config, "workerinput") or not (ROOT / ".pytest_tmp").exists():
        return
    ours = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    if left := [link.parent for link in relocated() if link.is_relative_to(ours)]:
        remove_relocated(lambda link: link.parent in left)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        sys.stderr.write("".join(f"\nERROR: left outside the checkout: the data of {folder}" for folder in left))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where the servers come from."""
    parser.addoption("--containers", action="store_true", help="start Postgres and NATS in containers (needs Docker)")


class Background:
    """An event loop in a thread: servers that live as long as the session are watched there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._thread.start()
        self.stack = AsyncExitStack()

    def run(self, work: Coroutine[Any, Any, T], *, within: float = 60) -> T:
        """Run a coroutine there; wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)

    def close(self) -> None:
        """Stop the servers, then the loop."""
        self.run(self.stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """The loop that watches the servers."""
    found = Background()
    yield found
    found.close()


@pytest.fixture(scope="session")
def postgres_url(
    request: pytest.FixtureRequest, background: Background, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A Postgres server: the URL of its maintenance database."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    if request.config.getoption("--containers"):
        from tests.containers import start_postgres  # noqa: PLC0415 - needs Docker

        return start_postgres(request)
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), options=("fsync=off", "full_page_writes=off"))
    return background.run(background.stack.enter_async_context(server))


@pytest.fixture(scope="session")
def template_database(postgres_url: str, background: Background) -> str:
    """A migrated database that tests' own are copied from; its name."""
    name = f"template_{secrets.token_hex(4)}"
    migrate(database_at(postgres_url, name))
    return name


@pytest.fixture(scope="session")
def databases(postgres_url: str, template_database: str, background: Background) -> Iterator[Databases]:
    """Those of this process."""
    found = Databases(postgres_url, template_database)
    yield found
    background.run(found.drop())


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """A migrated database of the test's own, empty."""
    name = await databases.take()
    yield database_at(databases.url, name)
    await databases.give_back(name)


@pytest.fixture(scope="session")
def nats_url(request: pytest.FixtureRequest, background: Background, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A NATS server with JetStream; tests share it and are separated by prefix."""
    if url := os.environ.get("NATS_URL"):
        return url
    if request.config.getoption("--containers"):
        from tests.containers import start_nats  # noqa: PLC0415 - needs Docker

        return start_nats(request)
    server = EmbeddedNats(tmp_path_factory.mktemp("nats"))
    return background.run(background.stack.enter_async_context(server)).url


@pytest.fixture(scope="session")
def store_settings(background: Background, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An S3 store, as the settings that reach it; keys hold story ids, so that tests do not meet there."""
    if url := os.environ.get("S3_ENDPOINT_URL"):
        key, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
        found = {"s3_endpoint_url": url, "s3_bucket": os.environ.get("S3_BUCKET", "storyloom")}
        return {**found, "aws_access_key_id": SecretStr(key), "aws_secret_access_key": SecretStr(secret)}
    address = background.run(background.stack.enter_async_context(EmbeddedStore(tmp_path_factory.mktemp("store"))))
    return address.settings().model_dump()


@pytest.fixture
def nats_subject_prefix() -> str:
    """What sets this test's bus apart."""
    return f"t{secrets.token_hex(4)}_"


@pytest.fixture
def settings(database_url: str, nats_url: str, store_settings: dict[str, Any], nats_subject_prefix: str) -> Settings:
    """Settings of a whole system of the test's own, with shorter delays than production's."""
    return Settings(
        **{**store_settings, "store_retry_delays": (0.05, 0.1)},
        database_url=SecretStr(database_url),
        nats_url=nats_url,
        nats_subject_prefix=nats_subject_prefix,
        ack_wait=1.0,
        jobs_max_bytes=16 << 20,  # the server reserves it, for every test on it
        retry_delays=(0.05, 0.1),
        slots_normal=4,
        slots_high=1,
        slots_urgent=1,
        drain_seconds=2,
        screening_seconds=0.2,
        key_cache_seconds=0,  # what a test changes is seen at once
    )


@pytest.fixture
async def objects(store_settings: dict[str, Any]) -> AsyncIterator[Objects]:
    """The store."""
    found = Objects(Settings(**store_settings))
    yield found
    await found.close()
