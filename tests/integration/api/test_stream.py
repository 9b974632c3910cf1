"""The progress stream over HTTP: replay and live without gap or repeat, whatever happens to reader, bus and replica."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiohttp import ClientError, web

from services.status import app as status
from services.status.hub import Hub
from services.status.stream import Stream, routes
from storyloom.runtime.settings import Settings
from storyloom.web.health import listen
from storyloom.web.problems import problem_middleware
from tests.integration.core.system import BY_HAND, QUICK, SseEvent, System, running, until
from tests.unit.api.site import problem


def numbers(told: list[SseEvent]) -> list[int]:
    return [int(one[0]) for one in told if one[0] is not None]


def events_url(system: System, story_id: UUID, *, origin: str | None = None) -> str:
    return f"{origin or system.status.url}/api/v1/stories/{story_id}/events"


@asynccontextmanager
async def serving(system: System, hub: Hub, **options: Any) -> AsyncIterator[str]:
    """A stream of the test's own, impatient where it is told to be; its origin."""
    app = web.Application(middlewares=[problem_middleware])
    app.add_routes(routes(Stream(system.pool, hub, **options)))
    runner, url = await listen(app, "127.0.0.1", 0)
    try:
        yield url
    finally:
        await runner.cleanup()


async def tell(system: System, story_id: UUID, *, count: int = 1, size: int = 10, whisper: bool = True) -> None:
    """As the projector does: commit things told, then whisper them."""
    for _ in range(count):
        data = {"asset": "cover", "note": "x" * size}
        (row,) = await system.rows(
            "WITH s AS (UPDATE stories SET seq = seq + 1, version = version + 1 WHERE id = $1 RETURNING seq)"
            " INSERT INTO story_events (story_id, seq, event, data) SELECT $1, seq, 'asset', $2 FROM s RETURNING seq",
            story_id,
            data,
        )
        if whisper:
            told = [{"seq": row["seq"], "event": "asset", "data": data}]
            await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(told))


async def end(system: System, story_id: UUID, *, whisper: bool = True) -> None:
    """The last thing told."""
    await turn(system, story_id, "ready", whisper=whisper)


async def turn(system: System, story_id: UUID, status: str, *, whisper: bool = True) -> None:
    """As the projector does: the story's status changes, and its readers are told so."""
    data = {"overall": status}
    (row,) = await system.rows(
        "WITH s AS (UPDATE stories SET seq = seq + 1, status = $2 WHERE id = $1 RETURNING seq) INSERT INTO story_events"
        " (story_id, seq, event, data) SELECT $1, seq, 'story', $3 FROM s RETURNING seq",
        story_id,
        status,
        data,
    )
    if whisper:
        told = [{"seq": row["seq"], "event": "story", "data": data}]
        await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(told))


async def begun(system: System) -> UUID:
    """A story that has been heard of and stands still."""
    story_id = await system.post()

    async def heard() -> bool:
        return bool(await system.rows("SELECT FROM stories WHERE id = $1 AND seq = 1", story_id))

    await until(heard)
    return story_id


