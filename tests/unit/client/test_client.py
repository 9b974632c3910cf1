"""The client against a server that answers as it is set."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from client import CommandAccepted, FieldError, StoryEvent, StoryloomClient, StoryloomError
from client.stream import FIRST_PAUSE, LONGEST_PAUSE, Stream
from tests.unit.client.fake_api import RETRY_AT_ONCE, STORY, FakeApi


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_story_is_asked_for_with_the_key_and_the_brief(client: StoryloomClient, api: FakeApi) -> None:
    api.says(202, {"id": STORY, "status": "generating"})
    story = await client.create({"characterName": "Ada"}, idempotency_key="once")
    assert story["id"] == STORY
    (request,) = api.requests
    assert (request.method, request.path) == ("POST", "/api/v1/stories")
    assert request.headers["Authorization"] == "Bearer sk_test"
    assert request.headers["Idempotency-Key"] == "once"
    assert await request.json() == {"characterName": "Ada"}


async def test_a_page_is_asked_for_by_cursor(client: StoryloomClient, api: FakeApi) -> None:
    api.says(200, {"stories": [], "nextCursor": None})
    assert (await client.list(limit=5, cursor="c"))["stories"] == []
    assert dict(api.requests[0].query) == {"limit": "5", "cursor": "c"}


async def test_a_problem_keeps_its_code_its_detail_and_its_fields(client: StoryloomClient, api: FakeApi) -> None:
    errors = [{"pointer": "/age", "detail": "is too high"}, "not an object"]
    api.says(422, {"code": "bad_brief", "detail": "The brief is wrong.", "errors": errors})
    with pytest.raises(StoryloomError) as caught:
        await client.create({})
    assert (caught.value.status, caught.value.code) == (422, "bad_brief")
    assert caught.value.errors == (FieldError("/age", "is too high"),)
    assert str(caught.value) == "The brief is wrong. (/age is too high)"
    assert not caught.value.retryable


async def test_an_error_that_is_no_problem_json_is_an_error_too(url: str, api: FakeApi) -> None:
    api.says(503, "down", **{"Retry-After": "3"})
    async with StoryloomClient(url, "sk_test", retry_for=2) as client:
        with pytest.raises(StoryloomError) as caught:
            await client.get(STORY)
    assert (caught.value.code, caught.value.retryable, caught.value.retry_after) == ("http_503", True, 3.0)


async def test_no_answer_is_an_error_too() -> None:
    async with StoryloomClient("http://127.0.0.1:1", "sk_test", retry_for=0) as client:
        with pytest.raises(StoryloomError) as caught:
            await client.get(STORY)
    assert (caught.value.status, caught.value.code) == (0, "unreachable")


async def test_events_come_in_order_until_the_end(client: StoryloomClient, api: FakeApi) -> None:
    api.streams(
        'id: 1\nevent: snapshot\ndata: {"seq":1}\n\n'
        'event: progress\ndata: {"asset":"cover","progress":5}\n\n'
        'id: 2\nevent: outline\ndata: {"title":"T"}\n\nevent: end\ndata: {}\n\n'
    )
    assert [event async for event in client.events(STORY)] == [
        StoryEvent("snapshot", {"seq": 1}, 1),
        StoryEvent("progress", {"asset": "cover", "progress": 5}),
        StoryEvent("outline", {"title": "T"}, 2),
    ]


async def test_a_broken_stream_goes_on_where_it_was(client: StoryloomClient, api: FakeApi) -> None:
    api.streams(RETRY_AT_ONCE + 'id: 1\nevent: snapshot\ndata: {}\n\nid: 2\nevent: text\ndata: {"scene":1}\n\nid: 3')
    api.says(503)
    api.streams('id: 2\nevent: text\ndata: {"scene":1}\n\nid: 3\nevent: text\ndata: {"scene":2}\n\n')
    api.says(204)
    assert [event.seq async for event in client.events(STORY)] == [1, 2, 3]
    assert [request.headers.get("Last-Event-ID") for request in api.requests] == [None, "2", "2", "3"]


async def test_a_fresh_snapshot_may_go_back(client: StoryloomClient, api: FakeApi) -> None:
    """…a client from the future of a restored database must not drop all that it receives."""
    api.streams('id: 4\nevent: snapshot\ndata: {}\n\nid: 5\nevent: text\ndata: {"scene":1}\n\nevent: end\ndata: {}\n\n')
    assert [event.seq async for event in client.events(STORY, after=90)] == [4, 5]
    assert api.requests[0].headers["Last-Event-ID"] == "90"


async def test_a_refusal_ends_the_stream_at_once(client: StoryloomClient, api: FakeApi) -> None:
    api.says(404, {"code": "story_unknown", "detail": "There is no such story."})
    with pytest.raises(StoryloomError, match="no such story"):
        async for _ in client.events(STORY):
            pass
    assert len(api.requests) == 1


async def test_what_no_client_understands_is_passed_over(client: StoryloomClient, api: FakeApi) -> None:
    api.streams("id: 1\nevent: text\ndata: not json\n\nid: 2\nevent: text\ndata: [1]\n\nevent: end\ndata: {}\n\n")
    assert [event async for event in client.events(STORY)] == []


async def test_a_line_separator_within_a_text_stays_there(client: StoryloomClient, api: FakeApi) -> None:
    """JSON may hold it as it is, and to Python's splitlines it ends a line."""
    api.streams('id: 1\nevent: text\ndata: {"text":"a\u2028b\x85c"}\n\nevent: end\ndata: {}\n\n')
    assert [event.data async for event in client.events(STORY)] == [{"text": "a\u2028b\x85c"}]


