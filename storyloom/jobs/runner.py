"""How a worker runs a job: heartbeat, hard time-out, retry or dead letter, manifest, event, and the ack last.

The same for every service; the handler, which app.py declares, only makes the result. A job is acknowledged after its
end is published on STORY, so that after a crash anywhere in here it is redelivered and the rest done again.
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
from storyloom.jobs.events import JobEvents, Reporter, publish_until_acknowledged
from storyloom.jobs.executor import Attempt, Call, InFlightElsewhere, JobExecutor, attempts_spent, usage_of
from storyloom.jobs.heartbeat import Heartbeat
from storyloom.jobs.in_flight import (
    InFlightJob,
    InFlightJobs,
    ProviderGate,
    ShutProvider,
    WorkerProblem,
    query_workers,
    worker_name,
)
from storyloom.jobs.stored_answers import StoredAnswers
from storyloom.messaging.broker import Broker, Router, question
from storyloom.messaging.codec import UnreadableMessageError
from storyloom.messaging.consumer import ack, delivery_count, nak, stored_at
from storyloom.messaging.endpoints import address
from storyloom.messaging.topology import CANCEL_JOBS, QUERY_WORKERS
from storyloom.providers.errors import FREE_OUTCOMES
from storyloom.providers.resilience.gate import gate_states, shut_gates
from storyloom.providers.usage import ProviderUsage
from storyloom.runtime.logs import IDENTITY
from storyloom.runtime.metrics import FAILURES, JOB_WAIT_SECONDS, JOBS, REDELIVERIES, RETRIES, SECONDS, WAITS
from storyloom.runtime.settings import Settings
from storyloom.runtime.spans import SPAN
from storyloom.storage.objects import Objects
from storyloom.story.assets import Priority
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.events import AssetCompleted, Event
from storyloom.story.jobs import AssetRequested, StopWork
from storyloom.story.results import AnyResult

log = structlog.get_logger()

NEWER_VERSION_DELAY_SECONDS = 5.0
"""Seconds until a job of a newer version is redelivered: a worker of that version is there, or soon will be."""
ABANDON_NOTE_TIMEOUT_SECONDS = 2.0
"""Seconds that a stopping worker may take to note in the store that an attempt was abandoned."""
QUERY_WORKERS_TIMEOUT_SECONDS = 1.2
"""Seconds that other workers may take to answer that they have a job in flight which was delivered to us: after a
restart of NATS they reconnect one after the other, and a busy one answers late."""
QUERY_WORKERS_REPEAT_SECONDS = 0.3
"""Seconds until they are asked again: a question is lost on whoever had not reconnected when it was asked."""
UNCERTAIN_ACK_WAITS = 2
"""Multiples of ack_wait after a reconnect in which the server may deliver as new what others have in flight."""
MAX_SILENCE_ACK_WAITS = 0.8
"""Multiples of ack_wait without a heartbeat after which the job may be in flight elsewhere, too."""


class JobRunner:
    """Runs the jobs of one worker definition: ``middleware`` stands around each handler that app.py declares.

    ``router`` declares what every worker publishes and answers besides. Call ``drain`` before the broker stops:
    whatever is delivered from then on is nacked.
    """

    def __init__(self, broker: Broker, objects: Objects, definition: WorkerDefinition, settings: Settings) -> None:
        self._broker = broker
        self._objects = objects
        self._definition = definition
        self._settings = settings
        self._ack_wait = settings.ack_wait
        self.events = JobEvents(definition.service)
        self._executor = JobExecutor(objects, definition, settings, self._seconds_in_flight_elsewhere)
        self._name = worker_name(definition.service)
        self._in_flight: dict[str, Delivery] = {}  # by the job's id, which names its fingerprint, too
        self._cancelled = CancelledJobs()
        self._draining = False
        self._slots = {
            Priority.URGENT: settings.slots_urgent,
            Priority.HIGH: settings.slots_high,
            Priority.NORMAL: settings.slots_normal,
        }
        service = definition.service.value
        # Looked up once: a metric's child costs more to find than to count.
        self._ended = {
            outcome: JOBS.labels(service=service, outcome=outcome) for outcome in ("ready", "failed", "stopped")
        }
        self._seconds = SECONDS.labels(service=service)
        self._redelivered = REDELIVERIES.labels(service=service)
        self._waited = {one: JOB_WAIT_SECONDS.labels(service=service, priority=one.value) for one in Priority}
        self.router = self._declare()

    def _declare(self) -> Router:
        router = self.events.router

        @router.subscriber(CANCEL_JOBS, **question(StopWork, max_workers=1))
        async def stop(stop_work: StopWork) -> None:
            """Cancel jobs that nobody wants any more."""
            if cancelled := self.cancel(stop_work):
                log.info("worker.jobs_cancelled", story_id=str(stop_work.story_id), jobs=cancelled)

        @router.subscriber(QUERY_WORKERS, **question(None, max_workers=1))
        async def in_flight(_: bytes) -> InFlightJobs:
            """Answer which jobs are in flight here."""
            return self.in_flight.model_copy(update={"problems": await self._problems()})

        return router

    def middleware(self, message: Any, /, *, context: ContextRepo) -> "JobMiddleware":
        """The middleware of one job."""
        return JobMiddleware(self, message, context=context)

    @property
    def in_flight(self) -> InFlightJobs:
        """The jobs in flight here: the answer to a request on ``workers.held``."""
        jobs = tuple(
            InFlightJob(
                story_id=one.job.story_id,
                asset=one.job.asset,
                fingerprint=one.job.fingerprint,
                since=one.taken_at,
                held_seconds=one.held_seconds,
            )
            for one in self._in_flight.values()
            if not one.overdue
        )
        shut = tuple(ShutProvider(provider=one.provider, why=one.why, since=one.since) for one in shut_gates())
        gates = tuple(
            ProviderGate(
                provider=one.provider,
                state=one.state.name.lower(),
                in_flight=one.in_flight,
                limit=one.limit,
                waiting=one.waiting,
            )
            for one in gate_states()
        )
        # A worker that stops takes no more.
        slots = {} if self._draining else self._slots
        return InFlightJobs(
            worker=self._name, service=self._definition.service, held=jobs, shut=shut, gates=gates, slots=slots
        )

    async def _problems(self) -> tuple[WorkerProblem, ...]:
        loops = await self._broker.bus.crashes.check() if self._broker.is_connected else None
        found = {"store": self._objects.write_error, "loops": loops}
        return tuple(WorkerProblem(check=check, reason=reason) for check, reason in found.items() if reason)

    async def take(self, message: NatsMessage) -> Delivery:
        """Take one delivery. Raises AckMessage or NackMessage for one that is settled already and needs no handler."""
        raw = message.raw_message
        if self._draining:
            await nak(raw, delay=0)
            raise NackMessage
        try:
            job = cast("AssetRequested", await message.decode())
        except UnreadableMessageError as error:
            await self._dead_letter_unreadable(raw, error.error)
            raise AckMessage from None
        if self._cancelled.drop(job):
            self._ended["stopped"].inc()
            await ack(raw)
            raise AckMessage
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a job runs in a task of its own")
        delivery = Delivery(raw, job, delivery_count(raw), datetime.now(UTC), task, StoredAnswers(self._objects, job))
        if self._broker.was_disconnected:
            delivery.uncertain = self._broker.bus.may_be_delivered_twice(
                stored_at(raw), within=UNCERTAIN_ACK_WAITS * self._ack_wait
            )
        running = self._in_flight.get(job.id)
        if running is not None and running.live:
            # We were frozen or cut off, and our own job was redelivered to us: the running handler settles it.
            running.replace_message(raw)
            raise AckMessage
        self._in_flight[job.id] = delivery
        if delivery.redelivered:
            self._redelivered.inc()
        else:
            self._waited[job.priority].observe(max(0.0, (delivery.taken_at - job.at).total_seconds()))
        return delivery

    def release(self, delivery: Delivery) -> None:
        """It is in flight here no more."""
        if self._in_flight.get(delivery.job.id) is delivery:
            del self._in_flight[delivery.job.id]

    def heartbeat(self, delivery: Delivery) -> Heartbeat:
        """The heartbeat of a delivery, not started yet."""
        return Heartbeat(
            delivery.in_progress,
            partial(self.events.started, delivery),
            interval=self._ack_wait / 3,
            max_silence=self._ack_wait * MAX_SILENCE_ACK_WAITS,
            on_deadline=delivery.expire,
        )

    def cancel(self, stop: StopWork) -> int:
        """Cancel the jobs of a StopWork, those in flight and those that arrive later; how many were in flight.

        Nothing is published, stored or nacked. Bytes that a thread is writing at this moment may still arrive.
        """
        self._cancelled.add(stop)
        cancelled = 0
        for delivery in self._in_flight.values():
            if matches(stop, delivery.job) and not delivery.cancelled:
                delivery.cancelled = True
                delivery.task.cancel()
                cancelled += 1
        return cancelled

    def drain(self) -> None:
        """Take no more. The broker's stop lets running jobs finish, then cancels them: they are nacked."""
        self._draining = True

    async def attempt(self, call: Call, delivery: Delivery, heartbeat: Heartbeat) -> AssetCompleted:
        """One attempt at a job: AssetCompleted, to be published. Raises AckMessage or NackMessage for any other end,
        when the delivery is settled already, and CancelledError.
        """
        job = delivery.job
        history, usage = History(self._objects, job), usage_of(job)
        outcome: AnyResult | ProviderUnavailable | RetryableError | PermanentError | None
        try:
            attempt = Attempt(history, usage, heartbeat, Reporter(self.events, delivery))
            outcome = await self._executor.result(call, delivery, attempt)
        except (ProviderUnavailable, RetryableError, PermanentError) as failure:
            outcome = failure
        except asyncio.CancelledError:
            await self._abandon(delivery, history, usage)
            raise
        if delivery.cancelled or outcome is None:
            # Its handler swallowed the cancellation; the job ends here all the same.
            await self._abandon(delivery, history, usage)
            raise AckMessage
        try:
            match outcome:
                case InFlightElsewhere():
                    log.info("job.in_flight_elsewhere", deliveries=delivery.number)
                    await delivery.nak(delay=outcome.after)
                case ProviderUnavailable():
                    await self._requeue_untried(delivery, history, usage, outcome)
                case RetryableError():
                    await self._retry(delivery, history, usage, outcome)
                case PermanentError():
                    await self._fail(delivery, history, usage, outcome)
                case _:
                    return self.events.completed(delivery, outcome)
        except asyncio.CancelledError:
            await self._abandon(delivery, history, usage)
            raise
        raise NackMessage

    async def requeue_unpublished(self, delivery: Delivery) -> None:
        """Its event could not be published before the stop: the manifest stands, and the next worker publishes it."""
        if delivery.cancelled:
            await self._ack_cancelled(delivery)
        else:
            await delivery.nak(delay=0)

    async def _seconds_in_flight_elsewhere(self, delivery: Delivery) -> float:
        """Whoever took it first keeps it: of two that ask at the same moment only one leaves it."""
        job, mine = delivery.job, (delivery.taken_at, self._name)
        asked, held_seconds = (job.story_id, job.asset, job.fingerprint), delivery.held_seconds

        def took_it_first(other: InFlightJob, worker: str) -> bool:
            if other.agrees_with_clock(datetime.now(UTC)):
                return (other.since, worker) < mine
            # Its clock or ours is wrong. How long it has had the job needs none, but grows until the answer is here: of
            # two that took it at the same moment both may leave it, and it is delivered once more.
            if worker == self._name or other.held_seconds is None:
                return False
            return other.held_seconds >= held_seconds

        def has_it(answer: InFlightJobs) -> bool:
            return any(
                (other.story_id, other.asset, other.fingerprint) == asked and took_it_first(other, answer.worker)
                for other in answer.held
            )

        answers = await query_workers(
            self._broker.bus,
            QUERY_WORKERS_TIMEOUT_SECONDS,
            repeat_seconds=QUERY_WORKERS_REPEAT_SECONDS,
            enough=has_it,
        )
        return self._ack_wait / 2 if any(map(has_it, answers)) else 0

    async def _requeue_untried(
        self, delivery: Delivery, history: History, usage: ProviderUsage, reason: ProviderUnavailable
    ) -> None:
        """Nack it untried: no attempt is spent."""
        WAITS.labels(service=self._definition.service.value).inc()
        # What was asked in vain and costs nothing is not kept: there is one more for every probe of an outage.
        calls = tuple(call for call in usage.calls if call.cost_usd > 0 or call.error not in FREE_OUTCOMES)
        await history.end(calls, clean=True, pauses=self._objects.settings.store_retry_delays)
        await self._executor.keep_answers(delivery)
        await self._nak_with_delay(delivery, history, reason.reason, reason.after, waits=True)

    async def _retry(self, delivery: Delivery, history: History, usage: ProviderUsage, failure: RetryableError) -> None:
        pauses = self._objects.settings.store_retry_delays
        counted = await history.fail(failure.reason, tuple(usage.calls), pauses=pauses)
        failures = history.known.failures
        if counted and failures >= self._settings.max_attempts:
            await self._dead_letter(delivery, history, attempts_spent(history))
            return
        await self._executor.keep_answers(delivery)
        RETRIES.labels(service=self._definition.service.value).inc()
        delays = self._settings.retry_delays
        usual = delays[min(max(failures, 1), len(delays)) - 1]
        after = usual if failure.after is None else failure.after
        await self._nak_with_delay(delivery, history, failure.reason, after, failed=counted)

    async def _nak_with_delay(
        self,
        delivery: Delivery,
        history: History,
        reason: str,
        after: float,
        *,
        failed: bool = False,
        waits: bool = False,
    ) -> None:
        """Publish AssetRetrying, and nack. Up to a quarter of jitter spreads jobs that failed together."""
        delay = after * random.uniform(1, 1.25)
        failures = history.known.failures
        SPAN.get().set(storyloom__outcome="retrying" if failed else "waiting")
        if failed:
            log.warning("job.retrying", failures=failures, seconds=round(delay, 1), reason=reason)
        else:
            log.info("job.waiting", failures=failures, seconds=round(delay, 1), reason=reason)
        suffix = f"retrying.{failures}" if failed else f"waiting.{delivery.delivery_id}"
        await self.events.retrying(delivery, suffix, attempt=max(1, failures), reason=reason, delay=delay, waits=waits)
        await delivery.nak(delay=delay)

    async def _fail(self, delivery: Delivery, history: History, usage: ProviderUsage, failure: PermanentError) -> None:
        if failure.code != "attempts_spent":  # found before an attempt was made
            history.known = history.known.with_failure(failure.reason, tuple(usage.calls))
        await self._dead_letter(delivery, history, failure)

    async def _dead_letter(self, delivery: Delivery, history: History, failure: PermanentError) -> None:
        FAILURES.labels(service=self._definition.service.value, code=failure.code).inc()
        SPAN.get().fail(failure.code)
        log.warning("job.failed", code=failure.code, reason=failure.reason, request_id=failure.request_id)
        known = history.known
        await self.events.failed(delivery, failure, attempts=known.failures, calls=known.calls)
        await self.finish(delivery, "failed")

    async def _abandon(self, delivery: Delivery, history: History, usage: ProviderUsage) -> None:
        """End an attempt that was cut short: ack a cancelled job, nack any other for the next worker."""
        if delivery.cancelled:
            await self._ack_cancelled(delivery)
            return
        try:
            async with asyncio.timeout(ABANDON_NOTE_TIMEOUT_SECONDS):
                await history.end(tuple(usage.calls), clean=usage.requests == 0)
                await self._executor.keep_answers(delivery)
        except TimeoutError:
            log.warning("job.attempts_not_stored", reason="the store did not answer in time")
        finally:
            await delivery.nak(delay=0)

    async def _ack_cancelled(self, delivery: Delivery) -> None:
        self._ended["stopped"].inc()
        SPAN.get().set(storyloom__outcome="stopped")
        log.info("job.cancelled")
        await delivery.answers.delete(search=not delivery.first)
        await delivery.ack()

    async def _dead_letter_unreadable(self, message: Msg, error: ValidationError) -> None:
        """Keep a message that is no job on DEAD; publish AssetFailed if it names an asset."""
        if dead_letters.is_newer(message.data):
            log.warning("job.newer_version", seconds=NEWER_VERSION_DELAY_SECONDS)
            await nak(message, delay=NEWER_VERSION_DELAY_SECONDS)
            return
        found = dead_letters.unreadable(message, error, self._definition.service)
        log.error("job.unreadable", subject_tokens=message.subject.count(".") + 1, field=found.field)
        await self.events.dead_letter(found.message)
        if found.failed is not None:
            await self.events.publish_failed(found.failed)
        await ack(message)

    async def finish(self, delivery: Delivery, outcome: str) -> None:
        """Its end is published: count it, and acknowledge."""
        seconds = delivery.held_seconds
        self._ended[outcome].inc()
        self._seconds.observe(seconds)
        log.info("job.done", outcome=outcome, deliveries=delivery.number, seconds=round(seconds, 3))
        # Before the ack: whoever takes the job after a crash deletes them.
        await delivery.answers.delete(search=not delivery.first)
        await delivery.ack()


