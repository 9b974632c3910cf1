"""No child's name in logs, on subjects or in keys: not in a story that goes well, and not in one that does not."""

import logging
from typing import Any

import structlog
from structlog.testing import capture_logs

from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Service
from storyloom.story.errors import RetryableError
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import running

NAME = "Esmeraldine"
BRIEF: dict[str, Any] = {"characterName": NAME, "storyType": "adventure", "premise": f"{NAME} finds a lantern"}


class Witness(Objects):
    """A store that remembers every key that it was asked for."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, threads=2)
        self.keys: list[str] = []

    async def _call(self, operation: str, **arguments: Any) -> Any:
        self.keys.append(str(arguments.get("Key", "")))
        return await super()._call(operation, **arguments)


async def test_no_name_leaves_the_messages_that_carry_it(settings: Settings) -> None:
    """A retry, a bug whose message quotes the brief, a torn event, a refused brief: all logged, none with the name."""
    failed: set[Asset] = set()

    async def stumble(job: AssetRequested) -> None:
        if job.asset is Asset.COVER and job.asset not in failed:
            failed.add(job.asset)
            raise RetryableError("rate limit")
        if job.asset is Asset.SCENE_1:
            raise ValueError(f"cannot draw {job.brief.characters[0].name}")

    subjects: list[str] = []
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as logs:
        async with running(settings, workers=()) as system:

            async def note(message: Any) -> None:
                if message.subject.startswith(settings.nats_subject_prefix):
                    subjects.append(message.subject)

            await system.bus.client.subscribe(">", cb=note)
            store = Witness(settings)
            for service in Service:
                await system.work(service, objects=store)
            system.makers.before = stumble
            async with system.http.post(
                f"{system.api.url}/api/v1/stories", json={**BRIEF, "age": 99, NAME: 1}, headers=system.headers
            ) as answer:
                assert answer.status == 422
            torn = f'{{"event": "StoryRequested", "name": "{NAME}"}}'.encode()
            await system.bus.js.publish(system.bus.names.subject("story.evt.StoryRequested.x"), torn)
            story = await system.finished(await system.post(BRIEF))
            await system.projector_idle()
    assert story["status"] == "partial"
    events = {entry["event"] for entry in logs}
    assert {
        "job.retrying",
        "job.failed",
        "job.bug",
        "job.done",
        "projector.unreadable_event",
        "story.created",
    } <= events
    assert NAME not in str([{key: value for key, value in entry.items() if key != "exc_info"} for entry in logs])
    assert len(subjects) > 40
    assert NAME not in str(subjects)
    assert len(store.keys) > 15
    assert NAME not in str(store.keys)
