"""Attempts are what failed: not waits, not drains, not dead workers, and not what the store could not write."""

import asyncio
from typing import Any

from storyloom.jobs.manifest import read_manifest
from storyloom.providers.usage import PROVIDER_USAGE, ProviderUsage
from storyloom.runtime.metrics import REMADE
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Priority
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.events import AssetCompleted, AssetFailed, AssetRetrying
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import ProviderCall
from tests.integration.core.worker_harness import forever, kill, worker_harness
from tests.makers import QuickMakers

SHORT_DELAYS: dict[str, Any] = {"store_retry_delays": (), "retry_delays": (0.05,)}


def pay(name: str, *, error: str | None = None) -> ProviderCall:
    """As a door to a provider does: one more call on the bill of the job that runs."""
    bill = PROVIDER_USAGE.get()
    assert bill is not None
    bill.next_client_request_id()
    call = ProviderCall(provider="p", model="m", request_id=name, seconds=0.1, cost_usd=0.01, error=error)
    bill.calls.append(call)
    return call


class Failing:
    """Raises what it is given, one after the other; then nothing."""

    def __init__(self, *failures: Exception) -> None:
        self.left = list(failures)
        self.begun = 0

    async def __call__(self, job: AssetRequested) -> None:
        self.begun += 1
        if self.left:
            pay(f"call {self.begun}", error="refused")
            raise self.left.pop(0)


async def test_waits_spend_no_attempt(settings: Settings) -> None:
    """More of them than there are attempts; each is published with its time, under an id of its own."""
    failing = Failing(*(ProviderUnavailable("the provider is unavailable", after=0.05) for _ in range(5)))
    async with worker_harness(settings.model_copy(update={"max_attempts": 1})) as on:
        on.makers.before = failing
        await on.start_worker()
        job = await on.enqueue()
        (completed,) = await on.wait_for(AssetCompleted, job)
        waits = await on.wait_for(AssetRetrying, job, count=5)
        await on.settled()
    assert {wait.attempt for wait in waits} == {1}
    assert len({wait.id for wait in waits}) == 5
    assert all(wait.retry_at > wait.at for wait in waits)
    assert [call.request_id for call in completed.result.calls] == [f"call {k}" for k in range(1, 6)], (
        "what waits had paid"
    )


async def test_probes_in_vain_leave_nothing_on_the_bill(settings: Settings) -> None:
    """There is one more every few seconds for as long as a provider is away."""

    async def probe(job: AssetRequested) -> None:
        del job
        if len(outcomes) > 1:
            bill = PROVIDER_USAGE.get()
            assert bill is not None
            error = outcomes.pop()
            bill.calls.append(ProviderCall(provider="p", model="m", request_id=error, seconds=0.1, error=error))
            raise ProviderUnavailable("the provider is not available", after=0.02)

    outcomes = ["", "not_allowed", "out_of_quota", "server_error", "connection", "cut"]
    async with worker_harness(settings) as on:
        on.makers.before = probe
        await on.start_worker()
        job = await on.enqueue()
        (completed,) = await on.wait_for(AssetCompleted, job)
    assert [call.request_id for call in completed.result.calls] == ["cut"], "what may have been paid for"


async def test_failures_are_counted_through_waits(settings: Settings) -> None:
    """Two failures among five deliveries, with two allowed."""
    wait, failure = ProviderUnavailable("no answer", after=0.02), RetryableError("rate limit", after=0.02)
    async with worker_harness(settings.model_copy(update={"max_attempts": 2})) as on:
        on.makers.before = Failing(wait, failure, wait, wait, failure, failure)
        await on.start_worker()
        job = await on.enqueue()
        (failed,) = await on.wait_for(AssetFailed, job)
        retries = await on.wait_for(AssetRetrying, job)
        (letter,) = await on.dead_letters()
    assert (failed.code, failed.reason) == ("attempts_spent", "rate limit (after 2 attempts)")
    assert [one.attempt for one in retries] == [1, 1, 1, 1]
    assert [one.id.split(".")[2] for one in retries] == ["waiting", "retrying", "waiting", "waiting"]
    assert letter.attempts == 2


