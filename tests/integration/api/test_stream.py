"""The progress stream over HTTP: replay and live without gap or repeat, with interrupted readers, NATS and replicas."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson
import pytest
from aiohttp import ClientSession, TCPConnector, web

from services.status import app as status
from services.status.heartbeats import Head, Heartbeats
from services.status.hub import Hub
from services.status.open_streams import INTERVAL_SECONDS, OpenStreams
from services.status.queue_positions import QueuePositions
from services.status.repository import WaitingStories
from services.status.stream import Stream, routes
from storyloom.runtime.settings import HttpSettings, Settings
from storyloom.web.errors import problem_middleware
from storyloom.web.keys import Caller, add_key, digest
from storyloom.web.public import listen_public
from tests.integration.core.system import BY_HAND, QUICK, SseEvent, System, running, until

S = TypeVar("S", bound=Stream)


def numbers(events: list[SseEvent]) -> list[int]:
    return [int(one[0]) for one in events if one[0] is not None]


def events_url(system: System, story_id: UUID, *, origin: str | None = None) -> str:
    return f"{origin or system.status.url}/api/v1/stories/{story_id}/events"


def streaming(system: System, hub: Hub, kind: type[S], **options: Any) -> S:
    """A stream of the system's own rows."""
    return kind(system.pool, hub, system.api.keys, OpenStreams(system.pool), positions(system, hub), **options)


def positions(system: System, hub: Hub) -> QueuePositions:
    return QueuePositions(WaitingStories(system.pool, concurrent_stories=100), hub)


@asynccontextmanager
async def serving(system: System, hub: Hub, **options: Any) -> AsyncIterator[str]:
    """Serve a stream with these options; its origin."""
    app = web.Application(middlewares=[problem_middleware])
    app.add_routes(routes(streaming(system, hub, Stream, **options)))
    runner, url = await listen_public(app, HttpSettings(), direct=False)
    try:
        yield url
    finally:
        await runner.cleanup()


async def add_updates(system: System, story_id: UUID, *, count: int = 1, size: int = 10, publish: bool = True) -> None:
    """As the projector does: commit updates, then publish them on core NATS."""
    for _ in range(count):
        data = {"asset": "cover", "note": "x" * size}
        (row,) = await system.rows(
            "WITH s AS (UPDATE stories SET seq = seq + 1, version = version + 1 WHERE id = $1 RETURNING seq)"
            " INSERT INTO story_events (story_id, seq, event, data) SELECT $1, seq, 'asset', $2 FROM s RETURNING seq",
            story_id,
            data,
        )
        if publish:
            updates = [{"seq": row["seq"], "event": "asset", "data": data}]
            await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(updates))


async def end_story(system: System, story_id: UUID, *, publish: bool = True) -> None:
    """The last update of a story that becomes ready."""
    await set_status(system, story_id, "ready", publish=publish)


async def set_status(system: System, story_id: UUID, status: str, *, publish: bool = True) -> None:
    """As the projector does: change the story's status, and publish that."""
    data = {"overall": status}
    (row,) = await system.rows(
        "WITH s AS (UPDATE stories SET seq = seq + 1, status = $2 WHERE id = $1 RETURNING seq) INSERT INTO story_events"
        " (story_id, seq, event, data) SELECT $1, seq, 'story', $3 FROM s RETURNING seq",
        story_id,
        status,
        data,
    )
    if publish:
        updates = [{"seq": row["seq"], "event": "story", "data": data}]
        await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(updates))


async def started_story(system: System) -> UUID:
    """A story that the projector has started and nothing changes."""
    story_id = await system.post()

    async def is_started() -> bool:
        return bool(await system.rows("SELECT FROM stories WHERE id = $1 AND seq = 1", story_id))

    await until(is_started)
    return story_id


