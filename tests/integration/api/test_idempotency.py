"""Idempotency-Key: a request is carried out once, on whichever replica it arrives, and says when it was before."""

import asyncio
from typing import Any

from services.api import app as api
from storyloom.runtime.settings import Settings
from tests.integration.core.system import BRIEF, BY_HAND, System, running

Answer = tuple[int, bool, dict[str, Any]]
"""Status, whether it is a replay, and body."""


async def post(system: System, url: str, body: Any, key: str) -> Answer:
    headers = {**system.headers, "Idempotency-Key": key}
    async with system.http.post(url, json=body, headers=headers) as answer:
        replayed = answer.headers.get("Idempotency-Replayed")
        assert replayed in (None, "true")
        return answer.status, replayed == "true", await answer.json(content_type=None)


async def test_two_requests_at_the_same_instant_on_two_replicas_are_one_story(settings: Settings) -> None:
    """All are answered with it, and one of them made it. Another brief is refused, wherever."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        other = await api.serve(settings.model_copy(update={"status_url": system.status.url}))
        system.stack.push_async_callback(other.stop)
        urls = [f"{one.url}/api/v1/stories" for one in (system.api, other)]
        for round_ in range(5):
            answers = await asyncio.gather(*(post(system, url, BRIEF, f"order-{round_}") for url in urls * 4))
            assert {status for status, _, _ in answers} == {202}
            assert len({body["id"] for _, _, body in answers}) == 1
            assert [replayed for _, replayed, _ in answers].count(False) == 1
        for url in urls:
            status, replayed, body = await post(system, url, {**BRIEF, "age": 6}, "order-1")
            assert (status, replayed, body["code"]) == (422, False, "key_reused")
        assert len(await system.rows("SELECT FROM stories")) == 5
        counted = await system.rows("SELECT stories FROM tenant_story_counts")
        assert [row["stories"] for row in counted] == [5]


async def test_a_key_lives_for_a_day(settings: Settings) -> None:
    """After that the same key is another request's, whatever its body; the older story stays."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        url = f"{system.api.url}/api/v1/stories"
        _, _, first = await post(system, url, BRIEF, "order")
        await system.pool.execute("UPDATE stories SET created_at = now() - interval '23 hours 59 minutes'")
        assert (await post(system, url, BRIEF, "order"))[1:] == (True, first)
        await system.pool.execute("UPDATE stories SET created_at = now() - interval '24 hours 1 second'")
        answers = await asyncio.gather(*(post(system, url, {**BRIEF, "age": 6}, "order") for _ in range(4)))
        (second,) = {body["id"] for _, _, body in answers}
        assert second != first["id"]
        assert [replayed for _, replayed, _ in answers].count(False) == 1
        assert (await post(system, url, BRIEF, "order"))[2]["code"] == "key_reused"
        assert len(await system.rows("SELECT FROM stories")) == 2


async def test_a_command_that_is_sent_again_says_so(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        url = f"{system.api.url}/api/v1/stories"
        _, _, story = await post(system, url, BRIEF, "order")
        cancel = f"{url}/{story['id']}/cancel"
        status, replayed, first = await post(system, cancel, None, "stop")
        assert (status, replayed) == (202, False)
        assert (await post(system, cancel, None, "stop")) == (202, True, first)
        assert (await post(system, cancel, None, "stop-2"))[1] is False  # another request; nothing had to change
