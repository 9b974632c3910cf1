"""The simulation is worth something only if it notices what is missing: each guard is taken away once."""

from dataclasses import replace

import pytest

from services.status.transitions import _TransitionBuilder
from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from tests.unit.status.simulating import mutants
from tests.unit.status.simulating.plans import CALM, COMMANDS, LATE, PACE, ROUGH, STORM
from tests.unit.status.simulating.schedule import Plan, Schedule

SEEDS = range(500)
"""So many schedules are tried until one fails; most fail within a few dozen."""
HASTY = replace(COMMANDS, patience=0.1)
STORMY = replace(ROUGH, faults=replace(STORM, slow=0.05, blows=1.5))
DEAF = replace(LATE, commands=4, faults=replace(STORM, hangs=0.3, unheard=0.7, blows=0))
"""Workers hardly ever hear that they are to stop: late results come in numbers."""

MUTANTS = {
    "the inbox": (ROUGH, replace(ROUGH, rows=mutants.WithoutInbox)),
    "the check of versions": (ROUGH, replace(ROUGH, rows=mutants.WithoutVersions)),
    "the fence": (CALM, replace(CALM, reconciler=mutants.Unfenced)),
    "the grace": (CALM, replace(CALM, pace=replace(PACE, grace=0))),
    "the look at what lives on the bus": (CALM, replace(CALM, reconciler=mutants.Blind)),
    "the second look at what seems unwanted": (CALM, replace(CALM, reconciler=mutants.Hasty)),
    "who holds what": (ROUGH, replace(ROUGH, silent=True)),
    "putting back without the id": (ROUGH, replace(ROUGH, put_back_carries_id=True)),
    "putting jobs back": (ROUGH, replace(ROUGH, reconciler=mutants.Idle)),
    "putting stories and commands back": (ROUGH, replace(ROUGH, reconciler=mutants.Deaf)),
    "laying the bus": (ROUGH, replace(ROUGH, reconciler=mutants.Careless)),
    "stopping what nobody wants, again": (LATE, replace(LATE, reconciler=mutants.Lenient)),
    "withdrawing": (COMMANDS, replace(COMMANDS, dispatcher=mutants.NeverPurges)),
    "withdrawing before sending": (COMMANDS, replace(COMMANDS, dispatcher=mutants.JobsFirst)),
    "waiting for what is being sent": (HASTY, replace(HASTY, dispatcher=mutants.Impatient)),
    "the look for a late job's manifest": (STORMY, replace(STORMY, trusting=True)),
}


def _first_to_fail(plan: Plan, errors: list[str]) -> int | None:
    return next((seed for seed in SEEDS if Schedule(seed, plan).run().wrong or errors), None)


@pytest.mark.parametrize(("sound", "mutant"), MUTANTS.values(), ids=MUTANTS)
def test_without_this_guard_some_schedule_fails(sound: Plan, mutant: Plan, errors: list[str]) -> None:
    """And with it the same schedule does not."""
    seed = _first_to_fail(mutant, errors)
    assert seed is not None
    errors.clear()
    assert Schedule(seed, sound).run().wrong + errors == []


def test_without_the_check_of_fingerprints_some_schedule_fails(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    """A result of what was asked for before would be taken for one of what is asked for now."""

    def is_current(builder: _TransitionBuilder, asset: Asset, _made: Fingerprint) -> bool:
        return builder.assets[asset].status == "queued"

    with monkeypatch.context() as patch:
        patch.setattr(_TransitionBuilder, "_is_current", is_current)
        seed = _first_to_fail(DEAF, errors)
    assert seed is not None
    errors.clear()
    assert Schedule(seed, DEAF).run().wrong + errors == []
