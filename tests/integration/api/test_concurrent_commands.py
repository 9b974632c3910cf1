"""All commands against all others: whatever clients send at once, every story ends, and its readers agree how."""

import asyncio
import json
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.api import repository
from storyloom.runtime.settings import Settings
from storyloom.story.assets import PUBLIC
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.jobs import AssetRequested
from storyloom.story.journey import begin
from tests.integration.api.command_requests import Answer, answer_edits, send
from tests.integration.api.test_erasure import remaining
from tests.integration.core.system import BY_HAND, SseEvent, System, running, until
from tests.unit.jobs.test_dead_letters import JOB

STORIES, CLIENTS, COMMANDS = 6, 4, 8
Request = tuple[str, str, Any]


class Unsteady:
    """Makers that take their time, fail now and then, and do the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def __call__(self, job: AssetRequested) -> None:
        random = Random(f"{self._seed} {job.asset} {job.revision}")
        await asyncio.sleep(random.uniform(0, 0.03))
        match random.randrange(12):
            case 0:
                raise PermanentError("not today", code="content_refused")
            case 1 if random.random() < 0.5:
                raise RetryableError("later")


def random_command(random: Random) -> Request:
    """Any command that a client may send."""
    name = random.choice(PUBLIC).value
    commands: list[Request] = [
        ("POST", "/assets/retry", None),
        ("POST", "/assets/retry", {"assets": [name]}),
        ("POST", f"/assets/{name}/regenerate", None),
        ("POST", f"/assets/{name}/regenerate", None),
        ("PUT", f"/scenes/{random.randint(1, 4)}/text", {"text": f"They walked {random.randint(1, 3)} miles."}),
        ("PUT", f"/scenes/{random.randint(1, 4)}/text", {"text": "Rain.\n\nMore rain."}),
    ]
    if random.random() < 0.12:
        return random.choice([("POST", "/cancel", None), ("DELETE", "", None)])
    return random.choice(commands)


async def test_of_two_requests_with_one_key_the_later_is_no_error_of_postgres(settings: Settings) -> None:
    """Postgres logs an error with the values of its key, and a client's key belongs in no log."""
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        brief = JOB.brief

        async def write(story_id: UUID) -> bool | None:
            journey = begin(story_id, "tests", "", brief)
            return await repository.create_story(
                system.pool, journey, defaults=settings, idempotency_key="once", request_hash=b""
            )

        written = [await write(uuid4()), await write(uuid4())]
        assert written == [True, None]
        assert await system.pool.fetchval("SELECT stories FROM tenant_story_counts") == 1
        (row,) = await system.rows("SELECT count(DISTINCT story_id) FROM asset_generation_jobs")
        assert row["count"] == 1


async def send_command(system: System, stories: list[UUID], random: Random) -> None:
    """Send some command, half the time twice at once with one key."""
    story_id, (method, path, body) = random.choice(stories), random_command(random)
    key = f"k{random.random()}" if random.random() < 0.5 else None
    answers: list[Answer] = await asyncio.gather(
        *(send(system, method, story_id, path, body, key=key) for _ in range(2 if key else 1))
    )
    for status, found in answers:
        # On a busy machine some take too long: whether they were carried out nobody knows.
        assert status in {200, 202, 404, 409} or found["code"] == "too_slow", answers
    accepted = [found["wish"]["id"] for status, found in answers if status == 202 and found.get("wish")]
    assert len(set(accepted)) <= 1


async def follow(system: System, story_id: UUID) -> "asyncio.Task[list[SseEvent]]":
    """A reader that has received the first event, and goes on to the end."""
    stream = system.stream(story_id)
    first = await anext(stream)

    async def rest() -> list[SseEvent]:
        return [first, *[one async for one in stream]]

    return asyncio.create_task(rest())


def numbers(events: list[SseEvent]) -> list[int]:
    return [int(one[0]) for one in events if one[0] is not None]


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_is_sent_at_once_everything_ends(settings: Settings, seed: int) -> None:
    """Concurrent clients send any commands on stories in the making; the seed decides which and when."""
    short = {"screening_seconds": 10, "erasure_sweeps": (0.5, 1.0), "job_timeout": 2.0}
    async with running(settings.model_copy(update=short)) as system:
        system.makers.before = Unsteady(seed)
        await answer_edits(system)
        stories = [await system.post() for _ in range(STORIES)]
        reading = {story_id: await follow(system, story_id) for story_id in stories}

        async def client(number: int) -> None:
            random = Random(f"{seed} {number}")
            for _ in range(COMMANDS):
                await asyncio.sleep(random.uniform(0, 0.1))
                await send_command(system, stories, random)

        await asyncio.gather(*(client(number) for number in range(CLIENTS)))

        async def all_applied() -> bool:
            return not await system.rows(
                "SELECT FROM command_outbox c WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = c.event_id)"
            )

        await until(all_applied)
        await system.all_ended()
        await system.projector_idle()
        received = dict(zip(reading, await asyncio.wait_for(asyncio.gather(*reading.values()), 20), strict=True))
        deleted = {row["story_id"] for row in await system.rows("SELECT story_id FROM erasures")}
        for story_id in stories:
            if story_id in deleted:
                assert [one[1] for one in received[story_id][-2:]] in (["deleted", "end"], ["story", "end"])
            else:
                await agrees(system, story_id, received[story_id])
        await gone(system, deleted)

        async def quiet() -> bool:
            return system.makers.running == 0 and not await system.live_jobs()

        await until(quiet)


async def agrees(system: System, story_id: UUID, received: list[SseEvent]) -> None:
    """The story has ended, wholly, and those that read live and those that read now get the same."""
    story, whole = await system.get(story_id), await system.read_stream(story_id)
    assert numbers(whole) == list(range(1, len(numbers(whole)) + 1))
    assert [one for one in received if one[1] not in ("progress", "end")] == whole[: len(numbers(received))]
    assert [one[1] for one in whole].count("end") == 1
    last = [json.loads(one[2])["overall"] for one in whole if one[1] == "story"][-1]
    assert story["status"] == story["assetGenerationStatus"]["overall"] == last
    statuses = {asset["status"] for asset in story["assetGenerationStatus"]["assets"].values()}
    assert statuses <= ({"ready", "failed", "cancelled"} if last == "cancelled" else {"ready", "failed"})


async def gone(system: System, deleted: set[UUID]) -> None:
    """Nothing is left of what was deleted, once the last purge found nothing."""

    async def purged() -> bool:
        return not await system.rows("SELECT FROM erasures WHERE due_at IS NOT NULL")

    await until(purged, within=30)
    for story_id in deleted:
        assert set((await remaining(system, story_id)).values()) == {0}
