"""Events about a job: its end and its retries on STORY and DEAD, through any outage; start and progress on core
NATS.
"""

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
PUBLISH_RETRY_SECONDS = 0.25
"""Seconds between two attempts to publish while NATS is unreachable."""


class _Origin(TypedDict):
    """What every event about a job takes from it."""

    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime


class JobEvents:
    """Publishes what becomes of jobs. ``router`` declares it; AssetCompleted is declared with the handler, in
    app.py.
    """

    def __init__(self, service: Service) -> None:
        router = self.router = Router()
        self._events = EventPublisher(router, AssetRetrying, AssetFailed)
        self._dead_letters = router.publisher(
            f"dead.{service.value}.{{story_id}}.{{asset}}", stream=DEAD, schema=dead_letters.DeadLetterBody
        )
        self._started = router.publisher("live.{story_id}.started", schema=AssetStarted)
        self._progressed = router.publisher("live.{story_id}.progressed", schema=AssetProgressed)

    @staticmethod
    def completed(delivery: Delivery, result: AnyResult) -> AssetCompleted:
        """The event of a job whose result is stored."""
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
        """Dead-letter the job, then publish AssetFailed. ``calls``: the provider calls of all attempts."""
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
        await self.dead_letter(dead_letters.dead_letter_message(job, failure, attempts=attempts, calls=calls))
        await self.publish_failed(failed, put_back=job.put_back)

    async def retrying(
        self, delivery: Delivery, suffix: str, *, attempt: int, reason: str, delay: float, waits: bool = False
    ) -> None:
        """Publish that the next attempt comes in ``delay`` seconds. ``suffix`` makes the event's id unique to this
        retry.
        """
        job = delivery.job
        retrying = AssetRetrying(
            id=f"{job.id}.{suffix}",
            **_origin(job),
            asset=job.asset,
            fingerprint=job.fingerprint,
            attempt=attempt,
            reason=reason,
            retry_at=datetime.now(UTC) + timedelta(seconds=delay),
            waits=waits,
        )
        await self._publish(retrying, put_back=job.put_back)

    async def publish_failed(self, failed: AssetFailed, *, put_back: bool = False) -> None:
        """Publish a failure. ``put_back``: of a job that the reconciler put back."""
        await self._publish(failed, put_back=put_back)

    async def _publish(self, event: Event, *, put_back: bool) -> None:
        """Through any outage, since the result is paid for; heartbeats go on meanwhile.

        The end of a job that was put back may have been published before, and lost with what a failover lost: without
        a Msg-Id the server cannot take it for a repeat.
        """
        publish = self._events.republish if put_back else self._events.publish
        await publish_until_acknowledged(partial(publish, event))

    async def dead_letter(self, message: OutboundMessage) -> None:
        """Publish on DEAD, through any outage."""
        _, _, story_id, asset = message.subject.split(".")
        subject = self._dead_letters.subject.template.format(story_id=story_id, asset=asset)
        headers = message.wire_headers
        await publish_until_acknowledged(partial(self._dead_letters.publish, message.body, subject, headers=headers))

    async def started(self, delivery: Delivery) -> None:
        """Publish that the job is in flight. Best effort."""
        job = delivery.job
        if delivery.live:
            started = AssetStarted(
                story_id=job.story_id, asset=job.asset, fingerprint=job.fingerprint, at=delivery.taken_at
            )
            await self._started.publish(started, self._started.subject.template.format(story_id=job.story_id))

    async def progressed(self, delivery: Delivery, progress: int, text: str | None) -> None:
        """Publish progress in percent. Best effort; nothing for a job that was cancelled, whatever its handler
        reports.
        """
        if delivery.live:
            job = delivery.job
            bounded = max(0, min(100, progress))
            event = AssetProgressed(story_id=job.story_id, asset=job.asset, progress=bounded, text=text)
            await self._progressed.publish(event, self._progressed.subject.template.format(story_id=job.story_id))


class Reporter:
    """Publishes a running job's progress: the ``report`` that a handler is given."""

    def __init__(self, events: JobEvents, delivery: Delivery) -> None:
        self._events = events
        self._delivery = delivery

    async def __call__(self, progress: int, text: str | None = None) -> None:
        await self._events.progressed(self._delivery, progress, text)


async def publish_until_acknowledged(publish: Callable[[], Awaitable[T]]) -> T:
    """Publish, again and again while NATS is unreachable. Cancel it to give up."""
    while True:
        try:
            return await publish()
        except BusUnavailableError:
            await asyncio.sleep(PUBLISH_RETRY_SECONDS)


def _origin(job: AssetRequested) -> _Origin:
    return {"story_id": job.story_id, "tenant_id": job.tenant_id, "trace": job.trace, "at": datetime.now(UTC)}
