"""Which requests are sent again, with which key, for how long; and what an error says and does not say."""

import time
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from client import StoryEvent, StoryloomClient, StoryloomError
from client.transport import pause_before
from tests.unit.client.fake_api import STORY, FakeApi

AT_ONCE = {"Retry-After": "0"}
REFERENCE = {"id": STORY, "status": "generating"}
SECRET = "sk_a-secret-that-nobody-may-see"


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
async def test_what_is_refused_for_now_is_sent_again_with_the_same_key(
    client: StoryloomClient, api: FakeApi, status: int
) -> None:
    api.says(status, {"code": "later", "retryable": True}, **AT_ONCE)
    api.says(202, REFERENCE)
    assert (await client.create({}))["id"] == STORY
    first, second = api.idempotency_keys
    assert first is not None
    assert first == second


async def test_a_lost_connection_is_sent_again_with_the_same_key(client: StoryloomClient, api: FakeApi) -> None:
    api.hangs_up()
    api.says(202, REFERENCE)
    await client.create({})
    assert len(set(api.idempotency_keys)) == 1
    assert len(api.requests) == 2


async def test_two_creations_are_two_stories(client: StoryloomClient, api: FakeApi) -> None:
    api.says(202, REFERENCE)
    api.says(202, REFERENCE)
    await client.create({})
    await client.create({})
    assert len(set(api.idempotency_keys)) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(400, "bad_json"), (401, "key_unknown"), (404, "not_found"), (500, "bug")]
)
async def test_what_would_be_refused_again_is_not_sent_again(
    client: StoryloomClient, api: FakeApi, status: int, code: str
) -> None:
    api.says(status, {"code": code, "detail": "No.", "retryable": False}, **AT_ONCE)
    with pytest.raises(StoryloomError, match="No"):
        await client.get(STORY)
    assert len(api.requests) == 1


async def test_a_refusal_for_hours_is_told_at_once(client: StoryloomClient, api: FakeApi) -> None:
    api.says(429, {"code": "stories_of_the_day_spent", "retryable": True}, **{"Retry-After": "40000"})
    before = time.monotonic()
    with pytest.raises(StoryloomError) as caught:
        await client.create({})
    assert (caught.value.code, caught.value.retry_after) == ("stories_of_the_day_spent", 40000)
    assert time.monotonic() - before < 5


async def test_retrying_ends(url: str, api: FakeApi) -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": "away", "retryable": True}, status=503)

    api.answers += [busy] * 50
    async with StoryloomClient(url, "sk_test", retry_for=0.3) as client:
        with pytest.raises(StoryloomError) as caught:
            await client.get(STORY)
    assert caught.value.code == "away"
    assert 1 < len(api.requests) < 5


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.webhooks.create("https://example.com"),
        lambda c: c.webhooks.rotate(STORY),
        lambda c: c.webhooks.test(STORY),
        lambda c: c.webhooks.redeliver(STORY, STORY),
    ],
)
async def test_what_knows_no_idempotency_key_is_sent_again_only_if_it_was_not_carried_out(
    client: StoryloomClient, api: FakeApi, ask: Callable[[StoryloomClient], Awaitable[object]]
) -> None:
    api.says(429, {"code": "too_many_requests", "retryable": True}, **AT_ONCE)
    api.hangs_up()
    with pytest.raises(StoryloomError) as caught:
        await ask(client)
    assert (caught.value.code, caught.value.retryable) == ("no_answer", True)
    assert len(api.requests) == 2


async def test_an_answer_takes_no_longer_than_it_was_given(url: str, api: FakeApi) -> None:
    async def hang(_request: web.Request) -> web.StreamResponse:
        await api.over.wait()
        return web.Response()

    api.answers.append(hang)
    async with StoryloomClient(url, "sk_test", timeout=0.05, retry_for=0) as client:
        with pytest.raises(StoryloomError) as caught:
            await client.get(STORY)
    assert caught.value.code == "no_answer"


@pytest.mark.parametrize("text", ["<html>A login</html>", "7", '"words"', "{", ""])
async def test_an_answer_that_is_not_the_apis_is_an_error(client: StoryloomClient, api: FakeApi, text: str) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text)

    api.answers.append(answer)
    with pytest.raises(StoryloomError) as caught:
        await client.get(STORY)
    assert caught.value.code == "bad_answer"