class JobMiddleware(BaseMiddleware[NatsPublishCommand, Any]):
    """Stands around one job from its delivery until its end is published: the ack comes last.

    ``consume_scope`` ends before the event is published, so that heartbeats go on until ``after_processed``.
    """

    __slots__ = ("_delivery", "_heartbeat", "_runner")

    def __init__(self, runner: JobRunner, message: Any, /, *, context: ContextRepo) -> None:
        super().__init__(message, context=context)
        self._runner = runner
        self._delivery: Delivery | None = None
        self._heartbeat: Heartbeat | None = None

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], message: Any) -> AssetCompleted:
        """AssetCompleted; any other end is settled here and raises AckMessage or NackMessage.

        FastStream would publish an empty body for a handler that returned None.
        """
        runner = self._runner
        delivery = self._delivery = await runner.take(message)
        heartbeat = self._heartbeat = runner.heartbeat(delivery)
        IDENTITY.set(delivery.job)
        heartbeat.start()
        return await runner.attempt(partial(call_next, message), delivery, heartbeat)

    async def publish_scope(
        self, call_next: Callable[[NatsPublishCommand], Awaitable[Any]], cmd: NatsPublishCommand
    ) -> Any:
        """Address the event, and publish it through any outage: the result is paid for."""
        if isinstance(cmd.body, Event):
            cmd.destination, headers = address(cmd.body, cmd.destination)
            if self._delivery is not None and self._delivery.job.put_back:
                del headers["Nats-Msg-Id"]  # as in JobEvents: an earlier one may be lost to Postgres alone
            cmd.headers = headers | cmd.headers
        return await publish_until_acknowledged(partial(call_next, cmd))

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> bool:
        """Ack what is published, nack what was cut short, and stop the heartbeat."""
        del exc_type, exc_tb
        settled = isinstance(exc_val, HandlerException)
        delivery = self._delivery
        if delivery is None:
            return settled
        try:
            if exc_val is None:
                await self._runner.finish(delivery, "ready")
            elif isinstance(exc_val, asyncio.CancelledError):
                if not delivery.settled:
                    await self._runner.requeue_unpublished(delivery)
            elif not settled:
                # Nothing but a bug in here gets this far. It stays unacknowledged: redelivered after ack_wait.
                log.error("job.unsettled", error=type(exc_val).__name__)
        finally:
            if self._heartbeat is not None:
                self._heartbeat.stop()
            self._runner.release(delivery)
        return settled
