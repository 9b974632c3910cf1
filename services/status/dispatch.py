"""Dispatch: what committed transitions ask of the bus. Purge what is not needed, publish jobs and StoryCompleted.

The rows are the outbox: whatever cannot be published, or is lost with this process, the reconciler finds in them.
"""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from services.status.transitions import Transition
from storyloom.messaging.connection import NO_PARENTS, Bus, BusUnavailableError, Parents
from storyloom.messaging.endpoints import WakeWebhooks
from storyloom.runtime.metrics import STORIES
from storyloom.story.assets import ADDED, GRAPH, Asset
from storyloom.story.events import StoryCompleted
from storyloom.story.jobs import AssetRequested, StopWork, job_subject
from storyloom.story.journey import Journey, overall
from storyloom.story.notifications import DeliveriesDue

log = structlog.get_logger()

PUBLISHING_TIMEOUT_SECONDS = 5.0
"""Seconds that a purge waits for the jobs that were being published before it."""
MAX_ENDPOINTS_NAMED = 500
"""Endpoints that one message names."""


class Dispatcher:
    """Publishes in the background, so that the projector commits the next batch meanwhile. One to a projector."""

    def __init__(self, bus: Bus, wake_webhooks: WakeWebhooks | None = None) -> None:
        self._bus = bus
        self._wake_webhooks = wake_webhooks
        self._publishing: set[asyncio.Task[None]] = set()

    def dispatch(self, transitions: Sequence[Transition], parents: Parents = NO_PARENTS) -> None:
        """Begin to publish what follows from transitions that are committed. Safe to call twice for the same.

        ``parents``: the spans of the transitions.
        """
        jobs = [job_for(one.journey, asset, at=one.at) for one in transitions for asset in one.effects.jobs]
        completed = [story_completed(one) for one in transitions if one.effects.ended]
        purging = [one for one in transitions if one.effects.purges]
        if jobs or completed or purging:
            self._begin(jobs, completed, purging, parents)

    def publish_jobs(self, jobs: Sequence[AssetRequested]) -> None:
        """Begin to publish jobs that came out of the backlog."""
        if jobs:
            self._begin(jobs, (), ())

    def _begin(
        self,
        jobs: Sequence[AssetRequested],
        completed: Sequence[StoryCompleted],
        purging: Sequence[Transition],
        parents: Parents = NO_PARENTS,
    ) -> None:
        # What is being published just now might be what is to be purged.
        earlier = frozenset(self._publishing) if purging else frozenset()
        self._start(self._publish(jobs, completed, purging, earlier, parents))

    def announce_deliveries(self, endpoints: Collection[UUID]) -> None:
        """Begin to tell webhooks that deliveries are committed: it finds them a second later without that."""
        if self._wake_webhooks is not None:
            named = tuple(endpoints) if len(endpoints) <= MAX_ENDPOINTS_NAMED else ()
            self._start(self._announce(self._wake_webhooks, DeliveriesDue(endpoints=named)))

    async def drain(self) -> None:
        """Wait until what was dispatched is published, 5 s at most."""
        if self._publishing:
            await asyncio.wait(self._publishing, timeout=5)

    def cancel(self) -> None:
        """Publish nothing more: the reconciler finds what is missing."""
        for task in self._publishing:
            task.cancel()

    def _start(self, publishing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(publishing)
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def _announce(self, wake: WakeWebhooks, due: DeliveriesDue) -> None:
        try:
            await wake(due)
        except Exception:
            log.exception("dispatch.deliveries_unannounced")

    async def _publish(
        self,
        jobs: Sequence[AssetRequested],
        completed: Sequence[StoryCompleted],
        purging: Sequence[Transition],
        earlier: Collection[asyncio.Task[None]],
        parents: Parents,
    ) -> None:
        try:
            if earlier:
                await asyncio.wait(earlier, timeout=PUBLISHING_TIMEOUT_SECONDS)
            for transition in purging:
                await self._purge(transition)
            await self._bus.enqueue(jobs, parents=parents)
            await self._bus.publish_events(*completed, parents=parents)
        except BusUnavailableError:
            log.warning("dispatch.jobs_unsent", jobs=len(jobs))
        except Exception:
            log.exception("dispatch.failed", jobs=len(jobs))

    async def _purge(self, transition: Transition) -> None:
        """From the stream first, then from the workers: nothing may be delivered to them again in between."""
        journey = transition.journey
        for asset, _ in transition.effects.purges:
            await self._bus.purge(job_subject(journey.story_id, asset, journey.brief.priority))
        await self._bus.cancel_jobs(StopWork(story_id=journey.story_id, jobs=transition.effects.purges))


def job_for(journey: Journey, asset: Asset, *, at: datetime | None = None, put_back: bool = False) -> AssetRequested:
    """The job of a queued asset, with all that its maker needs: workers have no database.

    Its id repeats with its fingerprint, so that the stream recognises duplicates. ``at``: since when it is needed, now
    if none is given. Never later than the commit that needs it: a job of that age may have been requeued, and made, by
    the time that it reaches a worker. Raises ValueError for an asset that was never queued.
    Built without validation: all parts were validated where they came in.
    """
    state = journey.assets[asset]
    if state.fingerprint is None:
        raise ValueError(f"{asset.value} was never queued")
    needs = ((need, journey.assets[need]) for need in GRAPH[asset].waits_for)
    return AssetRequested.model_construct(
        id=f"{journey.story_id}.{asset.value}.{state.fingerprint[:16]}",
        story_id=journey.story_id,
        tenant_id=journey.tenant_id,
        trace=journey.trace,
        at=at or datetime.now(UTC),
        asset=asset,
        fingerprint=state.fingerprint,
        priority=journey.brief.priority,
        put_back=put_back,
        brief=journey.brief,
        revision=state.revision,
        hint=state.hint,
        # A worker that knows no such asset, or no hints, leaves it to one that does.
        version=4 if asset in ADDED else 2 if state.hint is None else 3,
        inputs={need: made.result for need, made in needs if made.status == "ready" and made.result is not None},
    )


def story_completed(transition: Transition) -> StoryCompleted:
    """The event for other systems of a transition that ended its story. Raises ValueError for one that did not."""
    journey, status = transition.journey, overall(transition.journey)
    if status == "generating":
        raise ValueError("the story has not ended")
    STORIES.labels(overall=status).inc()
    return StoryCompleted(
        id=f"{journey.story_id}.completed.{journey.seq}",
        story_id=journey.story_id,
        tenant_id=journey.tenant_id,
        trace=journey.trace,
        at=transition.at,
        overall=status,
    )
