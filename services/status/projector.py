"""The projector: applies every event on STORY to its story, a batch in one transaction.

Fold, write with the events' ids (a duplicate changes nothing), commit; then dispatch the next jobs, publish the
readers' updates, and acknowledge. A crash anywhere leaves either nothing done or a job for the reconciler to requeue.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from services.status.admission import Admission
from services.status.backlog import Backlog
from services.status.dispatch import Dispatcher
from services.status.repository import DuplicateEventError, StoryRepository
from services.status.transitions import Transition, fold
from storyloom.db.errors import Fault, fault_of
from storyloom.jobs.dead_letters import letter_id
from storyloom.messaging.connection import (
    NO_PARENTS,
    Bus,
    BusUnavailableError,
    OutboundMessage,
    Parents,
    PublishOutcome,
)
from storyloom.messaging.consumer import PullConsumer, delivery_count
from storyloom.messaging.spans import TRACEPARENT, handling
from storyloom.runtime.metrics import EVENTS, PROJECTOR_LAG
from storyloom.runtime.spans import NO_SPAN, OFF, Span
from storyloom.story.events import EVENT, AnyEvent, AssetCompleted, AssetFailed, is_newer
from storyloom.story.journey import Journey, overall
from storyloom.story.validation import wrong_fields

log = structlog.get_logger()

BATCH_SIZE = 50
BUSY_BATCH_SIZE = 5
BUSY_PAUSE_SECONDS = 0.001
"""Seconds to wait after a batch of BUSY_BATCH_SIZE events or more: what was published goes out first, and the next
batch is larger. One story alone never waits."""
MAX_CACHED_JOURNEYS = 2_000
"""Journeys kept in memory. A story that is not among them is read from its rows."""
MAX_DELIVERIES = 5
"""Attempts until an event that cannot be applied is dead-lettered."""
MAX_DELIVERIES_NEWER = 60
"""Deliveries, two seconds apart, until an event that only a newer version can read is dead-lettered all the same."""
MAX_COUNTED_EVENTS = 1_000
"""Events that could not be applied whose failures are counted at a time."""

_APPLIED = EVENTS.labels(outcome="applied")

Batch = dict[UUID, list[AnyEvent]]


class Projector:
    """Applies events. Any number of them may run, in one process or in several."""

    def __init__(
        self, bus: Bus, repository: StoryRepository, dispatcher: Dispatcher, backlog: Backlog, admission: Admission
    ) -> None:
        self._bus = bus
        self._repository = repository
        self._dispatcher = dispatcher
        self._backlog = backlog
        self._admission = admission
        self.consumer = PullConsumer(bus, bus.names.story, bus.names.projector, max_in_flight=4 * BATCH_SIZE)
        self._cached: OrderedDict[UUID, Journey] = OrderedDict()
        backlog.cached = self._cached.get
        self._failures: OrderedDict[str, int] = OrderedDict()

    async def run(self) -> None:
        """Apply events for ever; cancel it to end it."""
        await self.consumer.open()
        try:
            while True:
                messages = await self.consumer.take(BATCH_SIZE)
                try:
                    await self._handle_batch(messages)
                finally:
                    await self.consumer.done(len(messages))
                if len(messages) >= BUSY_BATCH_SIZE:
                    await asyncio.sleep(BUSY_PAUSE_SECONDS)
        finally:
            await self.consumer.close()

    async def _handle_batch(self, messages: list[Msg]) -> None:
        batch = [(message, event) for message in messages if (event := await self._parse(message)) is not None]
        if not batch:
            return
        spans = self._spans(batch)
        try:
            await self.project([event for _, event in batch], _parents(batch, spans), _first(spans))
        except Exception as error:
            for span in spans:
                span.fail(type(error).__name__)
            if fault_of(error) is Fault.CONNECTION:
                await self._wait(error, [message for message, _ in batch])
                return
            log.exception("projector.batch_failed", events=len(batch))
            await self._handle_singly(batch)
        else:
            PROJECTOR_LAG.set(max(0.0, (datetime.now(UTC) - batch[-1][1].at).total_seconds()))
            await self._ack([message for message, _ in batch])
        finally:
            for span in spans:
                span.end()

    async def project(self, events: Sequence[AnyEvent], parents: Parents = NO_PARENTS, writing: Span = NO_SPAN) -> None:
        """Apply events to their stories, in one transaction, and publish what follows. Safe to call twice.

        ``parents``: the spans in which that happens; ``writing``: the one to which the statements belong.
        """
        within = self._bus.spans.within
        by_story: Batch = {}
        for event in events:
            by_story.setdefault(event.story_id, []).append(event)
        try:
            with within(writing):
                transitions, rest = await self._write_cached(by_story, parents)
            # Published at once: readers must be sent what is committed even if the rest cannot be written.
            await self._publish_effects(transitions, parents)
            if rest:
                with within(writing):
                    transitions = await self._write_locked(rest, parents)
                await self._publish_effects(transitions, parents)
        except BaseException:
            for story_id in by_story:
                self._cached.pop(story_id, None)
            raise

    async def _write_cached(self, by_story: Batch, parents: Parents) -> tuple[list[Transition], Batch]:
        """The short way: fold cached journeys, and write those that nobody else moved on. Answers what is left to do.

        One statement is its own transaction, so that a batch costs one round trip and no lock is held over it.
        """
        transitions, rest = [], {}
        for story_id, events in by_story.items():
            journey = self._cached.get(story_id)
            transition = journey and fold(journey, events, known=frozenset())
            if transition:
                transitions.append(self._backlog.admit(_traced(transition, parents)))
            else:
                rest[story_id] = events
        if not transitions:
            return [], rest
        try:
            written = await self._repository.write(transitions)
        except DuplicateEventError:
            written = set()  # the long way knows which event it is
        rest |= {key: by_story[key] for one in transitions if (key := one.journey.story_id) not in written}
        return [one for one in transitions if one.journey.story_id in written], rest

    async def _write_locked(self, by_story: Batch, parents: Parents) -> list[Transition]:
        """The long way: lock the stories, read them back, and fold the events that were not applied before."""
        async with self._repository.locked(by_story) as stories:
            journeys = stories.journeys
            ids = [event.id for story_id in journeys for event in by_story[story_id]]
            known = await stories.known_events(ids)
            folded = (fold(journey, by_story[story_id], known) for story_id, journey in journeys.items())
            transitions = [self._backlog.admit(_traced(one, parents)) for one in folded if one is not None]
            if transitions:
                await stories.write(transitions)
            written = {event_id for transition in transitions for event_id in transition.event_ids}
            await stories.record_events([one for one in ids if one not in written])
        if deleted := by_story.keys() - journeys.keys():
            # Erased, most likely, while a worker that missed the cancellation finished: erase what it left, too.
            await self._repository.reschedule_erasure(deleted)
        EVENTS.labels(outcome="duplicate").inc(len(known))
        return transitions

    async def _publish_effects(self, transitions: Sequence[Transition], parents: Parents) -> None:
        """What follows from a commit: dispatch jobs, cache the journeys, publish the readers' updates."""
        _APPLIED.inc(sum(len(one.event_ids) for one in transitions))
        # Its task runs before the client's flusher, which the first update wakes: all goes out in one write.
        self._dispatcher.dispatch(transitions, parents)
        self._backlog.committed(transitions)
        self._admission.committed(transitions)
        for transition in transitions:
            self._cache(transition.journey)
            await self._publish_updates(transition, parents.get(transition.journey.story_id, ""))

    def _cache(self, journey: Journey) -> None:
        self._cached.pop(journey.story_id, None)
        if overall(journey) == "generating":
            self._cached[journey.story_id] = journey
            if len(self._cached) > MAX_CACHED_JOURNEYS:
                self._cached.popitem(last=False)

    async def _publish_updates(self, transition: Transition, traceparent: str) -> None:
        """On core NATS, for the hubs: a reader that misses one finds it in history."""
        if transition.effects.updates:
            updates = [{"seq": one.seq, "event": one.event, "data": one.data} for one in transition.effects.updates]
            subject = f"status.{transition.journey.story_id}"
            await self._bus.publish_core(subject, orjson.dumps(updates), traceparent=traceparent)

    def _spans(self, batch: Sequence[tuple[Msg, AnyEvent]]) -> list[Span]:
        """A span for each event: they are applied together, and each belongs to the trace of its own story.

        The statements that apply them are below the first that is collected; the others have a link to that one.
        """
        spans, found, first = self._bus.spans, list[Span](), NO_SPAN
        if spans is OFF:
            return found
        for message, event in batch:
            span = handling(
                spans,
                f"story.evt.{type(event).__name__}",
                (message.headers or {}).get(TRACEPARENT, ""),
                origin=event.trace,
                again=delivery_count(message) > 1,
                links=(first.traceparent,) if first.is_recording else (),
                attributes={"storyloom.story_id": str(event.story_id), "storyloom.batch": len(batch)},
            )
            found.append(span)
            first = first if first.is_recording else span
        return found

    async def _parse(self, message: Msg) -> AnyEvent | None:
        try:
            return EVENT.validate_json(message.data)
        except ValidationError as error:
            if is_newer(message.data) and (message.metadata.num_delivered or 1) <= MAX_DELIVERIES_NEWER:
                # A replica of the next version reads it: this one is about to be replaced.
                log.info("projector.newer_event")
                await self._nack([message], delay=2)
                return None
            where = wrong_fields(error, EVENT, most=1)
            log.error("projector.unreadable_event", field=where)  # noqa: TRY400 - the input may hold a name
            await self._dead_letter(message, f"unreadable: {where}")
            return None

    async def _handle_singly(self, batch: list[tuple[Msg, AnyEvent]]) -> None:
        """Find the event that breaks the batch; the others must not wait for it.

        What Postgres refuses for another reason than this event's own data is never the event's fault: it waits, for
        as long as it takes, and what was paid for is not replaced by a failure.
        """
        for number, (message, event) in enumerate(batch):
            spans = self._spans([(message, event)])
            try:
                await self.project([event], _parents([(message, event)], spans), _first(spans))
            except Exception as error:
                for span in spans:
                    span.fail(type(error).__name__)
                fault = fault_of(error)
                if fault is Fault.CONNECTION:
                    await self._wait(error, [left for left, _ in batch[number:]])
                    return
                log.exception("projector.event_failed", deliveries=message.metadata.num_delivered or 1)
                if fault is Fault.SCHEMA or self._count_failure(event) < MAX_DELIVERIES:
                    await self._nack([message], delay=1)
                else:
                    await self._publish_failure(event)
                    await self._dead_letter(message, "cannot be folded")
            else:
                self._failures.pop(event.id, None)
                await self._ack([message])
            finally:
                for span in spans:
                    span.end()

    async def _wait(self, error: Exception, messages: list[Msg]) -> None:
        """Postgres cannot be used now: everything is redelivered, and read anew from whichever server answers then."""
        log.warning("projector.postgres_unreachable", error=type(error).__name__)
        # A failover may have lost what was committed last: what is remembered may never have been.
        self._cached.clear()
        await self._nack(messages, delay=1)
        await asyncio.sleep(0.5)

    def _count_failure(self, event: AnyEvent) -> int:
        """How often an event could not be applied. The server counts redeliveries, also those of an outage."""
        count = self._failures.pop(event.id, 0) + 1
        self._failures[event.id] = count
        if len(self._failures) > MAX_COUNTED_EVENTS:
            self._failures.popitem(last=False)
        return count

    async def _publish_failure(self, event: AnyEvent) -> None:
        """An asset whose result cannot be stored would never end: it fails, and its story goes on without it."""
        if not isinstance(event, AssetCompleted):
            return
        failed = AssetFailed(
            id=f"{event.id}.unfoldable",
            **event.model_dump(include={"story_id", "tenant_id", "trace", "asset", "fingerprint", "started_at"}),
            at=datetime.now(UTC),
            code="bug",
            reason="its result cannot be stored",
        )
        try:
            await self._bus.republish(failed)
        except BusUnavailableError:
            log.warning("projector.failure_unsent")

    async def _dead_letter(self, message: Msg, reason: str) -> None:
        body = orjson.dumps({"event": message.data.decode(errors="replace"), "reason": reason})
        story = message.subject.rsplit(".", 1)[-1]
        try:
            letter = OutboundMessage(f"dead.status.{story}.event", body, letter_id(message))
            (outcome,) = await self._bus.publish(self._bus.names.dead, [letter])
            if outcome is PublishOutcome.STORED:
                EVENTS.labels(outcome="dead_lettered").inc()
            await message.term()
        except (BusUnavailableError, NatsError):
            await self._nack([message], delay=1)

    async def _ack(self, messages: list[Msg]) -> None:
        try:
            for message in messages:
                await message.ack()
        except NatsError:
            log.info("projector.ack_lost")  # they come again, and change nothing

    async def _nack(self, messages: list[Msg], *, delay: float) -> None:
        try:
            for message in messages:
                await message.nak(delay=delay)
        except NatsError:
            log.info("projector.nack_lost")


def _parents(batch: Sequence[tuple[Msg, AnyEvent]], spans: Sequence[Span]) -> Parents:
    """By story, the span of its last event in a batch: what follows from the others follows from that one, too."""
    return {event.story_id: span.traceparent for (_, event), span in zip(batch, spans, strict=True)} if spans else {}


def _first(spans: Sequence[Span]) -> Span:
    """The first that is collected."""
    return next((span for span in spans if span.is_recording), NO_SPAN)


def _traced(transition: Transition, parents: Parents) -> Transition:
    """What follows from it later, in another service, belongs to its span."""
    return replace(transition, traceparent=parents.get(transition.journey.story_id, "")) if parents else transition
