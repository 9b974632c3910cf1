"""From the previous release to this one while clients post, read and listen: none of them notices, nothing is paid
twice.

As an operator does it: the schema and the streams first, then status and the workers, then the api. Two releases run
side by side at every step, and each process that goes drains.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from pydantic import SecretStr

from ops.audits import compare_ledger, read_ledger
from ops.connections import open_connections
from storyloom.db.migrate import wanted_version
from storyloom.db.pool import close_pool, open_pool
from storyloom.runtime.settings import Settings
from storyloom.web.keys import add_key
from studio.app import serve
from studio.settings import StudioSettings
from tests.chaos.stream_reader import Watcher
from tests.conftest import Background
from tests.databases import database_at
from tests.e2e.upgrade.front import Front
from tests.e2e.upgrade.release import ROOT, NoHistoryError, Release, Running, unpack_previous

POST_SECONDS = 1.0
"""From one new story to the next, at least."""
WITHIN_SECONDS = 240.0
"""For whatever happens in other processes."""
MOST_UNFINISHED = 3
"""A busy machine gets no more stories than it can make."""
WORKERS = ("content", "images")
BRIEFS: tuple[dict[str, Any], ...] = ({"assets": ["content", "cover"]}, *[{"assets": ["content"]}] * 3)
WORKER_GROUP = str(Path(__file__).with_name("worker_group.py"))


class Clients:
    """They post stories, listen to each from its first event to its last, and read lists and stories meanwhile."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.watchers: list[Watcher] = []
        self.wrong: list[str] = []
        self._http, self._url = http, url

    async def post_and_read(self) -> None:
        """For ever; cancel it to end it."""
        while True:
            if len(await self._unfinished()) < MOST_UNFINISHED:
                await self.post()
            await asyncio.sleep(POST_SECONDS)
            await self._read(f"{self._url}/api/v1/stories")
            await self._read(f"{self._url}/api/v1/stories/{self.watchers[-1].transcript.story_id}")

    async def post(self) -> None:
        """A story, and its reader."""
        number = len(self.watchers)
        brief = {"characterName": "Mira", "storyType": "adventure", "age": 5, "seed": number}
        brief |= BRIEFS[number % len(BRIEFS)]
        async with self._http.post(f"{self._url}/api/v1/stories", json=brief) as answer:
            if answer.status != 202:
                self.wrong.append(f"POST: {answer.status} {await answer.text()}")
                return
            story_id = (await answer.json())["id"]
        watcher = Watcher(self._http, self._url, story_id, f"reader {number}")
        watcher.start()
        self.watchers.append(watcher)

    async def finished(self) -> None:
        """Wait until every reader has seen its story's end."""
        async with asyncio.timeout(WITHIN_SECONDS):
            while await self._unfinished():  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(0.05)

    async def _unfinished(self) -> list[Watcher]:
        """The readers whose story goes on; those of a story that has ended hang up."""
        for watcher in self.watchers:
            if watcher.ended:
                await watcher.stop()
        return [watcher for watcher in self.watchers if not watcher.ended]

    async def _read(self, url: str) -> None:
        async with self._http.get(url) as answer:
            if answer.status != 200:
                self.wrong.append(f"GET: {answer.status} {await answer.text()}")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the previous release."""
    try:
        return unpack_previous(tmp_path_factory.mktemp("releases") / "previous")
    except NoHistoryError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def studio(background: Background) -> Iterator[str]:
    """The providers, with answers that take as long as a twentieth of the real ones'."""
    running = background.run(serve(StudioSettings(painters=1, voice="espeak", latency="realistic", latency_scale=0.05)))
    yield running.url
    background.run(running.stop())


@pytest.fixture
async def target(postgres_url: str, settings: Settings) -> AsyncIterator[Settings]:
    """Settings whose database is not there yet."""
    name = f"upgrade_{secrets.token_hex(4)}"
    yield settings.model_copy(update={"database_url": SecretStr(database_at(postgres_url, name))})
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.close()


@dataclass
class Site:
    """Two releases over one set of servers and one set of providers, and the front that clients know."""

    before: Release
    after: Release
    settings: Settings
    studio: str
    front: Front
    url: str
    http: aiohttp.ClientSession
    new_port: Callable[[], int]
    started: list[Running] = field(default_factory=list)

    async def start(self, release: Release) -> dict[str, Running]:
        """A release's processes; they need not be ready yet."""
        commands = {
            "status": ("-m", "services.status"),
            "workers": (WORKER_GROUP, *WORKERS),
            "api": ("-m", "services.api"),
        }
        found = {}
        for name, words in commands.items():
            ports = self.new_port(), self.new_port()
            found[name] = await release.start(name, *words, ports=ports)
            self.started.append(found[name])
        return found

    async def admit(self, replicas: dict[str, Running], *names: str) -> None:
        """Put replicas behind the front, beside those that are there; returns when it sends them requests."""
        for name in names:
            self.front.backends[name].append(replicas[name].backend)
        await _until(lambda: all(replicas[name].backend in self.front.ready[name] for name in names))

    def kill(self) -> None:
        """Leave no process."""
        for one in self.started:
            if one.process.returncode is None:
                one.process.kill()


