"""The dispatcher: claims what is due, sends it, records how it went. Any number of replicas share the work.

It is woken by a message after the commit that made deliveries, and looks for itself once a second. Attempts run in two
lanes of slots: endpoints that took what they were sent last are *steady* and have one of their own, so that a thousand
others, which are down or hang, are in the way of one another alone; and of these a search begins only some at a time.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from services.webhooks import repository
from services.webhooks.attempts import Attempt, Sender
from services.webhooks.outcomes import Outcome
from services.webhooks.repository import Claim, Result
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.runtime.metrics import WEBHOOK_DISABLED, WEBHOOK_IN_FLIGHT, WEBHOOK_LAG
from storyloom.runtime.settings import WebhookSettings
from storyloom.runtime.spans import NO_SPAN, OFF, Attributes, Span, Spans

log = structlog.get_logger()

POLL_INTERVAL_SECONDS = 1.0
"""Between two searches for whatever is due."""
BUSY_INTERVAL_SECONDS = 0.1
"""The same, where there was more than could be begun."""
MAX_OTHERS_BEGUN = 32
"""Attempts that one search begins to endpoints that are not steady: a thousand at once would take seconds."""
RECORDING_ATTEMPTS = 20
"""How often a result is offered to a row that is locked; a row that is deleted never takes it."""
RECORDING_PAUSE_SECONDS = 0.25
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """When what is sent. Seconds."""

    retry_delays: Sequence[float]
    lease: float
    """How long a claim is valid: longer than an attempt and its recording."""
    concurrency: int
    """Slots of each lane."""
    per_endpoint: int
    patience: timedelta
    """How long an endpoint may fail until it is disabled."""

    @classmethod
    def of(cls, settings: WebhookSettings) -> "DispatcherSettings":
        """What the settings say."""
        return cls(
            retry_delays=settings.webhook_retry_delays,
            lease=2 * settings.webhook_timeout,
            concurrency=settings.webhook_concurrency,
            per_endpoint=settings.webhook_endpoint_concurrency,
            patience=timedelta(days=settings.webhook_disable_after),
        )


def result_of(claim: Claim, attempt: Attempt, retry_delays: Sequence[float], jitter: float) -> Result:
    """What an attempt comes to: delivered, to be tried again after a delay, or failed. ``jitter`` is from 0 to 1."""
    delivered, gone = attempt.outcome is Outcome.DELIVERED, attempt.outcome is Outcome.GONE
    delay = None
    if not (delivered or gone) and claim.attempts < len(retry_delays):
        delay = max(retry_delays[claim.attempts] * (1 + JITTER * jitter), attempt.retry_after or 0.0)
    return Result(claim, attempt.entry(), delivered, gone, delay, blames=attempt.outcome is not Outcome.BUG)


class Dispatcher:
    """Sends deliveries until it is stopped: run ``run`` and ``record``, then call ``drain``."""

    def __init__(self, pool: Pool, sender: Sender, settings: DispatcherSettings, spans: Spans = OFF) -> None:
        self._spans = spans
        self._pool = pool
        self._sender = sender
        self._settings = settings
        self._woken = asyncio.Event()
        self._hinted: set[UUID] = set()
        self._search_at = 0.0
        self._saturated: set[UUID] = set()
        """Endpoints that had no room for more: as soon as an attempt of theirs ends they are looked at again."""
        self._lane_full = False
        self._running: Counter[UUID] = Counter()
        self._lanes: Counter[bool] = Counter()
        self._attempts: dict[asyncio.Task[None], Claim] = {}
        self._results: list[tuple[Result, asyncio.Future[None]]] = []
        self._ended = asyncio.Event()

    def wake(self, endpoints: Collection[UUID]) -> None:
        """Look at these endpoints now; at all, where none is named."""
        if endpoints:
            self._hinted.update(endpoints)
        else:
            self._search_at = 0.0
        self._woken.set()

    async def run(self) -> None:
        """Claim and begin attempts for ever; cancel it to end it."""
        while True:
            await self._wait()
            try:
                await self._dispatch()
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.warning("webhooks.postgres_unreachable", error=type(error).__name__)
                await asyncio.sleep(POLL_INTERVAL_SECONDS)

    async def record(self) -> None:
        """Record results for ever, all that there are in one statement; cancel it to end it."""
        tries: Counter[UUID] = Counter()
        while True:
            await self._ended.wait()
            self._ended.clear()
            batch, self._results = self._results, []
            if not batch:
                continue
            try:
                left = await self._record(batch, tries)
            except asyncio.CancelledError:
                self._results = batch + self._results
                raise
            except Exception as error:
                # What was sent must not be sent again for want of a note: it is kept until there is a database.
                self._results = batch + self._results
                self._ended.set()
                if not is_connection_error(error):
                    raise
                log.warning("webhooks.postgres_unreachable", error=type(error).__name__)
                await asyncio.sleep(POLL_INTERVAL_SECONDS)
                continue
            if left:
                self._results = left + self._results
                self._ended.set()
                await asyncio.sleep(RECORDING_PAUSE_SECONDS)

    async def drain(self, seconds: float) -> None:
        """After ``run`` has ended: let attempts under way end and be recorded; give back the claims of the others."""
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=seconds)
        left = dict(self._attempts)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1)
            try:
                await repository.release(self._pool, left.values())
            except Exception as error:
                if not is_connection_error(error):
                    raise
                log.info("webhooks.claims_kept", claims=len(left))  # they expire

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(max(self._search_at, loop.time())):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def _dispatch(self) -> None:
        """Begin to send what is due of endpoints that were named, and of all where it is time to search."""
        loop = asyncio.get_running_loop()
        named, self._hinted = self._hinted, set()
        if named:
            await self._claim(named, most_others=self._settings.concurrency)
        if loop.time() >= self._search_at:
            self._search_at = loop.time() + POLL_INTERVAL_SECONDS
            found = await repository.due_endpoints(
                self._pool, saturated=self._saturated, limit=self._settings.concurrency + MAX_OTHERS_BEGUN
            )
            if found and await self._claim(found, most_others=MAX_OTHERS_BEGUN):
                self._search_at = loop.time() + BUSY_INTERVAL_SECONDS

    async def _claim(self, endpoints: Collection[UUID], *, most_others: int) -> bool:
        """Claim what is due of endpoints, and begin to send it; whether ``most_others`` not steady ones were begun."""
        rooms = {steady: self._settings.concurrency - self._lanes[steady] for steady in (True, False)}
        claims = await repository.claim(
            self._pool,
            {endpoint: self._running[endpoint] for endpoint in endpoints},
            per_endpoint=self._settings.per_endpoint,
            steady_room=rooms[True],
            other_room=min(rooms[False], most_others),
            lease=self._settings.lease,
        )
        for claim in claims:
            self._begin(claim)
        steady = {claim.endpoint_id for claim in claims if claim.steady}
        begun = sum(claim.steady for claim in claims)
        others = len(claims) - begun
        if begun == rooms[True] or others == rooms[False]:
            self._lane_full = True
        self._saturated |= {
            endpoint
            for endpoint in endpoints
            if self._running[endpoint] >= (self._settings.per_endpoint if endpoint in steady else 1)
        }
        return 0 < others == most_others

    def _begin(self, claim: Claim) -> None:
        self._running[claim.endpoint_id] += 1
        self._lanes[claim.steady] += 1
        WEBHOOK_IN_FLIGHT.labels(lane=_lane(claim)).inc()
        if claim.attempts == 0:
            WEBHOOK_LAG.observe(max(0.0, claim.age))
        task = asyncio.create_task(self._attempt(claim))
        self._attempts[task] = claim
        task.add_done_callback(self._end)

    async def _attempt(self, claim: Claim) -> None:
        span = self._span(claim)
        try:
            with self._spans.within(span):
                attempt = await self._sender.send(claim)
            _note(span, attempt)
        finally:
            span.end()
        recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._results.append((result_of(claim, attempt, self._settings.retry_delays, random.random()), recorded))
        self._ended.set()
        # The slot is held until then: the next claim must know how the endpoint is.
        await recorded

    def _span(self, claim: Claim) -> Span:
        """Below what it tells of, each attempt beside the others. Its URL may be a secret, and is no attribute."""
        if not claim.trace:
            return NO_SPAN
        attributes: Attributes = {
            "storyloom.endpoint_id": str(claim.endpoint_id),
            "storyloom.delivery_id": str(claim.id),
            "storyloom.attempt": claim.attempts + 1,
        }
        return self._spans.start(f"webhook {claim.type}", "client", parent=claim.trace, attributes=attributes)

    def _end(self, task: asyncio.Task[None]) -> None:
        claim = self._attempts.pop(task)
        self._running[claim.endpoint_id] -= 1
        if not self._running[claim.endpoint_id]:
            del self._running[claim.endpoint_id]
        self._lanes[claim.steady] -= 1
        WEBHOOK_IN_FLIGHT.labels(lane=_lane(claim)).dec()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("webhooks.attempt_failed", error=type(error).__name__)
        if claim.endpoint_id in self._saturated:
            self._saturated.discard(claim.endpoint_id)
            self.wake((claim.endpoint_id,))
        if self._lane_full:
            self._lane_full = False
            loop = asyncio.get_running_loop()
            self._search_at = min(self._search_at, loop.time() + BUSY_INTERVAL_SECONDS)
            self._woken.set()

    async def _record(
        self, batch: Sequence[tuple[Result, asyncio.Future[None]]], tries: Counter[UUID]
    ) -> list[tuple[Result, asyncio.Future[None]]]:
        """Record results; those whose rows were locked, to be offered again."""
        found, disabled = await repository.record(
            self._pool, [result for result, _ in batch], patience=self._settings.patience
        )
        for endpoint, reason in disabled.items():
            WEBHOOK_DISABLED.labels(reason=reason).inc()
            log.warning("webhooks.endpoint_disabled", endpoint=str(endpoint), reason=reason)
        left = []
        for result, recorded in batch:
            key = result.claim.id
            tries[key] += 1
            if key in found or tries[key] >= RECORDING_ATTEMPTS:
                del tries[key]
                if not recorded.done():
                    recorded.set_result(None)
            else:
                left.append((result, recorded))
        return left


def _note(span: Span, attempt: Attempt) -> None:
    """How an attempt went."""
    if attempt.status is not None:
        span.set(http__response__status_code=attempt.status)
    if attempt.outcome is not Outcome.DELIVERED:
        span.fail(attempt.outcome.value)


def _lane(claim: Claim) -> str:
    return "steady" if claim.steady else "other"
