"""The gauges: they say what bus and rows hold, and nothing where these cannot be asked."""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client import Gauge

from services.status.queue_metrics import QueueMetrics
from storyloom.db.pool import open_pool
from storyloom.messaging.connection import OutboundMessage, connect
from storyloom.messaging.topology import provision
from storyloom.operations.sources import queries
from storyloom.runtime import metrics
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Priority, Service
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BY_HAND, System, running, until


def value(gauge: Gauge, *labels: str) -> float:
    (metric,) = (gauge.labels(*labels) if labels else gauge).collect()
    (sample,) = metric.samples
    return float(sample.value)


async def test_what_waits_and_what_runs_is_counted_by_service_and_priority(settings: Settings) -> None:
    """Six slots of pictures are busy, two portraits wait; content has no worker."""
    held = asyncio.Event()

    async def hold(job: AssetRequested) -> None:
        await held.wait()

    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        system.makers.before = hold
        await system.work(Service.IMAGES)
        for _ in range(6):
            await system.post()
        await system.post({"characterName": "Mira", "storyType": "adventure", "priority": "urgent"})
        await until(lambda: busy(system, 5))
        await until(lambda: projected(system, 7))
        gauges = QueueMetrics(system.bus, system.pool)
        await gauges.update_bus()
        await gauges.update_rows()
        assert value(metrics.QUEUED, "images", "normal") == 2
        assert value(metrics.IN_FLIGHT, "images", "normal") == 4
        assert (value(metrics.QUEUED, "images", "urgent"), value(metrics.IN_FLIGHT, "images", "urgent")) == (0, 1)
        assert (value(metrics.QUEUED, "content", "normal"), value(metrics.QUEUED, "content", "urgent")) == (6, 1)
        assert value(metrics.QUEUE_AGE, "images", "normal") > 0
        assert value(metrics.QUEUE_AGE, "images", "urgent") == 0
        assert (value(metrics.UNFINISHED), value(metrics.PROJECTOR_PENDING)) == (7, 0)
        assert value(metrics.UNFINISHED_AGE) > 0
        held.set()


async def busy(system: System, count: int) -> bool:
    return system.makers.running == count


async def projected(system: System, stories: int) -> bool:
    """Whether both first jobs of all stories were sent, and the projector has nothing before it."""
    await system.projector_idle()
    return len(await system.live_jobs()) == 2 * stories


async def test_the_age_is_that_of_the_first_job_that_was_not_delivered(settings: Settings) -> None:
    """…not of the one before it, which a worker has, nor of another lane's."""
    bus = await connect(settings, "test")
    await provision(bus.js, settings)
    story = uuid4()
    for subject in (f"job.audio.high.{story}.audio", *(f"job.images.high.{story}.{name}" for name in ("cover", "pdf"))):
        await bus.publish(bus.names.jobs, [OutboundMessage(subject, b"{}", None)])
    reader = await bus.js.pull_subscribe_bind(bus.names.lane(Service.IMAGES, Priority.HIGH), bus.names.jobs)
    (taken,) = await reader.fetch(1, timeout=5)
    second = await bus.js.get_last_msg(bus.names.jobs, bus.names.subject(f"job.images.high.{story}.pdf"))
    found = {(lane.service, lane.priority): lane for lane in await bus.lanes(ages=True)}
    lane = found[Service.IMAGES, Priority.HIGH]
    assert taken.subject.endswith(".cover")
    assert (lane.queued, lane.in_flight, lane.oldest) == (1, 1, second.time)
    await bus.close()


async def test_commands_and_dead_letters_are_counted(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        command = "INSERT INTO command_outbox (event_id, story_id, event, handled_at) VALUES ($1, $2, '{}', $3)"
        await system.pool.execute(command, "unhandled", story_id, None)
        await system.pool.execute(command, "handled", story_id, datetime.now(UTC))
        letters = [
            OutboundMessage(f"dead.images.{story_id}.{name}", b"{}", None) for name in ("cover", "scene_1", "scene_2")
        ]
        await system.bus.publish(system.bus.names.dead, letters)
        gauges = QueueMetrics(system.bus, system.pool)
        await gauges.update_bus()
        await gauges.update_rows()
        assert (value(metrics.COMMANDS_UNHANDLED), value(metrics.DEAD_LETTERS)) == (1, 3)


async def test_what_cannot_be_asked_is_no_number(settings: Settings) -> None:
    """A stale figure would hide what is wrong; a missing consumer is an empty lane, and readiness reports it."""
    bus = await connect(settings, "test")
    await provision(bus.js, settings)
    pool = await open_pool(settings, size=1)
    gauges = QueueMetrics(bus, pool)
    await gauges.update_bus()
    await gauges.update_rows()
    assert value(metrics.QUEUED, "audio", "normal") == 0
    await bus.js.delete_consumer(bus.names.jobs, bus.names.lane(Service.AUDIO, Priority.NORMAL))
    await gauges.update_bus()
    assert value(metrics.QUEUED, "audio", "normal") == 0
    await pool.close()
    await bus.client.close()
    await gauges.update_bus()
    await gauges.update_rows()
    for gauge in (metrics.UNFINISHED, metrics.COMMANDS_UNHANDLED, metrics.DEAD_LETTERS, metrics.PROJECTOR_PENDING):
        assert math.isnan(value(gauge))
    assert math.isnan(value(metrics.QUEUE_AGE, "audio", "normal"))


HISTORY = """
INSERT INTO stories (id, tenant_id, request, status, asset_generation_status, created_at)
SELECT gen_random_uuid(), 't', '{}', 'ready', '{}', now() - n * interval '1 min' FROM generate_series(1, 3000) AS n
"""


@pytest.mark.parametrize(
    "name",
    ["unfinished_stories", "unhandled_commands", "late_commands", "late_erasures", "late_stale_objects", "unfinished"],
)
async def test_a_question_reads_what_is_unfinished_and_no_history(name: str, settings: Settings) -> None:
    """3,000 stories have ended; what is asked reads a few index pages."""
    pool = await open_pool(settings, size=1)
    await pool.execute("INSERT INTO tenants (id) VALUES ('t')")
    await pool.execute(HISTORY)
    await pool.execute("INSERT INTO command_outbox SELECT id::text, id, '{}', created_at, now() FROM stories")
    await pool.execute("INSERT INTO erasures (story_id, tenant_id, receipt) SELECT id, 't', '{}' FROM stories")
    await pool.execute("INSERT INTO stale_objects (story_id) SELECT id FROM stories")
    await pool.execute("VACUUM ANALYZE stories, command_outbox, erasures, stale_objects")
    sql = getattr(queries(), name).sql
    arguments = [datetime.now(UTC) - timedelta(seconds=10)] if "$1" in sql else []
    (plan,) = await pool.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *arguments)
    await pool.close()
    assert "Seq Scan" not in str(plan)
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 20
