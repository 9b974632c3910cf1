"""The whole product: ``make story`` as a user sees it, from the command to the finished book, with Piper.

The first round begins with an empty state folder (cold: the database is made; packages are installed and bytecode is
there), the others find its state (warm). Times are taken when a line is on the screen.
"""

import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.product import ROOT, environment

MILESTONES = {"cover: ready": "cover", "scene 1 text: ": "text", "story: ready": "ready", "Everything is up": "request"}
"""What a line of the output contains, and the milestone that it marks. The request is sent once everything is up."""

STORY_TIMEOUT_SECONDS = 240.0
"""Seconds after which a story counts as stuck."""


@dataclass
class Round:
    """Seconds from the command to each sight, to its end, and of CPU of every process that took part."""

    seen: dict[str, float] = field(default_factory=dict)
    end: float = 0
    cpu: float = 0


async def make(folder: Path, seed: int) -> Round:
    """Run the command once. Raises RuntimeError when it fails or does not show every milestone."""
    found, before, began = Round(), _cpu(), time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "local.story"),
        cwd=ROOT,
        env=environment(folder / "state", OUT=str(folder / "out"), SEED=str(seed), STUDIO_LATENCY="instant"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(STORY_TIMEOUT_SECONDS):
            async for line in process.stdout:
                for words, what in MILESTONES.items():
                    if words in line.decode():
                        found.seen.setdefault(what, time.perf_counter() - began)
            await process.wait()
    except BaseException:
        process.terminate()
        await process.wait()
        raise
    if process.returncode or len(found.seen) < len(MILESTONES):
        raise RuntimeError(f"make story failed with {process.returncode}, having shown {sorted(found.seen)}")
    found.end, found.cpu = time.perf_counter() - began, _cpu() - before
    return found


def _cpu() -> float:
    """Of all that have ended; every child waits for its own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def run(rounds: int) -> dict[str, float]:
    """One cold round, then warm ones: the cold round's length, the warm ones' medians."""
    with tempfile.TemporaryDirectory(prefix="storyloom-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        cold = await make(Path(folder), 0)
        _say("cold", cold)
        warm = []
        for number in range(1, rounds + 1):
            warm.append(await make(Path(folder), number))
            _say(f"warm {number}", warm[-1])
    return {
        "make_story_ready_s": statistics.median(one.seen["ready"] for one in warm),
        "make_story_text_s": statistics.median(one.seen["text"] - one.seen["request"] for one in warm),
        "make_story_cover_s": statistics.median(one.seen["cover"] - one.seen["request"] for one in warm),
        "make_story_request_s": statistics.median(one.seen["request"] for one in warm),
        "make_story_end_s": statistics.median(one.end for one in warm),
        "make_story_cpu_s": statistics.median(one.cpu for one in warm),
        "make_story_cold_s": cold.end,
    }


def _say(name: str, one: Round) -> None:
    seen = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in sorted(one.seen.items(), key=lambda s: s[1]))
    print(f"{name}: {seen}, end {one.end:.1f} s, CPU {one.cpu:.1f} s", flush=True)


if __name__ == "__main__":
    report(asyncio.run(run(read_options(__doc__ or "", rounds=5).rounds)))
