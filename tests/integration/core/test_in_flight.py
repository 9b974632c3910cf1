"""Who holds what: every worker says so, in a form that programs read."""

import asyncio
from datetime import UTC, datetime

from nats.aio.msg import Msg

from storyloom.jobs.in_flight import InFlightJobs, query_workers
from storyloom.jobs.runner import JobRunner
from storyloom.messaging.connection import connect
from storyloom.messaging.topology import QUERY_WORKERS
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Service
from tests.integration.core.system import running, until


async def test_workers_say_which_job_they_hold_and_since_when(settings: Settings) -> None:
    """Every one answers, idle ones too; a voice that makes no sense is passed over."""
    release = asyncio.Event()

    async def wait(job: object) -> None:
        await release.wait()

    async with running(settings, workers=(Service.IMAGES, Service.AUDIO)) as system:
        system.makers.before = wait
        before = datetime.now(UTC)
        story_id = await system.post()
        await asyncio.wait_for(system.makers.began.wait(), 10)
        job = await system.job(story_id, Asset.PORTRAIT)

        async def babble(message: Msg) -> None:
            await message.respond(b'["a story.cover"]')

        await system.bus.client.subscribe(system.bus.names.subject(QUERY_WORKERS), cb=babble)
        answers = {one.service: one for one in await query_workers(system.bus, 0.5)}
        release.set()
        await until(lambda: _nothing_held(system.workers[Service.IMAGES].runner))
    (held,) = answers[Service.IMAGES].held
    assert (held.story_id, held.asset, held.fingerprint) == (story_id, Asset.PORTRAIT, job.fingerprint)
    assert before <= held.since <= datetime.now(UTC)
    assert answers[Service.IMAGES].worker.startswith("images-")
    assert answers[Service.AUDIO].held == ()
    assert set(answers) == {Service.IMAGES, Service.AUDIO}


async def _nothing_held(working: JobRunner) -> bool:
    return not working.in_flight.held


async def test_without_workers_the_answer_is_nobody_and_comes_at_once(settings: Settings) -> None:
    """The server itself says that there is nobody: the timeout is not waited for."""
    bus = await connect(settings, "tests")
    async with asyncio.timeout(20):
        assert await query_workers(bus, 3600) == []
    await bus.close()
    assert await query_workers(bus, 3600) == [], "a bus that is closed is nobody, too"


async def test_a_worker_that_connects_after_the_question_is_asked_once_more(settings: Settings) -> None:
    """After a restart of NATS workers reconnect one after the other: who asks first must not find nobody."""
    bus, late = await connect(settings, "tests"), await connect(settings, "tests")
    subject = bus.names.subject(QUERY_WORKERS)
    answer = InFlightJobs(worker="images-1@host", service=Service.IMAGES)

    async def arrive(_: Msg) -> None:
        await late.client.subscribe(subject, cb=respond)

    async def respond(question: Msg) -> None:
        await question.respond(answer.body)

    await bus.client.subscribe(subject, cb=arrive, max_msgs=1)
    async with asyncio.timeout(20):
        found = await query_workers(bus, 3600, repeat_seconds=0.05, enough=lambda one: one == answer)
    await late.close()
    await bus.close()
    assert answer in found
