"""One consumer of jobs, four ways: nats-py alone, FastStream as its documentation has it, and the workers' own.

Each has eight slots, reads every job as its model and acknowledges. First jobs trickle in, one every ten milliseconds:
the time from publication to handler. Then a burst comes: the consumer's CPU a message, and how many messages are
delivered and not acknowledged at most. ``python -m benchmarks.consuming --help``.
"""

import asyncio
import multiprocessing
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
import psutil
import uvloop
from faststream import BaseMiddleware, FastStream
from faststream.nats import JStream, NatsBroker, PullSub
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.ours import quiet
from local.nats import EmbeddedNats
from storyloom.messaging.broker import Broker, Router
from storyloom.messaging.codec import JsonBody, parse_job
from storyloom.messaging.consumer import ack
from storyloom.messaging.faststream_pull import SlotsPullSub
from storyloom.runtime.settings import NatsSettings
from storyloom.story.jobs import AssetRequested

SLOTS = 8
STREAM, DURABLE, SUBJECT = "CONSUMING", "consuming", "consuming.jobs"
JOB = Path(__file__).parents[1] / "tests/contract/events/golden/AssetRequested.pdf.json"
"""2.9 kB, the mean of a story's jobs."""
PAUSE_SECONDS = 0.01
"""Seconds between two jobs that trickle in."""
TIMEOUT_SECONDS = 120.0
"""Seconds after which a consumer counts as stuck."""

Handle = Callable[[AssetRequested], None]


async def nats_py(url: str, handle: Handle) -> None:
    """A loop of ``fetch(1)`` a slot."""
    client = await nats.connect(url)
    js = client.jetstream()

    async def work() -> None:
        subscription = await js.pull_subscribe_bind(DURABLE, STREAM)
        while True:
            try:
                (message,) = await subscription.fetch(1, timeout=5)
            except NatsTimeoutError:
                continue
            handle(AssetRequested.model_validate_json(message.data))
            await message.ack()

    await asyncio.gather(*(work() for _ in range(SLOTS)))


async def faststream_slots(url: str, handle: Handle) -> None:
    """FastStream, one ``PullSub(batch_size=1)`` a slot on the same durable."""
    broker = NatsBroker(url, logger=None)
    for _ in range(SLOTS):
        subscriber = broker.subscriber(
            SUBJECT, stream=JStream(STREAM, declare=False), durable=DURABLE, pull_sub=PullSub(batch_size=1, timeout=5)
        )

        @subscriber
        async def work(job: AssetRequested) -> None:
            handle(job)

    await FastStream(broker, logger=None).run()


async def faststream_workers(url: str, handle: Handle) -> None:
    """FastStream, one subscriber with ``max_workers``."""
    broker = NatsBroker(url, logger=None)

    @broker.subscriber(
        SUBJECT,
        stream=JStream(STREAM, declare=False),
        durable=DURABLE,
        pull_sub=PullSub(batch_size=SLOTS, timeout=5),
        max_workers=SLOTS,
    )
    async def work(job: AssetRequested) -> None:
        handle(job)

    await FastStream(broker, logger=None).run()


class _Acknowledge(BaseMiddleware[Any, Msg]):
    """Acknowledges; JobMiddleware stands there in a worker."""

    async def after_processed(self, *error: Any) -> bool:
        del error
        await ack(self.msg)
        return False


async def storyloom(url: str, handle: Handle) -> None:
    """The subscriber of the workers, without what stands around a job."""
    router = Router()

    @router.subscriber(
        SUBJECT,
        stream=JStream(STREAM, declare=False),
        durable=DURABLE,
        pull_sub=SlotsPullSub(SLOTS),
        codec=JsonBody(AssetRequested),
        parser=parse_job,
    )
    async def work(job: AssetRequested) -> None:
        handle(job)

    broker = Broker(NatsSettings(nats_url=url), "benchmark", routers=[router], middlewares=[_Acknowledge])
    await broker.connect()
    await broker.start()
    await asyncio.Event().wait()


CONTENDERS: dict[str, Callable[[str, Handle], Awaitable[None]]] = {
    "nats_py": nats_py,
    "faststream_slots": faststream_slots,
    "faststream_workers": faststream_workers,
    "storyloom": storyloom,
}


