"""What an interrupted job has paid for is kept in the store, taken up by another replica, and removed at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

import pytest

from storyloom.jobs.manifest import answers_prefix
from storyloom.providers.paid_answers import PaidOnceImages
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.errors import ProviderUnavailable, RetryableError
from storyloom.story.events import AssetCompleted, AssetFailed
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import ProviderCall
from tests.integration.core.system import until
from tests.integration.core.worker_harness import WorkerHarness, kill, worker_harness
from tests.makers import QuickMakers

CHILD = "Wilhelmine"


class CountingGenerator:
    """An image generator that is paid for every drawing."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        self.drawn.append(prompt)
        call = ProviderCall(provider="p", model="m", request_id=f"req_{len(self.drawn)}", seconds=1, cost_usd=0.2)
        return f"{prompt} as {CHILD}".encode(), call

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        raise AssertionError


class Drawings:
    """Makers that draw twice before they are done."""

    def __init__(self) -> None:
        self.generator = CountingGenerator()

    def makers(self, second: Callable[[], Awaitable[None]] | None = None) -> QuickMakers:
        """Makers of one worker; ``second`` happens once, when the second drawing is asked for."""
        waiting = [second] if second else []
        asked = PaidOnceImages(_Pausing(self.generator, waiting))

        async def draw(job: AssetRequested) -> None:
            for prompt in ("first", "second"):
                await asked.draw(prompt, size="8x8", purpose=job.asset.value)

        makers = QuickMakers()
        makers.before = draw
        return makers


class _Pausing(CountingGenerator):
    def __init__(self, generator: CountingGenerator, waiting: list[Callable[[], Awaitable[None]]]) -> None:
        self._generator = generator
        self._waiting = waiting

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        if prompt == "second" and self._waiting:
            await self._waiting.pop()()
        return await self._generator.draw(prompt, size=size, purpose=purpose)


async def left(on: WorkerHarness, job: AssetRequested) -> list[str]:
    """The keys of a job's answers in the store."""
    prefix = answers_prefix(job.story_id, job.asset, job.fingerprint)
    return [key for page in [page async for page in on.objects.pages(prefix)] for key, _ in page.objects]


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("why", [RetryableError("busy", after=0), ProviderUnavailable("away", after=0)])
async def test_a_drawing_outlives_a_provider_that_fails(settings: Settings, why: Exception) -> None:
    drawings = Drawings()

    async def fail() -> None:
        raise why

    async with worker_harness(settings) as on:
        await on.start_worker(makers=drawings.makers(fail))
        job = await on.enqueue()
        await on.wait_for(AssetCompleted, job)
        await on.settled()
        assert await left(on, job) == []
    assert drawings.generator.drawn == ["first", "second"]


async def test_an_answer_moves_on_from_a_worker_that_is_stopped_before_its_next_question(settings: Settings) -> None:
    """A text was written, and moderation, which costs nothing, does not answer: no question followed."""
    generator, hanging = CountingGenerator(), [forever]
    images, asked = PaidOnceImages(generator), asyncio.Event()

    async def draw(job: AssetRequested) -> None:
        await images.draw("only", size="8x8", purpose=job.asset.value)
        asked.set()
        if hanging:
            await hanging.pop()()

    makers = QuickMakers()
    makers.before = draw
    async with worker_harness(settings) as on:
        draining = await on.start_worker(makers=makers, drain_seconds=0.1)
        job = await on.enqueue()
        await asked.wait()
        assert await left(on, job) == []
        await draining.stop()
        await on.start_worker(makers=makers)
        await on.wait_for(AssetCompleted, job)
        await on.settled()
        assert await left(on, job) == []
    assert generator.drawn == ["only"]


async def test_a_drawing_outlives_the_job_s_time_out(settings: Settings) -> None:
    drawings = Drawings()
    async with worker_harness(settings) as on:
        await on.start_worker(makers=drawings.makers(forever), job_timeout=0.5)
        job = await on.enqueue()
        await on.wait_for(AssetCompleted, job)
        await on.settled()
        assert await left(on, job) == []
    assert drawings.generator.drawn == ["first", "second"]


