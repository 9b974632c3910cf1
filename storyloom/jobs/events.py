"""What is said about a job: its end and its waits on STORY and DEAD, through any outage; the rest on core NATS."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypedDict, TypeVar
from uuid import UUID

from storyloom.jobs import dead_letters
from storyloom.jobs.delivery import Delivery
from storyloom.messaging.broker import DEAD, Router
from storyloom.messaging.connection import BusUnavailableError, OutboundMessage
from storyloom.messaging.endpoints import EventPublisher
from storyloom.story.assets import Service
from storyloom.story.errors import PermanentError
from storyloom.story.events import AssetCompleted, AssetFailed, AssetProgressed, AssetRetrying, AssetStarted, Event
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, ProviderCall

T = TypeVar("T")
PAUSE = 0.25
"""Seconds between two attempts to tell a bus that is away."""


class _Origin(TypedDict):
    """What a job hands on to every event about it."""

    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime


class JobEvents:
    """Says what becomes of jobs. ``router`` declares what it publishes; AssetCompleted is the handlers' own."""

    def __init__(self, service: Service) -> None:
        router = self.router = Router()
        self._events = EventPublisher(router, AssetRetrying, AssetFailed)
        self._dead = router.publisher(
            f"dead.{service.value}.{{story_id}}.{{asset}}", stream=DEAD, schema=dead_letters.DeadLetterBody
        )
        self._started = router.publisher("live.{story_id}.started", schema=AssetStarted)
        self._progressed = router.publisher("live.{story_id}.progressed", schema=AssetProgressed)

    @staticmethod
    def completed(delivery: Delivery, result: AnyResult) -> AssetCompleted:
        """The event of a job that is made."""
        job = delivery.job
        return AssetCompleted.model_construct(
            id=f"{job.id}.completed",
            **_origin(job),
            asset=job.asset,
            fingerprint=job.fingerprint,
            started_at=delivery.taken_at,
            result=result,
        )

    async def failed(
        self, delivery: Delivery, failure: PermanentError, *, attempts: int, calls: tuple[ProviderCall, ...]
    ) -> None:
        """It will not come: a letter on DEAD, then the event. ``calls`` is what all attempts have paid."""
        job = delivery.job
        failed = AssetFailed(
            id=f"{job.id}.failed",
            **_origin(job),
            asset=job.asset,
            fingerprint=job.fingerprint,
            started_at=delivery.taken_at,
            code=failure.code,
            reason=failure.reason,
            request_id=failure.request_id,
            calls=calls,
        )
        await self.dead_letter(dead_letters.letter(job, failure, attempts=attempts, calls=calls))
        await self.publish_failed(failed)

    async def retrying(self, delivery: Delivery, mark: str, *, attempt: int, reason: str, delay: float) -> None:
        """It waits ``delay`` seconds for its next attempt. ``mark`` tells this wait from the job's others."""
        job = delivery.job
        retrying = AssetRetrying(
            id=f"{job.id}.{mark}",
            **_origin(job),
            asset=job.asset,
            fingerprint=job.fingerprint,
            attempt=attempt,
            reason=reason,
            retry_at=datetime.now(UTC) + timedelta(seconds=delay),
        )
        await self._publish(retrying)

    async def publish_failed(self, failed: AssetFailed) -> None:
        """Publish a failure."""
        await self._publish(failed)

    async def _publish(self, event: Event) -> None:
        """Through any outage: what is told here is paid for. The heart beats on meanwhile."""
        await through_any_outage(partial(self._events.publish, event))

    async def dead_letter(self, letter: OutboundMessage) -> None:
        """Put a letter on DEAD, through any outage."""
        _, _, story_id, asset = letter.subject.split(".")
        subject = self._dead.subject.template.format(story_id=story_id, asset=asset)
        headers = letter.wire_headers
        await through_any_outage(partial(self._dead.publish, letter.body, subject, headers=headers))

    async def started(self, delivery: Delivery) -> None:
        """Somebody works on it. Best effort."""
        job = delivery.job
        if delivery.live:
            started = AssetStarted(
                story_id=job.story_id, asset=job.asset, fingerprint=job.fingerprint, at=delivery.taken_at
            )
            await self._started.publish(started, self._started.subject.template.format(story_id=job.story_id))

    async def progressed(self, delivery: Delivery, progress: int, text: str | None) -> None:
        """How far it is, of 100. Best effort; a job that was stopped is silent, whatever its maker goes on to say."""
        if delivery.live:
            job = delivery.job
            bounded = max(0, min(100, progress))
            said = AssetProgressed(story_id=job.story_id, asset=job.asset, progress=bounded, text=text)
            await self._progressed.publish(said, self._progressed.subject.template.format(story_id=job.story_id))


class Reporter:
    """Tells a running job's progress: what a maker is given."""

    def __init__(self, telling: JobEvents, delivery: Delivery) -> None:
        self._telling = telling
        self._delivery = delivery

    async def __call__(self, progress: int, text: str | None = None) -> None:
        await self._telling.progressed(self._delivery, progress, text)


async def through_any_outage(publish: Callable[[], Awaitable[T]]) -> T:
    """Publish, again and again while the bus is away. Cancel it to give up."""
    while True:
        try:
            return await publish()
        except BusUnavailableError:
            await asyncio.sleep(PAUSE)


def _origin(job: AssetRequested) -> _Origin:
    return {"story_id": job.story_id, "tenant_id": job.tenant_id, "trace": job.trace, "at": datetime.now(UTC)}
