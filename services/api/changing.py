"""The routes that change a story which exists: its client's wishes, and its deletion."""

from dataclasses import dataclass

from aiohttp import web

from services.api import reading, showing
from services.api.answering import BASE, as_json, caller_with
from services.api.bodies import EditBody, RetryBody
from services.api.erasing import Eraser
from services.api.wishes import Granted, Wishes
from storyloom.db.pool import Pool
from storyloom.keys import Caller
from storyloom.problems import not_found


@dataclass(frozen=True, slots=True)
class Changes:
    """Handlers. Every one asks who is calling, and takes nothing from a key without ``stories:write``.

    A wish is answered 202: it is written down, and what comes of it is told on the progress stream.
    """

    pool: Pool
    wishes: Wishes
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
        who, key = await self._caller(request), reading.idempotency_key(request)
        return _taken(await self.wishes.cancel(who, reading.story_id(request), key))

    async def retry(self, request: web.Request) -> web.Response:
        """Make failed assets, and what waits on them, again."""
        who, key = await self._caller(request), reading.idempotency_key(request)
        body = await reading.body(request, RetryBody)
        return _taken(await self.wishes.retry(who, reading.story_id(request), body.assets, key))

    async def regenerate(self, request: web.Request) -> web.Response:
        """Make another version of an asset, and whatever is made from it."""
        who, key = await self._caller(request), reading.idempotency_key(request)
        name = request.match_info["asset"]
        return _taken(await self.wishes.regenerate(who, reading.story_id(request), name, key))

    async def edit(self, request: web.Request) -> web.Response:
        """Put the client's words in the place of a scene's text. 200 if they are the scene's words already."""
        who, key = await self._caller(request), reading.idempotency_key(request)
        scene = request.match_info["scene"]
        if scene not in {"1", "2", "3", "4"}:
            raise not_found("scene")
        body = await reading.body(request, EditBody)
        granted = await self.wishes.edit(who, reading.story_id(request), int(scene), body.passage(), key)
        return _taken(granted, status=200 if granted.wish is None else 202)

    async def erase(self, request: web.Request) -> web.Response:
        """Erase the story: 200 and the receipt; 202 while something of it could not be reached, which goes on."""
        who = await self._caller(request)
        receipt = await self.eraser.erase(who, reading.story_id(request))
        return as_json(receipt, status=200 if receipt["complete"] else 202)

    async def _caller(self, request: web.Request) -> Caller:
        return await caller_with(self.pool, request, "stories:write")


def _taken(granted: Granted, *, status: int = 202) -> web.Response:
    body = showing.in_short(showing.summary(granted.row))
    wish = granted.wish
    body["wish"] = None if wish is None else {"id": wish.id, "event": wish.event}
    if granted.findings is not None:
        body["findings"] = list(granted.findings)
    return as_json(body, status=status)
