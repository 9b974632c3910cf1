"""Postgres stands still, as under a frozen disk or a stopped machine: nobody waits for it, and nothing is lost."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import pytest
from aiohttp import web
from pydantic import SecretStr

from local.postgres import EmbeddedPostgres
from storyloom.db.migrate import migrate
from storyloom.runtime.settings import Settings
from tests.conftest import Background
from tests.integration.core.system import BRIEF, System, running, until


@pytest.fixture(scope="module")
def postgres(
    background: Background, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[EmbeddedPostgres, str]]:
    """A database server of these tests' own, to be frozen, and its migrated database's URL."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), options=("fsync=off",))
    url = background.run(server.start())
    migrate(url)
    yield server, url
    background.run(server.stop())


def processes(root: int) -> list[int]:
    """A process and all that came of it."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except FileNotFoundError:
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for one in found:
        found += parents.get(one, [])
    return found


@contextmanager
def frozen(server: EmbeddedPostgres) -> Iterator[None]:
    """Every process of a server stands still, its connections stay open."""
    assert server.pid is not None
    stopped = processes(server.pid)
    assert len(stopped) > 3  # its backends are in sessions of their own
    try:
        for one in stopped:
            os.kill(one, signal.SIGSTOP)
        yield
    finally:
        for one in stopped:
            os.kill(one, signal.SIGCONT)


def routes(app: web.Application, **path: object) -> list[tuple[str, str]]:
    """Method and path of every route of an application."""
    return [
        (route.method, route.resource.canonical.format_map(Names(path)))
        for route in app.router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    ]


class Names(dict[str, object]):
    """What stands in a path, by name."""

    def __missing__(self, key: str) -> str:
        return "cover"


@contextmanager
def stalls() -> Iterator[list[float]]:
    """Seconds by which the event loop came late, each time that it did."""
    loop, found = asyncio.get_running_loop(), list[float]()

    async def watch() -> None:
        while True:
            due = loop.time() + 0.05
            await asyncio.sleep(0.05)
            found.append(loop.time() - due)

    watching = asyncio.create_task(watch())
    yield found
    watching.cancel()


async def ask(system: System, method: str, url: str) -> tuple[str, int, float]:
    begun = asyncio.get_running_loop().time()
    body: Any = None if method in ("GET", "DELETE") else BRIEF
    async with system.http.request(method, url, json=body, headers=system.headers, allow_redirects=False) as answer:
        await answer.read()
        return f"{method} {urlsplit(url).path}", answer.status, asyncio.get_running_loop().time() - begun


async def test_every_route_answers_in_time_while_postgres_stands_still(
    settings: Settings, postgres: tuple[EmbeddedPostgres, str]
) -> None:
    """The api's, and status' own, all at once: more than there are connections. Then the story goes on."""
    server, url = postgres
    async with running(settings.model_copy(update={"database_url": SecretStr(url)})) as system:
        story_id = await system.post()
        known = [
            (method, f"{one.url}{path}")
            for one in (system.api, system.status)
            for method, path in routes(one._runner.app, id=story_id)  # all of them: no route is to be forgotten
        ]
        with frozen(server), stalls() as stalled:
            answers = await asyncio.gather(*(ask(system, *one) for one in known))
        # The services share this test's loop: what a busy machine does not let it do is not their waiting.
        late = [(name, status, round(seconds, 1)) for name, status, seconds in answers if seconds - sum(stalled) >= 5]
        assert not late, late
        # Streams are to be come again to: a 503 would end an EventSource for good.
        served = {name for name, status, _ in answers if status < 500 and not name.endswith("/events")}
        assert {status for name, status, _ in answers if name.endswith("/events")} == {200}
        assert not {name for name in served if "/stories/" in name or name.endswith("/stories")}, served
        assert (await system.finished(story_id, within=40))["status"] in ("ready", "cancelled")


async def test_a_frozen_server_makes_nobody_crash_and_is_said_in_readiness(
    settings: Settings, postgres: tuple[EmbeddedPostgres, str]
) -> None:
    server, url = postgres
    async with running(settings.model_copy(update={"database_url": SecretStr(url)}), workers=()) as system:
        with frozen(server):
            async with system.http.get(f"{system.status.internal_url}/health/ready") as answer:
                assert answer.status == 503
                assert list((await answer.json())["wrong"]) == ["database"]

        async def ready() -> bool:
            async with system.http.get(f"{system.status.internal_url}/health/ready") as answer:
                return answer.status == 200

        await until(ready)


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{parts.netloc.rpartition('@')[2]}"))


@pytest.mark.parametrize("program", ["services.api", "services.status"])
async def test_a_service_whose_password_postgres_refuses_ends_with_one_sentence(
    settings: Settings, postgres: tuple[EmbeddedPostgres, str], program: str
) -> None:
    ended = await run(program, _with_password(postgres[1], "not-the-one"), NATS_URL=settings.nats_url)
    lines = [orjson.loads(line) for line in (ended.stdout + ended.stderr).splitlines()]
    sentence = "Postgres refuses the password in DATABASE_URL."
    assert [(line["event"], line["error"]) for line in lines] == [("service.cannot_start", sentence)]
    assert ended.returncode == 1


async def test_migrating_with_a_wrong_password_ends_with_one_sentence(postgres: tuple[EmbeddedPostgres, str]) -> None:
    ended = await run("storyloom.db.migrate", _with_password(postgres[1], "not-the-one"))
    assert ended.stdout == ""
    assert ended.stderr == "migrate: Postgres refuses the password in DATABASE_URL.\n"
    assert ended.returncode == 1


async def run(program: str, url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "DATABASE_URL": url, **environment},
    )
