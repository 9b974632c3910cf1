"""The routes: one method each, from the request to the response, and the scope that each of them requires."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import web

from services.api import repository
from services.api.auth import authenticated
from services.api.commands import Commands
from services.api.erasure import Eraser
from services.api.limits import RequestLimiter
from services.api.schemas import EditBody, RetryBody, read_body, read_brief, read_page
from services.api.serializers import (
    BASE,
    accepted_command,
    content,
    json_response,
    story_page,
    story_reference,
    story_resource,
)
from services.api.stream_proxy import StreamProxy
from storyloom.db.pool import Pool
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset
from storyloom.web.authentication import Authenticator
from storyloom.web.exchange import read_trace
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem, not_found


@dataclass(frozen=True, slots=True)
class Routes:
    """The handlers. None of them can be called without a caller: ``table`` wraps each in its authentication.

    Commands are answered with 202: they are accepted, and what they change is published on the progress stream.
    """

    pool: Pool
    keys: Authenticator
    limiter: RequestLimiter
    commands: Commands
    eraser: Eraser
    objects: Objects
    streams: StreamProxy
    status_url: str | None

    def table(self) -> list[web.RouteDef]:
        """Which handler answers where, for keys of which scope."""
        keys, limiter, stories, story = self.keys, self.limiter, f"{BASE}/stories", f"{BASE}/stories/{{id}}"
        return [
            web.post(stories, authenticated(keys, limiter, "stories:write", self.create)),
            web.get(stories, authenticated(keys, limiter, "stories:read", self.list)),
            web.get(story, authenticated(keys, limiter, "stories:read", self.get)),
            web.delete(story, authenticated(keys, limiter, "stories:write", self.delete)),
            # An endless answer has no head without its body: HEAD is a 405.
            web.get(f"{story}/events", authenticated(keys, limiter, "stories:read", self.events), allow_head=False),
            web.get(f"{story}/assets/{{asset}}", authenticated(keys, limiter, "stories:read", self.asset)),
            web.post(f"{story}/cancel", authenticated(keys, limiter, "stories:write", self.cancel)),
            web.post(f"{story}/assets/retry", authenticated(keys, limiter, "stories:write", self.retry)),
            web.post(
                f"{story}/assets/{{asset}}/regenerate", authenticated(keys, limiter, "stories:write", self.regenerate)
            ),
            web.put(f"{story}/scenes/{{scene}}/text", authenticated(keys, limiter, "stories:write", self.edit)),
        ]

    async def create(self, request: web.Request, caller: Caller) -> web.Response:
        """Create a story from a brief: 202 and the story, which is generating."""
        key = read_idempotency_key(request)
        brief = await read_brief(request)
        story_id = await self.commands.create(caller, brief, trace=read_trace(request), idempotency_key=key)
        row, _ = await repository.get_story(self.pool, caller, story_id)
        return json_response(story_reference(row), status=202, headers={"Location": f"{BASE}/stories/{story_id}"})

    async def list(self, request: web.Request, caller: Caller) -> web.Response:
        """The caller's stories, newest first."""
        rows, more = await repository.list_stories(self.pool, caller, read_page(request))
        return json_response(story_page(rows, more=more))

    async def get(self, request: web.Request, caller: Caller) -> web.Response:
        """One story; 304 where the client has this version."""
        row, results = await repository.get_story(self.pool, caller, read_story_id(request))
        waits = "" if row["queue_position"] is None else f"-{row['queue_position']}"
        etag = f'"{row["version"]}-{len(row["pending"])}{waits}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return json_response(story_resource(row, results), headers=headers)

    async def asset(self, request: web.Request, caller: Caller) -> web.Response:
        """A ready asset: 302 to its bytes, or JSON where it is text. ``?part=vtt``: the audio's captions."""
        story_id, name = read_story_id(request), request.match_info["asset"]
        asset, result = await repository.get_result(self.pool, caller, story_id, name)
        if asset is Asset.ACTIVITIES:
            return json_response(result["activities"])
        if asset is Asset.CONTENT:
            return json_response(content(result))
        stored = _stored_object(result, request.query.get("part"))
        suffix = stored["key"].rsplit(".", 1)[-1]
        url = await self.objects.presign(
            stored["key"], content_type=stored["content_type"], filename=f"{asset.value}.{suffix}"
        )
        return web.Response(status=302, headers={"Location": url, "Cache-Control": "private, no-store"})

    async def events(self, request: web.Request, _caller: Caller) -> web.StreamResponse:
        """The progress stream, proxied from status. Not used where an ingress routes this path to status itself."""
        if self.status_url is None:
            raise Problem(501, "stream_elsewhere", "The progress stream is not connected to this API.")
        return await self.streams.forward(request, f"{self.status_url}{BASE}/stories/{read_story_id(request)}/events")

    async def cancel(self, request: web.Request, caller: Caller) -> web.Response:
        """Cancel the story: running jobs are stopped, finished assets stay."""
        key = read_idempotency_key(request)
        result = await self.commands.cancel(caller, read_story_id(request), key)
        return json_response(accepted_command(result), status=202)

    async def retry(self, request: web.Request, caller: Caller) -> web.Response:
        """Retry failed assets, and what depends on them."""
        key = read_idempotency_key(request)
        body = await read_body(request, RetryBody)
        result = await self.commands.retry(caller, read_story_id(request), body.assets, key)
        return json_response(accepted_command(result), status=202)

    async def regenerate(self, request: web.Request, caller: Caller) -> web.Response:
        """Make another version of an asset, and of whatever is made from it."""
        key, name = read_idempotency_key(request), request.match_info["asset"]
        result = await self.commands.regenerate(caller, read_story_id(request), name, key)
        return json_response(accepted_command(result), status=202)

    async def edit(self, request: web.Request, caller: Caller) -> web.Response:
        """Replace a scene's text. 200 where this is the scene's text already."""
        key, scene = read_idempotency_key(request), request.match_info["scene"]
        if scene not in {"1", "2", "3", "4"}:
            raise not_found("scene")
        body = await read_body(request, EditBody)
        result = await self.commands.edit(caller, read_story_id(request), int(scene), body.passage(), key)
        return json_response(accepted_command(result), status=200 if result.event is None else 202)

    async def delete(self, request: web.Request, caller: Caller) -> web.Response:
        """Erase the story: 200 and the receipt; 202 while NATS or the store was not reachable, and it goes on."""
        receipt = await self.eraser.erase(caller, read_story_id(request))
        return json_response(receipt, status=200 if receipt["complete"] else 202)


def read_idempotency_key(request: web.Request) -> str | None:
    """The header Idempotency-Key: the same request with the same key is accepted once. Raises a 400 Problem."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 200 and key.isascii()):
        raise Problem(400, "bad_idempotency_key", "Idempotency-Key holds 1 to 200 ASCII characters.")
    return key


def read_story_id(request: web.Request) -> UUID:
    """The id in the path. Raises a 404 Problem for what is not a UUID."""
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        raise not_found("story") from None


def _stored_object(result: Mapping[str, Any], part: str | None) -> Mapping[str, Any]:
    if part is not None and part != "vtt":
        raise not_found("part of this asset")
    names = ("vtt",) if part else ("image", "audio", "pdf")
    stored: Mapping[str, Any] | None = next((result[name] for name in names if name in result), None)
    if stored is None:
        raise not_found("part of this asset")
    return stored
