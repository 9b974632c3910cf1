"""Orchestration alone: handlers that answer at once, so that only the bus, Postgres and our code work.

Each round measures ours and a bare NATS loop with one upsert a step, one after the other on the same servers, each with
two processes (ours: status, and the four workers) and a driver; what counts is the ratio between the two.
``python -m benchmarks.orchestration --help``.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop
from pydantic import SecretStr

from benchmarks import bare
from benchmarks.ours import Ours, quiet, serve_role
from local.nats import EmbeddedNats
from local.postgres import EmbeddedPostgres
from storyloom.db.migrate import migrate
from storyloom.messaging.connection import connect
from storyloom.messaging.topology import provision
from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH

STEPS = len(GRAPH)


@dataclass(frozen=True)
class Figures:
    """What one round found."""

    steps_per_second: float
    cpu_ms_per_step: float
    one_story_ms: float
    commit_to_bus_p50_ms: float
    commit_to_bus_p99_ms: float
    by_process: dict[str, float]


async def measure(
    contender: Ours | bare.Bare, processes: dict[str, list[psutil.Process]], *, stories: int, flight: int, single: int
) -> Figures:
    """A warm-up, some stories one at a time, then many in flight."""
    await _drive(contender.story, 20, 10)
    one_by_one = [await _timed(contender.story) for _ in range(single)]
    contender.latencies_ms.clear()
    before = {name: _cpu(group) for name, group in processes.items()}
    seconds = await _timed(lambda: _drive(contender.story, stories, flight))
    steps = stories * STEPS
    spent = {name: 1e3 * (_cpu(group) - before[name]) / steps for name, group in processes.items()}
    latencies = sorted(contender.latencies_ms) or [0.0]
    return Figures(
        steps_per_second=steps / seconds,
        cpu_ms_per_step=sum(spent.values()),
        one_story_ms=1e3 * statistics.median(one_by_one),
        commit_to_bus_p50_ms=latencies[len(latencies) // 2],
        commit_to_bus_p99_ms=latencies[int(len(latencies) * 0.99)],
        by_process={name: round(value, 3) for name, value in spent.items()},
    )


async def _drive(story: Callable[[], Awaitable[None]], count: int, flight: int) -> None:
    slots = asyncio.Semaphore(flight)

    async def one() -> None:
        async with slots:
            await story()

    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


def _cpu(group: list[psutil.Process]) -> float:
    total = 0.0
    for process in group:
        members = (
            [process, *process.children(recursive=True)]
            if process.pid != multiprocessing.current_process().pid
            else [process]
        )
        for member in members:
            try:
                times = member.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


async def run(arguments: argparse.Namespace) -> list[dict[str, Figures]]:
    """All rounds; the figures of ours and of the bare loop for each."""
    rounds = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storyloom-bench-")))
        postgres, nats = EmbeddedPostgres(folder / "postgres"), EmbeddedNats(folder / "nats")
        url = await stack.enter_async_context(postgres)
        address = await stack.enter_async_context(nats)
        migrate(url)
        settings = Settings(database_url=SecretStr(url), nats_url=address.url, s3_endpoint_url="http://127.0.0.1:9")
        servers = _servers()
        for number in range(arguments.rounds):
            found = {}
            for name in ("ours", "bare") if number % 2 == 0 else ("bare", "ours"):
                found[name] = await _contend(name, settings, servers, arguments)
            rounds.append(found)
            _say(number, found)
    return rounds


async def _contend(
    name: str, settings: Settings, servers: dict[str, list[psutil.Process]], arguments: argparse.Namespace
) -> Figures:
    bus = await connect(settings, "setup")
    await provision(bus.js, settings)
    await bare.create_streams(bus.js, settings)
    await bus.close()
    contender = Ours(settings) if name == "ours" else bare.Bare(settings)
    context = multiprocessing.get_context("spawn")
    children = {}
    for role in contender.roles:
        ready = context.Event()
        child = context.Process(target=serve_role, args=(role, settings, ready), daemon=True)
        child.start()
        children[role] = (child, ready)
    try:
        for child, ready in children.values():
            if not await asyncio.to_thread(ready.wait, 60):
                raise RuntimeError(f"{child.name} did not start")
        groups = {role: [psutil.Process(child.pid)] for role, (child, _) in children.items()}
        groups |= {"driver": [psutil.Process()], **servers}
        async with contender:
            return await measure(
                contender, groups, stories=arguments.stories, flight=arguments.flight, single=arguments.single
            )
    finally:
        for child, _ in children.values():
            child.kill()
            child.join()


def _servers() -> dict[str, list[psutil.Process]]:
    found: dict[str, list[psutil.Process]] = {"postgres": [], "nats": []}
    for process in psutil.Process().children(recursive=True):
        try:
            name, parent = process.name(), process.parent()
        except psutil.NoSuchProcess:  # Postgres's children come and go
            continue
        if name.startswith("nats"):
            found["nats"].append(process)
        elif name == "postgres" and (parent is None or parent.name() != "postgres"):
            found["postgres"].append(process)
    return found


def _say(number: int, found: dict[str, Figures]) -> None:
    ours, plain = found["ours"], found["bare"]
    steps, cpu = ours.steps_per_second / plain.steps_per_second, ours.cpu_ms_per_step / plain.cpu_ms_per_step
    print(
        f"round {number}: {ours.steps_per_second:.0f} steps/s ({steps:.2f} x bare)  "
        f"{ours.cpu_ms_per_step:.2f} ms CPU/step ({cpu:.2f} x bare)  one story {ours.one_story_ms:.1f} ms  "
        f"commit to bus p50 {ours.commit_to_bus_p50_ms:.1f} p99 {ours.commit_to_bus_p99_ms:.1f} ms",
        flush=True,
    )
    print(
        "   ours", ours.by_process, "\n   bare", plain.by_process, f"{plain.steps_per_second:.0f} steps/s", flush=True
    )


def main() -> int:
    """Measure and print; with --json, a line for machines at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stories", type=int, default=300)
    parser.add_argument("--flight", type=int, default=50, help="stories in flight")
    parser.add_argument("--single", type=int, default=30, help="stories one at a time")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    quiet()
    rounds = uvloop.run(run(arguments))
    summary = {
        "steps_per_second_ratio": _median(r["ours"].steps_per_second / r["bare"].steps_per_second for r in rounds),
        "cpu_ratio": _median(r["ours"].cpu_ms_per_step / r["bare"].cpu_ms_per_step for r in rounds),
        "one_story_ms": _median(r["ours"].one_story_ms for r in rounds),
        "commit_to_bus_p50_ms": _median(r["ours"].commit_to_bus_p50_ms for r in rounds),
        "commit_to_bus_p99_ms": _median(r["ours"].commit_to_bus_p99_ms for r in rounds),
        "steps_per_second": _median(r["ours"].steps_per_second for r in rounds),
        "cpu_ms_per_step": _median(r["ours"].cpu_ms_per_step for r in rounds),
    }
    for name, value in summary.items():
        print(f"{name:>24} {value:8.2f}")
    if arguments.json:
        print(json.dumps(summary))
    return 0


def _median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


if __name__ == "__main__":
    sys.exit(main())
