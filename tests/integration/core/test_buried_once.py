"""A message that was dead-lettered is not dead-lettered again when it is delivered again."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy
from pydantic import ValidationError

from storyloom.jobs.dead_letters import dead_letter_message, unreadable
from storyloom.messaging.connection import OutboundMessage, PublishOutcome
from storyloom.operations.dead_letters import Filter, list_entries
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Service
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until


async def listed(system: System) -> int:
    """How many dead letters an operator sees."""
    return len([entry async for entry in list_entries(system.bus, Filter())])


async def test_an_event_that_cannot_be_read_is_dead_lettered_once_however_often_it_comes(settings: Settings) -> None:
    """As after an acknowledgement that was lost, or a restart: the same message, delivered by the stream again."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        bus = system.bus
        wrong = OutboundMessage(f"story.evt.AssetCompleted.{uuid4()}", b'{"event": "AssetCompleted"}', None)
        await bus.publish(bus.names.story, [wrong])

        async def buried() -> bool:
            return await listed(system) == 1

        await until(buried)
        for _ in range(2):
            again = await bus.js.pull_subscribe(
                bus.names.subject(wrong.subject),
                stream=bus.names.story,
                config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL),
            )
            await system.status.projector._handle_batch(await again.fetch(1))
        assert await listed(system) == 1
        await bus.publish(bus.names.story, [wrong])
        await system.projector_idle()
        assert await listed(system) == 2, "the same once more is another message"


def letter_of(message: Msg) -> OutboundMessage:
    with pytest.raises(ValidationError) as raised:
        AssetRequested.model_validate_json(message.data)
    return unreadable(message, raised.value, Service.IMAGES).message


async def test_a_message_that_is_no_job_is_dead_lettered_once_however_often_it_comes(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        bus, outcomes = system.bus, []
        wrong = OutboundMessage(f"job.images.normal.{uuid4()}.cover", b"no job", None)
        await bus.publish(bus.names.jobs, [wrong])
        lane = await bus.js.pull_subscribe_bind(f"{bus.names.prefix}images-normal", bus.names.jobs)
        for _ in range(2):
            (message,) = await lane.fetch(1)
            outcomes += await bus.publish(bus.names.dead, [letter_of(message)])
            await message.nak()
        assert outcomes == [PublishOutcome.STORED, PublishOutcome.REPEATED]
        assert await listed(system) == 1


async def test_a_job_is_dead_lettered_once_for_as_long_as_its_letter_is_kept(settings: Settings) -> None:
    story_id = uuid4()
    job = AssetRequested(
        id=f"{story_id}.cover",
        story_id=story_id,
        tenant_id="tests",
        trace="",
        at=datetime.now(UTC),
        asset=Asset.COVER,
        fingerprint=fingerprint("cover"),
        brief=Brief.asked(BRIEF),
    )
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        bus, outcomes = system.bus, []
        for put_back in (False, True):
            again = job.model_copy(update={"put_back": put_back})
            letter = dead_letter_message(again, PermanentError("no", code="unsafe"), attempts=1)
            outcomes += await bus.publish(bus.names.dead, [letter])
        assert outcomes == [PublishOutcome.STORED, PublishOutcome.REPEATED]
        config = (await bus.js.stream_info(bus.names.dead)).config
        assert config.duplicate_window == config.max_age, "the server knows a letter's id as long as the letter"
