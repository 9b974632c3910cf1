"""Schedules of the real fold, projectors and reconcilers, each from one seed: ``make simulation`` plays ten thousand.

``make test`` plays the first tenth of each weather. A failure names its seed and weather; ``make simulation
SEED=<seed>`` plays that seed alone, in each weather.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.status.simulation.plans import APPROVED, CALM, COMMANDS, LATE, PATIENT, ROUGH
from tests.unit.status.simulation.schedule import Plan, Schedule

SCHEDULES = int(os.environ.get("SCHEDULES") or 1_000)
WEATHERS: dict[str, tuple[Plan, float]] = {
    "calm": (CALM, 0.15),
    "commands": (COMMANDS, 0.25),
    "rough": (ROUGH, 0.3),
    "late": (LATE, 0.1),
    "approved": (APPROVED, 0.15),
    "patient": (PATIENT, 0.05),
}
"""What part of the schedules each gets."""
CHUNK = 50
"""Schedules a test: test processes share them."""
_LINES = 150


def _chunks() -> list[tuple[str, range]]:
    if seed := os.environ.get("SEED"):
        return [(weather, range(int(seed), int(seed) + 1)) for weather in WEATHERS]
    return [
        (weather, range(start, min(start + CHUNK, count)))
        for weather, count in ((weather, round(SCHEDULES * part)) for weather, (_, part) in WEATHERS.items())
        for start in range(0, count, CHUNK)
    ]


def _name(value: object) -> str:
    return f"{value.start}-{value.stop - 1}" if isinstance(value, range) else str(value)


@pytest.mark.parametrize(("weather", "seeds"), _chunks(), ids=_name)
def test_whatever_happens_every_story_ends_as_it_should(weather: str, seeds: range, errors: list[str]) -> None:
    """What must hold is in checks.py, and in rows.py of every single write."""
    for seed in seeds:
        schedule = Schedule(seed, WEATHERS[weather][0]).run()
        if wrong := schedule.wrong + errors:
            history = "\n".join(schedule.world.history.splitlines()[-_LINES:])
            pytest.fail(f"SEED={seed} in {weather} weather:\n" + "\n".join(wrong) + f"\n\n{history}", pytrace=False)


def test_a_seed_plays_the_same_again_in_another_process(errors: list[str]) -> None:
    """Hashes of texts differ from process to process; no order may rest on them."""
    here = [Schedule(seed, ROUGH).run().world.history for seed in range(20, 40)]
    script = (
        "import logging, structlog\n"
        "structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))\n"
        "from tests.unit.status.simulation.plans import ROUGH\n"
        "from tests.unit.status.simulation.schedule import Schedule\n"
        "for seed in range(20, 40): print(Schedule(seed, ROUGH).run().world.history)\n"
    )
    root = Path(__file__).parents[4]
    there = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == "\n".join(here) + "\n"


def test_the_weather_is_as_rough_as_it_claims_to_be(errors: list[str]) -> None:
    """All kinds of incidents happen, stories end in all ways, and the reconciler has work of every kind."""
    seen, ends, repairs = Counter[str](), set[str](), Counter[str]()
    for plan in (ROUGH, LATE):
        for seed in range(60):
            schedule = Schedule(seed, plan).run()
            seen.update(what for _, what, _ in schedule.world.entries)
            seen.update(str(about[1]) for _, what, about in schedule.world.entries if what == "command")
            ends |= {row.status for row in schedule.rows.stories.values()}
            repairs += schedule.server.repairs
            seen["deadline"] += any(".deadline" in key for key in schedule.rows.inbox)
    assert ends == {"ready", "partial", "failed", "cancelled"}
    assert min(repairs[kind] for kind in ("jobs", "events", "purged")) > 0
    incidents = (
        "crash",
        "freeze",
        "bus down",
        "Postgres down",
        "the bus lost everything",
        "somebody purged JOBS",
        "stop",
    )
    commands = ("StoryCancelled", "AssetRetryRequested", "AssetRegenerateRequested", "SceneTextEdited", "deadline")
    assert min(seen[what] for what in (*incidents, *commands)) > 10
