"""Queue metrics: what waits where, asked of bus and rows every few seconds, for dashboards and alerts.

Work grows with what is unfinished, never with history: twelve consumers, two streams, two partial indexes.
"""

import asyncio
from datetime import UTC, datetime
from math import nan

import structlog
from nats.errors import Error as NatsError
from prometheus_client import Gauge

from services.status.repository import queries
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.messaging.connection import Bus, BusUnavailableError
from storyloom.messaging.lanes import count_dead_letters, read_projector_lag
from storyloom.runtime import metrics
from storyloom.story.assets import Priority, Service

log = structlog.get_logger()

LANE_LABELS = [(service.value, priority.value) for service in Service for priority in Priority]

OUTBOX_KINDS = ("stories", "commands", "erasures")


class QueueMetrics:
    """Sets the gauges of runtime/metrics.py that describe bus and rows. Any number of replicas set the same."""

    def __init__(self, bus: Bus, pool: Pool, *, interval: float = 5.0) -> None:
        self._bus = bus
        self._pool = pool
        self._interval = interval

    async def run(self) -> None:
        """Update for ever; cancel it to end it. What cannot be asked is not a number until it can."""
        while True:
            await self.update_bus()
            await self.update_rows()
            await asyncio.sleep(self._interval)

    async def update_bus(self) -> None:
        """Queues, projector and dead letters."""
        try:
            states = await self._bus.lanes(ages=True)
            behind = (await read_projector_lag(self._bus.js, self._bus.names)).behind
            dead = await count_dead_letters(self._bus.js, self._bus.names)
        except (BusUnavailableError, NatsError, TimeoutError) as error:
            log.debug("queue_metrics.bus_unreachable", error=type(error).__name__)
            _unknown(metrics.DEAD_LETTERS, metrics.PROJECTOR_PENDING)
            for gauge in (metrics.QUEUED, metrics.QUEUE_AGE, metrics.IN_FLIGHT):
                _unknown(*(gauge.labels(*pair) for pair in LANE_LABELS))
            return
        now = datetime.now(UTC)
        for lane in states:
            pair = lane.service.value, lane.priority.value
            metrics.QUEUED.labels(*pair).set(lane.queued)
            metrics.QUEUE_AGE.labels(*pair).set(_age(lane.oldest, now))
            metrics.IN_FLIGHT.labels(*pair).set(lane.in_flight)
        metrics.PROJECTOR_PENDING.set(behind)
        metrics.DEAD_LETTERS.set(dead)

    async def update_rows(self) -> None:
        """Unfinished stories and unhandled commands."""
        try:
            stories = await queries().unfinished_stories(self._pool)
            commands = await queries().count_unhandled_commands(self._pool)
            outbox = await queries().outbox_ages(self._pool)
            now = await queries().server_time(self._pool)
        except Exception as error:
            if not is_connection_error(error):
                raise
            log.debug("queue_metrics.database_unreachable", error=type(error).__name__)
            _unknown(metrics.UNFINISHED, metrics.STORIES_WAITING, metrics.UNFINISHED_AGE, metrics.COMMANDS_UNHANDLED)
            _unknown(metrics.STORIES_AWAITING_APPROVAL)
            _unknown(*(metrics.OUTBOX_AGE.labels(kind) for kind in OUTBOX_KINDS))
            return
        metrics.UNFINISHED.set(stories["count"])
        metrics.STORIES_WAITING.set(stories["waiting"])
        metrics.STORIES_AWAITING_APPROVAL.set(stories["awaiting_approval"])
        metrics.UNFINISHED_AGE.set(_age(stories["oldest"], now))
        metrics.COMMANDS_UNHANDLED.set(commands["count"])
        for kind in OUTBOX_KINDS:
            metrics.OUTBOX_AGE.labels(kind).set(outbox[kind] or 0)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _unknown(*gauges: Gauge) -> None:
    for gauge in gauges:
        gauge.set(nan)
