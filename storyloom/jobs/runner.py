"""How a worker works on a job: heartbeat, hard time-out, retry or dead letter, manifest, event, and the ack last.

The same for every service; a maker (definition.py) only makes. A job is acknowledged after its end is told on
STORY, so that a crash anywhere in here means that somebody makes the rest of the way again.
"""

import asyncio
import random
from datetime import UTC, datetime
from functools import partial

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from storyloom.jobs import dead_letters
from storyloom.jobs.attempts import History
from storyloom.jobs.cancellation import CancelledJobs, matches
from storyloom.jobs.definition import ProviderUsage, WorkerDefinition
from storyloom.jobs.delivery import Delivery
from storyloom.jobs.events import JobEvents, Reporter
from storyloom.jobs.executor import InFlightElsewhere, JobExecutor, spent, usage_of
from storyloom.jobs.heartbeat import Heartbeat
from storyloom.jobs.in_flight import InFlightJob, InFlightJobs, query_workers, worker_name
from storyloom.messaging.connection import Bus
from storyloom.messaging.consumer import ack, delivery_count, nak, stored_at
from storyloom.runtime.metrics import FAILURES, JOBS, RETRIES, SECONDS, WAITS
from storyloom.runtime.settings import WorkerSettings
from storyloom.storage.objects import Objects
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.jobs import AssetRequested, StopWork
from storyloom.story.results import AnyResult

log = structlog.get_logger()

NEWER = 5.0
"""Seconds for which a job of a newer version is handed back: somebody newer is there already, or soon will be."""
LAST_NOTE = 2.0
"""Seconds that a stopping worker may take to note that a job was broken off."""
ASKING = 0.3
"""Seconds that other workers may take to say that they hold a job which was given to us."""
DOUBTFUL = 2
"""Ack waits after the server came back for which it may give out as new what it gave to others before."""
FROZEN = 0.8
"""Share of ack_wait without a heartbeat after which somebody else may have the job."""