async def test_a_redirect_is_not_followed_with_the_key(client: StoryloomClient, api: FakeApi) -> None:
    api.says(307, Location="https://elsewhere.example/")
    with pytest.raises(StoryloomError) as caught:
        await client.get(STORY)
    assert caught.value.code == "unexpected"
    assert len(api.requests) == 1


async def test_an_error_has_the_ids_that_the_logs_have(client: StoryloomClient, api: FakeApi) -> None:
    api.says(404, {"code": "not_found", "traceId": "0af7"}, **{"X-Request-Id": "r-1"})
    api.says(404, {"code": "not_found"}, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    with pytest.raises(StoryloomError) as caught:
        await client.get(STORY)
    assert (caught.value.trace_id, caught.value.request_id) == ("0af7", "r-1")
    with pytest.raises(StoryloomError) as caught:
        await client.get(STORY)
    assert caught.value.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_nothing_shows_the_key(api: FakeApi, url: str) -> None:
    api.says(401, {"code": "key_unknown", "detail": "No such key."})
    async with StoryloomClient(url, SECRET) as client:
        with pytest.raises(StoryloomError) as caught:
            await client.get(STORY)
        shown = (
            f"{client!r} {client!s} {caught.value!r} {caught.value} {caught.getrepr(style='long', showlocals=False)}"
        )
    assert SECRET not in shown


@pytest.mark.parametrize("key", ["", "sk_ü", f"{SECRET}\n", f"{SECRET} x"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="copied whole") as caught:
        StoryloomClient("http://127.0.0.1:1", key)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("address", ["", "127.0.0.1:8080", "ftp://x", "http://", "https://[", "stories.example"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address is like"):
        StoryloomClient(address, "sk_test")


@pytest.mark.parametrize("word", ["", ".", ".."])
async def test_no_id_leads_to_another_route(client: StoryloomClient, api: FakeApi, word: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        await client.get(word)
    api.says(404, {"code": "not_found"})
    with pytest.raises(StoryloomError):
        await client.get("../webhooks?x=1")
    assert api.requests[0].raw_path == "/api/v1/stories/..%2Fwebhooks%3Fx%3D1"


def test_pauses_grow_and_differ() -> None:
    pauses = [[pause_before(failures, None, first=0.25, longest=8) for _ in range(40)] for failures in range(8)]
    for failures, some in enumerate(pauses):
        most = min(0.25 * 2**failures, 8)
        assert most / 2 <= min(some) < max(some) <= most
    after = [pause_before(0, 10, first=0.25, longest=8) for _ in range(40)]
    assert 10 <= min(after) < max(after) <= 11


async def test_a_wait_ends_when_its_time_is_up(client: StoryloomClient, api: FakeApi) -> None:
    """…though the server sends its heartbeats."""
    api.hangs()
    with pytest.raises(StoryloomError) as caught:
        await client.wait(STORY, timeout=0.05)
    assert (caught.value.code, caught.value.retryable) == ("timed_out", True)


async def test_an_event_without_an_id_of_its_own_is_passed_on(client: StoryloomClient, api: FakeApi) -> None:
    """…of any name, since a parser gives it the last one's."""
    api.streams(
        'event: queue\ndata: {"queuePosition":3}\n\nid: 1\nevent: snapshot\ndata: {}\n\n'
        'event: late\ndata: {"asset":"cover"}\n\nid: 2\nevent: text\ndata: {}\n\nevent: end\ndata: {}\n\n'
    )
    assert [event async for event in client.events(STORY)] == [
        StoryEvent("queue", {"queuePosition": 3}),
        StoryEvent("snapshot", {}, 1),
        StoryEvent("late", {"asset": "cover"}),
        StoryEvent("text", {}, 2),
    ]


@pytest.mark.parametrize("status", [401, 403, 404, 501])
async def test_a_stream_that_will_not_come_is_not_waited_for(
    client: StoryloomClient, api: FakeApi, status: int
) -> None:
    api.says(status, {"code": "no", "detail": "No."})
    with pytest.raises(StoryloomError, match="No"):
        await anext(client.events(STORY))
    assert len(api.requests) == 1


async def test_what_is_no_event_stream_is_not_read(client: StoryloomClient, api: FakeApi) -> None:
    api.says(200, {"status": "ok"})
    with pytest.raises(StoryloomError) as caught:
        await anext(client.events(STORY))
    assert caught.value.code == "bad_answer"
