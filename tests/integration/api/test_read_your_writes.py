"""What was accepted is seen by whoever reads next, wherever: no read is of two moments."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from services.api import app as api
from services.api import repository
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Service
from storyloom.web.keys import Caller
from tests.integration.core.system import BY_HAND, System, running


async def test_a_story_is_there_on_every_replica_as_soon_as_it_was_accepted(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        other = await api.serve(settings.model_copy(update={"status_url": system.status.url}))
        system.stack.push_async_callback(other.stop)

        async def once() -> set[int]:
            story_id = await system.post()
            path = f"/api/v1/stories/{story_id}"
            found = set()
            for url in (f"{other.url}{path}", f"{other.url}{path}/events", f"{system.status.url}{path}/events"):
                async with system.http.get(url, headers=system.headers) as answer:
                    found.add(answer.status)
            return found

        for _ in range(10):
            assert await asyncio.gather(*(once() for _ in range(10))) == [{200}] * 10


async def _command(system: System, story_id: UUID, path: str) -> str:
    url = f"{system.api.url}/api/v1/stories/{story_id}/{path}"
    async with system.http.post(url, headers=system.headers) as answer:
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["status"])


async def test_a_command_is_in_its_answer_and_in_the_next_read(settings: Settings) -> None:
    async with running(settings) as system:
        story_id = await system.post()
        await system.finished(story_id)
        await system.workers[Service.IMAGES].stop()
        assert await _command(system, story_id, "assets/cover/regenerate") == "generating"
        story = await system.get(story_id)
        assert (story["status"], story["pendingCommands"]) == ("generating", [])
        assert await _command(system, story_id, "cancel") == "cancelled"


async def test_a_command_that_nobody_applies_yet_is_pending_in_the_story(settings: Settings) -> None:
    """Status is away: the answer waits no longer than half a second, and the story says what is pending."""
    async with running(settings) as system:
        story_id = await system.post()
        await system.finished(story_id)
        async with system.http.get(f"{system.api.url}/api/v1/stories/{story_id}", headers=system.headers) as answer:
            tag = answer.headers["ETag"]
        await system.status.stop()
        async with asyncio.timeout(4):
            assert await _command(system, story_id, "assets/cover/regenerate") == "ready"
        headers = {**system.headers, "If-None-Match": tag}
        async with system.http.get(f"{system.api.url}/api/v1/stories/{story_id}", headers=headers) as answer:
            assert answer.status == 200
            (pending,) = (await answer.json())["pendingCommands"]
    assert pending["event"] == "AssetRegenerateRequested"


async def test_edits_and_regenerations_at_once_are_no_bug(settings: Settings) -> None:
    """Nobody moderates here, so that no edit is taken; each has read the story before that is known."""
    async with running(settings.model_copy(update={"screening_seconds": 0.05})) as system:
        story_id = await system.post()
        await system.finished(story_id)
        base = f"{system.api.url}/api/v1/stories/{story_id}"

        async def edit(k: int) -> int:
            body = {"text": f"Once there was a fox. It had {k + 2} lanterns, and it was glad."}
            async with system.http.put(f"{base}/scenes/1/text", json=body, headers=system.headers) as answer:
                return answer.status

        async def regenerate() -> int:
            async with system.http.post(f"{base}/assets/content/regenerate", headers=system.headers) as answer:
                return answer.status

        for k in range(4):
            statuses = await asyncio.gather(edit(k), regenerate(), edit(k + 10), regenerate())
            assert all(status in (202, 409, 503) for status in statuses), statuses


@pytest.mark.parametrize("read", [repository.take_edit_snapshot, repository.get_story])
async def test_a_story_is_read_by_one_statement(settings: Settings, read: Any) -> None:
    """Two would be two moments: a status that says ready, and no result."""
    statements: list[str] = []
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        async with system.pool.acquire() as connection:
            connection.add_query_logger(lambda query: statements.append(query.query))
            await read(connection, Caller("tests", frozenset()), story_id)
    assert len(statements) == 1
