"""From a job to a result that stands in the store, paid once.

What can pay twice: a provider's answer is safe once the manifest names it. Until then it is lost with its holder; a
process that dies, or one that stops and hands its job back, lets the next holder ask again. That window is measured
(``storyloom_paid_unstored_seconds``), and the jobs to which it may have happened are counted
(``storyloom_jobs_remade_total``: at most so many, for the lost holder may not have asked yet). A holder that was frozen
for longer than ``ack_wait`` shares its job with the next one: both may ask, one result stands everywhere. Nothing else
pays twice: a redelivered job looks for the manifest before it asks, and whoever comes second adopts what stands.

A redelivery is no proof that its earlier holder is gone: a server that was restarted has forgotten the heartbeats and
gives every long job out again, and some even twice as if for the first time. So the workers are asked who holds it, and
one that answers keeps it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog

from storyloom.jobs.attempts import History
from storyloom.jobs.definition import REPORT, Report, WorkerDefinition
from storyloom.jobs.delivery import Delivery
from storyloom.jobs.heartbeat import Heartbeat
from storyloom.jobs.manifest import Manifest, read_manifest, write_manifest
from storyloom.providers.usage import PROVIDER_USAGE, ProviderUsage
from storyloom.runtime.metrics import ADOPTED, PAID_UNSTORED_SECONDS, REMADE
from storyloom.runtime.settings import WorkerSettings
from storyloom.storage.objects import Objects
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, ProviderCall, Result

log = structlog.get_logger()


class InFlightElsewhere(ProviderUnavailable):
    """Another worker holds the job, and says so. Nothing is told or noted: it goes on there."""


class Calls(list[ProviderCall]):
    """A bill's calls. ``answered_at`` is when the last useful answer came (seconds of the loop's clock)."""

    answered_at: float | None = None

    def append(self, call: ProviderCall) -> None:
        """Add a call that has just ended."""
        super().append(call)
        if call.error is None:
            self.answered_at = asyncio.get_running_loop().time()


Call = Callable[[], Awaitable[Any]]
"""What app.py declares, about to be called with the job."""


@dataclass(slots=True)
class Attempt:
    """What one attempt at a job has at hand."""

    history: History
    bill: ProviderUsage
    heart: Heartbeat
    report: Report


class JobExecutor:
    """Makes the assets of one workshop."""

    def __init__(
        self,
        objects: Objects,
        workshop: WorkerDefinition,
        settings: WorkerSettings,
        held_elsewhere: Callable[[Delivery], Awaitable[float]],
    ) -> None:
        """``held_elsewhere``: for how many seconds to leave a job to another worker, who has it; 0 if nobody has."""
        self._held_elsewhere = held_elsewhere
        self._objects = objects
        self._workshop = workshop
        self._settings = settings
        service = workshop.service.value
        self._adopted = ADOPTED.labels(service=service)
        self._remade = REMADE.labels(service=service)
        self._unsafe = PAID_UNSTORED_SECONDS.labels(service=service)

    async def result(self, call: Call, delivery: Delivery, attempt: Attempt) -> AnyResult | None:
        """The asset's result, made by the handler, or found; None if the job was stopped and it would not hear of it.

        Raises RetryableError, PermanentError or ProviderUnavailable, whatever went wrong.
        """
        found = None if delivery.first else await self._found(delivery, attempt.history)
        return found or await self._made(call, delivery, attempt)

    async def _found(self, delivery: Delivery, history: History) -> AnyResult | None:
        """The result of an earlier making of the very same thing, if there is one; else note that we begin."""
        try:
            # Asked before the look: a holder who ends in between has written the manifest by then.
            if (delivery.number > 1 or delivery.uncertain) and (seconds := await self._held_elsewhere(delivery)):
                raise InFlightElsewhere("another worker holds it", after=seconds)
            manifest = await self._manifest(delivery.job)
            if manifest is not None:
                self._adopted.inc()
                log.info("job.already_made", deliveries=delivery.number)
                return manifest.result
            if not delivery.redelivered:
                return None  # only old: there is no earlier holder to know anything of
            known = await history.read()
            self._check(history)
            if delivery.number > 1:
                await history.begin()
        except RetryableError as away:
            # Nothing was tried yet: a store that is away must not cost the job its attempts.
            raise ProviderUnavailable(away.reason, after=self._settings.retry_delays[0]) from away
        if not known.clean:
            self._remade.inc()
        return None

    def _check(self, history: History) -> None:
        known = history.known
        if known.failures >= self._settings.max_attempts:
            raise spent(history)
        if known.crashes >= self._settings.max_crashes:
            raise PermanentError("its workers died over it again and again", code="attempts_spent")

    async def _made(self, call: Call, delivery: Delivery, attempt: Attempt) -> AnyResult | None:
        job, earlier = delivery.job, attempt.history.known.calls
        if job.asset not in self._workshop.handlers:
            raise PermanentError(f"{self._workshop.service.value} does not make {job.asset.value}", code="bug")
        attempt.heart.limit(self._settings.job_timeout)
        try:
            PROVIDER_USAGE.set(attempt.bill)  # every job has a task, and so a context, of its own
            REPORT.set(attempt.report)
            made = _result(await call(), job)
            if delivery.cancelled:
                return None
            if earlier:
                made = made.model_copy(update={"calls": _all_calls(earlier, made.calls)})
            kept = await self._kept(delivery, made, attempt.bill, attempt.heart)
        except asyncio.CancelledError:
            # The heart's cancellation is a verdict on the job; a second one is somebody else's, and goes on.
            if attempt.heart.late and delivery.task.uncancel() == 0:
                raise self._took_too_long() from None
            raise
        except TimeoutError as error:
            raise self._took_too_long() from error
        except (RetryableError, PermanentError, ProviderUnavailable):
            raise
        except Exception as error:
            log.exception("job.bug")
            raise PermanentError(f"an error in the program: {type(error).__name__}", code="bug") from error
        attempt.heart.unlimited()
        return kept

    def _took_too_long(self) -> RetryableError:
        return RetryableError(f"it took longer than {self._settings.job_timeout:g} seconds")

    async def _kept(self, delivery: Delivery, made: Result, bill: ProviderUsage, heart: Heartbeat) -> AnyResult:
        """Write the manifest; answer the result that stands, which may be somebody else's."""
        job = delivery.job
        manifest = _manifest(job, made)
        standing = None
        if heart.may_be_lost or not delivery.first:
            standing = await self._standing(job)
        if standing is None:
            standing = await write_manifest(self._objects, job.story_id, manifest)
            if isinstance(bill.calls, Calls) and bill.calls.answered_at is not None:
                self._unsafe.observe(asyncio.get_running_loop().time() - bill.calls.answered_at)
        if standing is not manifest and standing.result != manifest.result:
            self._adopted.inc()
            log.warning("job.adopted", deliveries=delivery.number, calls_for_nothing=len(bill.calls))
        return standing.result

    async def _standing(self, job: AssetRequested) -> Manifest | None:
        """What somebody else may have written meanwhile, where a store ignores If-None-Match."""
        try:
            return await self._manifest(job)
        except RetryableError:
            return None  # ours is paid for: writing it is patient, and conditional where it can be

    async def _manifest(self, job: AssetRequested) -> Manifest | None:
        return await read_manifest(self._objects, job.story_id, job.asset, job.fingerprint)


def _result(made: Any, job: AssetRequested) -> Result:
    if not isinstance(made, Result):
        raise TypeError(f"the maker of {job.asset.value} answered no result")
    return made


def _all_calls(earlier: tuple[ProviderCall, ...], now: tuple[ProviderCall, ...]) -> tuple[ProviderCall, ...]:
    """Each once: a maker may have gone on with what an earlier attempt had paid for."""
    told = {call.request_id for call in now if call.request_id}
    return (*(call for call in earlier if call.request_id not in told), *now)


def usage_of(job: AssetRequested) -> ProviderUsage:
    """An empty bill for an attempt at a job."""
    return ProviderUsage(client_request_id=job.fingerprint[:16], calls=Calls(), priority=job.priority)


def spent(history: History) -> PermanentError:
    """No further attempt is made."""
    known = history.known
    return PermanentError(f"{known.reason} (after {known.failures} attempts)", code="attempts_spent")


def _manifest(job: AssetRequested, result: Result) -> Manifest:
    """The manifest of a result. Built of validated parts: to validate them again would be a tenth of a quick job."""
    return Manifest.model_construct(asset=job.asset, fingerprint=job.fingerprint, result=cast("AnyResult", result))
