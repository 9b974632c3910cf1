"""The operators' page: what its routes answer on a real system, without a child's name, and who may replay."""

from typing import Any

import orjson
from aiohttp import ClientSession

from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Service
from storyloom.web.keys import Scope, add_key
from tests.integration.core.system import System, running, until
from tests.integration.ops.test_dead import NAMED, Refusing, is_ready

HIDDEN = (b"Zebulona", b"the provider will not draw this")


class Page:
    """A browser's questions to the internal port. No answer holds what describes a child, or a provider's words."""

    def __init__(self, system: System, http: ClientSession) -> None:
        self._url = f"{system.status.internal_url}/ops"
        self._http = http

    async def get(self, path: str, *, status: int = 200) -> Any:
        async with self._http.get(f"{self._url}/{path}") as answer:
            body = await answer.read()
            assert answer.status == status, body
            assert "default-src 'none'" in answer.headers.get("Content-Security-Policy", "") or status >= 400
            assert not [word for word in HIDDEN if word in body]
            return orjson.loads(body) if "json" in answer.content_type else body

    async def replay(self, ids: list[int], key: str | None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self._http.post(f"{self._url}/api/dead/replay", json={"ids": ids}, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


async def key_of(system: System, *scopes: Scope) -> str:
    return await add_key(system.pool, "operators", "night", scopes=scopes)


async def test_a_failed_asset_is_seen_and_replayed_by_an_operator_alone(settings: Settings) -> None:
    """One system for all views: what is made, what failed, its dead letter, and the replay of it."""
    async with running(settings) as system, ClientSession() as http:
        page = Page(system, http)
        system.makers.before = refusing = Refusing(Asset.COVER)
        story_id = await system.post(NAMED)
        await system.finished(story_id)
        now, findings = await page.get("api/now"), await page.get("api/findings")
        listed = await page.get("api/stories?trouble=1&status=partial&days=1")
        others = await page.get("api/stories?status=generating")
        story = await page.get(f"api/stories/{story_id}")
        dead = await page.get(f"api/dead?service=images&story={story_id}")
        (letter,) = dead["letters"]
        refused = [
            (await page.replay([letter["id"]], key))[0]
            for key in (None, "sk_" + 43 * "x", await key_of(system, "admin", "stories:write"))
        ]
        refusing.assets.clear()
        operator = await key_of(system, "operator")
        assert (await page.replay([], operator))[0] == 422
        status, answer = await page.replay([letter["id"], 4711], operator)
        await until(lambda: is_ready(system, story_id))
        again = await page.replay([letter["id"]], operator)
        for wrong in ("api/stories?status=lost", "api/stories?days=3", "api/stories?before=x", "api/dead?service=x"):
            await page.get(wrong, status=400)
        await page.get("api/stories/1", status=404)
        await page.get("files/ops.html", status=404)
        assert b"<title>" in await page.get("")
    assert {one["service"] for one in now["workers"]} == {service.value for service in Service}
    assert (now["deadLetters"], now["unfinished"], len(now["lanes"])) == (1, 0, 12)
    assert findings["verdict"] == "healthy"
    assert ([one["id"] for one in listed["stories"]], others["stories"]) == ([str(story_id)], [])
    assert (listed["stories"][0]["failed"], listed["stories"][0]["assets"]) == (1, len(Asset))
    assets = {one["asset"]: one for one in story["assets"]}
    assert (assets["cover"]["status"], assets["cover"]["code"]) == ("failed", "content_refused")
    assert assets["cover"]["waitsFor"] == ["outline", "portrait"]
    assert story["updates"][-1]["status"] == "partial"
    assert (letter["asset"], letter["code"], letter["requestId"]) == ("cover", "content_refused", "req_7")
    assert refused == [401, 401, 403]
    assert (status, [(one["id"], one["done"]) for one in answer["replays"]]) == (
        200,
        [(letter["id"], True), (4711, False)],
    )
    assert [one["done"] for one in again[1]["replays"]] == [False]


async def test_a_story_in_the_making_says_where_each_asset_is(settings: Settings) -> None:
    """No worker runs: the first jobs are queued, the others wait for them."""
    async with running(settings, workers=()) as system, ClientSession() as http:
        story_id = await system.post(NAMED)
        await until(lambda: queued(system))
        story = await Page(system, http).get(f"api/stories/{story_id}")
    states = {one["asset"]: one["now"] and one["now"]["state"] for one in story["assets"]}
    assert (states["outline"], states["cover"]) == ("queued", "waiting")


async def queued(system: System) -> bool:
    return len(await system.live_jobs()) == 2
