"""From a job to a result that stands in the store, paid once.

What can pay twice: a provider's answer is safe once the manifest names it, and before that as soon as the job asks its
next question or is interrupted (stored_answers.py). Until then it is lost with a worker that dies, and the next worker
asks the provider again. That window is measured (``storyloom_paid_unstored_seconds``), and the jobs to which it may
have happened are counted (``storyloom_jobs_remade_total``: an upper bound, for the lost worker may not have asked
yet). A worker that was frozen for longer than ``ack_wait`` shares its job with the next one: both may ask, one manifest
wins. Nothing else pays twice: the manifest of a redelivered job is looked up before its handler runs, and the second
writer adopts the first's result.

A redelivery is no proof that the earlier worker is dead: a server that was restarted has forgotten the heartbeats and
redelivers every long job, and some even twice as if for the first time. So the workers are asked over core NATS which
jobs they have in flight, and one that answers keeps it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog

from storyloom.jobs.attempts import NO_ATTEMPTS, History
from storyloom.jobs.definition import REPORT, Report, WorkerDefinition
from storyloom.jobs.delivery import Delivery
from storyloom.jobs.heartbeat import Heartbeat
from storyloom.jobs.manifest import Manifest, read_manifest, write_manifest
from storyloom.providers.paid_answers import PAID_ANSWERS
from storyloom.providers.usage import PROVIDER_USAGE, ProviderUsage
from storyloom.runtime.metrics import ADOPTED, PAID_UNSTORED_SECONDS, REMADE
from storyloom.runtime.settings import WorkerSettings
from storyloom.storage.objects import Objects
from storyloom.storage.s3 import LockedOutError, RefusedError
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, ProviderCall, Result

log = structlog.get_logger()

MAX_UNSTORED_JOBS = 8
"""Interrupted jobs whose answers the store did not take and that are remembered here, a few MB each."""


class InFlightElsewhere(ProviderUnavailable):
    """Another worker answered that it has the job in flight. Nothing is published or counted: the job goes on there."""


class Calls(list[ProviderCall]):
    """The calls of a ProviderUsage. ``answered_at``: when the last useful answer came (seconds of the loop's clock)."""

    answered_at: float | None = None

    def append(self, call: ProviderCall) -> None:
        """Add a call that has just ended."""
        super().append(call)
        if call.error is None:
            self.answered_at = asyncio.get_running_loop().time()


Call = Callable[[], Awaitable[Any]]
"""The handler that app.py declares, bound to its job."""


@dataclass(slots=True)
class Attempt:
    """What belongs to one attempt at a job."""

    history: History
    usage: ProviderUsage
    heartbeat: Heartbeat
    report: Report


class JobExecutor:
    """Runs the handlers of one worker definition, and stores the manifest of each result."""

    def __init__(
        self,
        objects: Objects,
        definition: WorkerDefinition,
        settings: WorkerSettings,
        in_flight_elsewhere: Callable[[Delivery], Awaitable[float]],
    ) -> None:
        """``in_flight_elsewhere``: seconds for which to leave a job to the worker that has it in flight; 0 for none."""
        self._in_flight_elsewhere = in_flight_elsewhere
        self._objects = objects
        self._definition = definition
        self._settings = settings
        self._unstored: OrderedDict[Fingerprint, dict[str, bytes]] = OrderedDict()
        service = definition.service.value
        self._adopted = ADOPTED.labels(service=service)
        self._remade = REMADE.labels(service=service)
        self._paid_unstored = PAID_UNSTORED_SECONDS.labels(service=service)

    async def result(self, call: Call, delivery: Delivery, attempt: Attempt) -> AnyResult | None:
        """The asset's result, from the handler or an earlier manifest; None if a cancelled job's handler returned
        anyway.

        Raises RetryableError, PermanentError or ProviderUnavailable, whatever went wrong.
        """
        found = None if delivery.first else await self._find_result(delivery, attempt.history)
        if found is None:
            self._raise_if_unwritable()
        return found or await self._make_result(call, delivery, attempt)

    async def keep_answers(self, delivery: Delivery) -> None:
        """The attempt was interrupted: the next one, anywhere, need not pay again for what this one was answered.

        What the store does not take now is remembered here.
        """
        job = delivery.job
        if unstored := await delivery.answers.store():
            self._unstored[job.fingerprint] = {**self._unstored.pop(job.fingerprint, {}), **unstored}
        while len(self._unstored) > MAX_UNSTORED_JOBS:
            self._unstored.popitem(last=False)

    async def _find_result(self, delivery: Delivery, history: History) -> AnyResult | None:
        """The result that the manifest of this fingerprint names, if there is one; else note that a redelivery
        begins.
        """
        try:
            known = await history.read() if delivery.redelivered or delivery.uncertain else NO_ATTEMPTS
            # Whoever noted how its attempt ended has it no more. All others are asked, before the manifest is read: a
            # worker that ends in between has written it by then.
            may_be_in_flight = delivery.uncertain or (delivery.number > 1 and not known.clean)
            if may_be_in_flight and (seconds := await self._in_flight_elsewhere(delivery)):
                raise InFlightElsewhere("another worker holds it", after=seconds)
            manifest = await self._read_manifest(delivery.job)
            if manifest is not None:
                self._adopted.inc()
                log.info("job.result_found", deliveries=delivery.number)
                return manifest.result
            await delivery.answers.open(self._unstored.get(delivery.job.fingerprint, {}))
            self._unstored.pop(delivery.job.fingerprint, None)
            if not delivery.redelivered:
                return None  # only old: no earlier worker can have left a note
            self._raise_if_spent(history)
            self._raise_if_unwritable()
            if delivery.number > 1:
                await history.begin()
        except (RetryableError, RefusedError) as unreachable:
            # The handler has not run yet: a store that is of no use now must not cost the job an attempt.
            raise ProviderUnavailable(unreachable.reason, after=self._settings.retry_delays[0]) from unreachable
        if not known.clean:
            self._remade.inc()
        return None

    def _raise_if_unwritable(self) -> None:
        """Found out before a provider is paid for what could not be kept."""
        if self._objects.write_error is not None:
            raise ProviderUnavailable(self._objects.write_error, after=self._settings.retry_delays[0])

    async def _failure_of(
        self, refusal: RefusedError | LockedOutError
    ) -> ProviderUnavailable | RetryableError | RefusedError:
        """What a refusal means for the job: an object that is refused alone would be refused again.

        A store that lets nobody in is no failure of the job's, which waits.
        """
        try:
            await self._objects.probe()
        except LockedOutError as error:
            return ProviderUnavailable(error.reason, after=self._settings.retry_delays[0])
        except (RetryableError, PermanentError):
            return RetryableError(refusal.reason)
        return refusal  # credentials may have come back meanwhile: being locked out is tried again

    def _raise_if_spent(self, history: History) -> None:
        known = history.known
        if known.failures >= self._settings.max_attempts:
            raise attempts_spent(history)
        if known.crashes >= self._settings.max_crashes:
            raise PermanentError("its workers died over it again and again", code="attempts_spent")

    async def _make_result(self, call: Call, delivery: Delivery, attempt: Attempt) -> AnyResult | None:
        job, earlier = delivery.job, attempt.history.known.calls
        if job.asset not in self._definition.handlers:
            raise PermanentError(f"{self._definition.service.value} does not make {job.asset.value}", code="bug")
        attempt.heartbeat.set_deadline(self._settings.job_timeout)
        try:
            PROVIDER_USAGE.set(attempt.usage)  # every job has a task, and so a context, of its own
            PAID_ANSWERS.set(delivery.answers.answers)
            REPORT.set(attempt.report)
            made = _checked_result(await call(), job)
            if delivery.cancelled:
                return None
            if earlier:
                made = made.model_copy(update={"calls": _all_calls(earlier, made.calls)})
            kept = await self._store_manifest(delivery, made, attempt.usage, attempt.heartbeat)
        except asyncio.CancelledError:
            # The deadline's cancellation becomes a RetryableError; a second one (shutdown, StopWork) goes on.
            if attempt.heartbeat.deadline_passed and delivery.task.uncancel() == 0:
                raise self._timed_out() from None
            raise
        except TimeoutError as error:
            raise self._timed_out() from error
        except (RefusedError, LockedOutError) as refusal:
            raise await self._failure_of(refusal) from refusal
        except (RetryableError, PermanentError, ProviderUnavailable):
            raise
        except Exception as error:
            log.exception("job.bug")
            raise PermanentError(f"an error in the program: {type(error).__name__}", code="bug") from error
        attempt.heartbeat.clear_deadline()
        return kept

    def _timed_out(self) -> RetryableError:
        return RetryableError(f"it took longer than {self._settings.job_timeout:g} seconds")

    async def _store_manifest(
        self, delivery: Delivery, made: Result, usage: ProviderUsage, heartbeat: Heartbeat
    ) -> AnyResult:
        """Write the manifest; the result that stands, which may be another worker's."""
        job = delivery.job
        manifest = _build_manifest(job, made)
        stored = None
        if heartbeat.may_be_lost or not delivery.first:
            stored = await self._find_manifest(job)
        if stored is None:
            stored = await write_manifest(self._objects, job.story_id, manifest)
            if isinstance(usage.calls, Calls) and usage.calls.answered_at is not None:
                self._paid_unstored.observe(asyncio.get_running_loop().time() - usage.calls.answered_at)
        if stored is not manifest and stored.result != manifest.result:
            self._adopted.inc()
            log.warning("job.result_adopted", deliveries=delivery.number, discarded_calls=len(usage.calls))
        return stored.result

    async def _find_manifest(self, job: AssetRequested) -> Manifest | None:
        """The manifest that another worker may have written meanwhile, where a store ignores If-None-Match."""
        try:
            return await self._read_manifest(job)
        except RetryableError:
            return None  # ours is paid for: its write is retried, and conditional where the store can do that

    async def _read_manifest(self, job: AssetRequested) -> Manifest | None:
        return await read_manifest(self._objects, job.story_id, job.asset, job.fingerprint)


def _checked_result(made: Any, job: AssetRequested) -> Result:
    if not isinstance(made, Result):
        raise TypeError(f"the handler of {job.asset.value} returned no result")
    return made


def _all_calls(earlier: tuple[ProviderCall, ...], now: tuple[ProviderCall, ...]) -> tuple[ProviderCall, ...]:
    """Each once: a handler may have gone on with what an earlier attempt had paid for."""
    current = {call.request_id for call in now if call.request_id}
    return (*(call for call in earlier if call.request_id not in current), *now)


def usage_of(job: AssetRequested) -> ProviderUsage:
    """The empty usage of an attempt at a job."""
    return ProviderUsage(client_request_id=job.fingerprint[:16], calls=Calls(), priority=job.priority)


def attempts_spent(history: History) -> PermanentError:
    """The failure of a job that gets no further attempt."""
    known = history.known
    return PermanentError(f"{known.reason} (after {known.failures} attempts)", code="attempts_spent")


def _build_manifest(job: AssetRequested, result: Result) -> Manifest:
    """The manifest of a result. Built of validated parts: to validate them again would be a tenth of a quick job."""
    return Manifest.model_construct(asset=job.asset, fingerprint=job.fingerprint, result=cast("AnyResult", result))
