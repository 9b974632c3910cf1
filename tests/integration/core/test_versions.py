"""Old and new releases at work side by side: each takes what it can read, and buries nothing of the other's."""

import orjson
import pytest

from storyloom.jobs import runner
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset
from storyloom.story.events import AssetCompleted
from tests.integration.core.floor import Floor, floor
from tests.integration.core.system import until


async def test_a_job_of_a_newer_release_is_left_to_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handed back again and again, never buried; whoever can read it takes it. Here an operator puts it right."""
    monkeypatch.setattr(runner, "NEWER_VERSION_DELAY_SECONDS", 0.05)
    async with floor(settings) as on:
        job = await on.order()
        names = on.bus.names
        subject = names.subject(job.subject)
        told = orjson.loads(job.body) | {"version": 99, "brief": "another shape"}
        await on.bus.js.purge_stream(names.jobs)
        await on.bus.js.publish(subject, orjson.dumps(told), stream=names.jobs)
        await on.work()
        await until(lambda: _redelivered(on, 3))
        assert (await on.bus.js.stream_info(names.jobs)).state.messages == 1
        assert await on.letters() == []
        assert on.told == []


async def _redelivered(on: Floor, times: int) -> bool:
    names = on.bus.names
    info = await on.bus.js.consumer_info(names.jobs, f"{names.prefix}images-normal")
    delivered = info.delivered
    return delivered is not None and delivered.consumer_seq > times


async def test_a_job_of_the_release_before_is_made(settings: Settings) -> None:
    """Version 1 knew no revision."""
    async with floor(settings) as on:
        job = await on.order()
        names = on.bus.names
        told = orjson.loads(job.body) | {"version": 1}
        del told["revision"]
        await on.bus.js.purge_stream(names.jobs)
        await on.bus.js.publish(names.subject(job.subject), orjson.dumps(told), stream=names.jobs)
        await on.work()
        await on.heard(AssetCompleted, job)
        assert await on.letters() == []
    assert on.makers.made[job.story_id, Asset.COVER] == 1


@pytest.mark.parametrize("version", ["99", 0, None, 2.5])
async def test_what_only_looks_newer_is_buried(settings: Settings, version: object) -> None:
    async with floor(settings) as on:
        job = await on.order()
        names = on.bus.names
        told = orjson.loads(job.body) | {"version": version}
        await on.bus.js.purge_stream(names.jobs)
        await on.bus.js.publish(names.subject(job.subject), orjson.dumps(told), stream=names.jobs)
        await on.work()
        await on.settled()
        (letter,) = await on.letters()
    assert letter.kind == "unreadable"
