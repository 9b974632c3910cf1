"""Every benchmark, one after the other: ``python -m benchmarks [--quick] [name ...]``.

Each runs in a process of its own, so that none inherits the memory or the open files of the one before. At the end
stand one table and one line of JSON with all figures.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figures import FIGURES, report
from benchmarks.options import ORCHESTRATION_QUICK

NAMES = (
    "make_story",
    "realistic",
    "orchestration",
    "tracing",
    "consuming",
    "latency",
    "requests",
    "priorities",
    "fairness",
    "eta",
    "readers",
    "recovery",
    "memory",
)
ROOT = Path(__file__).parents[1]


def main() -> int:
    """0 if all could be measured and all reach what they must."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which; all without one: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="short rounds: to see that all work, not to judge by")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    found: dict[str, float] = {}
    failed = []
    for number, name in enumerate(options.names or NAMES, start=1):
        print(f"[{number}/{len(options.names or NAMES)}] {name}", flush=True)
        began = time.monotonic()
        figures = _run(name, quick=options.quick)
        print(f"      {time.monotonic() - began:.0f} s\n", flush=True)
        found |= figures
        failed += [] if figures else [name]
    report(found)
    if failed:
        print(f"could not be measured: {', '.join(failed)}", file=sys.stderr)
    short = [figure.name for figure in FIGURES if figure.name in found and not figure.holds(found[figure.name])]
    return 1 if failed or short else 0


def _run(name: str, *, quick: bool) -> dict[str, float]:
    """One benchmark, its progress passed on; its figures, none when it failed."""
    quickly = (ORCHESTRATION_QUICK if name == "orchestration" else ("--quick",)) if quick else ()
    command = (sys.executable, "-m", f"benchmarks.{name}", "--json", *quickly)
    last = ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                last = line
            else:
                print("      " + line, end="", flush=True)
    if process.returncode or not last:
        return {}
    return {str(key): float(value) for key, value in json.loads(last).items()}


if __name__ == "__main__":
    sys.exit(main())
