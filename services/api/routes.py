"""The routes: one function each, from the request to the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from services.api import requests, serializers
from services.api.commands import CommandResult, Commands
from services.api.erasure import Eraser
from services.api.responses import BASE, as_json, caller_with
from services.api.schemas import EditBody, RetryBody
from services.api.serializers import in_short
from services.api.stories import Stories
from storyloom.db.pool import Pool
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset
from storyloom.web.keys import Caller, Scope
from storyloom.web.problems import Problem, not_found


@dataclass(frozen=True, slots=True)
class Routes:
    """Handlers. Every one asks who is calling."""

    stories: Stories
    objects: Objects
    http: ClientSession
    status_url: str | None

    def table(self) -> list[web.RouteDef]:
        """What answers where."""
        return [
            web.post(f"{BASE}/stories", self.create),
            web.get(f"{BASE}/stories", self.list),
            web.get(f"{BASE}/stories/{{id}}", self.get),
            # An endless answer has no head without its body: HEAD is a 405.
            web.get(f"{BASE}/stories/{{id}}/events", self.events, allow_head=False),
            web.get(f"{BASE}/stories/{{id}}/assets/{{asset}}", self.asset),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Take a brief: 202 and the story, on its way."""
        who = await self._caller(request, "stories:write")
        key = requests.idempotency_key(request)
        brief, _ = await requests.brief(request)
        story_id = await self.stories.create(who, brief, trace=requests.trace(request), idempotency_key=key)
        story, _ = await self.stories.get(who, story_id)
        headers = {"Location": f"{BASE}/stories/{story_id}"}
        return as_json(in_short(story), status=202, headers=headers)

    async def list(self, request: web.Request) -> web.Response:
        """The caller's stories, newest first."""
        who = await self._caller(request, "stories:read")
        return as_json(await self.stories.list(who, requests.page(request)))

    async def get(self, request: web.Request) -> web.Response:
        """One story as it stands; 304 if the caller has it already."""
        who = await self._caller(request, "stories:read")
        story, version = await self.stories.get(who, requests.story_id(request))
        tag = f'"{version}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return as_json(story, headers=headers)

    async def asset(self, request: web.Request) -> web.Response:
        """A ready asset: 302 to its bytes, or the JSON of those that are words. ``?part=vtt``: the audio's captions."""
        who = await self._caller(request, "stories:read")
        asset, result = await self.stories.result(who, requests.story_id(request), request.match_info["asset"])
        if asset is Asset.ACTIVITIES:
            return as_json(result["activities"])
        if asset is Asset.CONTENT:
            scenes = [{"scene": text["scene"], "text": "\n\n".join(text["paragraphs"])} for text in result["scenes"]]
            return as_json({"title": result["title"], "logline": result["logline"], "scenes": scenes})
        stored = _stored(result, request.query.get("part"))
        suffix = stored["key"].rsplit(".", 1)[-1]
        url = await self.objects.presign(
            stored["key"], content_type=stored["content_type"], filename=f"{asset.value}.{suffix}"
        )
        return web.Response(status=302, headers={"Location": url, "Cache-Control": "private, no-store"})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """The progress stream, passed on from status. Where an ingress sends it there by itself this is never asked."""
        if self.status_url is None:
            raise Problem(503, "stream_elsewhere", "The progress stream is not connected to this API.")
        story_id = requests.story_id(request)
        passed = {name: request.headers[name] for name in ("Authorization", "Last-Event-ID") if name in request.headers}
        url = f"{self.status_url}{BASE}/stories/{story_id}/events"
        answer: web.StreamResponse | None = None
        try:
            async with self.http.get(
                url, headers=passed, params=request.query, timeout=ClientTimeout(total=None, connect=5, sock_read=60)
            ) as upstream:
                answer = web.StreamResponse(status=upstream.status, headers=_passed_on(upstream.headers))
                await answer.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await answer.write(chunk)
                return answer
        except ClientError as error:
            if answer is not None and answer.prepared:
                return answer  # it has begun: it ends here, and the reader comes back by its last id
            raise Problem(503, "stream_away", "The progress stream is away; try again.") from error

    async def _caller(self, request: web.Request, scope: Scope) -> Caller:
        return await caller_with(self.stories.pool, request, scope)