async def test_the_answer_is_a_stream_that_no_proxy_may_buffer(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        async with system.http.get(events_url(system, story_id), headers=system.headers) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Accel-Buffering"] == "no"
            assert await answer.content.readline() == b"retry: 2000\n"
            assert await answer.content.readline() == b"id: 1\n"


async def test_head_is_refused_and_not_streamed(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        for origin in (system.status.url, system.api.url):
            async with system.http.head(events_url(system, story_id, origin=origin), headers=system.headers) as answer:
                assert answer.status == 405
                assert answer.headers["Allow"] == "GET"
        assert not await _has_reader(system, story_id)


@pytest.mark.parametrize("through_api", [False, True])
async def test_a_reader_that_reconnects_gets_what_it_missed(settings: Settings, through_api: bool) -> None:
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
        headers = {**system.headers, "Last-Event-ID": str(last)}
        async with system.http.get(events_url(system, story_id, origin=origin), headers=headers) as answer:
            assert answer.status == 204


async def test_nothing_is_lost_between_history_and_live_updates(settings: Settings) -> None:
    """30 readers join at any moment of 200 updates: no gap, no repeat."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        adding = asyncio.create_task(add_updates(system, story_id, count=200))
        readers = []
        for _ in range(30):
            readers.append(asyncio.create_task(system.read_stream(story_id)))
            await asyncio.sleep(0)
            await system.rows("SELECT 1")  # a round trip's time
        await adding
        await end_story(system, story_id)
        streams = await asyncio.wait_for(asyncio.gather(*readers), 20)
    for stream in streams:
        assert numbers(stream) == list(range(1, 203))


async def test_updates_that_were_lost_or_published_twice_are_read_in_order_and_once(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        reader = asyncio.create_task(system.read_stream(story_id))
        await until(lambda: _has_reader(system, story_id))
        await add_updates(system, story_id, count=2, publish=False)
        for seq in (1, 3, 3):
            updates = [{"seq": seq, "event": "asset", "data": {"asset": "cover", "note": "x" * 10}}]
            await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(updates))
        await end_story(system, story_id)
        assert numbers(await asyncio.wait_for(reader, 10)) == [1, 2, 3, 4]


async def _has_reader(system: System, story_id: UUID) -> bool:
    """Whether the story has a reader here: its subject has a subscriber."""
    return any(f"status.{story_id}" in sub.subject for sub in system.status._broker.bus.client._subs.values())


async def test_an_idle_stream_sends_heartbeats_and_finds_what_was_lost(settings: Settings) -> None:
    """Comment lines; with each of them an update whose message was lost is read from history, even the last one."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        async with (
            serving(system, Hub(system.bus), heartbeat=0.05) as url,
            system.http.get(events_url(system, story_id, origin=url), headers=system.headers) as answer,
        ):
            heartbeats = 0
            while heartbeats < 3:
                line = await asyncio.wait_for(answer.content.readline(), 5)
                heartbeats += line.startswith(b":")
            await end_story(system, story_id, publish=False)
            rest = await asyncio.wait_for(answer.content.read(), 5)
        assert rest.endswith(b"event: end\ndata: {}\n\n")


async def test_an_unknown_id_is_answered_by_a_snapshot(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        stream = system.stream(story_id, after=999)
        number, event, data = await anext(stream)
        assert (number, event) == ("1", "snapshot")
        assert json.loads(data)["assetGenerationStatus"]["overall"] == "generating"
        await add_updates(system, story_id)
        assert (await anext(stream))[0] == "2"


@pytest.mark.parametrize("unknown", ["x", "-1", "1.5", "9" * 10, "50", "½", "9" * 4000])
@pytest.mark.parametrize("through_api", [False, True])
async def test_an_id_that_no_story_has_gets_a_fresh_snapshot(
    settings: Settings, unknown: str, through_api: bool
) -> None:
    """…and the end, where the story has ended: an error would end an EventSource for good."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        await end_story(system, story_id)
        origin = system.api.url if through_api else system.status.url
        query = {"after": unknown}
        async with system.http.get(
            events_url(system, story_id, origin=origin), params=query, headers=system.headers
        ) as answer:
            assert answer.status == 200
            text = await answer.text()
    assert text.startswith("retry: 2000\nid: 2\nevent: snapshot\n")
    assert text.endswith("event: end\ndata: {}\n\n")


async def test_the_last_reader_ends_the_subscription(settings: Settings) -> None:
    """…and the one before does not."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        async with system.http.get(events_url(system, story_id), headers=system.headers) as first:
            await first.content.readline()
            async with system.http.get(events_url(system, story_id), headers=system.headers) as second:
                await second.content.readline()
                assert await _has_reader(system, story_id)
            second.close()
            await add_updates(system, story_id)
            while b"id: 2" not in await asyncio.wait_for(first.content.readline(), 5):
                pass
            assert await _has_reader(system, story_id)
        first.close()

        async def unsubscribed() -> bool:
            await add_updates(system, story_id)  # a server notices at the next write
            return not await _has_reader(system, story_id)

        await until(unsubscribed)


async def test_a_slow_reader_is_dropped_and_resumes_by_its_last_id(settings: Settings) -> None:
    """It reads nothing while far more is published than its queue holds."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        async with serving(system, Hub(system.bus, queue_size=4), write_timeout=0.5) as url:
            host, port = url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            path = events_url(system, story_id, origin="")
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {system.key}\r\n\r\n".encode())
            await reader.readline()
            await add_updates(system, story_id, count=60, size=200_000)

            async def dropped() -> bool:
                return not any(str(story_id) in sub.subject for sub in system.bus.client._subs.values())

            await until(dropped)
            writer.close()
        await end_story(system, story_id)
        rest = await system.read_stream(story_id, after=10)
    assert numbers(rest) == list(range(11, 63))


async def test_two_replicas_show_the_same_ids(settings: Settings) -> None:
    async with running(settings) as system:
        other = await status.serve(settings, reconciler_settings=QUICK)
        system.stack.push_async_callback(other.stop)
        story_id = await system.post()
        one, two = await asyncio.gather(system.read_stream(story_id), system.read_stream(story_id, url=other.url))
    assert [event for event in one if event[0]] == [event for event in two if event[0]]
    assert numbers(one) == list(range(1, len(numbers(one)) + 1))


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now()"])
async def test_a_stream_ends_with_its_key_and_the_reconnecting_reader_is_told_why(settings: Settings, end: str) -> None:
    """Directly and through the api, without an ``end``, which would keep the reader from asking again."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        for origin in (system.status.url, system.api.url):
            url, key = events_url(system, story_id, origin=origin), await add_key(system.pool, "tests", "short")
            headers = {"Authorization": f"Bearer {key}"}
            async with (
                system.http.get(url, headers=headers) as answer,
                system.http.get(url, headers=system.headers) as other,
            ):
                while b"snapshot" not in await answer.content.readline():
                    pass
                await system.status.open_streams.end_invalid()
                await system.pool.execute(f"UPDATE api_keys SET {end} WHERE secret_hash = $1", digest(key))
                await system.status.open_streams.end_invalid()
                rest = await asyncio.wait_for(answer.content.read(), 5)
                assert b"event: end" not in rest
                await add_updates(system, story_id)
                while b"event: asset" not in await asyncio.wait_for(other.content.readline(), 5):
                    pass  # another key's stream goes on
            async with system.http.get(url, headers=headers) as answer:
                assert answer.status == 401


async def test_the_keys_of_open_streams_are_looked_at_often_enough_for_the_promise(settings: Settings) -> None:
    """A revoked key's stream ends within 15 s: one look may be missed."""
    assert 2 * INTERVAL_SECONDS <= 15
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id, hub = await started_story(system), Hub(system.bus)
        open_streams = OpenStreams(system.pool, interval=0.02)
        looking = asyncio.create_task(open_streams.run())
        app = web.Application(middlewares=[problem_middleware])
        app.add_routes(routes(Stream(system.pool, hub, system.api.keys, open_streams, positions(system, hub))))
        runner, url = await listen_public(app, HttpSettings(), direct=False)
        async with system.http.get(events_url(system, story_id, origin=url), headers=system.headers) as answer:
            await answer.content.readline()
            await system.pool.execute("DELETE FROM tenants")  # its keys go with it
            assert b"event: end" not in await asyncio.wait_for(answer.content.read(), 5)
        looking.cancel()
        await runner.cleanup()


async def test_a_running_jobs_progress_has_no_id(settings: Settings) -> None:
    """Best effort, in the asset that the text is part of; progress never counts in the history."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        stream = system.stream(story_id)
        assert (await anext(stream))[0] == "1"
        progress = {"story_id": str(story_id), "asset": "text_2", "progress": 40, "text": "Once upon"}
        subject = system.bus.names.subject(f"live.{story_id}.progressed")
        await system.bus.client.publish(subject, b"no json")
        await system.bus.client.publish(subject, orjson.dumps(progress))
        number, event, data = await anext(stream)
        assert (number, event) == (None, "progress")
        shown = {"asset": "content", "part": "text_2", "scene": 2, "progress": 8, "text": "Once upon"}
        assert json.loads(data) == shown


@pytest.mark.parametrize("through_api", [False, True])
async def test_streams_of_a_service_that_stops_end_with_the_time_to_come_again(
    settings: Settings, through_api: bool
) -> None:
    """No reader hangs, none gets an ``end``, and they do not all come back at once."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        origin = system.api.url if through_api else system.status.url
        url = events_url(system, story_id, origin=origin)
        async with AsyncExitStack() as stack:
            answers = [await stack.enter_async_context(system.http.get(url, headers=system.headers)) for _ in range(20)]
            for answer in answers:
                assert await answer.content.readuntil(b"\n\n")
            stopping = asyncio.create_task(system.api.stop() if through_api else system.status.stop())
            texts = [await asyncio.wait_for(answer.text(), 10) for answer in answers]
            await stopping
    assert all(re.fullmatch(r"retry: \d+\n\n", text) for text in texts), texts
    assert len(set(texts)) > 10


async def test_a_reader_through_the_api_loses_status_and_is_told_to_come_again(settings: Settings) -> None:
    """Never a second response in a stream, and never a status that ends an EventSource for good."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        url = events_url(system, story_id, origin=system.api.url)
        await system.status.stop()
        async with system.http.get(url, headers=system.headers) as answer:
            assert answer.status == 200
            assert answer.content_type == "text/event-stream"
            assert re.fullmatch(r"retry: \d+\n: .*\n\n", await answer.text())


async def test_the_api_waits_for_a_status_that_restarts(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        port = int(system.status.url.rpartition(":")[2])
        await system.status.stop()
        reading = asyncio.create_task(
            system.http.get(events_url(system, story_id, origin=system.api.url), headers=system.headers).__aenter__()
        )
        again = await status.serve(settings.model_copy(update={"http_port": port}), reconciler_settings=BY_HAND)
        system.stack.push_async_callback(again.stop)
        answer = await asyncio.wait_for(reading, 10)
        assert await asyncio.wait_for(answer.content.readline(), 5) == b"retry: 2000\n"
        assert await answer.content.readline() == b"id: 1\n"
        answer.close()


async def test_three_hundred_read_through_the_api_at_once(settings: Settings) -> None:
    """All get the same update; none is refused, and nobody waits for another to leave."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system, AsyncExitStack() as stack:
        story_id = await started_story(system)
        http = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))
        url = events_url(system, story_id, origin=system.api.url)
        answers = [await stack.enter_async_context(http.get(url, headers=system.headers)) for _ in range(300)]
        for answer in answers:
            assert answer.status == 200
            assert b"event: snapshot" in await answer.content.readuntil(b"\n\n")
        await add_updates(system, story_id)
        for answer in answers:
            async with asyncio.timeout(10):
                while (event := await answer.content.readuntil(b"\n\n")).startswith(b":"):
                    pass  # a heartbeat
            assert event.startswith(b"id: 2\n")


