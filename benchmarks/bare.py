"""The yardstick: a bare NATS loop with one upsert a step, as one would write it with nats-py and asyncpg alone.

A story is a chain of steps through four work queues; a worker takes a message, upserts one row, publishes the next step
and acknowledges. No graph, no status, no dedup, no retries.
"""

import asyncio
import json
from typing import Self
from uuid import uuid4

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH

SERVICES = ("a", "b", "c", "d")
SLOTS = 8
STEPS = len(GRAPH)
PAYLOAD = "x" * 2800
"""With the rest of the message the mean size of our 19 jobs, 2.9 kB."""


_TABLE = """
CREATE TABLE IF NOT EXISTS bare (story text, step int, body jsonb, at timestamptz, PRIMARY KEY (story, step))
"""
_UPSERT = """
INSERT INTO bare VALUES ($1, $2, $3, now()) ON CONFLICT (story, step) DO UPDATE SET body = excluded.body, at = now()
"""


async def create_streams(js: JetStreamContext, settings: Settings) -> None:
    """Create the yardstick's table, stream and four durables."""
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    await connection.execute(_TABLE)
    await connection.close()
    stream = StreamConfig(
        name="BARE", subjects=["bare.step.>"], retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE
    )
    await js.add_stream(stream)
    for service in SERVICES:
        consumer = ConsumerConfig(
            durable_name=f"bare-{service}", filter_subject=f"bare.step.{service}.>", ack_policy=AckPolicy.EXPLICIT
        )
        await js.add_consumer("BARE", consumer)


async def serve(settings: Settings) -> None:
    """Work on all four queues, in a few slots each."""
    client = await nats.connect(settings.nats_url)
    js = client.jetstream()
    pool = await asyncpg.create_pool(settings.database_url.get_secret_value(), min_size=4, max_size=4)
    for service in SERVICES:
        for _ in range(SLOTS // 2):
            subscription = await js.pull_subscribe_bind(f"bare-{service}", "BARE")
            task = asyncio.create_task(_work(client, js, pool, subscription))
            _TASKS.add(task)


_TASKS: set[asyncio.Task[None]] = set()


async def _work(
    client: Client,
    js: JetStreamContext,
    pool: "asyncpg.Pool[asyncpg.Record]",
    subscription: JetStreamContext.PullSubscription,
) -> None:
    while True:
        try:
            (message,) = await subscription.fetch(1, timeout=5)
        except NatsTimeoutError:
            continue
        step = json.loads(message.data)
        await pool.execute(
            _UPSERT,
            step["story"],
            step["step"],
            json.dumps({"status": "ready"}),
        )
        if step["step"] + 1 < STEPS:
            await _publish(js, step["story"], step["step"] + 1)
        else:
            await client.publish(f"bare.done.{step['story']}", b"{}")
        await message.ack()


async def _publish(js: JetStreamContext, story: str, step: int) -> None:
    body = json.dumps({"story": story, "step": step, "payload": PAYLOAD}).encode()
    headers = {"Nats-Msg-Id": f"{story}.{step}"}
    await js.publish(f"bare.step.{SERVICES[step % 4]}.{story}", body, headers=headers, timeout=5)


class Bare:
    """Drives stories through the yardstick."""

    roles = ("bare-1", "bare-2")

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.latencies_ms: list[float] = []
        self._ends: dict[str, asyncio.Future[None]] = {}

    async def __aenter__(self) -> Self:
        self._client = await nats.connect(self.settings.nats_url)
        self._js = self._client.jetstream()
        await self._client.subscribe("bare.done.*", cb=self._on_done)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def story(self) -> None:
        """One chain of steps, from the first publication to the end."""
        story = str(uuid4())
        end = self._ends[story] = asyncio.get_running_loop().create_future()
        await _publish(self._js, story, 0)
        await end
        del self._ends[story]

    async def _on_done(self, message: Msg) -> None:
        self._ends[message.subject.split(".")[2]].set_result(None)