async def test_every_attempts_calls_are_on_the_bill_of_the_one_that_failed_it(settings: Settings) -> None:
    async with worker_harness(settings.model_copy(update={"max_attempts": 3})) as on:
        on.makers.before = Failing(
            RetryableError("one"), RetryableError("two"), PermanentError("no", code="content_refused")
        )
        await on.start_worker()
        job = await on.enqueue()
        (failed,) = await on.wait_for(AssetFailed, job)
        await on.settled()
        (letter,) = await on.dead_letters()
    assert [call.request_id for call in failed.calls] == ["call 1", "call 2", "call 3"]
    assert (letter.calls, letter.attempts, letter.code) == (failed.calls, 3, "content_refused")


async def test_what_failed_attempts_paid_stands_in_the_result(settings: Settings) -> None:
    """…and in its manifest; a job that comes off at once has its maker's calls alone."""
    async with worker_harness(settings) as on:
        on.makers.before = Failing(RetryableError("one"))
        await on.start_worker()
        job = await on.enqueue()
        (completed,) = await on.wait_for(AssetCompleted, job)
        manifest = await read_manifest(on.objects, job.story_id, job.asset, job.fingerprint)
        other = await on.enqueue()
        (quick,) = await on.wait_for(AssetCompleted, other)
        keys = [key for key, _ in await on.objects.list_keys(other.story_id)]
    assert [(call.request_id, call.error) for call in completed.result.calls] == [("call 1", "refused")]
    assert manifest is not None
    assert manifest.result == completed.result
    assert quick.result.calls == ()
    assert [key for key in keys if "attempts" in key] == [], "a first delivery that succeeds writes no note"


async def test_dead_workers_spend_no_attempt(settings: Settings) -> None:
    """One attempt allowed, two workers die over it, the third makes it."""
    async with worker_harness(settings.model_copy(update={"max_attempts": 1, "ack_wait": 0.4})) as on:
        job = None
        for _ in range(2):
            hanging = QuickMakers()
            hanging.before = hang
            dying = await on.start_worker(makers=hanging, drain_seconds=0.05)
            job = job or await on.enqueue()
            await asyncio.wait_for(hanging.began.wait(), 10)
            await kill(dying)
        await on.start_worker()
        assert job is not None
        await on.wait_for(AssetCompleted, job)
    assert on.makers.made[job.story_id, Asset.COVER] == 1


async def hang(_job: AssetRequested) -> None:
    await forever()


async def test_a_job_that_kills_its_workers_is_given_up(settings: Settings) -> None:
    """With two deaths allowed after the first, the fourth worker does not begin."""
    before = REMADE.labels(service="images")._value.get()
    async with worker_harness(settings.model_copy(update={"max_crashes": 2, "ack_wait": 0.4})) as on:
        job = None
        for _ in range(3):
            hanging = QuickMakers()
            hanging.before = hang
            dying = await on.start_worker(makers=hanging, drain_seconds=0.05)
            job = job or await on.enqueue()
            await asyncio.wait_for(hanging.began.wait(), 10)
            await kill(dying)
        await on.start_worker()
        assert job is not None
        (failed,) = await on.wait_for(AssetFailed, job)
        await on.settled()
    assert (failed.code, failed.reason) == ("attempts_spent", "its workers died over it again and again")
    assert not on.makers.made
    assert REMADE.labels(service="images")._value.get() - before == 2, "each may have paid before it died"


async def test_stopping_workers_spend_no_attempt_and_no_crash(settings: Settings) -> None:
    """Handed back by three in a row, with one attempt and one crash allowed."""
    async with worker_harness(
        settings.model_copy(update={"max_attempts": 1, "max_crashes": 1, "drain_seconds": 0.05})
    ) as on:
        job = None
        for _ in range(3):
            hanging = QuickMakers()
            hanging.before = pay_and_hang
            stopping = await on.start_worker(makers=hanging)
            job = job or await on.enqueue()
            await asyncio.wait_for(hanging.began.wait(), 10)
            await stopping.stop()
            assert hanging.running == 0
        await on.start_worker()
        assert job is not None
        (completed,) = await on.wait_for(AssetCompleted, job)
        assert not [event for event in on.events if isinstance(event, AssetRetrying | AssetFailed)]
    assert [call.request_id for call in completed.result.calls] == ["paid"] * 3


