"""The client asks for what the OpenAPI document has, all of it and nothing else: routes, parameters, members."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from inspect import isasyncgenfunction, iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from client import StoryloomClient, StoryloomError
from client.webhooks import Webhooks
from tests.unit.client.fake_api import FakeApi, serving

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "docs/openapi.json").read_text("utf-8"))
ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

Calls = dict[str, Callable[[StoryloomClient, Path], Awaitable[object]]]

CALLS: Calls = {
    "create": lambda c, _: c.create({"storyType": "adventure", "characterName": "Mira"}, wait=5),
    "create_once": lambda c, tmp: c.create_once({"storyType": "bedtime", "characterName": "Mira"}, resume=tmp / "a"),
    "create_batch": lambda c, _: c.create_batch([{"storyType": "adventure"}]),
    "estimate": lambda c, _: c.estimate({"storyType": "adventure"}),
    "get": lambda c, _: c.get(ID),
    "get_if_changed": lambda c, _: c.get_if_changed(ID, '"7"'),
    "list": lambda c, _: c.list(status=["ready", "partial"], story_type="bedtime", since="2026-01-31", cursor="c"),
    "receipt": lambda c, _: c.receipt(ID),
    "delete": lambda c, _: c.delete(ID),
    "events": lambda c, _: anext(c.events(ID, after=3)),
    "events_token": lambda c, _: c.events_token(ID),
    "usage": lambda c, _: c.usage(first="2026-01-01", last="2026-01-31"),
    "cancel": lambda c, _: c.cancel(ID, if_match='"7"'),
    "approve": lambda c, _: c.approve(ID, "8f14e45fceea167a"),
    "retry": lambda c, _: c.retry(ID, ["cover"], if_match='"7"'),
    "regenerate": lambda c, _: c.regenerate(ID, "cover", hint="a bigger fox", if_match='"7"'),
    "edit_scene": lambda c, _: c.edit_scene(ID, 2, "A fox.", alt_text="A fox.", if_match='"7"'),
    "asset_text": lambda c, _: c.asset_text(ID, "content"),
    "asset_url": lambda c, _: c.asset_url(ID, "audio", part="vtt"),
    "download": lambda c, tmp: c.download(ID, "audio", tmp / "a.vtt", part="vtt"),
    "book": lambda c, _: c.book(ID),
    "create_share": lambda c, _: c.create_share(ID, expires_in_days=7),
    "shares": lambda c, _: c.shares(ID),
    "revoke_share": lambda c, _: c.revoke_share(ID, ID),
    "pause_shares": lambda c, _: c.pause_shares(ID),
    "resume_shares": lambda c, _: c.resume_shares(ID),
    "openapi": lambda c, _: c.openapi(),
    "openapi_3_2": lambda c, _: c.openapi_3_2(),
    "webhooks.create": lambda c, _: c.webhooks.create("https://example.com", event_types=["story.failed"]),
    "webhooks.list": lambda c, _: c.webhooks.list(),
    "webhooks.get": lambda c, _: c.webhooks.get(ID),
    "webhooks.update": lambda c, _: c.webhooks.update(ID, url="https://x.example", event_types=[], enabled=True),
    "webhooks.delete": lambda c, _: c.webhooks.delete(ID),
    "webhooks.rotate": lambda c, _: c.webhooks.rotate(ID, overlap_seconds=60),
    "webhooks.test": lambda c, _: c.webhooks.test(ID, event_type="story.failed"),
    "webhooks.deliveries": lambda c, _: c.webhooks.deliveries(ID, limit=5, cursor="c"),
    "webhooks.redeliver": lambda c, _: c.webhooks.redeliver(ID, ID),
}
"""Every method that asks for something, with all that it can take."""
MADE_OF_OTHERS = {"create_and_wait", "wait", "download_all", "close"}
NOT_SENT = {
    # Whoever traces instruments httpx, which sends it.
    "POST /stories: traceparent in header",
    "POST /stories/batch: traceparent in header",
    # The client sends Last-Event-ID, and its key.
    "GET /stories/{id}/events: after in query",
    "GET /stories/{id}/events: token in query",
    "GET /openapi.json: If-None-Match in header",
    "GET /openapi-3.2.json: If-None-Match in header",
}
"""What the client has no use for."""
FOR_PAGES = {"GET /stories/{id}/assets/{asset}/file"}
"""The bytes that the client fetches from the store itself."""
OF_EVERY_REQUEST = {
    *("accept", "accept-encoding", "authorization", "cache-control", "connection"),
    *("content-length", "content-type", "host", "user-agent"),
}


def operations() -> Iterator[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Each operation of the document, as ``METHOD /path``, and the paths that are its."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path.removeprefix('/api/v1')}"
            yield name, re.compile(re.sub(r"\{\w+\}", "[^/]+", f"{method.upper()} {path}")), operation


def operation_of(request: web.Request) -> tuple[str, dict[str, Any] | None]:
    """The operation that a request asks for, with its declaration; by its own path where the document has none."""
    asked = f"{request.method} {request.path}"
    # What is written out comes before what a parameter would take in: /stories/batch, /stories/{id}.
    for name, pattern, operation in sorted(operations(), key=lambda one: one[0].count("{")):
        if pattern.fullmatch(asked):
            return name, operation
    return asked.replace("/api/v1", "").replace(ID, "{id}"), None


async def requests(tmp: Path) -> AsyncIterator[tuple[web.Request, bytes]]:
    """What each of the calls sends."""

    async def refuse(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"code": "no"}, status=400)

    api = FakeApi()
    async with serving(api) as url, StoryloomClient(url, "sk_test") as client:
        for call in CALLS.values():
            api.answers.append(refuse)
            with pytest.raises(StoryloomError):
                await call(client, tmp)
            request = api.requests.pop()
            yield request, await request.read()


def taken(name: str, operation: dict[str, Any]) -> set[str]:
    """All that an operation takes."""
    found = {f"{name}: {one['name']} in {one['in']}" for one in operation.get("parameters", ())}
    for media in operation.get("requestBody", {}).get("content", {}).values():
        reference = media["schema"].get("$ref")
        schema = DOCUMENT["components"]["schemas"][reference.rsplit("/", 1)[-1]] if reference else media["schema"]
        found |= {f"{name}: {member} in body" for member in schema.get("properties", ())}
    return found


def sent(name: str, request: web.Request, body: bytes) -> set[str]:
    return {
        *(f"{name}: {one} in query" for one in request.query),
        *(f"{name}: {one} in header" for one in request.headers if one.lower() not in OF_EVERY_REQUEST),
        *(f"{name}: {one} in body" for one in json.loads(body or b"{}")),
    }


def test_every_method_of_the_client_is_called_here() -> None:
    methods = {
        prefix + name
        for kind, prefix in ((StoryloomClient, ""), (Webhooks, "webhooks."))
        for name, method in vars(kind).items()
        if not name.startswith("_") and (iscoroutinefunction(method) or isasyncgenfunction(method) or name == "events")
    }
    assert methods - MADE_OF_OTHERS == set(CALLS)


async def test_the_client_asks_for_every_operation_and_for_no_other(tmp_path: Path) -> None:
    declared = {name: operation for name, _, operation in operations()}
    wanted: set[str] = set()
    unknown: set[str] = set()
    async for request, body in requests(tmp_path):
        name, operation = operation_of(request)
        wanted.add(name)
        if operation is not None:
            takes = {one.lower() for one in taken(name, operation)}
            unknown |= {one for one in sent(name, request, body) if one.lower() not in takes}
    assert set(declared) - wanted == FOR_PAGES, "the client has no method for these"
    assert wanted - set(declared) == set(), "there is no such operation"
    assert unknown == set(), "no operation takes these"


async def test_what_an_operation_takes_the_client_can_send(tmp_path: Path) -> None:
    """Parameters, that is; a brief is sent as it is given."""
    sendable: set[str] = set()
    async for request, body in requests(tmp_path):
        sendable |= {one.lower() for one in sent(operation_of(request)[0], request, body)}
    declared = {
        one
        for name, _, operation in operations()
        if name not in FOR_PAGES
        for one in taken(name, operation)
        if "in body" not in one
    }
    missing = {one for one in declared if one.lower() not in sendable and "in path" not in one}
    assert missing <= NOT_SENT
