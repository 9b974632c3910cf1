"""What one story costs, by service: CPU seconds, memory of a replica, bytes that are stored. Linux only.

``make up PROCESSES=1`` with the studio for a provider, answering at once: a process for each service, as in a cluster.
After three stories that warm everything up, the services' CPU is read while nothing happens and while stories are made
one after the other; what a service uses in any case is taken off. What a provider's latency costs is not CPU.
These are the figures of deploy/README.md's sizing table.
"""

import asyncio
import json
import os
import tempfile
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.product import Product, running
from local.programs import SERVICES

WARM_UP = 3
STORIES = 8
IDLE_SECONDS = 20.0
SERVERS = ("postgres", "nats", "store")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes that are stored: the bucket's objects, the database's rows and indexes, the streams on NATS."""

    store: int
    postgres: int
    nats: int


def cpu(product: Product) -> dict[str, float]:
    """CPU seconds of every part since it started, its children (the printer, Postgres's backends) included."""
    found: defaultdict[str, float] = defaultdict(float)
    for name, process in _parts(product):
        used = process.cpu_times()
        found[name] += used.user + used.system + used.children_user + used.children_system
    return found


def memory(product: Product) -> dict[str, float]:
    """MB of every part: PSS, so that pages that processes share are counted once."""
    found: defaultdict[str, float] = defaultdict(float)
    for name, process in _parts(product):
        found[name] += process.memory_full_info().pss / 1e6
    return found


def _parts(product: Product) -> list[tuple[str, psutil.Process]]:
    parts = []
    for name, pid in product.addresses["processes"].items():
        if name not in (*SERVICES, *SERVERS):
            continue
        process = psutil.Process(pid)
        parts += [(name, one) for one in (process, *process.children(recursive=True))]
    return parts


async def sizes(product: Product, home: Path) -> Sizes:
    """Read all three. The bucket is a folder here."""
    connection = await asyncpg.connect(product.addresses["databaseUrl"])
    try:
        await connection.execute("VACUUM ANALYZE")
        postgres = await connection.fetchval("SELECT pg_database_size(current_database())")
    finally:
        await connection.close()
    bucket = home / "store" / "data"
    store = sum(path.stat().st_size for path in bucket.rglob("*") if path.is_file())
    nats = await asyncio.to_thread(_nats_bytes, f"{product.addresses['natsMonitorUrl']}/jsz")
    return Sizes(store, int(postgres), nats)


def _nats_bytes(url: str) -> int:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return int(json.load(answer)["bytes"])


async def measure(home: Path, stories: int, idle_seconds: float) -> dict[str, float]:
    """Warm up, read what idleness costs, then what stories cost."""
    async with running(home, PROCESSES="1", STUDIO_LATENCY="instant") as product:
        for number in range(1, WARM_UP + 1):
            await product.make(number)
        await asyncio.sleep(5)
        before_idle, began_idle = cpu(product), time.monotonic()
        await asyncio.sleep(idle_seconds)
        at_rest, seconds = cpu(product), time.monotonic() - began_idle
        idle = {name: (at_rest[name] - before_idle[name]) / seconds for name in at_rest}
        stored, before, began = await sizes(product, home), cpu(product), time.monotonic()
        for number in range(1, stories + 1):
            await product.make(100 + number)
            print(f"story {number} is made, {time.monotonic() - began:.0f} s", flush=True)
        after, seconds = cpu(product), time.monotonic() - began
        weighed, now_stored = memory(product), await sizes(product, home)
    found: dict[str, float] = {}
    for name in (*SERVICES, *SERVERS):
        found[f"{name}_cpu_s"] = max(0.0, (after[name] - before[name] - idle[name] * seconds) / stories)
        found[f"{name}_idle_cores"] = idle[name]
        found[f"{name}_mb"] = weighed[name]
    for name in ("store", "postgres", "nats"):
        found[f"{name}_kb"] = (getattr(now_stored, name) - getattr(stored, name)) / stories / 1e3
    return found


def main() -> None:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=1)
    with tempfile.TemporaryDirectory(prefix="storyloom-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        stories, idle = (2, 5.0) if options.quick else (STORIES, IDLE_SECONDS)
        report(asyncio.run(measure(Path(folder), stories, idle)))


if __name__ == "__main__":
    main()
