"""What tracing costs: orchestration with one story in ten sampled and sent to a collector, against none at all.

Each round measures both on the same servers, one after the other; what counts is the ratio of the services' CPU. The
collector's own is not counted. Handlers answer at once: of a real story's CPU it is a smaller share.
``python -m benchmarks.tracing --help``.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import uvloop
from aiohttp import web
from pydantic import SecretStr

from benchmarks.orchestration import Figures, measure
from benchmarks.ours import Ours, quiet, serve_role
from local.nats import EmbeddedNats
from local.postgres import EmbeddedPostgres
from storyloom.db.migrate import migrate
from storyloom.messaging.connection import connect
from storyloom.messaging.topology import provision
from storyloom.runtime.settings import Settings

ONE_IN = 10
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def collect(port: Any, received: Any) -> None:
    """A collector that takes spans and forgets them: the body of a process. ``received`` counts their bytes."""

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        with received.get_lock():
            received.value += len(body)
        return web.Response(content_type="application/x-protobuf")

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/traces", take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.value = runner.addresses[0][1]
        await asyncio.Event().wait()

    asyncio.run(serve())


async def contend(settings: Settings, options: argparse.Namespace) -> Figures:
    """Some stories through status and workers in processes of their own."""
    bus = await connect(settings, "setup")
    await provision(bus.js, settings)
    await bus.close()
    context = multiprocessing.get_context("spawn")
    children = []
    for role in Ours.roles:
        ready = context.Event()
        child = context.Process(target=serve_role, args=(role, settings, ready), daemon=True)
        child.start()
        children.append((role, child, ready))
    try:
        for role, _, ready in children:
            if not await asyncio.to_thread(ready.wait, 60):
                raise RuntimeError(f"{role} did not start")
        groups = {role: [psutil.Process(child.pid)] for role, child, _ in children}
        async with Ours(settings, one_in=ONE_IN) as contender:
            return await measure(contender, groups, stories=options.stories, flight=options.flight, single=1)
    finally:
        for _, child, _ in children:
            child.kill()
            child.join()


async def run(options: argparse.Namespace, endpoint: str) -> list[float]:
    """The ratio of each round."""
    ratios = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storyloom-bench-")))
        url = await stack.enter_async_context(EmbeddedPostgres(folder / "postgres"))
        nats = await stack.enter_async_context(EmbeddedNats(folder / "nats"))
        migrate(url)
        for number in range(options.rounds):
            found = {}
            for traced in (False, True) if number % 2 == 0 else (True, False):
                os.environ.pop(ENDPOINT, None)
                os.environ.update({ENDPOINT: endpoint} if traced else {})
                settings = Settings(
                    database_url=SecretStr(url), nats_url=nats.url, s3_endpoint_url="http://127.0.0.1:9"
                )
                found[traced] = await contend(settings, options)
            ratios.append(found[True].cpu_ms_per_step / found[False].cpu_ms_per_step)
            print(
                f"round {number}: off {found[False].cpu_ms_per_step:.3f} ms CPU/step {found[False].by_process}, "
                f"one in {ONE_IN} {found[True].cpu_ms_per_step:.3f} {found[True].by_process}: {ratios[-1]:.3f}",
                flush=True,
            )
    return ratios


def main() -> int:
    """Measure and print; with --json, a line for machines at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--stories", type=int, default=200)
    parser.add_argument("--flight", type=int, default=20, help="stories in flight")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.stories = 1, 40
    quiet()
    context = multiprocessing.get_context("spawn")
    port, received = context.Value("i", 0), context.Value("q", 0)
    collector = context.Process(target=collect, args=(port, received), daemon=True)
    collector.start()
    try:
        while not port.value:
            collector.join(0.05)
        ratios = uvloop.run(run(options, f"http://127.0.0.1:{port.value}"))
    finally:
        collector.kill()
        collector.join()
    print(f"{received.value} bytes of spans were collected")
    if not received.value:
        raise RuntimeError("no spans were collected")
    ratio = statistics.median(ratios)
    print(f"{'cpu_ratio':>24} {ratio:8.3f}")
    if options.json:
        print(json.dumps({"tracing_cpu_ratio": ratio}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
