"""The projector: hears every event, folds a batch of them into their stories' journeys, all in one transaction.

Fold, write with the events' ids (a repeat changes nothing), commit; then tell the readers, send the next jobs, and
acknowledge. A crash anywhere leaves either nothing done or a job for the reconciler to put back.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import orjson
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from services.status.batches import fold, story_completed
from services.status.jobs import job_for
from services.status.repository import Records, RepeatedError, Transition
from storyloom.db.pool import AWAY
from storyloom.messaging.connection import Bus, BusUnavailableError, OutboundMessage
from storyloom.messaging.consumer import PullConsumer
from storyloom.runtime.metrics import EVENTS, PROJECTOR_LAG
from storyloom.story.events import EVENT, AnyEvent, AssetCompleted, AssetFailed, StoryCompleted, is_newer
from storyloom.story.jobs import AssetRequested, StopWork, job_subject
from storyloom.story.journey import Journey, overall

log = structlog.get_logger()

BATCH = 50
BUSY = 5
BREATH = 0.001
"""Seconds to wait after a batch of BUSY events or more: what was told goes out first, and the next batch is larger. One
story alone never waits."""
REMEMBERED = 2_000
"""Journeys kept in memory. A story that is not among them is read from its rows."""
PATIENCE = 5
"""Deliveries until an event that cannot be folded is buried."""
NEWER_PATIENCE = 60
"""Deliveries, two seconds apart, until an event that only a newer version can read is buried all the same."""
NOT_NOW = (*AWAY, asyncpg.DeadlockDetectedError)
"""Postgres is away, busy or restarting: the batch comes again."""

Batch = dict[UUID, list[AnyEvent]]


class Projector:
    """Folds events. Any number of them may run, in one process or in several."""

    def __init__(self, bus: Bus, records: Records) -> None:
        self._bus = bus
        self._records = records
        self.pull = PullConsumer(bus, bus.names.story, bus.names.projector, room=4 * BATCH)
        self._journeys: OrderedDict[UUID, Journey] = OrderedDict()
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Fold for ever; cancel it to end it."""
        await self.pull.open()
        try:
            while True:
                messages = await self.pull.take(BATCH)
                try:
                    await self._handle(messages)
                finally:
                    await self.pull.done(len(messages))
                if len(messages) >= BUSY:
                    await asyncio.sleep(BREATH)
        finally:
            await self.pull.close()

    async def drain(self) -> None:
        """Wait until the jobs of what was committed are sent."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=5)

    async def _handle(self, messages: list[Msg]) -> None:
        heard = [(message, event) for message in messages if (event := await self._read(message)) is not None]
        if not heard:
            return
        try:
            await self.project([event for _, event in heard])
        except NOT_NOW as error:
            log.warning("projector.postgres_away", error=type(error).__name__)
            await self._nack([message for message, _ in heard], delay=1)
            await asyncio.sleep(0.5)
        except Exception:
            log.exception("projector.batch_failed", events=len(heard))
            await self._one_by_one(heard)
        else:
            PROJECTOR_LAG.set((datetime.now(UTC) - heard[-1][1].at).total_seconds())
            await self._ack([message for message, _ in heard])

    async def project(self, events: Sequence[AnyEvent]) -> None:
        """Fold events into their stories, in one transaction, and send what follows. Safe to call twice."""
        by_story: Batch = {}
        for event in events:
            by_story.setdefault(event.story_id, []).append(event)
        try:
            turns, rest = await self._write_remembered(by_story)
            # Followed at once: what is committed must be told even if the rest cannot be written.
            await self._follow(turns)
            if rest:
                await self._follow(await self._transact(rest))
        except BaseException:
            for story_id in by_story:
                self._journeys.pop(story_id, None)
            raise

    async def _follow(self, turns: list[Transition]) -> None:
        """What follows from turns that are committed: remember, tell the readers, send jobs."""
        EVENTS.labels(outcome="folded").inc(sum(len(turn.heard) for turn in turns))
        jobs = [job_for(turn.journey, asset, at=turn.at) for turn in turns for asset in turn.effects.jobs]
        unwanted = [turn for turn in turns if turn.effects.purges]
        for turn in turns:
            self._remember(turn.journey)
            await self._tell_readers(turn)
        done = [story_completed(turn) for turn in turns if turn.effects.ended]
        if jobs or done or unwanted:
            # What was sent earlier might be what is to be withdrawn now.
            earlier = frozenset(self._sending) if unwanted else frozenset()
            task = asyncio.create_task(self._send(jobs, done, unwanted, earlier))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _write_remembered(self, by_story: Batch) -> tuple[list[Transition], Batch]:
        """The short way: fold what is remembered, and write it if nobody has moved it on. Answers what is left to do.

        One statement is its own transaction, so that a batch costs one round trip and no lock is held over it.
        """
        turns, rest = [], {}
        for story_id, events in by_story.items():
            journey = self._journeys.get(story_id)
            turn = journey and fold(journey, events, known=frozenset())
            if turn:
                turns.append(turn)
            else:
                rest[story_id] = events
        if not turns:
            return [], rest
        try:
            written = await self._records.write(turns)
        except RepeatedError:
            written = set()  # a repeat is among them: the long way knows which
        rest |= {key: by_story[key] for turn in turns if (key := turn.journey.story_id) not in written}
        return [turn for turn in turns if turn.journey.story_id in written], rest

    async def _transact(self, by_story: Batch) -> list[Transition]:
        """The long way: lock the stories, read them back, and fold what was not heard before."""
        async with self._records.locked(by_story) as stories:
            journeys = stories.journeys
            ids = [event.id for story_id in journeys for event in by_story[story_id]]
            known = await stories.known(ids)
            turns = [turn for key in journeys if (turn := fold(journeys[key], by_story[key], known)) is not None]
            if turns:
                await stories.write(turns)
            heard = {event_id for turn in turns for event_id in turn.heard}
            await stories.note([one for one in ids if one not in heard])
        if gone := by_story.keys() - journeys.keys():
            # Erased, most likely, and somebody who had not heard of it finished: what he left must be swept up.
            await self._records.sweep_again(gone)
        EVENTS.labels(outcome="repeated").inc(len(known))
        return turns

    def _remember(self, journey: Journey) -> None:
        self._journeys.pop(journey.story_id, None)
        if overall(journey) == "generating":
            self._journeys[journey.story_id] = journey
            if len(self._journeys) > REMEMBERED:
                self._journeys.popitem(last=False)

    async def _tell_readers(self, turn: Transition) -> None:
        if turn.effects.updates:
            told = [{"seq": news.seq, "event": news.event, "data": news.data} for news in turn.effects.updates]
            await self._bus.publish_core(f"status.{turn.journey.story_id}", orjson.dumps(told))

    async def _send(
        self,
        jobs: list[AssetRequested],
        done: list[StoryCompleted],
        unwanted: list[Transition],
        earlier: frozenset[asyncio.Task[None]],
    ) -> None:
        try:
            if earlier:
                await asyncio.wait(earlier, timeout=PATIENCE)
            for turn in unwanted:
                await self._withdraw(turn)
            await self._bus.enqueue(jobs)
            await self._bus.publish_events(*done)
        except BusUnavailableError:
            # The rows are the outbox: the reconciler finds what nobody holds, and what nobody wants.
            log.warning("projector.jobs_unsent", jobs=len(jobs))
        except Exception:
            log.exception("projector.send_failed", jobs=len(jobs))

    async def _withdraw(self, turn: Transition) -> None:
        """Off the bus first, then out of the workers' hands: nothing may come back to them in between."""
        journey = turn.journey
        for asset, _ in turn.effects.purges:
            await self._bus.purge(job_subject(journey.story_id, asset, journey.brief.priority))
        await self._bus.cancel_jobs(StopWork(story_id=journey.story_id, jobs=turn.effects.purges))

    async def _read(self, message: Msg) -> AnyEvent | None:
        try:
            return EVENT.validate_json(message.data)
        except ValidationError as error:
            if is_newer(message.data) and (message.metadata.num_delivered or 1) <= NEWER_PATIENCE:
                # A replica of the next version reads it: this one is about to be replaced.
                log.info("projector.newer_event")
                await self._nack([message], delay=2)
                return None
            where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
            log.error("projector.unreadable_event", field=where)  # noqa: TRY400 - the input may hold a name
            await self._dead_letter(message, f"unreadable: {where}")
            return None

    async def _one_by_one(self, heard: list[tuple[Msg, AnyEvent]]) -> None:
        """Find the event that breaks the batch; the others must not wait for it."""
        for message, event in heard:
            try:
                await self.project([event])
            except NOT_NOW:
                await self._nack([message], delay=1)
            except Exception:
                deliveries = message.metadata.num_delivered or 1
                log.exception("projector.event_failed", deliveries=deliveries)
                if deliveries < PATIENCE:
                    await self._nack([message], delay=1)
                else:
                    await self._fail_instead(event)
                    await self._dead_letter(message, "cannot be folded")
            else:
                await self._ack([message])

    async def _fail_instead(self, event: AnyEvent) -> None:
        """An asset whose good end cannot be folded would never end: it fails, and its story goes on without it."""
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
            await self._bus.publish_events(failed)
        except BusUnavailableError:
            log.warning("projector.failure_untold")

    async def _dead_letter(self, message: Msg, reason: str) -> None:
        EVENTS.labels(outcome="buried").inc()
        body = orjson.dumps({"event": message.data.decode(errors="replace"), "reason": reason})
        story = message.subject.rsplit(".", 1)[-1]
        try:
            await self._bus.publish(self._bus.names.dead, [OutboundMessage(f"dead.status.{story}.event", body, None)])
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
