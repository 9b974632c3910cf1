"""How a worker works on a job: heartbeat, hard time-out, retry or dead letter, manifest, event, and the ack last.

The same for every service; a handler, which app.py declares, only makes. A job is acknowledged after its end is told on
STORY, so that a crash anywhere in here means that somebody makes the rest of the way again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, cast

import structlog
from faststream import BaseMiddleware, ContextRepo
from faststream.exceptions import AckMessage, HandlerException, NackMessage
from faststream.nats.message import NatsMessage
from faststream.nats.response import NatsPublishCommand
from nats.aio.msg import Msg
from pydantic import ValidationError

from storyloom.jobs import dead_letters
from storyloom.jobs.attempts import History
from storyloom.jobs.cancellation import CancelledJobs, matches
from storyloom.jobs.definition import WorkerDefinition
from storyloom.jobs.delivery import Delivery
from storyloom.jobs.events import JobEvents, Reporter, through_any_outage
from storyloom.jobs.executor import Attempt, Call, InFlightElsewhere, JobExecutor, spent, usage_of
from storyloom.jobs.heartbeat import Heartbeat
from storyloom.jobs.in_flight import InFlightJob, InFlightJobs, query_workers, worker_name
from storyloom.messaging.broker import Broker, Router, question
from storyloom.messaging.codec import UnreadableMessageError
from storyloom.messaging.consumer import ack, delivery_count, nak, stored_at
from storyloom.messaging.endpoints import address
from storyloom.messaging.topology import CANCEL_JOBS, QUERY_WORKERS
from storyloom.providers.usage import ProviderUsage
from storyloom.runtime.logs import IDENTITY
from storyloom.runtime.metrics import FAILURES, JOBS, RETRIES, SECONDS, WAITS
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.events import AssetCompleted, Event
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
    """Works on the jobs of one workshop: ``middleware`` stands around each handler that app.py declares.

    ``router`` declares what every worker says and answers besides. ``drain`` before the broker stops: whatever is
    delivered from then on goes back.
    """

    def __init__(self, broker: Broker, objects: Objects, workshop: WorkerDefinition, settings: Settings) -> None:
        self._broker = broker
        self._objects = objects
        self._workshop = workshop
        self._settings = settings
        self._ack_wait = settings.ack_wait
        self.telling = JobEvents(workshop.service)
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
        self.router = self._declare()

    def _declare(self) -> Router:
        router = self.telling.router

        @router.subscriber(CANCEL_JOBS, **question(StopWork, at_once=1))
        async def stop(wanted: StopWork) -> None:
            """Drop what nobody wants any more."""
            if cancelled := self.cancel(wanted):
                log.info("worker.stopped_jobs", story_id=str(wanted.story_id), jobs=cancelled)

        @router.subscriber(QUERY_WORKERS, **question(None, at_once=1))
        async def in_flight(_: bytes) -> InFlightJobs:
            """Say which jobs run here."""
            return self.in_flight

        return router

    def middleware(self, message: Any, /, *, context: ContextRepo) -> "JobMiddleware":
        """What stands around one job."""
        return JobMiddleware(self, message, context=context)

    @property
    def in_flight(self) -> InFlightJobs:
        """What runs here: the answer to "who holds what?"."""
        jobs = tuple(
            InFlightJob(
                story_id=one.job.story_id, asset=one.job.asset, fingerprint=one.job.fingerprint, since=one.taken_at
            )
            for one in self._running.values()
            if not one.overdue
        )
        return InFlightJobs(worker=self._name, service=self._workshop.service, held=jobs)

    async def take(self, message: NatsMessage) -> Delivery:
        """Take one delivery. Raises AckMessage or NackMessage for one that is dealt with already: there is no handler
        to be called for it.
        """
        raw = message.raw_message
        if self._draining:
            await nak(raw, delay=0)
            raise NackMessage
        try:
            job = cast("AssetRequested", await message.decode())
        except UnreadableMessageError as error:
            await self._reject(raw, error.error)
            raise AckMessage from None
        if self._stopped.contains(job):
            self._ended["stopped"].inc()
            await ack(raw)
            raise AckMessage
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a job is worked on in a task of its own")
        delivery = Delivery(raw, job, delivery_count(raw), datetime.now(UTC), task)
        if self._broker.was_lost:
            delivery.uncertain = self._broker.bus.was_lost_since(stored_at(raw), within=DOUBTFUL * self._ack_wait)
        twin = self._running.get(job.id)
        if twin is not None and twin.live:
            # We were frozen or cut off, and the bus gave our job to us: the one who works on it answers for it.
            twin.renew(raw)
            raise AckMessage
        self._running[job.id] = delivery
        return delivery

    def release(self, delivery: Delivery) -> None:
        """It does not run here any more."""
        if self._running.get(delivery.job.id) is delivery:
            del self._running[delivery.job.id]

    def heart(self, delivery: Delivery) -> Heartbeat:
        """The heart of a delivery, not beating yet."""
        return Heartbeat(
            delivery.in_progress,
            partial(self.telling.started, delivery),
            every=self._ack_wait / 3,
            patience=self._ack_wait * FROZEN,
            too_late=delivery.give_up_on,
        )

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

    def drain(self) -> None:
        """Take no more. The broker's stop lets running jobs finish, then cancels them: they are handed back."""
        self._draining = True

    async def attempt(self, call: Call, delivery: Delivery, heart: Heartbeat) -> AssetCompleted:
        """One attempt at a job: the event of its good end, to be published. Raises AckMessage or NackMessage for any
        other end, which is dealt with then, and CancelledError.
        """
        job = delivery.job
        history, bill = History(self._objects, job), usage_of(job)
        outcome: AnyResult | ProviderUnavailable | RetryableError | PermanentError | None
        try:
            attempt = Attempt(history, bill, heart, Reporter(self.telling, delivery))
            outcome = await self._making.result(call, delivery, attempt)
        except (ProviderUnavailable, RetryableError, PermanentError) as failure:
            outcome = failure
        except asyncio.CancelledError:
            await self._abandon(delivery, history, bill)
            raise
        if delivery.cancelled or outcome is None:
            # Its maker did not let itself be cancelled; it ends here all the same.
            await self._abandon(delivery, history, bill)
            raise AckMessage
        try:
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
                    return self.telling.completed(delivery, outcome)
        except asyncio.CancelledError:
            await self._abandon(delivery, history, bill)
            raise
        raise NackMessage

    async def break_off_telling(self, delivery: Delivery) -> None:
        """It was made and is not told: its manifest stands, and whoever is given it tells."""
        if delivery.cancelled:
            await self._drop(delivery)
        else:
            await delivery.nak(delay=0)

    async def _in_flight_elsewhere(self, delivery: Delivery) -> float:
        """Who took it first keeps it: two who ask at the same moment do not both leave it."""
        job, mine = delivery.job, (delivery.taken_at, self._name)
        asked = (job.story_id, job.asset, job.fingerprint)
        for answer in await query_workers(self._broker.bus, ASKING):
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
        await history.end(tuple(bill.calls), clean=True, pauses=self._objects.settings.store_retry_delays)
        await self._nak_later(delivery, history, reason.reason, reason.after)

    async def _retry(self, delivery: Delivery, history: History, bill: ProviderUsage, failure: RetryableError) -> None:
        pauses = self._objects.settings.store_retry_delays
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
        await self.telling.retrying(delivery, mark, attempt=max(1, failures), reason=reason, delay=delay)
        await delivery.nak(delay=delay)

    async def _fail(self, delivery: Delivery, history: History, bill: ProviderUsage, failure: PermanentError) -> None:
        if failure.code != "attempts_spent":  # that one came before an attempt was made
            history.known = history.known.after_failure(failure.reason, tuple(bill.calls))
        await self._dead_letter(delivery, history, failure)

    async def _dead_letter(self, delivery: Delivery, history: History, failure: PermanentError) -> None:
        FAILURES.labels(service=self._workshop.service.value, code=failure.code).inc()
        log.warning("job.failed", code=failure.code, reason=failure.reason, request_id=failure.request_id)
        known = history.known
        await self.telling.failed(delivery, failure, attempts=known.failures, calls=known.calls)
        await self.finish(delivery, "failed")

    async def _abandon(self, delivery: Delivery, history: History, bill: ProviderUsage) -> None:
        """End without an end: a job that was stopped is dropped, any other is handed back for somebody else."""
        if delivery.cancelled:
            await self._drop(delivery)
            return
        try:
            async with asyncio.timeout(LAST_NOTE):
                await history.end(tuple(bill.calls), clean=bill.requests == 0)
        except TimeoutError:
            log.warning("job.note_unwritten", reason="the store did not answer in time")
        finally:
            await delivery.nak(delay=0)

    async def _drop(self, delivery: Delivery) -> None:
        self._ended["stopped"].inc()
        log.info("job.stopped")
        await delivery.ack()

    async def _reject(self, message: Msg, error: ValidationError) -> None:
        """A message that is no job: kept for people, and the asset fails if the message says enough to tell."""
        if dead_letters.is_newer(message.data):
            log.warning("job.newer_than_we_are", seconds=NEWER)
            await nak(message, delay=NEWER)
            return
        found = dead_letters.unreadable(message, error, self._workshop.service)
        log.error("job.unreadable", subject_tokens=message.subject.count(".") + 1, field=found.field)
        await self.telling.dead_letter(found.letter)
        if found.failed is not None:
            await self.telling.publish_failed(found.failed)
        await ack(message)

    async def finish(self, delivery: Delivery, outcome: str) -> None:
        """Its end is told: count it, and take it off the bus."""
        seconds = (datetime.now(UTC) - delivery.taken_at).total_seconds()
        self._ended[outcome].inc()
        self._seconds.observe(seconds)
        log.info("job.done", outcome=outcome, deliveries=delivery.number, seconds=round(seconds, 3))
        await delivery.ack()