async def test_an_event_without_data_says_nothing(client: StoryloomClient, api: FakeApi) -> None:
    api.streams(
        'id: 1\nevent: text\ndata: {"scene":1}\n\n: heartbeat\n\nevent: end\n\nevent: text\n\n'
        'id: 2\nevent: text\ndata: {"scene":2}\n\nevent: end\ndata: {}\n\n'
    )
    assert [event.seq async for event in client.events(STORY)] == [1, 2]
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("retry", "seconds"), [("2500", 2.5), ("90000", LONGEST_PAUSE), ("0", FIRST_PAUSE), ("-1", FIRST_PAUSE)]
)
async def test_the_server_may_name_the_pause_before_reconnecting(retry: str, seconds: float) -> None:
    stream = await read_once(f"retry: {retry}\n\n")
    assert seconds / 2 <= stream._pause(0, StoryloomError(0, "unreachable", "cut")) <= seconds


async def test_a_heartbeat_is_a_sign_of_life() -> None:
    stream = await read_once(": heartbeat\n\n")
    assert stream._last_received > 0


async def read_once(text: str) -> Stream:
    """A stream that has read this much on its first connection."""

    async def answer() -> AsyncIterator[bytes]:
        yield text.encode()

    async with httpx.AsyncClient() as http:
        stream = Stream(http, "/stories/x/events", None)
        assert [event async for event in stream._read(httpx.Response(200, content=answer()))] == []
    return stream


async def test_a_silent_connection_times_out_and_is_reported(url: str, api: FakeApi) -> None:
    api.hangs()
    async with httpx.AsyncClient(base_url=f"{url}/api/v1") as http:
        stream = Stream(http, "/stories/x/events", None, idle_timeout=0.05, reconnect_timeout=0.01)
        with pytest.raises(StoryloomError, match="did not answer"):
            async for _ in stream.events():
                pass


async def test_a_download_follows_the_redirect_without_showing_the_key(
    client: StoryloomClient, api: FakeApi, tmp_path: Path
) -> None:
    store = FakeApi()

    async def give(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"picture")

    store.answers.append(give)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", store.handle)
    async with TestServer(app) as server:
        api.says(302, Location=str(server.make_url("/bucket/key?signature=x")))
        size = await client.download(STORY, "audio", tmp_path / "narration.vtt", part="vtt")
    assert (size, (tmp_path / "narration.vtt").read_bytes()) == (7, b"picture")
    assert api.requests[0].query["part"] == "vtt"
    assert "Authorization" not in store.requests[0].headers


