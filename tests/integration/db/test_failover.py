"""A failover in the middle of stories: the old primary still answers, read-only, and every story finishes."""

import asyncio
from pathlib import Path

from pydantic import SecretStr

from storyloom.db.migrate import migrate
from storyloom.runtime.settings import Settings
from tests.integration.core.system import BRIEF, running, until
from tests.integration.db.replication import replicated
from tests.unit.api.site import problem


async def test_stories_finish_though_their_database_fails_over(settings: Settings, tmp_path: Path) -> None:
    """Events wait while nobody takes writes; POST is a 503; connections move to the new primary by themselves."""
    async with replicated(tmp_path) as servers:
        await asyncio.to_thread(migrate, servers.url)
        changed = settings.model_copy(update={"database_url": SecretStr(servers.url)})
        async with running(changed, in_memory=True) as system:
            stories = [await system.post() for _ in range(4)]

            async def under_way() -> bool:
                return system.makers.made.total() >= 12

            await until(under_way)
            await servers.demote()

            async def taken() -> bool:
                async with system.http.post(
                    f"{system.api.url}/api/v1/stories", json=BRIEF, headers=system.headers
                ) as answer:
                    if answer.status == 202:
                        return True
                    assert answer.headers["Retry-After"] == "1"
                    assert (await problem(answer))["code"] == "database_away"
                    return False

            assert not await taken()
            await servers.promote()
            await until(taken)
            await system.all_ended()
            rows = await system.rows("SELECT status, pg_is_in_recovery() AS standby FROM stories")
            assert await system.dead() == {}
    assert [tuple(row.values()) for row in rows] == [("ready", False)] * (len(stories) + 1)
    assert set(system.makers.made.values()) == {1}
