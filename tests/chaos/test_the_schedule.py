"""A seed is a run: the same faults, stories and commands, at the same moments."""

from collections import Counter

import pytest

from tests.chaos.schedule import DECK, NOTIFIERS, PROCESSES, draw


def test_the_same_seed_is_the_same_run() -> None:
    assert draw(7, 40, 120) == draw(7, 40, 120)
    assert str(draw(7, 40, 120)) == str(draw(7, 40, 120))


def test_another_seed_is_another_run() -> None:
    first, second = draw(7, 40, 120), draw(8, 40, 120)
    assert first.faults != second.faults
    assert first.stories != second.stories


def test_more_stories_leave_the_faults_and_the_other_stories_as_they_are() -> None:
    few, many = draw(7, 10, 120), draw(7, 40, 120)
    assert few.faults == many.faults
    assert set(map(str, few.stories)) <= set(map(str, many.stories))


@pytest.mark.parametrize("seed", range(1, 21))
def test_in_two_minutes_everything_breaks_at_least_once(seed: int) -> None:
    schedule = draw(seed, 60, 120)
    assert {fault.kind for fault in schedule.faults} == set(DECK)
    assert all(0 < fault.at < 120 for fault in schedule.faults)
    assert all(0 <= story.at < 120 for story in schedule.stories)


def test_every_process_is_struck_and_every_command_is_sent_over_some_seeds() -> None:
    schedules = [draw(seed, 60, 120) for seed in range(1, 21)]
    struck = Counter(fault.target for schedule in schedules for fault in schedule.faults)
    kinds = Counter(one.kind for schedule in schedules for story in schedule.stories for one in story.commands)
    assert {*PROCESSES, *NOTIFIERS} <= set(struck)
    assert set(kinds) == {"cancel", "edit", "regenerate", "retry", "delete"}


def test_no_command_follows_a_deletion() -> None:
    stories = [story for seed in range(1, 21) for story in draw(seed, 60, 120).stories]
    assert all(command.kind != "delete" for story in stories for command in story.commands[:-1])
