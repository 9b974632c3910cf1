"""Every wish against every other: whatever clients want at once, every story ends, and its readers agree how."""

import asyncio
import json
from random import Random
from typing import Any
from uuid import UUID

import pytest

from storyloom.runtime.settings import Settings
from storyloom.story.assets import PUBLIC
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.jobs import AssetRequested
from tests.integration.api.command_requests import Answer, ask, judged
from tests.integration.api.test_erasure import traces
from tests.integration.core.system import SseEvent, System, running, until

STORIES, CLIENTS, WISHES = 6, 4, 8
Asked = tuple[str, str, Any]


class Moody:
    """Makers that take their time, fail now and then, and do the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def __call__(self, job: AssetRequested) -> None:
        mood = Random(f"{self._seed} {job.asset} {job.revision}")
        await asyncio.sleep(mood.uniform(0, 0.03))
        match mood.randrange(12):
            case 0:
                raise PermanentError("not today", code="content_refused")
            case 1 if mood.random() < 0.5:
                raise RetryableError("later")


def some_wish(mood: Random) -> Asked:
    """Anything that a client may want."""
    name = mood.choice(PUBLIC).value
    wishes: list[Asked] = [
        ("POST", "/assets/retry", None),
        ("POST", "/assets/retry", {"assets": [name]}),
        ("POST", f"/assets/{name}/regenerate", None),
        ("POST", f"/assets/{name}/regenerate", None),
        ("PUT", f"/scenes/{mood.randint(1, 4)}/text", {"text": f"They walked {mood.randint(1, 3)} miles."}),
        ("PUT", f"/scenes/{mood.randint(1, 4)}/text", {"text": "Rain.\n\nMore rain."}),
    ]
    if mood.random() < 0.12:
        return mood.choice([("POST", "/cancel", None), ("DELETE", "", None)])
    return mood.choice(wishes)


async def wish(system: System, stories: list[UUID], mood: Random) -> None:
    """Ask for something, half the time twice at once under one key."""
    story_id, (method, path, body) = mood.choice(stories), some_wish(mood)
    key = f"k{mood.random()}" if mood.random() < 0.5 else None
    answers: list[Answer] = await asyncio.gather(
        *(ask(system, method, story_id, path, body, key=key) for _ in range(2 if key else 1))
    )
    assert {status for status, _ in answers} <= {200, 202, 404, 409}, answers
    taken = [found["wish"]["id"] for status, found in answers if status == 202 and found.get("wish")]
    assert len(set(taken)) <= 1


async def follow(system: System, story_id: UUID) -> "asyncio.Task[list[SseEvent]]":
    """A reader who has heard the first thing, and goes on to the end."""
    listening = system.stream(story_id)
    first = await anext(listening)

    async def rest() -> list[SseEvent]:
        return [first, *[one async for one in listening]]

    return asyncio.create_task(rest())


def numbers(told: list[SseEvent]) -> list[int]:
    return [int(one[0]) for one in told if one[0] is not None]


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_is_wished_at_once_everything_ends(settings: Settings, seed: int) -> None:
    """Concurrent clients want anything of stories under way; the schedule of wishes is the seed's."""
    impatient = {"screening_seconds": 10, "erasure_sweeps": (0.5, 1.0), "job_timeout": 2.0}
    async with running(settings.model_copy(update=impatient)) as system:
        system.makers.before = Moody(seed)
        await judged(system)
        stories = [await system.post() for _ in range(STORIES)]
        watching = {story_id: await follow(system, story_id) for story_id in stories}

        async def client(number: int) -> None:
            mood = Random(f"{seed} {number}")
            for _ in range(WISHES):
                await asyncio.sleep(mood.uniform(0, 0.1))
                await wish(system, stories, mood)

        await asyncio.gather(*(client(number) for number in range(CLIENTS)))

        async def all_heard() -> bool:
            return not await system.rows(
                "SELECT FROM command_outbox w WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = w.event_id)"
            )

        await until(all_heard)
        await system.all_ended()
        await system.projector_idle()
        heard = dict(zip(watching, await asyncio.wait_for(asyncio.gather(*watching.values()), 20), strict=True))
        deleted = {row["story_id"] for row in await system.rows("SELECT story_id FROM erasures")}
        for story_id in stories:
            if story_id in deleted:
                assert [one[1] for one in heard[story_id][-2:]] in (["deleted", "end"], ["story", "end"])
            else:
                await agrees(system, story_id, heard[story_id])
        await gone(system, deleted)

        async def quiet() -> bool:
            return system.makers.running == 0 and not await system.live_jobs()

        await until(quiet)


async def agrees(system: System, story_id: UUID, heard: list[SseEvent]) -> None:
    """The story has ended, wholly, and who watched and who looks now see the same."""
    story, whole = await system.get(story_id), await system.read_stream(story_id)
    assert numbers(whole) == list(range(1, len(numbers(whole)) + 1))
    assert [one for one in heard if one[1] not in ("progress", "end")] == whole[: len(numbers(heard))]
    assert [one[1] for one in whole].count("end") == 1
    last = [json.loads(one[2])["overall"] for one in whole if one[1] == "story"][-1]
    assert story["status"] == story["assetGenerationStatus"]["overall"] == last
    statuses = {asset["status"] for asset in story["assetGenerationStatus"]["assets"].values()}
    assert statuses <= ({"ready", "failed", "cancelled"} if last == "cancelled" else {"ready", "failed"})


async def gone(system: System, deleted: set[UUID]) -> None:
    """Nothing is left of what was deleted, once the last sweep found nothing."""

    async def swept() -> bool:
        return not await system.rows("SELECT FROM erasures WHERE due_at IS NOT NULL")

    await until(swept, within=30)
    for story_id in deleted:
        assert set((await traces(system, story_id)).values()) == {0}
