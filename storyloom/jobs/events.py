"""What is said about a job: its end and its waits on STORY and DEAD, through any outage; the rest on core NATS."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypedDict
from uuid import UUID

from storyloom.jobs import dead_letters
from storyloom.jobs.delivery import Delivery
from storyloom.messaging.connection import Bus, BusUnavailableError, OutboundMessage
from storyloom.story.errors import PermanentError
from storyloom.story.events import AssetCompleted, AssetFailed, AssetProgressed, AssetRetrying, AssetStarted, Event
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, ProviderCall

PAUSE = 0.25
"""Seconds between two attempts to tell a bus that is away."""


class _Origin(TypedDict):
    """What a job hands on to every event about it."""

    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime


class JobEvents:
    """Says what becomes of jobs."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def completed(self, delivery: Delivery, result: AnyResult) -> None:
        """It is made."""
        job = delivery.job
        await self.publish(
            AssetCompleted.model_construct(
                id=f"{job.id}.completed",
                **_origin(job),
                asset=job.asset,
                fingerprint=job.fingerprint,
                started_at=delivery.taken_at,
                result=result,
            )
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
        await self.publish(failed)

    async def retrying(self, delivery: Delivery, mark: str, *, attempt: int, reason: str, delay: float) -> None:
        """It waits ``delay`` seconds for its next attempt. ``mark`` tells this wait from the job's others."""
        job = delivery.job
        await self.publish(
            AssetRetrying(
                id=f"{job.id}.{mark}",
                **_origin(job),
                asset=job.asset,
                fingerprint=job.fingerprint,
                attempt=attempt,
                reason=reason,
                retry_at=datetime.now(UTC) + timedelta(seconds=delay),
            )
        )

    async def publish(self, event: Event) -> None:
        """Publish, through any outage: what is told here is paid for. The heart beats on meanwhile."""
        await _through_any_outage(partial(self._bus.publish_events, event))

    async def dead_letter(self, letter: OutboundMessage) -> None:
        """Put a letter on DEAD, through any outage."""
        await _through_any_outage(partial(self._bus.publish, self._bus.names.dead, [letter]))

    async def started(self, delivery: Delivery) -> None:
        """Somebody works on it. Best effort."""
        job = delivery.job
        if not delivery.cancelled:
            started = AssetStarted(
                story_id=job.story_id, asset=job.asset, fingerprint=job.fingerprint, at=delivery.taken_at
            )
            await self._bus.publish_core(f"live.{job.story_id}.started", started.model_dump_json().encode())

    async def progressed(self, delivery: Delivery, progress: int, text: str | None) -> None:
        """How far it is, of 100. Best effort; a job that was stopped is silent, whatever its maker goes on to say."""
        if not delivery.cancelled:
            job = delivery.job
            bounded = max(0, min(100, progress))
            said = AssetProgressed(story_id=job.story_id, asset=job.asset, progress=bounded, text=text)
            await self._bus.publish_core(f"live.{job.story_id}.progressed", said.model_dump_json().encode())


class Reporter:
    """Tells a running job's progress: what a maker is given."""

    def __init__(self, telling: JobEvents, delivery: Delivery) -> None:
        self._telling = telling
        self._delivery = delivery

    async def __call__(self, progress: int, text: str | None = None) -> None:
        await self._telling.progressed(self._delivery, progress, text)


async def _through_any_outage(publish: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await publish()
        except BusUnavailableError:
            await asyncio.sleep(PAUSE)
        else:
            return


def _origin(job: AssetRequested) -> _Origin:
    return {"story_id": job.story_id, "tenant_id": job.tenant_id, "trace": job.trace, "at": datetime.now(UTC)}
