"""The simulation is worth something only if it notices what is missing: each guard is removed once."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from services.status import transitions
from services.status.transitions import _TransitionBuilder
from storyloom.story.assets import Asset
from storyloom.story.fingerprint import Fingerprint
from tests.unit.status.simulation import mutants
from tests.unit.status.simulation.plans import APPROVED, CALM, COMMANDS, LATE, RECONCILER, ROUGH, STORM
from tests.unit.status.simulation.schedule import Plan, Schedule

SEEDS = range(500)
"""So many schedules are tried until one fails; most fail within a few dozen."""
HASTY = replace(COMMANDS, think_time=0.1)
STORMY = replace(ROUGH, faults=replace(STORM, slow=0.05, incidents=1.5))
DISCONNECTED = replace(LATE, commands=4, faults=replace(STORM, hangs=0.3, lost=0.7, incidents=0))
"""Workers hardly ever receive StopWork: late results come in numbers."""

MUTANTS = {
    "the inbox": (ROUGH, replace(ROUGH, rows=mutants.WithoutInbox)),
    "the check of versions": (ROUGH, replace(ROUGH, rows=mutants.WithoutVersions)),
    "the fence": (CALM, replace(CALM, reconciler=mutants.WithoutFence)),
    "the grace": (CALM, replace(CALM, reconciler_settings=replace(RECONCILER, grace=0))),
    "reading the live jobs": (CALM, replace(CALM, reconciler=mutants.IgnoresLiveJobs)),
    "confirming orphans in a second round": (CALM, replace(CALM, reconciler=mutants.ConfirmsNoOrphans)),
    "asking workers what is in flight": (ROUGH, replace(ROUGH, unresponsive=True)),
    "requeueing without the Msg-Id": (ROUGH, replace(ROUGH, put_back_carries_id=True)),
    "requeueing jobs": (ROUGH, replace(ROUGH, reconciler=mutants.RequeuesNoJobs)),
    "requeueing stories and commands": (ROUGH, replace(ROUGH, reconciler=mutants.RequeuesNoEvents)),
    "repairing the topology": (ROUGH, replace(ROUGH, reconciler=mutants.RepairsNoTopology)),
    "cancelling again what nobody needs": (LATE, replace(LATE, reconciler=mutants.PurgesNothing)),
    "the backlog apart from what was dispatched": (
        CALM,
        replace(CALM, rows=mutants.BacklogCountsAsDispatched),
    ),
    "stories that wait apart from those that were lost": (CALM, replace(CALM, rows=mutants.WaitingCountsAsLost)),
    "admitting stories": (CALM, replace(CALM, admission=mutants.AdmitsNobody)),
    "serving the backlog": (CALM, replace(CALM, backlog=mutants.ServesNoBacklog)),
    "finding the backlog of a projector that died": (ROUGH, replace(ROUGH, backlog=mutants.ForgetsItsBacklog)),
    "purging": (COMMANDS, replace(COMMANDS, dispatcher=mutants.NeverPurges)),
    "purging before publishing": (COMMANDS, replace(COMMANDS, dispatcher=mutants.PublishesJobsFirst)),
    "waiting for what is being published": (HASTY, replace(HASTY, dispatcher=mutants.WaitsForNoJobs)),
    "reading a late job's manifest": (STORMY, replace(STORMY, trusting=True)),
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
        seed = _first_to_fail(DISCONNECTED, errors)
    assert seed is not None
    errors.clear()
    assert Schedule(seed, DISCONNECTED).run().wrong + errors == []


class _AnyVersion:
    """Agrees with whatever was approved."""

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment] # nobody keeps it


def _begin_what_is_held(builder: _TransitionBuilder, candidates: Iterable[Asset]) -> None:
    for asset, state in builder.assets.items():
        if state.status == "held":
            builder._set(asset, replace(state, status="pending"))
    _START_READY(builder, (*candidates, *builder.assets))


_START_READY = _TransitionBuilder._start_ready
APPROVALS = {
    "the approval at all": (_TransitionBuilder, "_start_ready", _begin_what_is_held),
    "another approval of a text that is written anew": (_TransitionBuilder, "_hold", lambda _: None),
    "the version that was read": (transitions, "text_version", lambda _: _AnyVersion()),
}


@pytest.mark.parametrize(("where", "name", "without"), APPROVALS.values(), ids=APPROVALS)
def test_without_this_part_of_approvals_some_schedule_fails(
    where: object, name: str, without: object, monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(where, name, without)
        seed = _first_to_fail(APPROVED, errors)
    assert seed is not None
    errors.clear()
    assert Schedule(seed, APPROVED).run().wrong + errors == []