async def test_a_command_keeps_the_readers_of_a_story_that_has_ended(settings: Settings) -> None:
    """Accepted, and not applied yet: a reader that has seen all waits for what comes of it, and gets no 204."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        await end_story(system, story_id)
        await system.rows(
            "INSERT INTO command_outbox (event_id, story_id, event) VALUES ('later', $1, '{}') RETURNING 1", story_id
        )
        async with serving(system, Hub(system.bus), heartbeat=0.05) as url:
            headers = {**system.headers, "Last-Event-ID": "2"}
            async with system.http.get(events_url(system, story_id, origin=url), headers=headers) as answer:
                assert answer.status == 200
                assert await answer.content.readline() == b"retry: 2000\n"
                assert await answer.content.readline() == b": still here\n"
                await system.rows("INSERT INTO inbox (event_id) VALUES ('later') RETURNING 1")
                assert (await asyncio.wait_for(answer.text(), 10)).endswith("event: end\ndata: {}\n\n")


async def test_a_story_that_is_generating_again_keeps_its_readers_until_it_has_ended_again(settings: Settings) -> None:
    """A live reader and one after all of it get the same, without a gap; the end once."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        await end_story(system, story_id)
        await set_status(system, story_id, "generating")
        reader = asyncio.create_task(system.read_stream(story_id))
        await until(lambda: _has_reader(system, story_id))
        await add_updates(system, story_id)
        await set_status(system, story_id, "partial")
        live = await asyncio.wait_for(reader, 10)
        later = await asyncio.wait_for(system.read_stream(story_id), 10)
    assert numbers(live) == [1, 2, 3, 4, 5]
    assert [one[1] for one in live] == ["snapshot", "story", "story", "asset", "story", "end"]
    assert later == live


