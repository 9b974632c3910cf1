"""``make chaos``: one seeded run; one JSON line on stdout, everything else on stderr."""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

import structlog

from local.clean import forget
from local.errors import UserError
from tests.chaos.progress import Progress
from tests.chaos.running import QUIET_TIMEOUT_SECONDS, Verdict, run
from tests.chaos.schedule import Schedule, draw

INTERRUPTED = 130


def main() -> int:
    """0: nothing was found; 1: something was; 2: it could not be run; 130: it was stopped."""
    options = _options()
    schedule = draw(options.seed, options.stories, options.seconds)
    if options.schedule:
        sys.stdout.write(f"{schedule}\n")
        return 0
    home = Path(options.home or tempfile.mkdtemp(prefix="storyloom-chaos-")).absolute()
    home.mkdir(parents=True, exist_ok=True)
    log = (home / "chaos.log").open("a", buffering=1)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(log),
    )
    try:
        verdict = asyncio.run(_until_stopped(schedule, home, options.timeout))
    except UserError as error:
        sys.stderr.write(f"{error} (logs: {home / 'logs'})\n")
        return 2
    except asyncio.CancelledError:
        forget(home)
        sys.stderr.write("\nStopped.\n")
        return INTERRUPTED
    sys.stdout.write(json.dumps(verdict.wire()) + "\n")
    if verdict.passed and not options.keep:
        forget(home)
    print_verdict(verdict, home)
    return 0 if verdict.passed else 1


def print_verdict(verdict: Verdict, home: Path) -> None:
    """Every finding on a line of its own, and where to look."""
    for kind, found in verdict.findings.items():
        for sentence in found:
            sys.stderr.write(f"{kind}: {sentence}\n")
    for failure in verdict.unbroken:
        sys.stderr.write(f"could not be broken: {failure}\n")
    if home.exists():
        sys.stderr.write(f"State, logs, schedule.json and evidence.json are kept in {home}\n")


async def _until_stopped(schedule: Schedule, home: Path, within: float) -> Verdict:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await run(schedule, home, Progress(), within=within)


def _options() -> argparse.Namespace:
    given = {name: value for name in ("SEED", "STORIES") if (value := os.environ.get(name))}
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(given.get("SEED", random.randrange(1, 100_000))))
    parser.add_argument("--stories", type=int, default=int(given.get("STORIES", 60)), help="how many (60)")
    # Not from the environment: shells count a variable of this name for themselves.
    parser.add_argument("--seconds", type=float, default=120.0, help="how long things break (120)")
    parser.add_argument(
        "--timeout", type=float, default=QUIET_TIMEOUT_SECONDS, help="seconds until all must be quiet (120)"
    )
    parser.add_argument("--home", help="the state folder (a temporary one)")
    parser.add_argument("--keep", action="store_true", help="keep the state folder though nothing was found")
    parser.add_argument("--schedule", action="store_true", help="print what would happen, and end")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