async def test_the_answer_is_a_stream_that_nothing_on_the_way_may_hold_up(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        async with system.http.get(events_url(system, story_id), headers=system.headers) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Accel-Buffering"] == "no"
            assert await answer.content.readline() == b"retry: 2000\n"


async def test_asking_for_its_head_alone_is_refused_and_not_streamed(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        for origin in (system.status.url, system.api.url):
            async with system.http.head(events_url(system, story_id, origin=origin), headers=system.headers) as answer:
                assert answer.status == 405
                assert answer.headers["Allow"] == "GET"
        assert not await _read(system, story_id)


@pytest.mark.parametrize("through_api", [False, True])
async def test_a_reader_who_comes_back_hears_what_it_missed(settings: Settings, through_api: bool) -> None:
    """By Last-Event-ID or by ?after=, from status or through the api; the end last."""
    async with running(settings) as system:
        story_id = await system.post()
        origin = system.api.url if through_api else system.status.url
        whole = await system.read_stream(story_id, url=origin)
        last = numbers(whole)[-1]
        assert numbers(whole) == list(range(1, last + 1))
        assert [one[1] for one in whole[-2:]] == ["story", "end"]
        assert whole[-1][2] == "{}"
        for after in (1, last // 2, last - 1):
            rest = await system.read_stream(story_id, after=after, url=origin)
            assert rest == [one for one in whole if one[0] is None or int(one[0]) > after]
            query = {"after": str(after)}
            async with system.http.get(
                events_url(system, story_id, origin=origin), params=query, headers=system.headers
            ) as answer:
                assert f"id: {after + 1}\n".encode() in await answer.read()
        for after in (last, last + 50):
            headers = {**system.headers, "Last-Event-ID": str(after)}
            async with system.http.get(events_url(system, story_id, origin=origin), headers=headers) as answer:
                assert answer.status == 204


async def test_nothing_falls_between_history_and_what_comes(settings: Settings) -> None:
    """30 readers join at any moment while 200 things are told, half of them again by another: no gap, no repeat."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        telling = asyncio.create_task(tell(system, story_id, count=200))
        readers = []
        for _ in range(30):
            readers.append(asyncio.create_task(system.read_stream(story_id)))
            await asyncio.sleep(0)
            await system.rows("SELECT 1")  # a round trip's time
        await telling
        await end(system, story_id)
        heard = await asyncio.wait_for(asyncio.gather(*readers), 20)
    for told in heard:
        assert numbers(told) == list(range(1, 203))


async def test_what_was_lost_or_told_twice_is_heard_in_order_and_once(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        reader = asyncio.create_task(system.read_stream(story_id))
        await until(lambda: _read(system, story_id))
        await tell(system, story_id, count=2, whisper=False)
        for seq in (1, 3, 3):
            told = [{"seq": seq, "event": "asset", "data": {"asset": "cover", "note": "x" * 10}}]
            await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(told))
        await end(system, story_id)
        assert numbers(await asyncio.wait_for(reader, 10)) == [1, 2, 3, 4]


async def _read(system: System, story_id: UUID) -> bool:
    """Whether somebody reads the story here: its subject has a subscriber."""
    return any(f"status.{story_id}" in sub.subject for sub in system.status._broker.bus.client._subs.values())


async def test_a_silent_stream_shows_that_it_lives_and_finds_what_was_lost(settings: Settings) -> None:
    """A comment line now and then; and a whisper that never came is made good by then, even the last one."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        async with (
            serving(system, Hub(system.bus), heartbeat=0.05) as url,
            system.http.get(events_url(system, story_id, origin=url), headers=system.headers) as answer,
        ):
            beats = 0
            while beats < 3:
                line = await asyncio.wait_for(answer.content.readline(), 5)
                beats += line.startswith(b":")
            await end(system, story_id, whisper=False)
            rest = await asyncio.wait_for(answer.content.read(), 5)
        assert rest.endswith(b"event: end\ndata: {}\n\n")


async def test_an_id_from_elsewhere_is_answered_by_a_snapshot(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        listening = system.stream(story_id, after=999)
        number, event, data = await anext(listening)
        assert (number, event) == ("1", "snapshot")
        assert json.loads(data)["assetGenerationStatus"]["overall"] == "generating"
        await tell(system, story_id)
        assert (await anext(listening))[0] == "2"


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "9" * 10])
async def test_an_id_that_is_no_number_is_a_400(settings: Settings, wrong: str) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        headers = {**system.headers, "Last-Event-ID": wrong}
        async with system.http.get(events_url(system, story_id), headers=headers) as answer:
            assert answer.status == 400
            assert (await problem(answer))["code"] == "bad_event_id"


async def test_a_reader_who_leaves_leaves_nothing_behind(settings: Settings) -> None:
    """The last one takes the subscription with it; the one before does not."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        async with system.http.get(events_url(system, story_id), headers=system.headers) as first:
            await first.content.readline()
            async with system.http.get(events_url(system, story_id), headers=system.headers) as second:
                await second.content.readline()
                assert await _read(system, story_id)
            second.close()
            await tell(system, story_id)
            while b"id: 2" not in await asyncio.wait_for(first.content.readline(), 5):
                pass
            assert await _read(system, story_id)
        first.close()

        async def left() -> bool:
            await tell(system, story_id)  # a server notices at the next write
            return not await _read(system, story_id)

        await until(left)


async def test_a_slow_reader_is_dropped_and_resumes_by_its_last_id(settings: Settings) -> None:
    """It reads nothing while far more is told than its queue may hold; then it reads, and is told that it must go."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        async with serving(system, Hub(system.bus, queue_size=4), write_timeout=0.5) as url:
            host, port = url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            path = events_url(system, story_id, origin="")
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {system.key}\r\n\r\n".encode())
            await reader.readline()
            await tell(system, story_id, count=60, size=200_000)

            async def dropped() -> bool:
                return not any(str(story_id) in sub.subject for sub in system.bus.client._subs.values())

            await until(dropped)
            writer.close()
        await end(system, story_id)
        rest = await system.read_stream(story_id, after=10)
    assert numbers(rest) == list(range(11, 63))


async def test_two_replicas_show_the_same_ids(settings: Settings) -> None:
    async with running(settings) as system:
        other = await status.serve(settings, reconciler_settings=QUICK)
        system.stack.push_async_callback(other.stop)
        story_id = await system.post()
        one, two = await asyncio.gather(system.read_stream(story_id), system.read_stream(story_id, url=other.url))
    assert [told for told in one if told[0]] == [told for told in two if told[0]]
    assert numbers(one) == list(range(1, len(numbers(one)) + 1))


async def test_a_running_jobs_words_pass_by_without_an_id(settings: Settings) -> None:
    """Best effort, shown in the asset that they are part of; progress never counts in the history."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        listening = system.stream(story_id)
        assert (await anext(listening))[0] == "1"
        said = {"story_id": str(story_id), "asset": "text_2", "progress": 40, "text": "Once upon"}
        subject = system.bus.names.subject(f"live.{story_id}.progressed")
        await system.bus.client.publish(subject, b"no json")
        await system.bus.client.publish(subject, orjson.dumps(said))
        number, event, data = await anext(listening)
        assert (number, event) == (None, "progress")
        shown = {"asset": "content", "part": "text_2", "scene": 2, "progress": 40, "text": "Once upon"}
        assert json.loads(data) == shown


async def test_a_stream_whose_status_goes_away_ends_and_the_api_says_so_to_the_next(settings: Settings) -> None:
    """A reader through the api sees an end of its stream and no torn second answer in it."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        url = events_url(system, story_id, origin=system.api.url)
        async with system.http.get(url, headers=system.headers) as answer:
            await answer.content.readline()
            await system.status.stop()
            rest = b""
            with suppress(ClientError):
                rest = await asyncio.wait_for(answer.content.read(), 10)
            assert b"HTTP/1.1" not in rest
        async with system.http.get(url, headers=system.headers) as answer:
            assert answer.status == 503
            assert (await problem(answer))["code"] == "stream_away"


async def test_a_story_that_begins_again_keeps_its_readers_until_it_has_ended_again(settings: Settings) -> None:
    """One that reads live, and one that comes after all of it: the same, gapless; the end is told once."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        await end(system, story_id)
        await turn(system, story_id, "generating")
        reader = asyncio.create_task(system.read_stream(story_id))
        await until(lambda: _read(system, story_id))
        await tell(system, story_id)
        await turn(system, story_id, "partial")
        live = await asyncio.wait_for(reader, 10)
        later = await asyncio.wait_for(system.read_stream(story_id), 10)
    assert numbers(live) == [1, 2, 3, 4, 5]
    assert [one[1] for one in live] == ["snapshot", "story", "story", "asset", "story", "end"]
    assert later == live


async def test_what_is_told_after_the_end_is_heard_by_those_who_come_back(settings: Settings) -> None:
    """An edit of a story that has nothing else to be made anew: its words are told, and the story stays over."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        await end(system, story_id)
        await tell(system, story_id)
        whole = await asyncio.wait_for(system.read_stream(story_id), 10)
        rest = await asyncio.wait_for(system.read_stream(story_id, after=2), 10)
        headers = {**system.headers, "Last-Event-ID": "3"}
        async with system.http.get(events_url(system, story_id), headers=headers) as answer:
            assert answer.status == 204
    assert numbers(whole) == [1, 2, 3]
    assert [one[1] for one in rest] == ["asset", "end"]


async def test_a_reader_who_comes_back_to_a_story_that_begins_again_is_not_sent_away(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        await end(system, story_id)
        await turn(system, story_id, "generating")
        listening = system.stream(story_id, after=3)
        hearing = asyncio.ensure_future(anext(listening))
        await until(lambda: _read(system, story_id))
        await tell(system, story_id)
        assert (await asyncio.wait_for(hearing, 10))[0] == "4"


@pytest.mark.parametrize("whispered", [True, False])
async def test_readers_of_a_deleted_story_are_told_so(settings: Settings, whispered: bool) -> None:
    """At once; and where the whisper was lost, by the next heartbeat."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        heartbeat = 60 if whispered else 0.05
        async with serving(system, Hub(system.bus), heartbeat=heartbeat) as url:
            listening = system.stream(story_id, url=url)
            assert (await anext(listening))[0] == "1"
            await system.pool.execute("DELETE FROM stories WHERE id = $1", story_id)
            if whispered:
                told = [{"seq": 0, "event": "deleted", "data": {}}]
                await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(told))
            async with asyncio.timeout(10):
                rest = [one async for one in listening]
    assert rest == [(None, "deleted", "{}"), (None, "end", "{}")]


async def test_a_whisper_alone_deletes_no_story_for_its_reader(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        listening = system.stream(story_id)
        assert (await anext(listening))[0] == "1"
        told = [{"seq": 0, "event": "deleted", "data": {}}]
        await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(told))
        await tell(system, story_id)
        assert (await asyncio.wait_for(anext(listening), 10))[0] == "2"


class Interrupted(Stream):
    """Between its look at the row and its look at history something happens, once."""

    happens: Callable[[], Awaitable[None]] | None = None

    async def _updates_after(self, story_id: UUID, after: int) -> list[Any]:
        if self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()
        return await super()._updates_after(story_id, after)


async def test_a_story_that_begins_again_while_a_reader_looks_does_not_end_for_it(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await begun(system)
        await end(system, story_id)
        stream = Interrupted(system.pool, Hub(system.bus))
        stream.happens = partial(turn, system, story_id, "generating")
        app = web.Application()
        app.add_routes(routes(stream))
        runner, url = await listen(app, "127.0.0.1", 0)
        system.stack.push_async_callback(runner.cleanup)
        listening = system.stream(story_id, url=url)
        assert [(await anext(listening))[0] for _ in range(3)] == ["1", "2", "3"]
        await turn(system, story_id, "partial")
        async with asyncio.timeout(10):
            assert [one[1] async for one in listening] == ["story", "end"]