async def pay_and_hang(_job: AssetRequested) -> None:
    pay("paid")
    await forever()


class FailingRecords(Objects):
    """A store that fails whenever one record is read or written, so many times."""

    def __init__(self, settings: Settings, fails_on: str, times: int) -> None:
        super().__init__(settings, threads=2)
        self.fails_on = fails_on
        self.times = times

    def _fail_some(self, operation: str, key: str) -> None:
        if f"{operation} {key.rsplit('/', 1)[-1]}" == self.fails_on and self.times > 0:
            self.times -= 1
            raise RetryableError("store: no answer")

    async def read(self, key: str) -> bytes | None:
        self._fail_some("read", key)
        return await super().read(key)

    async def write(self, key: str, data: bytes) -> None:
        self._fail_some("write", key)
        await super().write(key, data)


async def test_a_store_that_cannot_be_asked_spends_no_attempt_and_nothing_is_paid_meanwhile(settings: Settings) -> None:
    own = settings.model_copy(update={**SHORT_DELAYS, "max_attempts": 2})
    for fails_on in ("read result.json", "read attempts.json"):
        failing = Failing(RetryableError("rate limit", after=0.02))
        async with worker_harness(own) as on:
            on.makers.before = failing
            await on.start_worker(objects=FailingRecords(own, fails_on, 4))
            job = await on.enqueue()
            await on.wait_for(AssetCompleted, job)
        assert failing.begun == 2, fails_on


async def test_a_failure_that_cannot_be_noted_is_not_counted(settings: Settings) -> None:
    """Four failures with two allowed; the store took no note of three of them."""
    own = settings.model_copy(update={**SHORT_DELAYS, "max_attempts": 2})
    async with worker_harness(own) as on:
        on.makers.before = Failing(*(RetryableError("rate limit", after=0.02) for _ in range(2)))
        await on.start_worker(objects=FailingRecords(own, "write attempts.json", 3))
        job = await on.enqueue()
        await on.wait_for(AssetCompleted, job)
        retries = await on.wait_for(AssetRetrying, job)
    assert len({one.id for one in retries}) == len(retries) >= 3


async def test_a_requeued_job_keeps_its_history(settings: Settings) -> None:
    """The bus was wiped and counts from one again; the note does not."""
    async with worker_harness(settings.model_copy(update={"max_attempts": 2})) as on:
        on.makers.before = Failing(RetryableError("one", after=3600), RetryableError("two"))
        await on.start_worker()
        job = await on.enqueue()
        await on.wait_for(AssetRetrying, job)
        await on.bus.js.purge_stream(on.bus.names.jobs)
        await on.bus.enqueue([job.model_copy(update={"put_back": True})])
        (failed,) = await on.wait_for(AssetFailed, job)
    assert failed.reason == "two (after 2 attempts)"
    assert len(failed.calls) == 2


async def test_every_attempt_has_a_bill_of_its_own_that_names_its_job(settings: Settings) -> None:
    """Two jobs at once, one of them twice: three bills, two marks."""
    bills: list[ProviderUsage] = []

    async def keep(job: AssetRequested) -> None:
        bill = PROVIDER_USAGE.get()
        assert bill is not None
        assert bill.calls == []
        bills.append(bill)
        pay(job.asset)
        if len(bills) == 1:
            raise RetryableError("one", after=0.02)

    async with worker_harness(settings) as on:
        on.makers.before = keep
        await on.start_worker()
        urgent = await on.enqueue(priority=Priority.URGENT)
        other = await on.enqueue(Asset.SCENE_1, story_id=urgent.story_id)
        await on.wait_for(AssetCompleted, urgent, count=2)
    assert {bill.client_request_id: bill.priority for bill in bills} == {
        urgent.fingerprint[:16]: Priority.URGENT,
        other.fingerprint[:16]: Priority.NORMAL,
    }
    assert len({id(bill) for bill in bills}) == 3
    assert PROVIDER_USAGE.get() is None
