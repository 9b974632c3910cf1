"""When a story will be there, and what is late: in the story, and on its stream."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, Asset, Service
from storyloom.story.eta import LEAST_SAMPLES
from storyloom.web.past import PastAssets
from tests.contract.openapi.answers import check_event
from tests.integration.core.system import BY_HAND, System, running

NO_WORKERS: tuple[Service, ...] = ()


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    """Api and status, without workers."""
    async with running(settings, reconciler=BY_HAND, workers=NO_WORKERS) as found:
        yield found


async def add_past(system: System, *, stories: int = LEAST_SAMPLES, seconds: float = 10, revision: int = 0) -> None:
    """Stories that ended, each asset of which took so long."""
    ids = [uuid4() for _ in range(stories)]
    await system.pool.execute(
        "INSERT INTO stories (id, tenant_id, request, status, asset_generation_status, asset_generation_completed_at)"
        " SELECT id, 'tests', '{}', 'ready', '{}', now() FROM unnest($1::uuid[]) AS n (id)",
        ids,
    )
    await system.pool.execute(
        "INSERT INTO asset_generation_jobs (story_id, asset_type, status, revision, started_at, completed_at)"
        " SELECT id, asset, 'ready', $4, now() - make_interval(secs => $3), now()"
        " FROM unnest($1::uuid[]) AS n (id), unnest($2::text[]) AS a (asset)",
        ids,
        [asset.value for asset in GRAPH],
        seconds,
        revision,
    )


async def begin(system: System, story_id: UUID, asset: Asset, *, seconds: float) -> None:
    """As if a worker had taken the asset's job so long ago."""
    await system.pool.execute(
        "UPDATE asset_generation_jobs SET status = 'generating', started_at = now() - make_interval(secs => $3)"
        " WHERE story_id = $1 AND asset_type = $2",
        story_id,
        asset.value,
        seconds,
    )


async def started(system: System) -> UUID:
    story_id = await system.post()
    await system.projector_idle()
    return story_id


async def test_a_story_says_when_it_will_be_there_once_enough_is_known(system: System) -> None:
    story_id = await started(system)
    assert (await system.get(story_id))["eta"] is None
    await add_past(system, stories=LEAST_SAMPLES - 1)
    await add_past(system, stories=10, seconds=10_000, revision=1)  # edited hours later: that tells nothing
    for replica in range(2):
        past = await PastAssets(system.pool).read()
        known = past.known(Asset.COVER)
        if replica == 0:
            assert known is None
            await add_past(system, stories=1)
        else:
            assert known is not None
            assert known.samples == LEAST_SAMPLES
            assert known.low == pytest.approx(10)
            assert known.high == pytest.approx(10)


async def test_the_past_is_asked_for_twice_a_minute_and_no_more(system: System) -> None:
    now = 0.0
    past = PastAssets(system.pool, clock=lambda: now)
    assert (await past.read()).known(Asset.COVER) is None
    await add_past(system)
    now = 29.0
    assert (await past.read()).known(Asset.COVER) is None
    now = 31.0
    assert (await past.read()).known(Asset.COVER) is not None
    await system.pool.execute("DELETE FROM stories")
    now = 100.0
    assert (await past.read()).known(Asset.COVER) is not None  # what was known of it is better than nothing


async def test_the_story_and_its_stream_tell_the_same_range(system: System) -> None:
    """Eight assets one after the other, of ten seconds each."""
    await add_past(system)
    story_id = await started(system)
    story = await system.get(story_id)
    begin_at, end_at = (datetime.fromisoformat(story["eta"][name]) for name in ("from", "to"))
    assert timedelta(seconds=70) < begin_at - datetime.now(UTC) <= timedelta(seconds=81)
    assert begin_at <= end_at
    assert story["progress"] == 0
    stream = system.stream(story_id)
    assert (await anext(stream))[1] == "snapshot"
    number, event, data = await anext(stream)
    check_event(event, data, number)
    assert (number, event) == (None, "eta")
    told = json.loads(data)
    assert abs(datetime.fromisoformat(told["eta"]["to"]) - end_at) < timedelta(seconds=10)
    # Who joins later is told at once what the others know.
    later = system.stream(story_id)
    assert [(await anext(later))[1] for _ in range(2)] == ["snapshot", "eta"]
    await later.aclose()  # type: ignore[attr-defined] # it is a generator
    await stream.aclose()  # type: ignore[attr-defined] # it is a generator


async def test_a_story_that_waits_or_has_ended_has_no_range(settings: Settings) -> None:
    async with running(
        settings.model_copy(update={"limit_concurrent_stories": 1}), reconciler=BY_HAND, workers=NO_WORKERS
    ) as system:
        await add_past(system)
        first, waiting = await system.post(), await system.post()
        assert (await system.get(first))["eta"] is not None
        found = await system.get(waiting)
        assert (found["queuePosition"], found["eta"]) == (1, None)
        async with system.http.post(
            f"{system.api.url}/api/v1/stories/{first}/cancel", headers=system.headers
        ) as answer:
            assert answer.status == 202
        await system.projector_idle()
        found = await system.get(first)
        assert (found["eta"], found["progress"]) == (None, 100)


async def test_what_is_late_is_told_once_and_over_when_it_moves_on(system: System) -> None:
    await add_past(system)
    story_id = await started(system)
    stream = system.stream(story_id)
    assert [(await anext(stream))[1] for _ in range(2)] == ["snapshot", "eta"]
    await begin(system, story_id, Asset.PORTRAIT, seconds=60)
    await begin(system, story_id, Asset.OUTLINE, seconds=5)
    system.status.forecasts.touch(story_id)
    event, data = "", "{}"
    while event != "late":
        number, event, data = await anext(stream)
    check_event(event, data, number)
    told = json.loads(data)
    assert (told["asset"], told["part"]) == ("portrait", "portrait")
    expected = datetime.fromisoformat(told["expected"]) - datetime.fromisoformat(told["since"])
    assert expected == timedelta(seconds=10)
    assert [one["event"] for one in system.status.forecasts.known(story_id)] == ["eta", "late"]
    for _ in range(3):  # it is told once, however often it is looked at
        system.status.forecasts.touch(story_id)
        await system.status.forecasts.tell(datetime.now(UTC))
    await begin(system, story_id, Asset.PORTRAIT, seconds=0)  # its next attempt
    system.status.forecasts.touch(story_id)
    await system.status.forecasts.tell(datetime.now(UTC))
    assert [one["event"] for one in system.status.forecasts.known(story_id)] == ["eta"]
    await begin(system, story_id, Asset.PORTRAIT, seconds=70)
    system.status.forecasts.touch(story_id)
    events: list[str] = []
    while events.count("late") < 1:
        events.append((await anext(stream))[1])
    assert set(events) <= {"late", "eta"}
    await stream.aclose()  # type: ignore[attr-defined] # it is a generator


async def test_a_late_asset_is_marked_in_the_story(system: System) -> None:
    story_id = await started(system)
    await system.pool.execute(
        "UPDATE asset_generation_jobs SET status = 'ready' WHERE story_id = $1 AND asset_type = 'outline'", story_id
    )
    await system.pool.execute(
        "UPDATE asset_generation_jobs SET status = 'queued', queued_at = now() - interval '1 hour'"
        " WHERE story_id = $1 AND asset_type IN ('text_1', 'cover')",
        story_id,
    )
    found = await system.get(story_id)
    marked = {name for name, one in found["assetGenerationStatus"]["assets"].items() if one.get("late")}
    assert marked == {"content", "cover"}
    assert 0 < found["progress"] < 100