async def test_a_drawing_moves_on_from_a_worker_that_was_killed(settings: Settings) -> None:
    """Nothing is noted and nothing handed back: the drawing was stored while the next one was asked for."""
    drawings = Drawings()
    async with worker_harness(settings.model_copy(update={"ack_wait": 0.6})) as on:
        dying = await on.start_worker(makers=drawings.makers(forever))
        job = await on.enqueue()

        async def stored() -> bool:
            return len(await left(on, job)) == 1

        await until(stored)
        (key,) = await left(on, job)
        assert CHILD not in key
        await kill(dying)
        await on.start_worker(makers=drawings.makers())
        await on.wait_for(AssetCompleted, job)
        await on.settled()
        assert await left(on, job) == []
    assert drawings.generator.drawn == ["first", "second"]


async def test_a_drawing_moves_on_from_a_worker_that_is_stopped(settings: Settings) -> None:
    drawings = Drawings()
    asked = asyncio.Event()

    async def hang() -> None:
        asked.set()
        await forever()

    async with worker_harness(settings) as on:
        draining = await on.start_worker(makers=drawings.makers(hang), drain_seconds=0.1)
        job = await on.enqueue()
        await asked.wait()
        await draining.stop()
        await on.start_worker(makers=drawings.makers())
        await on.wait_for(AssetCompleted, job)
        await on.settled()
        assert await left(on, job) == []
    assert drawings.generator.drawn == ["first", "second"]


class NoAnswers(Objects):
    """A store that takes no answers for a while, and loses none that it has."""

    away = True

    async def write(self, key: str, data: bytes) -> None:
        if self.away and "/answers/" in key:
            raise RetryableError("store: SlowDown")
        await super().write(key, data)


async def test_a_drawing_that_the_store_does_not_take_is_remembered(settings: Settings) -> None:
    drawings = Drawings()

    async def fail() -> None:
        raise RetryableError("busy", after=0)

    async with worker_harness(settings) as on:
        await on.start_worker(makers=drawings.makers(fail), objects=NoAnswers(settings))
        job = await on.enqueue()
        await on.wait_for(AssetCompleted, job)
        await on.settled()
    assert drawings.generator.drawn == ["first", "second"]


async def test_a_cancelled_job_leaves_no_drawing(settings: Settings) -> None:
    drawings = Drawings()
    async with worker_harness(settings) as on:
        await on.start_worker(makers=drawings.makers(forever))
        job = await on.enqueue()

        async def stored() -> bool:
            return len(await left(on, job)) == 1

        await until(stored)
        await on.stop_work(job)
        await on.settled()
        assert await left(on, job) == []


async def test_a_job_that_fails_for_good_leaves_no_drawing(settings: Settings) -> None:
    drawings = Drawings()

    async def fail() -> None:
        raise RetryableError("busy", after=0)

    async with worker_harness(settings) as on:
        await on.start_worker(makers=drawings.makers(fail), max_attempts=1)
        job = await on.enqueue()
        await on.wait_for(AssetFailed, job)
        await on.settled()
        assert await left(on, job) == []


class Watched(Objects):
    """A store that remembers what was written and deleted."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.used: list[str] = []

    async def write(self, key: str, data: bytes) -> None:
        self.used.append(key)
        await super().write(key, data)

    async def delete(self, keys: Sequence[str]) -> None:
        self.used += keys
        await super().delete(keys)


async def test_a_job_that_asks_once_costs_the_store_nothing_more(settings: Settings) -> None:
    images = PaidOnceImages(CountingGenerator())
    makers = QuickMakers()

    async def draw(job: AssetRequested) -> None:
        await images.draw("only", size="8x8", purpose=job.asset.value)

    makers.before = draw
    async with worker_harness(settings) as on:
        store = Watched(settings)
        await on.start_worker(makers=makers, objects=store)
        await on.wait_for(AssetCompleted, await on.enqueue(story_id=uuid4()))
        await on.settled()
    assert store.used == []