def serve(name: str, url: str, trickle: int, count: int, pipe: Any) -> None:
    """The body of a child process: consume until it is killed; send the latencies (ms), then None after the burst."""
    quiet()
    latencies: list[float] = []
    handled = 0

    def handle(job: AssetRequested) -> None:
        nonlocal handled
        handled += 1
        if handled <= trickle:
            latencies.append(1e3 * (datetime.now(UTC) - job.at).total_seconds())
        if handled == trickle:
            pipe.send(latencies)
        elif handled == count:
            pipe.send(None)

    uvloop.run(CONTENDERS[name](url, handle))  # type: ignore[arg-type]  # any awaitable of theirs is a coroutine


async def measure(name: str, js: JetStreamContext, url: str, *, trickle: int, burst: int) -> dict[str, float]:
    """One contender on a consumer of its own: p50 and p95 (ms), CPU a message (ms), and the most in flight."""
    stream = StreamConfig(
        name=STREAM, subjects=[SUBJECT], retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE
    )
    await js.add_stream(stream)
    await js.add_consumer(
        STREAM, ConsumerConfig(durable_name=DURABLE, filter_subject=SUBJECT, ack_policy=AckPolicy.EXPLICIT)
    )
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=serve, args=(name, url, trickle, trickle + burst, there), daemon=True)
    child.start()
    try:
        await _waits(js)
        await asyncio.sleep(0.5)  # its other slots ask, too
        job = AssetRequested.model_validate_json(JOB.read_bytes())
        for _ in range(trickle):
            await js.publish(SUBJECT, job.model_copy(update={"at": datetime.now(UTC)}).body)
            await asyncio.sleep(PAUSE_SECONDS)
        latencies = sorted(await _received(here))
        process = psutil.Process(child.pid)
        before = process.cpu_times()
        ended = asyncio.create_task(_received(here))
        sending = asyncio.create_task(_send(js, job.body, burst))
        most = 0
        while not ended.done():
            most = max(most, (await js.consumer_info(STREAM, DURABLE)).num_ack_pending or 0)
            await asyncio.wait({ended}, timeout=PAUSE_SECONDS)
        await sending
        await ended
        after = process.cpu_times()
    finally:
        child.kill()
        child.join()
        await js.delete_stream(STREAM)
    spent = after.user + after.system - before.user - before.system
    return {
        "p50_ms": statistics.median(latencies),
        "p95_ms": latencies[int(len(latencies) * 0.95)],
        "cpu_ms": 1e3 * spent / burst,
        "in_flight": most,
    }


async def _waits(js: JetStreamContext) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not (await js.consumer_info(STREAM, DURABLE)).num_waiting:  # noqa: ASYNC110 - another process's request
            await asyncio.sleep(0.02)


async def _received(pipe: Any) -> Any:
    if not await asyncio.to_thread(pipe.poll, TIMEOUT_SECONDS):
        raise RuntimeError("the consumer is stuck")
    return pipe.recv()


async def _send(js: JetStreamContext, body: bytes, count: int) -> None:
    for start in range(0, count, 50):
        await asyncio.gather(
            *(js.publish(SUBJECT, body, timeout=TIMEOUT_SECONDS) for _ in range(min(50, count - start)))
        )


async def run(rounds: int, *, trickle: int, burst: int) -> dict[str, float]:
    """The medians of all rounds, each with all contenders, every other one in reverse."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="storyloom-bench-") as folder:
        async with EmbeddedNats(Path(folder)) as address:
            client = await nats.connect(address.url)
            for number in range(rounds):
                for name in list(CONTENDERS)[:: -1 if number % 2 else 1]:
                    figures = await measure(name, client.jetstream(), address.url, trickle=trickle, burst=burst)
                    print(
                        f"round {number}: {name:<20}",
                        {key: round(value, 3) for key, value in figures.items()},
                        flush=True,
                    )
                    for key, value in figures.items():
                        found.setdefault(f"consuming_{name}_{key}", []).append(value)
            await client.close()
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    """Measure, and print a table."""
    options = read_options(__doc__ or "", rounds=5)
    quiet()
    trickle, burst = (50, 300) if options.quick else (300, 2_000)
    report(uvloop.run(run(options.rounds, trickle=trickle, burst=burst)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