class JobRunner:
    """Works on the jobs of one workshop. ``drain`` ends it: running jobs finish, or are handed back."""

    def __init__(self, bus: Bus, objects: Objects, workshop: WorkerDefinition, settings: WorkerSettings) -> None:
        self._bus = bus
        self._objects = objects
        self._workshop = workshop
        self._settings = settings
        self._ack_wait = bus.settings.ack_wait
        self._telling = JobEvents(bus)
        self._making = JobExecutor(objects, workshop, settings, self._in_flight_elsewhere)
        self._name = worker_name(workshop.service)
        self._running: dict[str, Delivery] = {}  # by the job's id, which names its fingerprint, too
        self._stopped = CancelledJobs()
        self._draining = False
        service = workshop.service.value
        # Looked up once: a metric's child costs more to find than to count.
        self._ended = {
            outcome: JOBS.labels(service=service, outcome=outcome) for outcome in ("ready", "failed", "stopped")
        }
        self._seconds = SECONDS.labels(service=service)

    @property
    def in_flight(self) -> InFlightJobs:
        """What runs here: the answer to "who holds what?"."""
        jobs = tuple(
            InFlightJob(
                story_id=one.job.story_id, asset=one.job.asset, fingerprint=one.job.fingerprint, since=one.taken_at
            )
            for one in self._running.values()
        )
        return InFlightJobs(worker=self._name, service=self._workshop.service, held=jobs)

    async def on_message(self, message: Msg) -> None:
        """Take one delivery to its end. Cancelled, it hands the job back. Never raises anything else."""
        if self._draining:
            await nak(message, delay=0)
            return
        try:
            job = AssetRequested.model_validate_json(message.data)
        except ValidationError as error:
            await self._reject(message, error)
            return
        if self._stopped.contains(job):
            self._ended["stopped"].inc()
            await ack(message)
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a job is worked on in a task of its own")
        delivery = Delivery(message, job, delivery_count(message), datetime.now(UTC), task)
        delivery.uncertain = self._bus.was_lost_since(stored_at(message), within=DOUBTFUL * self._ack_wait)
        twin = self._running.get(job.id)
        if twin is not None and not (twin.settled or twin.cancelled):
            # We were frozen or cut off, and the bus gave our job to us: the one who works on it answers for it.
            twin.renew(message)
            return
        self._running[job.id] = delivery
        try:
            await self._work(delivery)
        finally:
            if self._running.get(job.id) is delivery:
                del self._running[job.id]

    def cancel(self, stop: StopWork) -> int:
        """Drop what nobody wants any more, at once, and whatever of it arrives later; how many jobs were cancelled.

        Nothing is told, stored or handed back. Bytes that a thread is writing at this moment may still arrive.
        """
        self._stopped.add(stop)
        cancelled = 0
        for delivery in self._running.values():
            if matches(stop, delivery.job) and not delivery.cancelled:
                delivery.cancelled = True
                delivery.task.cancel()
                cancelled += 1
        return cancelled

    async def drain(self) -> None:
        """Take no more; let running jobs finish within ``drain_seconds``, then hand the rest back, no failure told."""
        self._draining = True
        running = [delivery.task for delivery in self._running.values()]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=self._settings.drain_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=5)

    async def _work(self, delivery: Delivery) -> None:
        job, history, bill = delivery.job, History(self._objects, delivery.job), usage_of(delivery.job)
        heart = Heartbeat(
            delivery.in_progress,
            partial(self._telling.started, delivery),
            every=self._ack_wait / 3,
            patience=self._ack_wait * FROZEN,
        )
        structlog.contextvars.bind_contextvars(story_id=str(job.story_id), asset=job.asset.value, trace=job.trace[:35])
        try:
            heart.start()
            await self._attempt(delivery, history, bill, heart)
        except asyncio.CancelledError:
            await self._abandon(delivery, history, bill)
            raise
        except Exception:
            # Nothing but a bug in here gets this far. The job stays the bus's: another attempt comes by ack_wait.
            log.exception("job.lost_its_way")
        finally:
            heart.stop()

    async def _attempt(self, delivery: Delivery, history: History, bill: ProviderUsage, heart: Heartbeat) -> None:
        outcome: AnyResult | ProviderUnavailable | RetryableError | PermanentError | None
        try:
            outcome = await self._making.result(delivery, history, bill, heart, Reporter(self._telling, delivery))
        except (ProviderUnavailable, RetryableError, PermanentError) as failure:
            outcome = failure
        if delivery.cancelled or outcome is None:
            # Its maker did not let itself be cancelled; it ends here all the same.
            await self._abandon(delivery, history, bill)
            return
        match outcome:
            case InFlightElsewhere():
                log.info("job.held_elsewhere", deliveries=delivery.number)
                await delivery.nak(delay=outcome.after)
            case ProviderUnavailable():
                await self._wait(delivery, history, bill, outcome)
            case RetryableError():
                await self._retry(delivery, history, bill, outcome)
            case PermanentError():
                await self._fail(delivery, history, bill, outcome)
            case _:
                await self._telling.completed(delivery, outcome)
                await self._finish(delivery, "ready")

    async def _in_flight_elsewhere(self, delivery: Delivery) -> float:
        """Who took it first keeps it: two who ask at the same moment do not both leave it."""
        job, mine = delivery.job, (delivery.taken_at, self._name)
        asked = (job.story_id, job.asset, job.fingerprint)
        for answer in await query_workers(self._bus, ASKING):
            for held in answer.held:
                same = (held.story_id, held.asset, held.fingerprint) == asked
                if same and (held.since, answer.worker) < mine:
                    return self._ack_wait / 2
        return 0

    async def _wait(
        self, delivery: Delivery, history: History, bill: ProviderUsage, reason: ProviderUnavailable
    ) -> None:
        """It was not tried, so that no attempt is spent."""
        WAITS.labels(service=self._workshop.service.value).inc()
        await history.end(tuple(bill.calls), clean=True, pauses=self._objects.settings.store_pauses)
        await self._nak_later(delivery, history, reason.reason, reason.after)

    async def _retry(self, delivery: Delivery, history: History, bill: ProviderUsage, failure: RetryableError) -> None:
        pauses = self._objects.settings.store_pauses
        counted = await history.fail(failure.reason, tuple(bill.calls), pauses=pauses)
        failures = history.known.failures
        if counted and failures >= self._settings.max_attempts:
            await self._dead_letter(delivery, history, spent(history))
            return
        RETRIES.labels(service=self._workshop.service.value).inc()
        delays = self._settings.retry_delays
        usual = delays[min(max(failures, 1), len(delays)) - 1]
        after = usual if failure.after is None else failure.after
        await self._nak_later(delivery, history, failure.reason, after, failed=counted)

    async def _nak_later(
        self, delivery: Delivery, history: History, reason: str, after: float, *, failed: bool = False
    ) -> None:
        """Tell the reader when it goes on, and let it go. A quarter of jitter keeps jobs from coming back together."""
        delay = after * random.uniform(1, 1.25)
        failures = history.known.failures
        if failed:
            log.warning("job.retrying", failures=failures, seconds=round(delay, 1), reason=reason)
        else:
            log.info("job.waiting", failures=failures, seconds=round(delay, 1), reason=reason)
        mark = f"retrying.{failures}" if failed else f"waiting.{delivery.stamp}"
        await self._telling.retrying(delivery, mark, attempt=max(1, failures), reason=reason, delay=delay)
        await delivery.nak(delay=delay)

    async def _fail(self, delivery: Delivery, history: History, bill: ProviderUsage, failure: PermanentError) -> None:
        if failure.code != "attempts_spent":  # that one came before an attempt was made
            history.known = history.known.after_failure(failure.reason, tuple(bill.calls))
        await self._dead_letter(delivery, history, failure)

    async def _dead_letter(self, delivery: Delivery, history: History, failure: PermanentError) -> None:
        FAILURES.labels(service=self._workshop.service.value, code=failure.code).inc()
        log.warning("job.failed", code=failure.code, reason=failure.reason, request_id=failure.request_id)
        known = history.known
        await self._telling.failed(delivery, failure, attempts=known.failures, calls=known.calls)
        await self._finish(delivery, "failed")

    async def _abandon(self, delivery: Delivery, history: History, bill: ProviderUsage) -> None:
        """End without an end: a job that was stopped is dropped, any other is handed back for somebody else."""
        if delivery.cancelled:
            self._ended["stopped"].inc()
            log.info("job.stopped")
            await delivery.ack()
            return
        try:
            async with asyncio.timeout(LAST_NOTE):
                await history.end(tuple(bill.calls), clean=bill.asked == 0)
        except TimeoutError:
            log.warning("job.note_unwritten", reason="the store did not answer in time")
        finally:
            await delivery.nak(delay=0)

    async def _reject(self, message: Msg, error: ValidationError) -> None:
        """A message that is no job: kept for people, and the asset fails if the message says enough to tell."""
        if dead_letters.is_newer(message.data):
            log.warning("job.newer_than_we_are", seconds=NEWER)
            await nak(message, delay=NEWER)
            return
        found = dead_letters.unreadable(message, error, self._workshop.service)
        log.error("job.unreadable", subject_tokens=message.subject.count(".") + 1, field=found.field)
        await self._telling.dead_letter(found.letter)
        if found.failed is not None:
            await self._telling.publish(found.failed)
        await ack(message)

    async def _finish(self, delivery: Delivery, outcome: str) -> None:
        seconds = (datetime.now(UTC) - delivery.taken_at).total_seconds()
        self._ended[outcome].inc()
        self._seconds.observe(seconds)
        log.info("job.done", outcome=outcome, deliveries=delivery.number, seconds=round(seconds, 3))
        await delivery.ack()