@pytest.fixture
async def site(
    target: Settings, previous: Path, studio: str, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> AsyncIterator[Site]:
    """Nothing runs yet but the front and the providers."""
    port = unused_tcp_port_factory()
    environment = _environment(target, studio) | {"STATUS_URL": f"http://127.0.0.1:{port}"}
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as http:
        front = Front(http)
        polling = asyncio.create_task(front.poll())
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", front.handle)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        before, after = (Release(code, environment, tmp_path) for code in (previous, ROOT))
        url = f"http://127.0.0.1:{port}"
        found = Site(before, after, target, studio, front, url, http, unused_tcp_port_factory)
        yield found
        found.kill()
        await _cancelled(polling)
        await runner.cleanup()


@pytest.mark.xdist_group("e2e")  # not beside chaos or a whole stack: each of them fills the machine
@pytest.mark.timeout(600)  # on a busy machine six processes take minutes to import what they need
async def test_a_rolling_upgrade_fails_no_request_and_repeats_no_paid_call(site: Site) -> None:
    """Every request through a front that retries nothing is answered; the providers' ledger has no call twice."""
    site.before.run("storyloom.db.migrate")
    old, new = await site.start(site.before), await site.start(site.after)
    for replica in old.values():
        await replica.ready(site.http)
    await site.admit(old, "status", "api")
    key = await _add_key(site.settings)
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {key}"}, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        clients = Clients(session, site.url)
        load = asyncio.create_task(clients.post_and_read())

        # What came before its schema is alive and waits, while the release before serves.
        await new["status"].waits_for(site.http, "database")
        await new["workers"].waits_for(site.http, "bus")
        assert "consumer" in await asyncio.to_thread(site.after.run, "ops", "migrate")
        for replica in new.values():
            await replica.ready(site.http)
        await site.admit(new, "status")
        codes = list(await asyncio.gather(old["status"].stop(), old["workers"].stop()))
        await site.admit(new, "api")
        codes.append(await old["api"].stop())

        count = len(clients.watchers)
        await _until(lambda: len(clients.watchers) > count)
        await _cancelled(load)
        await clients.finished()
    codes += await asyncio.gather(*(replica.stop() for replica in new.values()))
    assert codes == [0] * 6
    assert (site.front.failures, clients.wrong) == ([], [])
    for watcher in clients.watchers:
        ids = [line.id for line in watcher.transcript.lines if line.id is not None]
        assert ids == sorted(set(ids)), "an update twice, or out of order"
    await _nothing_is_paid_twice(site)
    await _all_have_ended_well(site, {UUID(watcher.transcript.story_id) for watcher in clients.watchers})


async def _add_key(settings: Settings) -> str:
    pool = await open_pool(settings, size=1)
    try:
        return await add_key(pool, "tests", "tests")
    finally:
        await close_pool(pool)


def _environment(settings: Settings, studio: str) -> dict[str, str]:
    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    assert key is not None
    assert secret is not None
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "NATS_URL": settings.nats_url,
        "NATS_SUBJECT_PREFIX": settings.nats_subject_prefix,
        "JOBS_MAX_BYTES": str(settings.jobs_max_bytes),
        "S3_ENDPOINT_URL": settings.s3_endpoint_url or "",
        "S3_BUCKET": settings.s3_bucket,
        "AWS_ACCESS_KEY_ID": key.get_secret_value(),
        "AWS_SECRET_ACCESS_KEY": secret.get_secret_value(),
        "OPENAI_BASE_URL": f"{studio}/v1",
        "OPENAI_API_KEY": "studio",
        "ELEVENLABS_BASE_URL": studio,
        "ELEVENLABS_API_KEY": "studio",
        "ACK_WAIT": "15",  # a busy machine's worker that falls silent would be taken for dead, and its job made twice
        "DRAIN_SECONDS": "40",
        "DRAIN_DELAY": "4",
        "SLOTS_NORMAL": "4",
        "LOG_LEVEL": "info",
    }


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.05)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() or task.exception() is None, task.exception()


async def _nothing_is_paid_twice(site: Site) -> None:
    calls = await read_ledger(site.studio)
    assert calls
    async with open_connections(site.settings) as connections:
        findings, _ = await compare_ledger(connections, calls)
    assert findings == []
    twice = [call for call, count in Counter((call.mark, call.endpoint) for call in calls).items() if count > 1]
    assert twice == []


async def _all_have_ended_well(site: Site, posted: set[UUID]) -> None:
    connection = await asyncpg.connect(site.settings.database_url.get_secret_value())
    try:
        rows = await connection.fetch("SELECT id, status FROM stories")
        assert {row["id"]: row["status"] for row in rows} == dict.fromkeys(posted, "ready")
        assert await connection.fetchval("SELECT max(version) FROM schema_migrations") == wanted_version()
    finally:
        await connection.close()