async def test_updates_after_the_end_reach_readers_that_reconnect(settings: Settings) -> None:
    """An edit of a story that needs nothing else made again: its text is an update, and the story stays ended."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        await end_story(system, story_id)
        await add_updates(system, story_id)
        whole = await asyncio.wait_for(system.read_stream(story_id), 10)
        rest = await asyncio.wait_for(system.read_stream(story_id, after=2), 10)
        headers = {**system.headers, "Last-Event-ID": "3"}
        async with system.http.get(events_url(system, story_id), headers=headers) as answer:
            assert answer.status == 204
    assert numbers(whole) == [1, 2, 3]
    assert [one[1] for one in rest] == ["asset", "end"]


async def test_a_reader_that_reconnects_to_a_story_generating_again_gets_its_updates(
    settings: Settings,
) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        await end_story(system, story_id)
        await set_status(system, story_id, "generating")
        stream = system.stream(story_id, after=3)
        next_event = asyncio.ensure_future(anext(stream))
        await until(lambda: _has_reader(system, story_id))
        await add_updates(system, story_id)
        assert (await asyncio.wait_for(next_event, 10))[0] == "4"


@pytest.mark.parametrize("published", [True, False])
async def test_readers_of_a_deleted_story_get_an_event(settings: Settings, published: bool) -> None:
    """At once; and where the message was lost, with the next heartbeat."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        heartbeat = 60 if published else 0.05
        async with serving(system, Hub(system.bus), heartbeat=heartbeat) as url:
            stream = system.stream(story_id, url=url)
            assert (await anext(stream))[0] == "1"
            await system.pool.execute("DELETE FROM stories WHERE id = $1", story_id)
            if published:
                updates = [{"seq": 0, "event": "deleted", "data": {}}]
                await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(updates))
            async with asyncio.timeout(10):
                rest = [one async for one in stream]
    assert rest == [(None, "deleted", "{}"), (None, "end", "{}")]