async def test_a_download_that_fails_leaves_no_file(client: StoryloomClient, api: FakeApi, tmp_path: Path) -> None:
    api.says(404, {"code": "asset_unknown", "detail": "There is no such asset."})
    with pytest.raises(StoryloomError, match="no such asset"):
        await client.download(STORY, "portrait", tmp_path / "portrait.png")
    assert files(tmp_path) == []


TAKEN = {"id": STORY, "status": "generating", "wish": {"id": "w", "event": "StoryCancelled"}}


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (lambda c: c.cancel(STORY, idempotency_key="k"), ("POST", "/cancel", None, "k")),
        (lambda c: c.retry(STORY, idempotency_key="k"), ("POST", "/assets/retry", {}, "k")),
        (
            lambda c: c.retry(STORY, ["cover"], idempotency_key="k"),
            ("POST", "/assets/retry", {"assets": ["cover"]}, "k"),
        ),
        (lambda c: c.regenerate(STORY, "pdf", idempotency_key="k"), ("POST", "/assets/pdf/regenerate", None, "k")),
        (
            lambda c: c.edit_scene(STORY, 2, "A fox.", idempotency_key="k"),
            ("PUT", "/scenes/2/text", {"text": "A fox."}, "k"),
        ),
        (
            lambda c: c.regenerate(STORY, "cover", hint="a bigger fox", idempotency_key="k"),
            ("POST", "/assets/cover/regenerate", {"hint": "a bigger fox"}, "k"),
        ),
        (
            lambda c: c.approve(STORY, "8f14", idempotency_key="k"),
            ("POST", "/approve", {"textVersion": "8f14"}, "k"),
        ),
        (
            lambda c: c.edit_scene(STORY, 2, ["A fox.", "It slept."], alt_text="A fox.", idempotency_key="k"),
            ("PUT", "/scenes/2/text", {"paragraphs": ["A fox.", "It slept."], "altText": "A fox."}, "k"),
        ),
    ],
)
async def test_a_command_is_asked_for_by_its_route(
    client: StoryloomClient,
    api: FakeApi,
    command: Callable[[StoryloomClient], Awaitable[CommandAccepted]],
    asked: tuple[str, str, object, str],
) -> None:
    api.says(202, TAKEN)
    assert await command(client) == TAKEN
    (request,) = api.requests
    method, path, body, key = asked
    assert (request.method, request.path) == (method, f"/api/v1/stories/{STORY}{path}")
    sent = await request.text()
    assert (json.loads(sent) if sent else None) == body
    assert request.headers.get("Idempotency-Key") == key


async def test_a_deletion_is_answered_by_its_receipt(client: StoryloomClient, api: FakeApi) -> None:
    receipt = {"id": STORY, "complete": False, "objects": 3}
    api.says(202, receipt)
    assert await client.delete(STORY) == receipt
    (request,) = api.requests
    assert (request.method, request.path) == ("DELETE", f"/api/v1/stories/{STORY}")


async def test_a_command_that_is_refused_is_a_problem(client: StoryloomClient, api: FakeApi) -> None:
    api.says(409, {"code": "story_ended", "detail": "The story has ended already.", "retryable": False})
    with pytest.raises(StoryloomError) as caught:
        await client.cancel(STORY)
    assert (caught.value.code, caught.value.retryable) == ("story_ended", False)


async def test_a_story_that_begins_again_and_one_that_is_deleted_are_followed_to_the_end(
    client: StoryloomClient, api: FakeApi
) -> None:
    api.streams(
        'id: 1\nevent: story\ndata: {"overall":"ready"}\n\nid: 2\nevent: story\ndata: {"overall":"generating"}\n\n'
        "event: deleted\ndata: {}\n\nevent: end\ndata: {}\n\n"
    )
    names = [(event.name, event.seq) async for event in client.events(STORY)]
    assert names == [("story", 1), ("story", 2), ("deleted", None)]
