"""Recovery: how soon work goes on after somebody was killed, and how soon it ends when nobody wants it any more.

Five failures, each on servers of its own, services in processes of their own, handlers that only take time:

``worker``    a worker is killed (SIGKILL) in the middle of its jobs: until all of them have begun elsewhere.
``nats``      NATS is killed, stays down for a while and comes back: from its return until the first job begins.
``wipe``      NATS loses its whole store under 200 stories in flight: until all have ended, and how many ended wrong.
``postgres``  Postgres is killed and stays down for half a minute: how many stories fail because of it (none), and from
              its return until the first update of any story.
``cancel``    a story is cancelled in the middle of everything: from the request until its last maker has stopped and
              its last reader has seen.
"""

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import uvloop

from benchmarks.cancellation import measure_cancellation
from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.processes import Processes, quiet, running_processes, until
from benchmarks.timings import Durations, Moment, unfinished_pictures
from local.embedded import Embedded
from storyloom.story.assets import GRAPH, PICTURES, Asset, Service


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each. ``nats_down`` and ``postgres_down`` are seconds, ``ack_wait`` is a user's by default."""

    rounds: int
    stories: int
    cancelled: int
    ack_wait: float
    nats_down: tuple[float, ...]
    postgres_down: float


FULL = Size(rounds=3, stories=200, cancelled=10, ack_wait=12, nats_down=(1, 5, 15), postgres_down=30)
QUICK = Size(rounds=1, stories=40, cancelled=3, ack_wait=3, nats_down=(2,), postgres_down=5)


async def lose_worker(size: Size) -> dict[str, float]:
    """Kill a painter over its easel, again and again; the worst of all its jobs counts."""
    took: list[float] = []
    durations = Durations(60, {Asset.OUTLINE: 0.2, Asset.PORTRAIT: 0.2})
    async with running_processes(durations, ack_wait=size.ack_wait, slots_normal=32) as processes:
        await processes.start(Service.IMAGES)
        for _ in range(size.rounds):
            await processes.ask(2)
            lost = await _busiest(processes)
            killed = time.time()
            processes.kill(Service.IMAGES, lost[0].pid)
            again = [await _begins(processes, job, killed) for job in {moment.job for moment in lost}]
            took.append(max(again) - killed)
            print(f"worker: {len(lost)} jobs of a dead worker begun elsewhere after {took[-1]:.2f} s", flush=True)
            await processes.start(Service.IMAGES)
    return {"worker_killed_s": max(took), "worker_killed_over_s": max(took) - size.ack_wait}


async def _busiest(processes: Processes) -> list[Moment]:
    """What the process with the most pictures under way has begun, once there are some."""

    async def found() -> list[Moment]:
        begun = unfinished_pictures(processes.moments())
        groups = [[moment for moment in begun if moment.pid == pid] for pid in {moment.pid for moment in begun}]
        return max(groups, key=len, default=[]) if len(begun) % (2 * len(PICTURES)) == 0 else []

    return await until(found)


async def _begins(processes: Processes, job: tuple[UUID, Asset], after: float) -> float:
    async def again() -> float:
        return next((one.at for one in processes.moments() if one.job == job and one.at > after), 0.0)

    return await until(again)


async def lose_nats(size: Size) -> dict[str, float]:
    """Kill NATS under flowing stories and keep it down, longer and longer."""
    took = []
    async with running_processes(Durations(0.5)) as processes:
        for seconds in size.nats_down:
            await processes.ask(40)
            await asyncio.sleep(2)
            async with stopped(processes.nats) as back:
                await asyncio.sleep(seconds)
            took.append(await _moves(processes, await back))
            print(f"nats: {seconds:g} s down, the first job begins {took[-1]:.2f} s after its return", flush=True)
            wrong = await processes.all_ended()
    return {"nats_killed_s": max(took), "nats_killed_wrong": wrong}


async def lose_nats_store(size: Size) -> dict[str, float]:
    """Wipe all that NATS knows while stories are in all stages."""
    async with running_processes(Durations(0.5), slots_normal=64) as processes:
        await processes.ask(size.stories)
        await until(lambda: _ends(processes, at_least=size.stories * len(GRAPH) // 3))
        async with stopped(processes.nats) as back:
            await asyncio.to_thread(shutil.rmtree, processes.nats.folder / "data")
        returned = await back
        moved = await _moves(processes, returned)
        wrong = await processes.all_ended()
        took = time.time() - returned
        ended = [moment.job for moment in processes.moments() if moment.what == "ended"]
    print(
        f"wipe: {size.stories} stories in flight, the first job begins after {moved:.2f} s, all have ended after"
        f" {took:.1f} s, {wrong:.0f} wrong; {len(ended) - len(set(ended))} assets were made twice",
        flush=True,
    )
    again = len(ended) - len(set(ended))
    return {"wiped_moves_s": moved, "wiped_end_s": took, "wiped_wrong": wrong, "wiped_made_twice": again}


async def lose_postgres(size: Size) -> dict[str, float]:
    """Keep Postgres down while work is under way."""
    async with running_processes(Durations(0.5)) as processes:
        await processes.ask(50)
        await asyncio.sleep(2)
        async with processes.listen("status.*") as received:
            async with stopped(processes.postgres) as back:
                await asyncio.sleep(size.postgres_down)
            returned = await back
            wrong = await processes.all_ended()
        took, moved = time.time() - returned, next(at for at in received if at > returned) - returned
    print(
        f"postgres: {size.postgres_down:g} s down, the first update {moved:.2f} s after its return, 50 stories have"
        f" ended after {took:.1f} s, {wrong:.0f} wrong",
        flush=True,
    )
    return {"postgres_away_wrong": wrong, "postgres_away_moves_s": moved}


@asynccontextmanager
async def stopped(server: Embedded[Any]) -> AsyncIterator["asyncio.Future[float]"]:
    """Kill a server and keep it down for the block; the future is when it answered again, in epoch seconds."""
    assert server.child is not None
    back: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    server.child.on_restart = lambda: back.set_result(time.time())
    async with server.child.down():
        yield back


async def _moves(processes: Processes, returned: float) -> float:
    """Seconds from a server's return until a job begins."""

    async def begun() -> float:
        return next((one.at for one in processes.moments() if one.what == "began" and one.at > returned), 0.0)

    return await until(begun) - returned


async def _ends(processes: Processes, at_least: int) -> bool:
    return sum(moment.what == "ended" for moment in processes.moments()) >= at_least


async def cancel(size: Size) -> dict[str, float]:
    """Cancel one story after the other while others flow (silence.py)."""
    return await measure_cancellation(size.cancelled)


FAULTS: dict[str, Callable[[Size], Awaitable[dict[str, float]]]] = {
    "worker": lose_worker,
    "nats": lose_nats,
    "wipe": lose_nats_store,
    "postgres": lose_postgres,
    "cancel": cancel,
}


def main() -> int:
    """Measure in folders of its own."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--only", choices=FAULTS, help="one mishap instead of all")
        parser.add_argument("--down", type=float, help="seconds that Postgres is down (default 30, quick 5)")

    options = read_options(__doc__ or "", rounds=FULL.rounds, more=more)
    plain = QUICK if options.quick else FULL
    size = replace(plain, rounds=options.rounds, postgres_down=options.down or plain.postgres_down)

    async def run() -> dict[str, float]:
        found: dict[str, float] = {}
        for name in [options.only] if options.only else FAULTS:
            found |= await FAULTS[name](size)
        return found

    quiet()
    report(uvloop.run(run()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
