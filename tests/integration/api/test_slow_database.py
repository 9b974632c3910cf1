"""While Postgres does not get on, every request is answered in time; once it does, all is as before."""

import asyncio

from storyloom.runtime.settings import Settings
from tests.integration.api.test_stories import address
from tests.integration.core.system import BRIEF, BY_HAND, System, running


async def test_behind_a_statement_that_hangs_every_request_is_a_503_within_five_seconds(
    settings: Settings,
) -> None:
    """More requests than the pool has connections, reading and writing."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        paths = [f"/{story_id}", "", "/00000000-0000-4000-8000-000000000000"]
        async with system.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE stories IN ACCESS EXCLUSIVE MODE")
            begun = asyncio.get_running_loop().time()
            asked = [ask(system, "GET", path) for path in paths * 4] + [ask(system, "POST", "") for _ in range(4)]
            answers = await asyncio.gather(*asked)
            took = asyncio.get_running_loop().time() - begun
        assert set(answers) == {503}
        assert took < 5
        assert await ask(system, "GET", f"/{story_id}") == 200
        assert await ask(system, "POST", "") == 202


async def ask(system: System, method: str, path: str) -> int:
    """The status of a request."""
    json = BRIEF if method == "POST" else None
    async with system.http.request(method, address(system, path), json=json, headers=system.headers) as answer:
        await answer.read()
        return answer.status