class JobMiddleware(BaseMiddleware[NatsPublishCommand, Any]):
    """Stands around one job from its delivery until its end is told: the ack comes last.

    ``consume_scope`` ends before the event is published, so that the heart beats until ``after_processed``.
    """

    __slots__ = ("_delivery", "_heart", "_working")

    def __init__(self, working: JobRunner, message: Any, /, *, context: ContextRepo) -> None:
        super().__init__(message, context=context)
        self._working = working
        self._delivery: Delivery | None = None
        self._heart: Heartbeat | None = None

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], message: Any) -> AssetCompleted:
        """The event of the job's good end; any other end is dealt with here, and ends in AckMessage or NackMessage.

        FastStream would publish an empty body for a handler that answered None.
        """
        working = self._working
        delivery = self._delivery = await working.take(message)
        heart = self._heart = working.heart(delivery)
        IDENTITY.set(delivery.job)
        heart.start()
        return await working.attempt(partial(call_next, message), delivery, heart)

    async def publish_scope(
        self, call_next: Callable[[NatsPublishCommand], Awaitable[Any]], cmd: NatsPublishCommand
    ) -> Any:
        """Address the event, and publish it through any outage: what is told here is paid for."""
        if isinstance(cmd.body, Event):
            cmd.destination, headers = address(cmd.body, cmd.destination)
            cmd.headers = headers | cmd.headers
        return await through_any_outage(partial(call_next, cmd))

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> bool:
        """Acknowledge what is told, hand back what is cut short, and let the heart rest."""
        del exc_type, exc_tb
        dealt_with = isinstance(exc_val, HandlerException)
        delivery = self._delivery
        if delivery is None:
            return dealt_with
        try:
            if exc_val is None:
                await self._working.finish(delivery, "ready")
            elif isinstance(exc_val, asyncio.CancelledError):
                if not delivery.settled:
                    await self._working.break_off_telling(delivery)
            elif not dealt_with:
                # Nothing but a bug in here gets this far. The job stays the bus's: another attempt comes by ack_wait.
                log.error("job.lost_its_way", error=type(exc_val).__name__)
        finally:
            if self._heart is not None:
                self._heart.stop()
            self._working.release(delivery)
        return dealt_with