def _stored(result: Mapping[str, Any], part: str | None) -> Mapping[str, Any]:
    if part is not None and part != "vtt":
        raise not_found("part of this asset")
    names = ("vtt",) if part else ("image", "audio", "pdf")
    stored: Mapping[str, Any] | None = next((result[name] for name in names if name in result), None)
    if stored is None:
        raise not_found("part of this asset")
    return stored


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    kept = ("Content-Type", "Cache-Control", "X-Accel-Buffering", "WWW-Authenticate", "Retry-After")
    return {name: headers[name] for name in kept if name in headers}


@dataclass(frozen=True, slots=True)
class Changes:
    """Handlers. Every one asks who is calling, and takes nothing from a key without ``stories:write``.

    A wish is answered 202: it is written down, and what comes of it is told on the progress stream.
    """

    pool: Pool
    wishes: Commands
    eraser: Eraser

    def table(self) -> list[web.RouteDef]:
        """What answers where."""
        story = f"{BASE}/stories/{{id}}"
        return [
            web.post(f"{story}/cancel", self.cancel),
            web.post(f"{story}/assets/retry", self.retry),
            web.post(f"{story}/assets/{{asset}}/regenerate", self.regenerate),
            web.put(f"{story}/scenes/{{scene}}/text", self.edit),
            web.delete(story, self.erase),
        ]

    async def cancel(self, request: web.Request) -> web.Response:
        """Stop making the story: what runs is dropped, finished assets stay."""
        who, key = await self._caller(request), requests.idempotency_key(request)
        return _taken(await self.wishes.cancel(who, requests.story_id(request), key))

    async def retry(self, request: web.Request) -> web.Response:
        """Make failed assets, and what waits on them, again."""
        who, key = await self._caller(request), requests.idempotency_key(request)
        body = await requests.body(request, RetryBody)
        return _taken(await self.wishes.retry(who, requests.story_id(request), body.assets, key))

    async def regenerate(self, request: web.Request) -> web.Response:
        """Make another version of an asset, and whatever is made from it."""
        who, key = await self._caller(request), requests.idempotency_key(request)
        name = request.match_info["asset"]
        return _taken(await self.wishes.regenerate(who, requests.story_id(request), name, key))

    async def edit(self, request: web.Request) -> web.Response:
        """Put the client's words in the place of a scene's text. 200 if they are the scene's words already."""
        who, key = await self._caller(request), requests.idempotency_key(request)
        scene = request.match_info["scene"]
        if scene not in {"1", "2", "3", "4"}:
            raise not_found("scene")
        body = await requests.body(request, EditBody)
        granted = await self.wishes.edit(who, requests.story_id(request), int(scene), body.passage(), key)
        return _taken(granted, status=200 if granted.wish is None else 202)

    async def erase(self, request: web.Request) -> web.Response:
        """Erase the story: 200 and the receipt; 202 while something of it could not be reached, which goes on."""
        who = await self._caller(request)
        receipt = await self.eraser.erase(who, requests.story_id(request))
        return as_json(receipt, status=200 if receipt["complete"] else 202)

    async def _caller(self, request: web.Request) -> Caller:
        return await caller_with(self.pool, request, "stories:write")


def _taken(granted: CommandResult, *, status: int = 202) -> web.Response:
    body = serializers.in_short(serializers.summary(granted.row))
    wish = granted.wish
    body["wish"] = None if wish is None else {"id": wish.id, "event": wish.event}
    if granted.findings is not None:
        body["findings"] = list(granted.findings)
    return as_json(body, status=status)
