"""Memory of the stack on one machine, by process: idle, then after three stories. Linux only.

PSS counts a page that several processes share by its share, so that sums are true (proc(5), smaps_rollup). All that
``make up`` starts is counted: the launcher, its watchdogs, the services' process with its printer, Postgres with its
backends, NATS, the store. The studio, which production has not, is counted apart.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psutil

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.product import Product, running

STORIES = 3
SETTLE_SECONDS = 25.0
"""Seconds after the last work until memory is read: heavy imports end, the collector has run."""


def weigh(product: Product) -> dict[str, float]:
    """MB of every part, its children included."""
    names = {pid: name for name, pid in product.addresses["processes"].items()}
    names |= {pid: "services" for name, pid in product.addresses["processes"].items() if name in ("api", "status")}
    found: Counter[str] = Counter()
    launcher = psutil.Process(product.pid)
    for process in (launcher, *launcher.children(recursive=True)):
        try:
            found[_part(process, names)] += process.memory_full_info().pss
        except psutil.NoSuchProcess:  # Postgres's workers come and go
            continue
    return {part: size / 1e6 for part, size in found.items()}


def _part(process: psutil.Process, names: Mapping[int, str]) -> str:
    if any(word.endswith("printer.py") for word in process.cmdline()):
        return "printer"
    return next((names[one.pid] for one in (process, *process.parents()) if one.pid in names), "local")


async def measure(home: Path, stories: int) -> dict[str, float]:
    """Weigh twice."""
    async with running(home, STUDIO_LATENCY="instant") as product:
        await asyncio.sleep(SETTLE_SECONDS)
        idle = weigh(product)
        _say("idle", idle)
        for number in range(1, stories + 1):
            await product.make(number)
            print(f"story {number} is made", flush=True)
        await asyncio.sleep(SETTLE_SECONDS)
        after = weigh(product)
        _say(f"after {stories}", after)
    return {
        "memory_idle_mb": _ours(idle),
        "memory_after_mb": _ours(after),
        "memory_studio_mb": after["studio"],
    }


def _ours(parts: Mapping[str, float]) -> float:
    return sum(size for part, size in parts.items() if part != "studio")


def _say(when: str, parts: Mapping[str, float]) -> None:
    words = ", ".join(f"{part} {size:.0f}" for part, size in sorted(parts.items(), key=lambda part: -part[1]))
    print(f"{when}: {_ours(parts):.0f} MB without the studio ({words})", flush=True)


def main() -> None:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=1)
    with tempfile.TemporaryDirectory(prefix="storyloom-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        report(asyncio.run(measure(Path(folder), 1 if options.quick else STORIES)))


if __name__ == "__main__":
    main()
