"""A word that nobody else says goes through every door, well formed and not. No log, metric, subject or key repeats it.

Meant to hold it are rows, the bodies of objects and of messages, and nothing else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import nats
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from client import StoryloomClient
from local.programs import SERVICES
from storyloom.runtime.settings import StoreSettings
from storyloom.storage.objects import Objects
from tests.e2e.conftest import MIRA, Product

# All of these share one stack: one test process runs them. There are many doors.
pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(240)]

WORD = "Quillabelle"
BRIEF: dict[str, Any] = {
    **MIRA,
    "premise": f"{WORD} has lost a lantern",
    "setting": f"the forest of {WORD}",
    "assets": ["content", "scene_1", "audio"],
    "characters": [{**MIRA["characters"][0], "name": WORD, "personality": [f"loves {WORD}"]}],
}
HEADERS = (
    *("Accept", "Content-Type", "Content-Encoding", "Cookie", "Expect", "Forwarded", "Host", "Idempotency-Key"),
    *("If-None-Match", "Last-Event-ID", "Origin", "Range", "Referer", "traceparent", "tracestate", "User-Agent", WORD),
)
BODIES = (
    WORD.encode(),
    f'{{"premise": "{WORD}'.encode(),
    f'["{WORD}"]'.encode(),
    json.dumps({WORD: WORD}).encode(),
    json.dumps({**BRIEF, "age": WORD, WORD: 1, "language": WORD, "storyType": WORD, "assets": [WORD]}).encode(),
    json.dumps({**BRIEF, "characters": [{"name": WORD, WORD: WORD, "age": WORD, "traits": [WORD]}]}).encode(),
    json.dumps({"assets": [WORD], "paragraphs": [WORD], "altText": WORD}).encode(),
    json.dumps({"paragraphs": [WORD * 9000], "premise": WORD * 9000}).encode(),
    b'{"characterName": "' + WORD.encode() + b'\xff\xfe"}',
    b'{"characterName": "' + WORD.encode() + b'\\ud800"}',
    b'{"characterName": "' + WORD.encode() + b'\\u0000"}',
    b"[" * 5000 + WORD.encode(),
)
RAW = (
    f"GET /{WORD}\r\n\r\n",
    f"{WORD} / HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /{WORD} HTTP/9.9\r\nHost: x\r\n\r\n",
    f"GET /{WORD}\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /%ff{WORD}%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET http://[{WORD} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET / HTTP/1.1\r\n{WORD}\r\n\r\n",
    f"GET / HTTP/1.1\r\n{WORD} {WORD}: x\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\nX-Name: {WORD}\x00\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\nX-Name: {WORD * 5000}\r\n\r\n",
    f"GET /{WORD * 5000} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nContent-Length: {WORD}\r\n\r\n",
    f"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{WORD}\r\n",
    f"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {WORD}\r\n\r\n",
    f"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\n{WORD}",
    f"POST /api/v1/stories HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{WORD}",
    f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {WORD}; charset={WORD}\r\nContent-Length: 2\r\n\r\n{{}}",
    f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: {WORD}\r\nConnection: upgrade\r\n\r\n",
)


def routes(service: str, story: str) -> Iterator[tuple[str, str]]:
    """Every route, of a story that is there and with the word in each part of its path."""
    for health in ("/health/live", "/health/ready", "/metrics", "/asyncapi", "/asyncapi.json", f"/{WORD}"):
        yield "GET", health
    if service == "status":
        for one in (story, WORD):
            yield "GET", f"/api/v1/stories/{one}/events"
    if service != "api":
        return
    for one in (story, str(uuid4()), WORD):
        for asset, scene in (("cover", "1"), (WORD, WORD)):
            yield "GET", f"/api/v1/stories/{one}"
            yield "GET", f"/api/v1/stories/{one}/events"
            yield "GET", f"/api/v1/stories/{one}/assets/{asset}"
            yield "POST", f"/api/v1/stories/{one}/cancel" if one != story else f"/api/v1/stories/{one}/{WORD}"
            yield "POST", f"/api/v1/stories/{one}/assets/retry"
            yield "POST", f"/api/v1/stories/{one}/assets/{asset}/regenerate"
            yield "PUT", f"/api/v1/stories/{one}/scenes/{scene}/text"
            yield WORD.upper(), f"/api/v1/stories/{one}"
            if one != story:
                yield "DELETE", f"/api/v1/stories/{one}"
    yield "POST", "/api/v1/stories"
    yield "GET", "/api/v1/stories"


async def knock(http: httpx.AsyncClient, service: str, key: str, story: str) -> None:
    """Send the word to every route of a service, in headers, query and body."""
    ours = {"Authorization": f"Bearer {key}"}

    async def send(method: str, path: str, **options: Any) -> None:
        with suppress(httpx.HTTPError, UnicodeError, ValueError):  # what the client itself would not send
            async with http.stream(method, path, **options) as answer:
                async with asyncio.timeout(0.5 if path.endswith("/events") else 10):
                    with suppress(TimeoutError):
                        await answer.aread()

    async def try_route(method: str, path: str) -> None:
        query = {"cursor": WORD, "limit": WORD, "after": WORD, "part": WORD, WORD: WORD}
        await send(method, path, headers=ours, params=query)
        for value in (f"Bearer {WORD}", f"Bearer sk_{WORD}", f"Basic {WORD}", WORD):
            await send(method, path, headers={"Authorization": value})
        await send(method, path, headers={**ours, **dict.fromkeys(HEADERS, WORD)}, content=BODIES[3])
        for body in BODIES if method in ("POST", "PUT") else ():
            await send(method, path, headers={**ours, "Content-Type": "application/json"}, content=body)

    await asyncio.gather(*(try_route(method, path) for method, path in routes(service, story)))


async def shout(url: str) -> None:
    """Send what is no HTTP, or hardly."""
    where = urlsplit(url)

    async def send(raw: str) -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(raw.encode())
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(0.3):
                await reader.read()
        writer.transport.abort()

    await asyncio.gather(*map(send, RAW))


async def litter(bus: Client, story: str) -> None:
    """Publish the word on every subject that anybody consumes or answers."""
    channels = json.loads((Path(__file__).parents[2] / "docs" / "asyncapi.json").read_text())["channels"].values()
    known = {"id": WORD, "version": 1, "story_id": story, "tenant_id": WORD, "trace": WORD, "at": WORD, "asset": WORD}
    for subject in sorted({one["address"] for one in channels if one.get("address")}):
        address = subject.format(story_id=uuid4(), asset="cover")
        event = subject.split(".")[2] if subject.startswith("story") else WORD
        bodies = (
            *(WORD.encode(), b"\xff" + WORD.encode(), json.dumps(WORD).encode(), json.dumps({WORD: WORD}).encode()),
            json.dumps({**known, "event": event, "storyId": WORD, "inputs": {WORD: {WORD: 1}}, WORD: WORD}).encode(),
            json.dumps(
                {**known, "event": event, "fingerprint": WORD, "result": {"kind": WORD}, "version": 99}
            ).encode(),
            json.dumps({**BRIEF, "id": WORD, "jobs": [[WORD, WORD]], "held": [WORD], "text": WORD}).encode(),
        )
        for body in bodies:
            headers = {"traceparent": WORD, WORD: WORD}
            await bus.publish(address, body, headers=headers)
            if subject.startswith("ask"):
                with suppress(NatsError):
                    await bus.request(address, body, timeout=0.2, headers=headers)
    await bus.flush()


async def quote(product: Product) -> None:
    """Have the provider fail, and repeat what it was asked."""
    for fault, order in (
        ("quote", {"times": 2, "match": {"endpoint": "moderations"}}),
        ("quote", {"times": 1, "match": {"schema": "outline"}}),
        ("quote", {"times": 1, "match": {"schema": "scene_text"}}),
        ("quote", {"times": 1, "match": {"endpoint": "images.generate"}}),
        ("quote", {"times": 1, "match": {"endpoint": "text_to_speech"}}),
        ("quote", {"times": 1, "match": {"endpoint": "text_to_speech"}, "status": 400}),
        ("error_body", {"times": 1, "match": {"schema": "scene_text"}, "code": f"{WORD} and a fox"}),
        ("flag_text", {"times": 1, "match": {"endpoint": "moderations"}, "category": WORD}),
    ):
        await product.misbehave(fault, **order)
    story, _ = await product.make(**BRIEF)
    assert story["status"] in ("ready", "partial", "failed")


async def places(product: Product, home: Path, environment: dict[str, str]) -> AsyncIterator[tuple[str, str]]:
    """Everything that must not hold the word, by what it is."""
    paths = await asyncio.to_thread(lambda: list(home.rglob("*")))
    yield "file names", "\n".join(str(path.relative_to(home)) for path in paths)
    for log in paths:
        if log.parent.name == "logs":
            yield log.name, log.read_text(errors="replace")
    async with httpx.AsyncClient(trust_env=False) as http:
        for name in SERVICES:
            answer = await http.get(f"http://127.0.0.1:{environment[f'{name.upper()}_INTERNAL_PORT']}/metrics")
            yield f"metrics of {name}", answer.text
    bus = await nats.connect(product.addresses.nats_url)
    js = bus.jetstream()
    for stream in await js.streams_info():
        assert stream.config.name is not None
        found = await js.stream_info(stream.config.name, subjects_filter=">")
        consumers = await js.consumers_info(stream.config.name)
        yield f"stream {stream.config.name}", repr((stream.config, found.state.subjects, consumers))
    await bus.close()
    store = Objects(StoreSettings())  # by the environment
    yield "object keys", repr([page async for page in store.pages("")])
    await store.close()


async def test_a_word_that_goes_through_every_door_is_in_no_log(
    product: Product, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = json.loads((home / "services.json").read_text())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    await quote(product)
    brief = {**BRIEF, "assets": ["content"], "seed": 3}
    # One of these is first; what the others find must not be said by Postgres.
    created = await asyncio.gather(*(product.client.create(brief, idempotency_key=WORD) for _ in range(8)))
    (story,) = {one["id"] for one in created}
    async for _ in product.client.events(story):
        pass
    with suppress(Exception):
        await product.client.edit_scene(story, 1, [f"{WORD} sleeps."], alt_text=f"{WORD} in bed")
    for name in SERVICES:
        for door in (f"{name.upper()}_INTERNAL_PORT", f"{name.upper()}_PORT"):
            if door not in environment:
                continue
            url = f"http://127.0.0.1:{environment[door]}"
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as http:
                await asyncio.gather(knock(http, name, product.addresses.api_key, story), shout(url))
    bus = await nats.connect(product.addresses.nats_url)
    await litter(bus, story)
    await bus.close()
    # What was published last has been handled once another story is through.
    async with StoryloomClient(product.addresses.api_url, product.addresses.api_key) as client:
        last = await client.create({"characterName": "Mira", "storyType": "adventure", "assets": ["content"]})
        async for _ in client.events(last["id"]):
            pass
    found = {name: text async for name, text in places(product, home, environment)}
    said = {
        name: [line[:400] for line in text.splitlines() if WORD.lower() in line.lower()] for name, text in found.items()
    }
    assert {name: lines[:5] for name, lines in said.items() if lines} == {}
    for line in found["services.log"].splitlines():
        assert {"event", "level"} <= json.loads(line).keys()
    assert not [line for line in found["services.log"].splitlines() if json.loads(line)["event"] == "http.bug"]
    assert len(found) > 15
