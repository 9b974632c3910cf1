"""How a worker works on a job: heartbeat, hard time-out, retry or dead letter, manifest, event, and the ack last.

The same for every service; a maker (storyloom/work.py) only makes. A job is acknowledged after its end is told on
STORY, so that a crash anywhere in here means that somebody makes the rest of the way again.
"""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypedDict, cast
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from storyloom.bus import dead
from storyloom.bus.connection import Bus, BusUnavailableError, Letter
from storyloom.bus.heart import Heart
from storyloom.bus.held import Held, HeldJob, worker_name
from storyloom.bus.pulling import deliveries
from storyloom.objects import Manifest, Objects
from storyloom.settings import WorkerSettings
from storyloom.story.errors import GiveUp, TryAgain
from storyloom.story.events import AssetCompleted, AssetFailed, AssetProgressed, AssetRetrying, AssetStarted, Event
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, Result
from storyloom.telemetry import JOBS, RETRIES, SECONDS
from storyloom.work import Workshop

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A job as it was delivered: which time, and when we took it."""

    message: Msg
    job: AssetRequested
    attempt: int
    taken_at: datetime


class _Origin(TypedDict):
    """What a job hands on to every event about it."""

    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime


class Working:
    """Works on the jobs of one workshop. ``drain`` ends it: running jobs finish, or are handed back."""

    def __init__(self, bus: Bus, objects: Objects, workshop: Workshop, settings: WorkerSettings) -> None:
        self._bus = bus
        self._objects = objects
        self._workshop = workshop
        self._settings = settings
        self._heartbeat = bus.settings.ack_wait / 3
        self._name = worker_name(workshop.service)
        self._running: dict[asyncio.Task[None], _Delivery] = {}
        self._draining = False
        service = workshop.service.value
        # Looked up once: a metric's child costs more to find than to count.
        self._ended = {outcome: JOBS.labels(service=service, outcome=outcome) for outcome in ("ready", "failed")}
        self._seconds = SECONDS.labels(service=service)

    @property
    def held(self) -> Held:
        """What runs here: the answer to "who holds what?"."""
        jobs = tuple(
            HeldJob(story_id=one.job.story_id, asset=one.job.asset, fingerprint=one.job.fingerprint, since=one.taken_at)
            for one in self._running.values()
        )
        return Held(worker=self._name, service=self._workshop.service, held=jobs)

    async def on_message(self, message: Msg) -> None:
        """Take one delivery to its end. Cancelled, it hands the job back. Never raises anything else."""
        if self._draining:
            await _hand_back(message, delay=0)
            return
        try:
            job = AssetRequested.model_validate_json(message.data)
        except ValidationError as error:
            await self._bury_unreadable(message, error)
            return
        delivery = _Delivery(message, job, deliveries(message), datetime.now(UTC))
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a job is worked on in a task of its own")
        self._running[task] = delivery
        try:
            await self._work(delivery)
        finally:
            del self._running[task]

    async def drain(self) -> None:
        """Take no more; let running jobs finish within ``drain_seconds``, then hand the rest back, no failure told."""
        self._draining = True
        running = list(self._running)
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=self._settings.drain_seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=5)

    async def _work(self, delivery: _Delivery) -> None:
        job = delivery.job
        heart = Heart(partial(_beat, delivery.message), partial(self._tell_start, delivery), every=self._heartbeat)
        structlog.contextvars.bind_contextvars(story_id=str(job.story_id), asset=job.asset.value, trace=job.trace[:35])
        try:
            heart.start()
            await self._attempt(delivery)
        except asyncio.CancelledError:
            await _hand_back(delivery.message, delay=0)
            raise
        except Exception:
            # Nothing but a bug in here gets this far. The job stays the bus's: another attempt comes by ack_wait.
            log.exception("job.lost_its_way")
        finally:
            heart.stop()

    async def _attempt(self, delivery: _Delivery) -> None:
        job = delivery.job
        try:
            result = await self._known_result(delivery) or await self._make(delivery)
        except TryAgain as failure:
            if delivery.attempt < self._settings.max_attempts:
                await self._try_again(delivery, failure)
                return
            spent = f"{failure.reason} (after {delivery.attempt} attempts)"
            await self._give_up(delivery, GiveUp(spent, code="attempts_spent", request_id=failure.request_id))
        except GiveUp as failure:
            await self._give_up(delivery, failure)
        else:
            completed = AssetCompleted.model_construct(
                id=f"{job.id}.completed",
                **_origin(job),
                asset=job.asset,
                fingerprint=job.fingerprint,
                started_at=delivery.taken_at,
                result=result,
            )
            await self._tell(completed)
            await self._finish(delivery, "ready")

    async def _known_result(self, delivery: _Delivery) -> AnyResult | None:
        """The result of an earlier making of the very same thing, if there is one: nobody pays twice.

        A first delivery of a new fingerprint cannot have one, so only the others look.
        """
        job = delivery.job
        if delivery.attempt == 1 and not job.put_back:
            return None
        manifest = await self._objects.read_manifest(job.story_id, job.asset, job.fingerprint)
        if manifest is not None:
            log.info("job.already_made", attempt=delivery.attempt)
        return manifest.result if manifest else None

    async def _make(self, delivery: _Delivery) -> AnyResult:
        job = delivery.job
        maker = self._workshop.makers.get(job.asset)
        if maker is None:
            raise GiveUp(f"{self._workshop.service.value} does not make {job.asset.value}", code="bug")
        if delivery.attempt > self._settings.max_attempts:
            raise GiveUp("its workers died over it again and again", code="attempts_spent")
        try:
            async with asyncio.timeout(self._settings.job_timeout):
                result = await maker(job, _Reporter(self._bus, job))
                manifest = _manifest(job, result)
                return (await self._objects.write_manifest(job.story_id, manifest)).result
        except TimeoutError as error:
            raise TryAgain(f"it took longer than {self._settings.job_timeout:g} seconds") from error
        except (TryAgain, GiveUp):
            raise
        except Exception as error:
            log.exception("job.bug")
            raise GiveUp(f"an error in the program: {type(error).__name__}", code="bug") from error

    async def _try_again(self, delivery: _Delivery, failure: TryAgain) -> None:
        delays = self._settings.retry_delays
        usual = delays[min(delivery.attempt, len(delays)) - 1]
        delay = (usual if failure.after is None else failure.after) * random.uniform(1, 1.25)
        log.warning("job.retrying", attempt=delivery.attempt, seconds=round(delay, 1), reason=failure.reason)
        RETRIES.labels(service=self._workshop.service.value).inc()
        job = delivery.job
        retrying = AssetRetrying(
            id=f"{job.id}.retrying.{delivery.attempt}",
            **_origin(job),
            asset=job.asset,
            fingerprint=job.fingerprint,
            attempt=delivery.attempt,
            reason=failure.reason,
            retry_at=datetime.now(UTC) + timedelta(seconds=delay),
        )
        await self._tell(retrying)
        await _hand_back(delivery.message, delay=delay)

    async def _give_up(self, delivery: _Delivery, failure: GiveUp) -> None:
        job = delivery.job
        log.warning("job.failed", code=failure.code, reason=failure.reason, request_id=failure.request_id)
        failed = AssetFailed(
            id=f"{job.id}.failed",
            **_origin(job),
            asset=job.asset,
            fingerprint=job.fingerprint,
            started_at=delivery.taken_at,
            code=failure.code,
            reason=failure.reason,
            request_id=failure.request_id,
        )
        await self._send(self._bus.names.dead, dead.letter(job, failure, attempts=delivery.attempt))
        await self._tell(failed)
        await self._finish(delivery, "failed")

    async def _bury_unreadable(self, message: Msg, error: ValidationError) -> None:
        """A message that is no job: kept for people, and the asset fails if the message says enough to tell."""
        found = dead.unreadable(message, error, self._workshop.service)
        log.error("job.unreadable", subject_tokens=message.subject.count(".") + 1, field=found.field)
        await self._send(self._bus.names.dead, found.letter)
        if found.failed is not None:
            await self._tell(found.failed)
        with suppress(NatsError):
            await message.term()

    async def _tell(self, event: Event) -> None:
        """Publish, through any outage: what is told here is paid for. The heart beats on meanwhile."""
        while True:
            try:
                await self._bus.tell(event)
            except BusUnavailableError:
                await asyncio.sleep(0.25)
            else:
                return

    async def _send(self, stream: str, letter: Letter) -> None:
        while True:
            try:
                await self._bus.send(stream, [letter])
            except BusUnavailableError:
                await asyncio.sleep(0.25)
            else:
                return

    async def _finish(self, delivery: _Delivery, outcome: str) -> None:
        seconds = (datetime.now(UTC) - delivery.taken_at).total_seconds()
        self._ended[outcome].inc()
        self._seconds.observe(seconds)
        log.info("job.done", outcome=outcome, attempt=delivery.attempt, seconds=round(seconds, 3))
        with suppress(NatsError):
            await delivery.message.ack()

    async def _tell_start(self, delivery: _Delivery) -> None:
        job = delivery.job
        started = AssetStarted(
            story_id=job.story_id, asset=job.asset, fingerprint=job.fingerprint, at=delivery.taken_at
        )
        await self._bus.whisper(f"live.{job.story_id}.started", started.model_dump_json().encode())


class _Reporter:
    """Tells a running job's progress on core NATS."""

    def __init__(self, bus: Bus, job: AssetRequested) -> None:
        self._bus = bus
        self._job = job

    async def __call__(self, progress: int, text: str | None = None) -> None:
        bounded = max(0, min(100, progress))
        said = AssetProgressed(story_id=self._job.story_id, asset=self._job.asset, progress=bounded, text=text)
        await self._bus.whisper(f"live.{self._job.story_id}.progressed", said.model_dump_json().encode())


def _manifest(job: AssetRequested, result: Result) -> Manifest:
    """The manifest of a result. Built of validated parts: to validate them again would be a tenth of a quick job."""
    if not isinstance(result, Result):
        raise TypeError(f"the maker of {job.asset.value} answered no result")
    return Manifest.model_construct(asset=job.asset, fingerprint=job.fingerprint, result=cast("AnyResult", result))


def _origin(job: AssetRequested) -> _Origin:
    return {"story_id": job.story_id, "tenant_id": job.tenant_id, "trace": job.trace, "at": datetime.now(UTC)}


async def _beat(message: Msg) -> None:
    with suppress(NatsError):
        await message.in_progress()


async def _hand_back(message: Msg, *, delay: float) -> None:
    with suppress(NatsError):
        await message.nak(delay=delay or None)
