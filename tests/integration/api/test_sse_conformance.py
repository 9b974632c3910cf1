"""The progress stream as an independent client reads it (httpx-sse): what an EventSource rests on, at both services."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse

from services.api import app as api
from services.status import app as status
from services.status.hub import Hub
from storyloom.runtime.settings import Settings
from storyloom.web.keys import add_key, digest
from tests.integration.api.test_stream import add_updates, end_story, serving, started_story
from tests.integration.core.system import BY_HAND, System, running, until


@dataclass
class Source:
    """An EventSource: remembers the last id and the pause, and says what ended a connection."""

    http: httpx.AsyncClient
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    last: str = ""
    retry: int | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[EventSource]:
        """One connection, with the last id if there is one."""
        resumed = {"Last-Event-ID": self.last} if self.last else {}
        async with aconnect_sse(self.http, "GET", self.url, headers=self.headers | resumed) as source:
            yield source

    async def read(self, source: EventSource, count: int = 0) -> list[ServerSentEvent]:
        """So many events, or all."""
        found: list[ServerSentEvent] = []
        async for event in source.aiter_sse():
            self.last, self.retry = event.id or self.last, event.retry or self.retry
            found += [event] if event.data else []
            if count and len(found) == count:
                break
        return found

    async def status(self) -> int:
        """What a connection is answered."""
        async with self.connect() as source:
            return source.response.status_code


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        yield http


def events_url(origin: str, story_id: object) -> str:
    return f"{origin}/api/v1/stories/{story_id}/events"


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    """Api and status, without workers."""
    async with running(settings, reconciler=BY_HAND, workers=()) as found:
        yield found


async def test_a_source_resumes_without_gap_or_repeat_and_is_told_when_to_stop(system: System) -> None:
    """Connection by connection, an event each, from one service and the other in turn; at last 204."""
    story_id = await started_story(system)
    await add_updates(system, story_id, count=5)
    await end_story(system, story_id)
    async with client() as http:
        source, ids = Source(http, "", system.headers), []
        for turn in range(7):
            source.url = events_url((system.api.url, system.status.url)[turn % 2], story_id)
            async with source.connect() as connection:
                assert connection.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
                ids += [event.id for event in await source.read(connection, 1)]
        assert ids == [str(number) for number in range(1, 8)]
        assert source.retry == 2000
        for origin in (system.api.url, system.status.url):
            source.url = events_url(origin, story_id)
            assert await source.status() == 204


async def test_what_was_missed_and_what_comes_are_one_sequence_on_two_replicas(system: System) -> None:
    """History and live updates, some of whose messages are lost, of which each replica misses others."""
    other = await status.serve(system.settings, reconciler_settings=BY_HAND)
    system.stack.push_async_callback(other.stop)
    through = await api.serve(system.settings.model_copy(update={"status_url": other.url}))
    system.stack.push_async_callback(through.stop)
    story_id = await started_story(system)
    async with client() as http:
        sources = [
            Source(http, events_url(one.url, story_id), system.headers) for one in (system.status, other, through)
        ]

        async def read(source: Source) -> list[tuple[str, str, str]]:
            async with source.connect() as connection:
                return [(event.id, event.event, event.data) for event in await source.read(connection)]

        reading = [asyncio.create_task(read(source)) for source in sources]
        for number in range(20):
            await add_updates(system, story_id, publish=number % 3 != 0)
            await asyncio.sleep(0)
        await end_story(system, story_id)
        one, two, three = await asyncio.wait_for(asyncio.gather(*reading), 20)
    assert [number for number, _, _ in one if number][-1] == "22"
    assert one == two == three
    numbered = [event for event in one if event[1] != "end"]
    assert [number for number, _, _ in numbered] == [str(number) for number in range(1, 23)]
    assert one[-1][1:] == ("end", "{}")


async def test_a_slow_source_is_let_go_and_finds_all_of_it_again(system: System) -> None:
    """It reads one event, and nothing more while sixty large ones come."""
    story_id = await started_story(system)

    async def dropped() -> bool:
        return not any(str(story_id) in sub.subject for sub in system.bus.client._subs.values())

    async def read_late(source: Source) -> None:
        async with source.connect() as connection:
            events = connection.aiter_sse()
            source.last = (await anext(events)).id
            await add_updates(system, story_id, count=60, size=200_000)
            await until(dropped)
            async for event in events:
                source.last = event.id or source.last

    async with (
        asyncio.timeout(40),
        client() as http,
        serving(system, Hub(system.bus, queue_size=4), write_timeout=0.3) as url,
    ):
        source = Source(http, events_url(url, story_id), system.headers)
        with pytest.raises(httpx.TransportError):
            await read_late(source)
        begin = int(source.last)
        assert 1 <= begin < 61
        await end_story(system, story_id)
        source.url = events_url(system.status.url, story_id)
        async with source.connect() as connection:
            rest = [event.id for event in await source.read(connection) if event.event != "end"]
    assert rest == [str(number) for number in range(begin + 1, 63)]


@pytest.mark.parametrize("ended", ["token", "key"])
async def test_a_source_with_a_token_is_refused_when_that_is_over_and_goes_on_with_another(
    system: System, ended: str
) -> None:
    """Its token expires: the stream goes on, a reconnect gets 401. Its key is revoked: the stream ends, too."""
    story_id, key = await started_story(system), await add_key(system.pool, "tests", "short")

    async def fetch(http: httpx.AsyncClient, by: str) -> str:
        answer = await http.post(
            f"{system.api.url}/api/v1/stories/{story_id}/events-token", headers={"Authorization": f"Bearer {by}"}
        )
        return system.api.url + str(answer.json()["url"])

    async with client() as http:
        source = Source(http, await fetch(http, key))
        async with source.connect() as connection:
            assert [event.id for event in await source.read(connection, 1)] == ["1"]
        async with source.connect() as connection:
            if ended == "token":
                await system.pool.execute("UPDATE stream_tokens SET expires_at = now()")
                await system.status.open_streams.end_invalid()
                await add_updates(system, story_id)
                assert [event.id for event in await source.read(connection, 1)] == ["2"]
            else:
                await system.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE secret_hash = $1", digest(key))
                await system.status.open_streams.end_invalid()
                assert await asyncio.wait_for(source.read(connection), 10) == []
                await add_updates(system, story_id)
        assert await source.status() == 401
        source.url = await fetch(http, system.key)
        await add_updates(system, story_id)
        async with source.connect() as connection:
            expected = ["3"] if ended == "token" else ["2", "3"]
            assert [event.id for event in await source.read(connection, len(expected))] == expected