async def test_a_deletion_message_alone_ends_no_stream(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        stream = system.stream(story_id)
        assert (await anext(stream))[0] == "1"
        updates = [{"seq": 0, "event": "deleted", "data": {}}]
        await system.bus.client.publish(system.bus.names.subject(f"status.{story_id}"), orjson.dumps(updates))
        await add_updates(system, story_id)
        assert (await asyncio.wait_for(anext(stream), 10))[0] == "2"


class Interrupted(Stream):
    """Calls ``then`` once, between reading the story's row and its history."""

    then: Callable[[], Awaitable[None]] | None = None

    async def _updates_after(self, who: Caller, story_id: UUID, after: int) -> list[Any]:
        if self.then is not None:
            then, self.then = self.then, None
            await then()
        return await super()._updates_after(who, story_id, after)


async def test_a_story_that_starts_again_while_history_is_read_does_not_end_the_stream(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await started_story(system)
        await end_story(system, story_id)
        interrupted = streaming(system, Hub(system.bus), Interrupted)
        interrupted.then = partial(set_status, system, story_id, "generating")
        app = web.Application()
        app.add_routes(routes(interrupted))
        runner, url = await listen_public(app, HttpSettings(), direct=False)
        system.stack.push_async_callback(runner.cleanup)
        stream = system.stream(story_id, url=url)
        assert [(await anext(stream))[0] for _ in range(3)] == ["1", "2", "3"]
        await set_status(system, story_id, "partial")
        async with asyncio.timeout(10):
            assert [one[1] async for one in stream] == ["story", "end"]


async def test_idle_readers_look_for_lost_updates_together(settings: Settings) -> None:
    """Of three stories, one of which there is not: one statement, and an answer for each that there is."""
    statements: list[str] = []
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        first, ended, nobodys = await started_story(system), await started_story(system), uuid4()
        await end_story(system, ended)
        async with system.pool.acquire() as connection:
            connection.add_query_logger(lambda query: statements.append(query.query))
            found = await Heartbeats(connection, seconds=1).heads({first, ended, nobodys})
    assert found == {first: Head(1, generating=True), ended: Head(2, generating=False)}
    assert len([one for one in statements if "FROM stories" in one]) == 1
