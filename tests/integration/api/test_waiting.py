"""Prefer: wait=n: the answer to a new story is the story, where it ends in time."""

import asyncio
from typing import Any

from services.api import app as api
from storyloom.runtime.settings import Settings
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until

TEXT_ONLY = {**BRIEF, "generateAssets": False}


async def subscriptions(system: System) -> int:
    """How many stories somebody waits for in the api."""
    return sum("status." in one.subject for one in system.api._broker.bus.client._subs.values())


async def post(system: System, prefer: str, *, url: str = "", key: str = "") -> tuple[int, Any, Any]:
    headers = system.headers | {"Prefer": prefer} | ({"Idempotency-Key": key} if key else {})
    address = f"{url or system.api.url}/api/v1/stories"
    async with system.http.post(address, json=TEXT_ONLY, headers=headers) as answer:
        return answer.status, answer.headers, await answer.json()


async def test_the_answer_is_the_story_once_it_has_ended_on_whichever_replica(settings: Settings) -> None:
    """…and what was waited for leaves nothing behind. One that has ended already is answered at once."""
    async with running(settings, in_memory=True) as system:
        other = await api.serve(settings.model_copy(update={"status_url": system.status.url}))
        system.stack.push_async_callback(other.stop)
        found = await asyncio.gather(
            *(post(system, "foo=1, wait=30", url=one.url, key="k") for one in (system.api, other))
        )
        for status, headers, body in found:
            assert (status, body["status"], len(body["scenes"])) == (201, "ready", 4)
            assert headers["Location"] == body["links"]["self"]
            assert headers["Preference-Applied"] == "wait=30"
            assert headers["ETag"]
        assert len(await system.rows("SELECT FROM stories")) == 1
        assert (await post(system, "wait", key="k"))[0] == 201
        assert await subscriptions(system) == 0


async def test_without_an_end_the_answer_is_a_202_after_the_time(settings: Settings) -> None:
    """Longer than any other answer may take: the limit is moved on. What is no preference of ours is ignored."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        clock = asyncio.get_running_loop().time
        begun = clock()
        status, headers, body = await post(system, "respond-async, wait=5")
        assert clock() - begun >= 5
        assert (status, body["status"], headers["Preference-Applied"]) == (202, "generating", "respond-async, wait=5")
        for prefer in ("wait=0", "wait=soon", "return=minimal", "", "respond-async"):
            status, headers, _ = await post(system, prefer)
            assert (status, headers.get("Preference-Applied")) == (202, prefer if prefer == "respond-async" else None)


async def test_who_waits_is_answered_when_the_server_stops_or_lets_go_when_the_client_does(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:

        async def waits() -> bool:
            return await subscriptions(system) == 1

        async def nobody_waits() -> bool:
            return await subscriptions(system) == 0

        waiting = asyncio.create_task(post(system, "wait=60"))
        await until(waits)
        waiting.cancel()
        await until(nobody_waits)
        waiting = asyncio.create_task(post(system, "wait=60"))
        await until(waits)
        await system.api.stop()
        status, _, body = await waiting
        assert (status, body["status"]) == (202, "generating")
